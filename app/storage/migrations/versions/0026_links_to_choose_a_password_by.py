"""Links in mails by which people choose a password."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_password_links",
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("mail_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["cd_people.id"], name="fk_cd_password_links_person_id_cd_people"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_cd_password_links"),
    )
    op.create_index("ix_cd_password_links_person_id", "cd_password_links", ["person_id"])


def downgrade() -> None:
    op.drop_table("cd_password_links")

"""Links in mails by which a task is decided."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_approval_links",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("task_id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["cd_people.id"], name="fk_cd_approval_links_person_id_cd_people"),
        sa.PrimaryKeyConstraint("id", name="pk_cd_approval_links"),
        sa.UniqueConstraint("task_id", "person_id", name="uq_cd_approval_links_task_id_person_id"),
        sa.UniqueConstraint("token_sha256", name="uq_cd_approval_links_token_sha256"),
    )
    op.create_index("ix_cd_approval_links_expires_at", "cd_approval_links", ["expires_at"])


def downgrade() -> None:
    op.drop_table("cd_approval_links")

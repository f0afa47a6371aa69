"""Second factors of people, their recovery codes, and sign-ins between password and code."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_second_factors",
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["cd_people.id"], name=op.f("fk_cd_second_factors_person_id_cd_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_cd_second_factors")),
    )
    op.create_table(
        "cd_recovery_codes",
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["cd_people.id"], name=op.f("fk_cd_recovery_codes_person_id_cd_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "sha256", name=op.f("pk_cd_recovery_codes")),
    )
    op.create_table(
        "cd_pending_sign_ins",
        sa.Column("id_sha256", sa.String(64), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["cd_people.id"], name=op.f("fk_cd_pending_sign_ins_person_id_cd_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id_sha256", name=op.f("pk_cd_pending_sign_ins")),
    )
    op.create_index("ix_cd_pending_sign_ins_person_id", "cd_pending_sign_ins", ["person_id"], unique=False)


def downgrade() -> None:
    for table in ("cd_pending_sign_ins", "cd_recovery_codes", "cd_second_factors"):
        op.drop_table(table)

"""Lanes that a person has stopped, and what the processes of one database are."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_lane_stops",
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("lane", sa.String(100), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("realm", "lane", name="pk_cd_lane_stops"),
    )
    with op.batch_alter_table("cd_processes") as table:
        table.add_column(sa.Column("works", sa.Boolean(), nullable=True))
        table.add_column(sa.Column("began_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("cd_processes") as table:
        table.drop_column("began_at")
        table.drop_column("works")
    op.drop_table("cd_lane_stops")

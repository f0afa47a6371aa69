"""What callers call their requests, kept with exchanges and orders; and what workers did last, for readiness."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NAMED = sa.text("request_id IS NOT NULL")
STOPPED = {
    "cd_deliveries": sa.text("state IN ('held', 'dead')"),
    "cd_dispatches": sa.text("state IN ('refused', 'dead', 'nowhere')"),
}


def upgrade() -> None:
    for table in ("cd_exchanges", "cd_orders"):
        op.add_column(table, sa.Column("request_id", sa.String(64), nullable=True))
        op.add_column(table, sa.Column("trace", sa.String(40), nullable=True))
        name = f"ix_{table}_request_id"
        op.create_index(name, table, ["request_id"], sqlite_where=NAMED, postgresql_where=NAMED)
    op.add_column("cd_processes", sa.Column("worked_at", sa.DateTime(timezone=True), nullable=True))
    for table, stopped in STOPPED.items():
        name = f"ix_{table}_stopped"
        op.create_index(name, table, ["realm", "state"], sqlite_where=stopped, postgresql_where=stopped)


def downgrade() -> None:
    for table in STOPPED:
        op.drop_index(f"ix_{table}_stopped", table_name=table)
    op.drop_column("cd_processes", "worked_at")
    for table in ("cd_exchanges", "cd_orders"):
        op.drop_index(f"ix_{table}_request_id", table_name=table)
        op.drop_column(table, "trace")
        op.drop_column(table, "request_id")

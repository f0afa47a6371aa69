"""Indexes for what is asked often and must not read a whole table, however much is kept.

PostgreSQL builds them beside running processes (CONCURRENTLY), which is not done in a transaction: what an interrupted
run left is dropped first. SQLite has one writer, who waits for it."""

from typing import Any

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BY_PATTERN = {"postgresql_ops": {"control_id": "text_pattern_ops"}}
INDEXES: tuple[tuple[str, str, list[str], dict[str, Any]], ...] = (
    ("ix_cd_exchanges_control_id", "cd_exchanges", ["control_id"], BY_PATTERN),
    ("ix_cd_orders_customer_id_id", "cd_orders", ["customer_id", "id"], {}),
    ("ix_cd_run_tasks_order_id", "cd_run_tasks", ["order_id"], {}),
)


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for name, table, columns, options in INDEXES:
        if not on_postgresql:
            op.create_index(name, table, columns, unique=False, **options)
            continue
        with op.get_context().autocommit_block():
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, unique=False, postgresql_concurrently=True, **options)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)

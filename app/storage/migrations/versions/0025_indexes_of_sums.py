"""Indexes for sums over a customer's orders; built as in 0010."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

WHOSE = ("requester", "cost_center")


def _name(whose: str) -> str:
    return f"ix_cd_orders_{whose}_received_at"


def upgrade() -> None:
    for whose in WHOSE:
        columns, named = ["customer_id", whose, "received_at"], sa.text(f"{whose} IS NOT NULL")
        partial: dict[str, Any] = {"sqlite_where": named, "postgresql_where": named}
        if op.get_bind().dialect.name != "postgresql":
            op.create_index(_name(whose), "cd_orders", columns, **partial)
            continue
        with op.get_context().autocommit_block():
            op.drop_index(_name(whose), table_name="cd_orders", if_exists=True, postgresql_concurrently=True)
            op.create_index(_name(whose), "cd_orders", columns, postgresql_concurrently=True, **partial)


def downgrade() -> None:
    for whose in WHOSE:
        op.drop_index(_name(whose), table_name="cd_orders")

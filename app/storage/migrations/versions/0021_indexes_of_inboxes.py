"""Indexes for the tasks of one person, and the open ones of a customer or of all, in the order in which they were
opened; built as in 0010. Two of them stand for those that led to a person's tasks without an order."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

OPEN = sa.text("state = 'open'")
OF_OPEN = {"sqlite_where": OPEN, "postgresql_where": OPEN}
INDEXES: tuple[tuple[str, list[str], dict[str, Any]], ...] = (
    ("ix_cd_run_tasks_assignee_id_state_opened_at_id", ["assignee_id", "state", "opened_at", "id"], {}),
    ("ix_cd_run_tasks_delegate_id_state_opened_at_id", ["delegate_id", "state", "opened_at", "id"], {}),
    ("ix_cd_run_tasks_decided_by_opened_at_id", ["decided_by", "opened_at", "id"], {}),
    ("ix_cd_run_tasks_open_of_customer", ["customer_id", "opened_at", "id"], OF_OPEN),
    ("ix_cd_run_tasks_open", ["realm", "opened_at", "id"], OF_OPEN),
)
BEFORE: tuple[tuple[str, list[str], dict[str, Any]], ...] = (
    ("ix_cd_run_tasks_assignee_id_state", ["assignee_id", "state"], {}),
    ("ix_cd_run_tasks_delegate_id_state", ["delegate_id", "state"], {}),
)


def upgrade() -> None:
    _replace(BEFORE, INDEXES)


def downgrade() -> None:
    _replace(INDEXES, BEFORE)


def _replace(old: tuple[tuple[str, list[str], dict[str, Any]], ...], new: Any) -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for name, columns, options in new:
        if not on_postgresql:
            op.create_index(name, "cd_run_tasks", columns, **options)
            continue
        with op.get_context().autocommit_block():
            op.drop_index(name, table_name="cd_run_tasks", if_exists=True, postgresql_concurrently=True)
            op.create_index(name, "cd_run_tasks", columns, postgresql_concurrently=True, **options)
    for name, _, _ in old:
        op.drop_index(name, table_name="cd_run_tasks")

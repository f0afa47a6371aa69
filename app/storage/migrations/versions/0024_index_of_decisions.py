"""An index for the decisions of a time; built as in 0010."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

NAME = "ix_cd_run_tasks_decided_at"
DECIDED = sa.text("decided_at IS NOT NULL")
OF_DECIDED: dict[str, Any] = {"sqlite_where": DECIDED, "postgresql_where": DECIDED}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(NAME, "cd_run_tasks", ["realm", "decided_at"], **OF_DECIDED)
        return
    with op.get_context().autocommit_block():
        op.drop_index(NAME, table_name="cd_run_tasks", if_exists=True, postgresql_concurrently=True)
        op.create_index(NAME, "cd_run_tasks", ["realm", "decided_at"], postgresql_concurrently=True, **OF_DECIDED)


def downgrade() -> None:
    op.drop_index(NAME, table_name="cd_run_tasks")

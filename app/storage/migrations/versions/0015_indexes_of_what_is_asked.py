"""Indexes for tasks by the person who stands in, and by the time of their next reminder; built as in 0010."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_cd_run_tasks_delegate_id_state", ["delegate_id", "state"]),
    ("ix_cd_run_tasks_wake_at", ["wake_at"]),
)


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for name, columns in INDEXES:
        if not on_postgresql:
            op.create_index(name, "cd_run_tasks", columns)
            continue
        with op.get_context().autocommit_block():
            op.drop_index(name, table_name="cd_run_tasks", if_exists=True, postgresql_concurrently=True)
            op.create_index(name, "cd_run_tasks", columns, postgresql_concurrently=True)


def downgrade() -> None:
    for name, _ in INDEXES:
        op.drop_index(name, table_name="cd_run_tasks")

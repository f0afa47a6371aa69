"""Who works on a case and until when, runs that settle many cases, and indexes of the desk's lists; those of tables
that grow are built as in 0010."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

OPEN = "state = 'open'"
INDEXES: tuple[tuple[str, str, list[str], str], ...] = (
    ("ix_cd_holds_open_code", "cd_holds", ["realm", "code", "id"], OPEN),
    ("ix_cd_holds_open_customer", "cd_holds", ["customer_id", "id"], OPEN),
    ("ix_cd_holds_open_alike", "cd_holds", ["customer_id", "code", "found"], OPEN),
    ("ix_cd_holds_open_due", "cd_holds", ["realm", "due_at", "id"], OPEN),
    ("ix_cd_holds_open_assignee", "cd_holds", ["assignee_id", "id"], f"{OPEN} AND assignee_id IS NOT NULL"),
    ("ix_cd_holds_untold", "cd_holds", ["due_at"], f"{OPEN} AND overdue_told_at IS NULL"),
    (
        "ix_cd_exchanges_not_taken",
        "cd_exchanges",
        ["realm", "id"],
        "direction = 'in' AND state IN ('refused', 'conflict', 'failed')",
    ),
)


def upgrade() -> None:
    op.add_column("cd_holds", sa.Column("assignee_id", sa.String(36), nullable=True))
    op.add_column("cd_holds", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("cd_holds", sa.Column("overdue_told_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "cd_case_runs",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("asked_by", sa.String(36), nullable=False),
        sa.Column("choice", sa.String(30), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("cases", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("outcomes", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cd_case_runs"),
    )
    op.create_index("ix_cd_case_runs_realm_began_at", "cd_case_runs", ["realm", "began_at"])
    for name, table, columns, condition in INDEXES:
        some = sa.text(condition)
        partial: dict[str, Any] = {"sqlite_where": some, "postgresql_where": some}
        if op.get_bind().dialect.name != "postgresql":
            op.create_index(name, table, columns, **partial)
            continue
        with op.get_context().autocommit_block():
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_concurrently=True, **partial)


def downgrade() -> None:
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    op.drop_table("cd_case_runs")
    for column in ("overdue_told_at", "due_at", "assignee_id"):
        op.drop_column("cd_holds", column)

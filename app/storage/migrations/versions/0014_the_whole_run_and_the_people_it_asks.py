"""The whole of an approval run, its timers and notices, and what rules know of the people they ask."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def _runs() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("carried_revision", sa.Integer(), nullable=True),
        sa.Column("requesters", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("overridden_by", sa.String(36), nullable=True),
    )


def _tasks() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("delegate_id", sa.String(36), nullable=True),
        sa.Column("decided_by", sa.String(36), nullable=True),
        sa.Column("acting_for", sa.String(36), nullable=True),
        sa.Column("channel", sa.String(20), nullable=True),
        sa.Column("order_hash", sa.String(64), nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("remind_at", MOMENT, nullable=True),
        sa.Column("wake_at", MOMENT, nullable=True),
        sa.Column("reminded", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("overdue", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("merged", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def _person(column: str, table: str, *, ondelete: str | None = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["cd_people.id"], name=f"fk_{table}_{column}_cd_people", ondelete=ondelete)


def upgrade() -> None:
    op.create_table(
        "cd_approver_profiles",
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("manager_id", sa.String(36), nullable=True),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("zone", sa.String(60), nullable=False),
        sa.Column("weekdays", sa.JSON(), nullable=False),
        sa.Column("begins", sa.String(5), nullable=False),
        sa.Column("ends", sa.String(5), nullable=False),
        sa.Column("holidays", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_cd_approver_profiles"),
        _person("person_id", "cd_approver_profiles"),
        _person("manager_id", "cd_approver_profiles", ondelete=None),
    )
    op.create_table(
        "cd_approval_limits",
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("amount", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "currency", name="pk_cd_approval_limits"),
        _person("person_id", "cd_approval_limits"),
    )
    op.create_table(
        "cd_absences",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("delegate_id", sa.String(36), nullable=True),
        sa.Column("begins", sa.String(19), nullable=False),
        sa.Column("ends", sa.String(19), nullable=False),
        sa.Column("begins_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("turns_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cd_absences"),
        _person("person_id", "cd_absences"),
        _person("delegate_id", "cd_absences", ondelete=None),
    )
    op.create_index("ix_cd_absences_person_id_ends_at", "cd_absences", ["person_id", "ends_at"])
    op.create_index("ix_cd_absences_turns_at", "cd_absences", ["turns_at"])
    op.create_table(
        "cd_approval_owners",
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "kind", "code", name="pk_cd_approval_owners"),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["cd_customers.id"],
            name="fk_cd_approval_owners_customer_id_cd_customers",
            ondelete="CASCADE",
        ),
        _person("person_id", "cd_approval_owners"),
    )
    op.create_table(
        "cd_approval_notices",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("task_id", sa.String(36), nullable=True),
        sa.Column("order_hash", sa.String(64), nullable=False),
        sa.Column("text", sa.String(1_000), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cd_approval_notices"),
        _person("person_id", "cd_approval_notices"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["cd_orders.id"], name="fk_cd_approval_notices_order_id_cd_orders", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["cd_runs.id"], name="fk_cd_approval_notices_run_id_cd_runs", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_cd_approval_notices_order_id", "cd_approval_notices", ["order_id"])
    op.create_index("ix_cd_approval_notices_settled_at_id", "cd_approval_notices", ["settled_at", "id"])
    for column in _runs():
        op.add_column("cd_runs", column)
    for column in _tasks():
        op.add_column("cd_run_tasks", column)


def downgrade() -> None:
    for table, columns in (("cd_run_tasks", _tasks()), ("cd_runs", _runs())):
        with op.batch_alter_table(table) as batch:
            for column in reversed(columns):
                batch.drop_column(column.name)
    for table in (
        "cd_approval_notices",
        "cd_approval_owners",
        "cd_absences",
        "cd_approval_limits",
        "cd_approver_profiles",
    ):
        op.drop_table(table)

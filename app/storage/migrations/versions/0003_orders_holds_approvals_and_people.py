"""Orders, holds, approvals and people."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

REFUSAL = "the audit record is append-only"


def upgrade() -> None:
    op.create_table(
        "cd_audit",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(60), nullable=False),
        sa.Column("acting_for", sa.String(36), nullable=True),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=True),
        sa.Column("run_id", sa.String(36), nullable=True),
        sa.Column("task_id", sa.String(36), nullable=True),
        sa.Column("order_hash", sa.String(64), nullable=True),
        sa.Column("flow_version_id", sa.String(36), nullable=True),
        sa.Column("reason", sa.String(1000), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_cd_audit")),
    )
    op.create_index("ix_cd_audit_order_id", "cd_audit", ["order_id"], unique=False)
    op.create_index("ix_cd_audit_realm_at", "cd_audit", ["realm", "at"], unique=False)
    op.create_table(
        "cd_people",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("login", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(320), nullable=True),
        sa.Column("password", sa.String(200), nullable=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("customers", sa.JSON(), nullable=True),
        sa.Column("language", sa.String(10), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_people")),
        sa.UniqueConstraint("realm", "login", name=op.f("uq_cd_people_realm_login")),
    )
    op.create_table(
        "cd_flows",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("key", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_flows_customer_id_cd_customers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_flows")),
        sa.UniqueConstraint("realm", "key", name=op.f("uq_cd_flows_realm_key")),
    )
    op.create_table(
        "cd_orders",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("partner_id", sa.String(36), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("number", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("protocol", sa.String(20), nullable=False),
        sa.Column("document_id", sa.String(1000), nullable=True),
        sa.Column("exchange_id", sa.String(36), nullable=False),
        sa.Column("correlation_id", sa.String(36), nullable=False),
        sa.Column("answer_to", sa.JSON(), nullable=False),
        sa.Column("promised", sa.Boolean(), nullable=False),
        sa.Column("promise_warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total", sa.String(60), nullable=True),
        sa.Column("requester", sa.String(320), nullable=True),
        sa.Column("erp_number", sa.String(200), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_orders_customer_id_cd_customers")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["cd_partners.id"], name=op.f("fk_cd_orders_partner_id_cd_partners")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_orders")),
        sa.UniqueConstraint("realm", "customer_id", "number", name=op.f("uq_cd_orders_realm_customer_id_number")),
    )
    op.create_index("ix_cd_orders_correlation_id", "cd_orders", ["correlation_id"], unique=False)
    op.create_index("ix_cd_orders_realm_state_id", "cd_orders", ["realm", "state", "id"], unique=False)
    op.create_table(
        "cd_person_sessions",
        sa.Column("id_sha256", sa.String(64), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(100), nullable=True),
        sa.Column("browser", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["cd_people.id"], name=op.f("fk_cd_person_sessions_person_id_cd_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id_sha256", name=op.f("pk_cd_person_sessions")),
    )
    op.create_index(op.f("ix_cd_person_sessions_person_id"), "cd_person_sessions", ["person_id"], unique=False)
    op.create_table(
        "cd_flow_versions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("flow_id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("checksum", sa.String(64), nullable=False),
        sa.Column("published_by", sa.String(36), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["cd_flows.id"], name=op.f("fk_cd_flow_versions_flow_id_cd_flows"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["published_by"], ["cd_people.id"], name=op.f("fk_cd_flow_versions_published_by_cd_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_flow_versions")),
        sa.UniqueConstraint("flow_id", "number", name=op.f("uq_cd_flow_versions_flow_id_number")),
    )
    op.create_table(
        "cd_holds",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("message", sa.String(500), nullable=False),
        sa.Column("expected", sa.String(500), nullable=True),
        sa.Column("found", sa.String(500), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("choice", sa.String(30), nullable=True),
        sa.Column("reason", sa.String(1000), nullable=True),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("settled_by", sa.String(36), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_holds_customer_id_cd_customers")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["cd_orders.id"], name=op.f("fk_cd_holds_order_id_cd_orders"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["settled_by"], ["cd_people.id"], name=op.f("fk_cd_holds_settled_by_cd_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_holds")),
    )
    op.create_index("ix_cd_holds_order_id", "cd_holds", ["order_id"], unique=False)
    op.create_index("ix_cd_holds_realm_state_id", "cd_holds", ["realm", "state", "id"], unique=False)
    op.create_table(
        "cd_order_revisions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("document_id", sa.String(1000), nullable=True),
        sa.Column("exchange_id", sa.String(36), nullable=False),
        sa.Column("received", sa.Text(), nullable=False),
        sa.Column("checked", sa.Text(), nullable=True),
        sa.Column("hash", sa.String(64), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["cd_orders.id"], name=op.f("fk_cd_order_revisions_order_id_cd_orders"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_order_revisions")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_cd_order_revisions_order_id_number")),
    )
    op.create_table(
        "cd_runs",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("order_hash", sa.String(64), nullable=False),
        sa.Column("flow_version_id", sa.String(36), nullable=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("stages", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("hold_when_nobody_is_asked", sa.Boolean(), nullable=False),
        sa.Column("opened", sa.JSON(), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False),
        sa.Column("explanation", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["flow_version_id"], ["cd_flow_versions.id"], name=op.f("fk_cd_runs_flow_version_id_cd_flow_versions")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["cd_orders.id"], name=op.f("fk_cd_runs_order_id_cd_orders"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_runs")),
    )
    op.create_index(op.f("ix_cd_runs_order_id"), "cd_runs", ["order_id"], unique=False)
    op.create_table(
        "cd_run_tasks",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(200), nullable=False),
        sa.Column("assignee_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason_code", sa.String(40), nullable=True),
        sa.Column("reason", sa.String(1000), nullable=True),
        sa.ForeignKeyConstraint(["assignee_id"], ["cd_people.id"], name=op.f("fk_cd_run_tasks_assignee_id_cd_people")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_run_tasks_customer_id_cd_customers")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["cd_orders.id"], name=op.f("fk_cd_run_tasks_order_id_cd_orders"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["cd_runs.id"], name=op.f("fk_cd_run_tasks_run_id_cd_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_run_tasks")),
    )
    op.create_index("ix_cd_run_tasks_assignee_id_state", "cd_run_tasks", ["assignee_id", "state"], unique=False)
    op.create_index(op.f("ix_cd_run_tasks_run_id"), "cd_run_tasks", ["run_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER cd_audit_no_{act.lower()} BEFORE {act} ON cd_audit "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION cd_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER cd_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cd_audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION cd_audit_refuse()"
        )


def downgrade() -> None:
    op.drop_index(op.f("ix_cd_run_tasks_run_id"), table_name="cd_run_tasks")
    op.drop_index("ix_cd_run_tasks_assignee_id_state", table_name="cd_run_tasks")
    op.drop_table("cd_run_tasks")
    op.drop_index(op.f("ix_cd_runs_order_id"), table_name="cd_runs")
    op.drop_table("cd_runs")
    op.drop_table("cd_order_revisions")
    op.drop_index("ix_cd_holds_realm_state_id", table_name="cd_holds")
    op.drop_index("ix_cd_holds_order_id", table_name="cd_holds")
    op.drop_table("cd_holds")
    op.drop_table("cd_flow_versions")
    op.drop_index(op.f("ix_cd_person_sessions_person_id"), table_name="cd_person_sessions")
    op.drop_table("cd_person_sessions")
    op.drop_index("ix_cd_orders_realm_state_id", table_name="cd_orders")
    op.drop_index("ix_cd_orders_correlation_id", table_name="cd_orders")
    op.drop_table("cd_orders")
    op.drop_table("cd_flows")
    op.drop_table("cd_people")
    op.drop_index("ix_cd_audit_realm_at", table_name="cd_audit")
    op.drop_index("ix_cd_audit_order_id", table_name="cd_audit")
    op.drop_table("cd_audit")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION cd_audit_refuse()")

"""Deliveries, dispatches, attempts, breakers and ERPs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_attempts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(10), nullable=False),
        sa.Column("worker", sa.String(60), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(20), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=True),
        sa.Column("said", sa.String(500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_attempts")),
    )
    op.create_index("ix_cd_attempts_subject_id_id", "cd_attempts", ["subject_id", "id"], unique=False)
    op.create_table(
        "cd_breakers",
        sa.Column("endpoint", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cooldown", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(2000), nullable=True),
        sa.PrimaryKeyConstraint("endpoint", name=op.f("pk_cd_breakers")),
    )
    op.create_table(
        "cd_erps",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("adapter", sa.String(30), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_erps")),
        sa.UniqueConstraint("realm", "name", name=op.f("uq_cd_erps_realm_name")),
    )
    op.create_table(
        "cd_erp_secrets",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("erp_id", sa.String(36), nullable=False),
        sa.Column("purpose", sa.String(50), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["erp_id"], ["cd_erps.id"], name=op.f("fk_cd_erp_secrets_erp_id_cd_erps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_erp_secrets")),
    )
    op.create_index(op.f("ix_cd_erp_secrets_erp_id"), "cd_erp_secrets", ["erp_id"], unique=False)
    op.create_table(
        "cd_deliveries",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("erp", sa.String(50), nullable=False),
        sa.Column("lane", sa.String(100), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("correlation_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim", sa.String(36), nullable=True),
        sa.Column("worker", sa.String(60), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("resends", sa.Integer(), nullable=False),
        sa.Column("lookups", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("uncertain_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erp_id", sa.String(200), nullable=True),
        sa.Column("erp_number", sa.String(200), nullable=True),
        sa.Column("code", sa.String(100), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=True),
        sa.Column("at", sa.String(500), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_deliveries_customer_id_cd_customers")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["cd_orders.id"], name=op.f("fk_cd_deliveries_order_id_cd_orders")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_cd_deliveries")),
        sa.UniqueConstraint("id", name=op.f("uq_cd_deliveries_id")),
        sa.UniqueConstraint("order_id", "revision", "kind", name=op.f("uq_cd_deliveries_order_id_revision_kind")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cd_deliveries_erp_state", "cd_deliveries", ["erp", "state"], unique=False)
    op.create_index("ix_cd_deliveries_lane_open_sequence", "cd_deliveries", ["lane", "open", "sequence"], unique=False)
    op.create_index("ix_cd_deliveries_open_lane_due_at", "cd_deliveries", ["open", "lane", "due_at"], unique=False)
    op.create_index("ix_cd_deliveries_order_id_sequence", "cd_deliveries", ["order_id", "sequence"], unique=False)
    op.create_table(
        "cd_dispatches",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("partner_id", sa.String(36), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("correlation_id", sa.String(36), nullable=False),
        sa.Column("protocol", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("control_id", sa.String(200), nullable=False),
        sa.Column("url", sa.String(2000), nullable=True),
        sa.Column("exchange_id", sa.String(36), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim", sa.String(36), nullable=True),
        sa.Column("worker", sa.String(60), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_dispatches_customer_id_cd_customers")
        ),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["cd_exchanges.id"], name=op.f("fk_cd_dispatches_exchange_id_cd_exchanges")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["cd_orders.id"], name=op.f("fk_cd_dispatches_order_id_cd_orders")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["cd_partners.id"], name=op.f("fk_cd_dispatches_partner_id_cd_partners")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_cd_dispatches")),
        sa.UniqueConstraint("id", name=op.f("uq_cd_dispatches_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cd_dispatches_open_due_at", "cd_dispatches", ["open", "due_at"], unique=False)
    op.create_index("ix_cd_dispatches_order_id_sequence", "cd_dispatches", ["order_id", "sequence"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_cd_dispatches_order_id_sequence", table_name="cd_dispatches")
    op.drop_index("ix_cd_dispatches_open_due_at", table_name="cd_dispatches")
    op.drop_table("cd_dispatches")
    op.drop_index("ix_cd_deliveries_order_id_sequence", table_name="cd_deliveries")
    op.drop_index("ix_cd_deliveries_open_lane_due_at", table_name="cd_deliveries")
    op.drop_index("ix_cd_deliveries_lane_open_sequence", table_name="cd_deliveries")
    op.drop_index("ix_cd_deliveries_erp_state", table_name="cd_deliveries")
    op.drop_table("cd_deliveries")
    op.drop_index(op.f("ix_cd_erp_secrets_erp_id"), table_name="cd_erp_secrets")
    op.drop_table("cd_erp_secrets")
    op.drop_table("cd_erps")
    op.drop_table("cd_breakers")
    op.drop_index("ix_cd_attempts_subject_id_id", table_name="cd_attempts")
    op.drop_table("cd_attempts")

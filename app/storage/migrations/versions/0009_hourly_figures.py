"""What each hour came to, and the indexes that find an hour's rows and the orders that a buyer waits for."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_hours",
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("realm", "hour", name=op.f("pk_cd_hours")),
    )
    op.create_table(
        "cd_hourly",
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("measure", sa.String(20), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("key", sa.String(20), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "measure", "hour", "name", "key", name=op.f("pk_cd_hourly")),
    )
    op.create_table(
        "cd_partner_hourly",
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("measure", sa.String(20), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("partner_id", sa.String(36), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("key", sa.String(20), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "realm", "measure", "hour", "partner_id", "customer_id", "name", "key", name=op.f("pk_cd_partner_hourly")
        ),
    )
    op.create_index(
        "ix_cd_partner_hourly_partner_id", "cd_partner_hourly", ["realm", "measure", "partner_id", "hour"], unique=False
    )
    op.create_index("ix_cd_exchanges_realm_at", "cd_exchanges", ["realm", "at"], unique=False)
    op.create_index("ix_cd_attempts_ended_at", "cd_attempts", ["ended_at"], unique=False)
    op.create_index("ix_cd_deliveries_realm_closed_at", "cd_deliveries", ["realm", "closed_at"], unique=False)
    op.create_index(
        "ix_cd_orders_promised",
        "cd_orders",
        ["realm"],
        sqlite_where=sa.text("promised IS 1"),
        postgresql_where=sa.text("promised IS true"),
    )


def downgrade() -> None:
    op.drop_index("ix_cd_orders_promised", table_name="cd_orders")
    op.drop_index("ix_cd_deliveries_realm_closed_at", table_name="cd_deliveries")
    op.drop_index("ix_cd_attempts_ended_at", table_name="cd_attempts")
    op.drop_index("ix_cd_exchanges_realm_at", table_name="cd_exchanges")
    op.drop_index("ix_cd_partner_hourly_partner_id", table_name="cd_partner_hourly")
    op.drop_table("cd_partner_hourly")
    op.drop_table("cd_hourly")
    op.drop_table("cd_hours")

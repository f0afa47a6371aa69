"""What rules look up: the cost centre of an order, budgets, exchange rates."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cd_orders", sa.Column("cost_center", sa.String(100), nullable=True))
    op.create_table(
        "cd_budgets",
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("cost_center", sa.String(100), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("amount", sa.String(60), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name="fk_cd_budgets_customer_id_cd_customers", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("customer_id", "cost_center", "period", name="pk_cd_budgets"),
    )
    op.create_table(
        "cd_rates",
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("base", sa.String(3), nullable=False),
        sa.Column("target", sa.String(3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("factor", sa.String(60), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("realm", "base", "target", "day", name="pk_cd_rates"),
    )


def downgrade() -> None:
    op.drop_table("cd_rates")
    op.drop_table("cd_budgets")
    op.drop_column("cd_orders", "cost_center")

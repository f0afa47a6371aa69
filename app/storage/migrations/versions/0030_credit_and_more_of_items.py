"""What rules look up: the credit of customers, suppliers of items and whether they are dangerous goods."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_credits",
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("amount", sa.String(60), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name="fk_cd_credits_customer_id_cd_customers", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("customer_id", name="pk_cd_credits"),
    )
    op.add_column("cd_items", sa.Column("supplier", sa.String(100), nullable=True))
    op.add_column("cd_items", sa.Column("hazardous", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("cd_items", "hazardous")
    op.drop_column("cd_items", "supplier")
    op.drop_table("cd_credits")

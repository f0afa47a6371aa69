"""Rules for groups of customers; fields of a customer's own, and those that a published version of rules asks about."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_own_fields",
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("type", sa.String(10), nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("of_line", sa.Boolean(), nullable=False),
        sa.Column("read_from", sa.JSON(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name="fk_cd_own_fields_customer_id_cd_customers", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("customer_id", "name", name="pk_cd_own_fields"),
    )
    op.add_column("cd_flows", sa.Column("customer_group", sa.String(100), nullable=True))
    op.add_column("cd_flow_versions", sa.Column("own_fields", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("cd_flow_versions", "own_fields")
    op.drop_column("cd_flows", "customer_group")
    op.drop_table("cd_own_fields")

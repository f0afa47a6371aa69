"""Reports of rules that were tried on past orders, and the examples that are kept with rules."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_simulations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("flow_id", sa.String(36), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("asked_by", sa.String(36), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["cd_flows.id"], name="fk_cd_simulations_flow_id_cd_flows", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cd_simulations"),
    )
    op.create_index("ix_cd_simulations_flow_id", "cd_simulations", ["flow_id"])
    op.create_table(
        "cd_flow_examples",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("flow_id", sa.String(36), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("step", sa.String(200), nullable=True),
        sa.Column("added_by", sa.String(36), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["cd_flows.id"], name="fk_cd_flow_examples_flow_id_cd_flows", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["cd_orders.id"], name="fk_cd_flow_examples_order_id_cd_orders", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cd_flow_examples"),
        sa.UniqueConstraint("flow_id", "order_id", name="uq_cd_flow_examples_flow_id_order_id"),
    )
    op.create_index("ix_cd_flow_examples_order_id", "cd_flow_examples", ["order_id"])


def downgrade() -> None:
    op.drop_table("cd_flow_examples")
    op.drop_table("cd_simulations")

"""Which orders came from which returned cart, and what became of it. Lines of carts that went home are found for good
by their ids; of those before this, the ones that their visits still have."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cd_order_revisions", sa.Column("cart", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("cd_returned_carts", sa.Column("cookie_sha256", sa.String(64), nullable=True))
    op.create_table(
        "cd_cart_orders",
        sa.Column("cart_id", sa.String(36), nullable=False),
        sa.Column("order_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(
            ["cart_id"],
            ["cd_returned_carts.id"],
            name="fk_cd_cart_orders_cart_id_cd_returned_carts",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["cd_orders.id"], name="fk_cd_cart_orders_order_id_cd_orders", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cart_id", "order_id", name="pk_cd_cart_orders"),
    )
    op.create_index("ix_cd_cart_orders_order_id", "cd_cart_orders", ["order_id"])
    op.create_table(
        "cd_returned_lines",
        sa.Column("cart_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("auxiliary_id", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(
            ["cart_id"],
            ["cd_returned_carts.id"],
            name="fk_cd_returned_lines_cart_id_cd_returned_carts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("cart_id", "position", name="pk_cd_returned_lines"),
    )
    op.execute(
        "INSERT INTO cd_returned_lines (cart_id, position, auxiliary_id) "
        "SELECT c.id, l.position, l.auxiliary_id FROM cd_cart_lines l "
        "JOIN cd_returned_carts c ON c.session_id = l.session_id"
    )
    op.create_index("ix_cd_returned_lines_auxiliary_id", "cd_returned_lines", ["auxiliary_id"])


def downgrade() -> None:
    op.drop_table("cd_returned_lines")
    op.drop_table("cd_cart_orders")
    op.drop_column("cd_returned_carts", "cookie_sha256")
    op.drop_column("cd_order_revisions", "cart")

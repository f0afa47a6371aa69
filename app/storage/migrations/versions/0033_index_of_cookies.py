"""An index for carts by the buyer's cookie; built as in 0010."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

NAME = "ix_cd_returned_carts_cookie_sha256"
COLUMNS = ["cookie_sha256"]


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(NAME, "cd_returned_carts", COLUMNS)
        return
    with op.get_context().autocommit_block():
        op.drop_index(NAME, table_name="cd_returned_carts", if_exists=True, postgresql_concurrently=True)
        op.create_index(NAME, "cd_returned_carts", COLUMNS, postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index(NAME, table_name="cd_returned_carts")

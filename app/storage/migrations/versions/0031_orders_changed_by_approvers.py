"""Which revisions of orders are an approver's change, and whose."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cd_order_revisions", sa.Column("editor_id", sa.String(36), nullable=True))


def downgrade() -> None:
    op.drop_column("cd_order_revisions", "editor_id")

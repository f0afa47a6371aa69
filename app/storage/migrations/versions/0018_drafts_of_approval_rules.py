"""Drafts of approval rules, and who wrote a version."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_flow_drafts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("flow_id", sa.String(36), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("based_on", sa.Integer(), nullable=True),
        sa.Column("author_id", sa.String(36), nullable=True),
        sa.Column("changed_by", sa.String(36), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["cd_flows.id"], name="fk_cd_flow_drafts_flow_id_cd_flows", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cd_flow_drafts"),
        sa.UniqueConstraint("flow_id", name="uq_cd_flow_drafts_flow_id"),
    )
    op.add_column("cd_flow_versions", sa.Column("author_id", sa.String(36), nullable=True))


def downgrade() -> None:
    op.drop_column("cd_flow_versions", "author_id")
    op.drop_table("cd_flow_drafts")

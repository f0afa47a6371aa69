"""Retention rules, erasures and restores."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_restores",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_restores")),
    )
    op.create_table(
        "cd_erasures",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("cause", sa.String(10), nullable=False),
        sa.Column("subject", sa.String(64), nullable=True),
        sa.Column("reason", sa.String(1000), nullable=True),
        sa.Column("bodies", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_erasures")),
    )
    op.create_table(
        "cd_retention_rules",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("partner_id", sa.String(36), nullable=True),
        sa.Column("kind", sa.String(100), nullable=True),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["cd_partners.id"],
            name=op.f("fk_cd_retention_rules_partner_id_cd_partners"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_retention_rules")),
    )
    op.create_index(
        "ix_cd_retention_rules_realm_partner_id", "cd_retention_rules", ["realm", "partner_id"], unique=False
    )
    repeated = sa.text("state IN ('duplicate', 'conflict')")
    op.create_index(
        "ix_cd_exchanges_repeated",
        "cd_exchanges",
        ["realm", "partner_id"],
        unique=False,
        sqlite_where=repeated,
        postgresql_where=repeated,
    )
    op.add_column("cd_exchange_bodies", sa.Column("erasure_id", sa.String(36), nullable=True))


def downgrade() -> None:
    op.drop_column("cd_exchange_bodies", "erasure_id")
    op.drop_index("ix_cd_exchanges_repeated", table_name="cd_exchanges")
    op.drop_index("ix_cd_retention_rules_realm_partner_id", table_name="cd_retention_rules")
    op.drop_table("cd_retention_rules")
    op.drop_table("cd_erasures")
    op.drop_table("cd_restores")

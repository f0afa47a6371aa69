"""Mails that are owed to people, and what needed a person."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

FOR_A_PERSON = sa.text("state IN ('refused', 'dead')")


def upgrade() -> None:
    op.create_table(
        "cd_alerts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("what", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cd_alerts"),
    )
    op.create_index("ix_cd_alerts_last_at", "cd_alerts", ["last_at"])
    op.create_index("ix_cd_alerts_mailed_at", "cd_alerts", ["mailed_at"])
    op.create_index("ix_cd_alerts_realm_what_subject_last_at", "cd_alerts", ["realm", "what", "subject", "last_at"])
    op.create_table(
        "cd_mails",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("correlation_id", sa.String(36), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=True),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("recipient", sa.String(320), nullable=False),
        sa.Column("language", sa.String(10), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=True),
        sa.Column("order_id", sa.String(36), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim", sa.String(36), nullable=True),
        sa.Column("worker", sa.String(60), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=True),
        sa.Column("doubts", sa.Integer(), nullable=False),
        sa.Column("said", sa.String(500), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["cd_orders.id"], name="fk_cd_mails_order_id_cd_orders", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["cd_people.id"], name="fk_cd_mails_person_id_cd_people"),
        sa.PrimaryKeyConstraint("sequence", name="pk_cd_mails"),
        sa.UniqueConstraint("id", name="uq_cd_mails_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cd_mails_open_due_at", "cd_mails", ["open", "due_at"])
    op.create_index("ix_cd_mails_order_id", "cd_mails", ["order_id"])
    op.create_index("ix_cd_mails_recipient", "cd_mails", ["recipient"])
    op.create_index(
        "ix_cd_mails_stopped",
        "cd_mails",
        ["realm", "state"],
        sqlite_where=FOR_A_PERSON,
        postgresql_where=FOR_A_PERSON,
    )


def downgrade() -> None:
    op.drop_table("cd_mails")
    op.drop_table("cd_alerts")

"""Partners, customers and the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_customers",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("number", sa.String(50), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("language", sa.String(10), nullable=False),
        sa.Column("price_list", sa.String(50), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_customers")),
        sa.UniqueConstraint("realm", "number", name=op.f("uq_cd_customers_realm_number")),
    )
    op.create_table(
        "cd_partners",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("return_hosts", sa.JSON(), nullable=False),
        sa.Column("frame_origins", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_partners")),
        sa.UniqueConstraint("realm", "name", name=op.f("uq_cd_partners_realm_name")),
    )
    op.create_table(
        "cd_processes",
        sa.Column("id", sa.String(60), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_processes")),
    )
    op.create_table(
        "cd_quarantine",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("transport", sa.String(20), nullable=False),
        sa.Column("remote", sa.String(200), nullable=True),
        sa.Column("protocol", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("claimed", sa.JSON(), nullable=False),
        sa.Column("media_type", sa.String(500), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_quarantine")),
    )
    op.create_index(op.f("ix_cd_quarantine_realm"), "cd_quarantine", ["realm"], unique=False)
    op.create_table(
        "cd_seal_keys",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("check", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_seal_keys")),
    )
    op.create_table(
        "cd_customer_addresses",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["cd_customers.id"],
            name=op.f("fk_cd_customer_addresses_customer_id_cd_customers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_customer_addresses")),
        sa.UniqueConstraint("customer_id", "code", name=op.f("uq_cd_customer_addresses_customer_id_code")),
    )
    op.create_table(
        "cd_document_keys",
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("partner_id", sa.String(36), nullable=False),
        sa.Column("key_sha256", sa.String(64), nullable=False),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("exchange_id", sa.String(36), nullable=False),
        sa.Column("answer_id", sa.String(36), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["cd_partners.id"],
            name=op.f("fk_cd_document_keys_partner_id_cd_partners"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("realm", "partner_id", "key_sha256", name=op.f("pk_cd_document_keys")),
    )
    op.create_index(op.f("ix_cd_document_keys_at"), "cd_document_keys", ["at"], unique=False)
    op.create_table(
        "cd_exchanges",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("direction", sa.String(3), nullable=False),
        sa.Column("partner_id", sa.String(36), nullable=True),
        sa.Column("customer_id", sa.String(36), nullable=True),
        sa.Column("transport", sa.String(20), nullable=False),
        sa.Column("remote", sa.String(200), nullable=True),
        sa.Column("protocol", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(100), nullable=True),
        sa.Column("control_id", sa.String(1000), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("media_type", sa.String(500), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("correlation_id", sa.String(36), nullable=False),
        sa.Column("caused_kind", sa.String(40), nullable=True),
        sa.Column("caused_id", sa.String(36), nullable=True),
        sa.Column("answers", sa.String(36), nullable=True),
        sa.Column("answered_by", sa.String(36), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_exchanges_customer_id_cd_customers")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["cd_partners.id"], name=op.f("fk_cd_exchanges_partner_id_cd_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_exchanges")),
    )
    op.create_index("ix_cd_exchanges_caused_id", "cd_exchanges", ["caused_id"], unique=False)
    op.create_index("ix_cd_exchanges_correlation_id", "cd_exchanges", ["correlation_id"], unique=False)
    op.create_index("ix_cd_exchanges_realm_partner_id_id", "cd_exchanges", ["realm", "partner_id", "id"], unique=False)
    op.create_table(
        "cd_partner_identities",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("partner_id", sa.String(36), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("domain", sa.String(200), nullable=False),
        sa.Column("identity", sa.String(500), nullable=False),
        sa.Column("domain_folded", sa.String(200), nullable=False),
        sa.Column("identity_folded", sa.String(500), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_partner_identities_customer_id_cd_customers")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["cd_partners.id"],
            name=op.f("fk_cd_partner_identities_partner_id_cd_partners"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_partner_identities")),
        sa.UniqueConstraint(
            "partner_id", "role", "domain_folded", "identity_folded", name="uq_cd_partner_identities_name"
        ),
    )
    op.create_index(
        "uq_cd_partner_identities_sender",
        "cd_partner_identities",
        ["realm", "domain_folded", "identity_folded"],
        unique=True,
        sqlite_where=sa.text("role = 'sender'"),
        postgresql_where=sa.text("role = 'sender'"),
    )
    op.create_table(
        "cd_partner_secrets",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("partner_id", sa.String(36), nullable=False),
        sa.Column("purpose", sa.String(50), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["cd_partners.id"],
            name=op.f("fk_cd_partner_secrets_partner_id_cd_partners"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_partner_secrets")),
    )
    op.create_index(op.f("ix_cd_partner_secrets_partner_id"), "cd_partner_secrets", ["partner_id"], unique=False)
    op.create_table(
        "cd_exchange_bodies",
        sa.Column("exchange_id", sa.String(36), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_id"],
            ["cd_exchanges.id"],
            name=op.f("fk_cd_exchange_bodies_exchange_id_cd_exchanges"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_cd_exchange_bodies")),
    )


def downgrade() -> None:
    op.drop_table("cd_exchange_bodies")
    op.drop_index(op.f("ix_cd_partner_secrets_partner_id"), table_name="cd_partner_secrets")
    op.drop_table("cd_partner_secrets")
    op.drop_index(
        "uq_cd_partner_identities_sender",
        table_name="cd_partner_identities",
        sqlite_where=sa.text("role = 'sender'"),
        postgresql_where=sa.text("role = 'sender'"),
    )
    op.drop_table("cd_partner_identities")
    op.drop_index("ix_cd_exchanges_realm_partner_id_id", table_name="cd_exchanges")
    op.drop_index("ix_cd_exchanges_correlation_id", table_name="cd_exchanges")
    op.drop_index("ix_cd_exchanges_caused_id", table_name="cd_exchanges")
    op.drop_table("cd_exchanges")
    op.drop_index(op.f("ix_cd_document_keys_at"), table_name="cd_document_keys")
    op.drop_table("cd_document_keys")
    op.drop_table("cd_customer_addresses")
    op.drop_table("cd_seal_keys")
    op.drop_index(op.f("ix_cd_quarantine_realm"), table_name="cd_quarantine")
    op.drop_table("cd_quarantine")
    op.drop_table("cd_processes")
    op.drop_table("cd_partners")
    op.drop_table("cd_customers")

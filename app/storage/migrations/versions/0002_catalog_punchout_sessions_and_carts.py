"""Catalog, punchout sessions and carts.

The full-text index over `cd_item_texts` is a table of the database's own kind, kept up by triggers. It bears no `cd_`
prefix, because it is an index: no row class describes it and no later migration compares it. A migration that
rebuilds `cd_item_texts` on SQLite (batch mode) drops the triggers and must make them again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEARCH = {
    "sqlite": (
        """CREATE VIRTUAL TABLE search_cd_item_texts USING fts5(
               key_words, more_words, content='cd_item_texts', content_rowid='id',
               tokenize='unicode61 remove_diacritics 0', prefix='2 3')""",
        """CREATE TRIGGER cd_item_texts_added AFTER INSERT ON cd_item_texts BEGIN
               INSERT INTO search_cd_item_texts (rowid, key_words, more_words)
               VALUES (new.id, new.key_words, new.more_words);
           END""",
        """CREATE TRIGGER cd_item_texts_removed AFTER DELETE ON cd_item_texts BEGIN
               INSERT INTO search_cd_item_texts (search_cd_item_texts, rowid, key_words, more_words)
               VALUES ('delete', old.id, old.key_words, old.more_words);
           END""",
        """CREATE TRIGGER cd_item_texts_changed AFTER UPDATE OF key_words, more_words ON cd_item_texts BEGIN
               INSERT INTO search_cd_item_texts (search_cd_item_texts, rowid, key_words, more_words)
               VALUES ('delete', old.id, old.key_words, old.more_words);
               INSERT INTO search_cd_item_texts (rowid, key_words, more_words)
               VALUES (new.id, new.key_words, new.more_words);
           END""",
    ),
    "postgresql": (
        """CREATE TABLE search_cd_item_texts (
               text_id INTEGER PRIMARY KEY REFERENCES cd_item_texts (id) ON DELETE CASCADE,
               words TSVECTOR NOT NULL)""",
        "CREATE INDEX ix_search_cd_item_texts_words ON search_cd_item_texts USING gin (words)",
        """CREATE FUNCTION cd_item_texts_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO search_cd_item_texts (text_id, words)
               VALUES (new.id, setweight(to_tsvector('simple', new.key_words), 'A')
                               || setweight(to_tsvector('simple', new.more_words), 'D'))
               ON CONFLICT (text_id) DO UPDATE SET words = excluded.words;
               RETURN new;
           END $$""",
        """CREATE TRIGGER cd_item_texts_changed AFTER INSERT OR UPDATE OF key_words, more_words ON cd_item_texts
               FOR EACH ROW EXECUTE FUNCTION cd_item_texts_changed()""",
    ),
}


def upgrade() -> None:
    op.create_table(
        "cd_categories",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("code", sa.String(50), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("picture", sa.String(50), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_categories")),
        sa.UniqueConstraint("realm", "code", name=op.f("uq_cd_categories_realm_code")),
    )
    op.create_table(
        "cd_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("sku", sa.String(100), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("category", sa.String(50), nullable=False),
        sa.Column("unit", sa.String(3), nullable=False),
        sa.Column("content", sa.String(60), nullable=True),
        sa.Column("content_unit", sa.String(3), nullable=True),
        sa.Column("unspsc", sa.String(8), nullable=True),
        sa.Column("manufacturer", sa.String(100), nullable=True),
        sa.Column("manufacturer_part", sa.String(100), nullable=True),
        sa.Column("gtin", sa.String(14), nullable=True),
        sa.Column("lead_days", sa.Integer(), nullable=True),
        sa.Column("minimum", sa.String(60), nullable=False),
        sa.Column("step", sa.String(60), nullable=False),
        sa.Column("stock", sa.String(60), nullable=True),
        sa.Column("stock_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_items")),
        sa.UniqueConstraint("realm", "sku", name=op.f("uq_cd_items_realm_sku")),
    )
    op.create_index("ix_cd_items_realm_category", "cd_items", ["realm", "category"], unique=False)
    op.create_table(
        "cd_price_lists",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("code", sa.String(50), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_price_lists")),
        sa.UniqueConstraint("realm", "code", name=op.f("uq_cd_price_lists_realm_code")),
    )
    op.create_table(
        "cd_item_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["cd_items.id"], name=op.f("fk_cd_item_codes_item_id_cd_items"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_item_codes")),
        sa.UniqueConstraint("item_id", "kind", name=op.f("uq_cd_item_codes_item_id_kind")),
    )
    op.create_index("ix_cd_item_codes_realm_code", "cd_item_codes", ["realm", "code"], unique=False)
    op.create_table(
        "cd_item_texts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(10), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.String(4000), nullable=False),
        sa.Column("key_words", sa.String(), nullable=False),
        sa.Column("more_words", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["cd_items.id"], name=op.f("fk_cd_item_texts_item_id_cd_items"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_item_texts")),
        sa.UniqueConstraint("item_id", "language", name=op.f("uq_cd_item_texts_item_id_language")),
    )
    op.create_table(
        "cd_prices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("price_list_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("from_quantity", sa.String(60), nullable=False),
        sa.Column("amount", sa.String(60), nullable=False),
        sa.Column("basis", sa.String(60), nullable=False),
        sa.Column("unit", sa.String(3), nullable=True),
        sa.Column("factor", sa.String(60), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"], ["cd_items.id"], name=op.f("fk_cd_prices_item_id_cd_items"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["price_list_id"],
            ["cd_price_lists.id"],
            name=op.f("fk_cd_prices_price_list_id_cd_price_lists"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_prices")),
        sa.UniqueConstraint(
            "price_list_id",
            "item_id",
            "from_quantity",
            "valid_from",
            name=op.f("uq_cd_prices_price_list_id_item_id_from_quantity_valid_from"),
        ),
    )
    op.create_index("ix_cd_prices_item_id", "cd_prices", ["item_id"], unique=False)
    op.create_table(
        "cd_punchout_sessions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("partner_id", sa.String(36), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("exchange_id", sa.String(36), nullable=True),
        sa.Column("correlation_id", sa.String(36), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("operation", sa.String(10), nullable=False),
        sa.Column("person", sa.String(320), nullable=True),
        sa.Column("price_list", sa.String(50), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("language", sa.String(20), nullable=True),
        sa.Column("return_url", sa.String(2000), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("answer_to", sa.JSON(), nullable=False),
        sa.Column("framed_by", sa.JSON(), nullable=False),
        sa.Column("started_by", sa.String(64), nullable=True),
        sa.Column("cart_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(64), nullable=True),
        sa.Column("message_id", sa.String(300), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_punchout_sessions_customer_id_cd_customers")
        ),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["cd_exchanges.id"], name=op.f("fk_cd_punchout_sessions_exchange_id_cd_exchanges")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["cd_partners.id"], name=op.f("fk_cd_punchout_sessions_partner_id_cd_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_punchout_sessions")),
    )
    op.create_index(
        "ix_cd_punchout_sessions_realm_partner_id_id",
        "cd_punchout_sessions",
        ["realm", "partner_id", "id"],
        unique=False,
    )
    op.create_table(
        "cd_cart_lines",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(100), nullable=False),
        sa.Column("quantity", sa.String(60), nullable=False),
        sa.Column("auxiliary_id", sa.String(500), nullable=False),
        sa.Column("auxiliary_markup", sa.Boolean(), nullable=False),
        sa.Column("came", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["cd_punchout_sessions.id"],
            name=op.f("fk_cd_cart_lines_session_id_cd_punchout_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_cart_lines")),
        sa.UniqueConstraint("session_id", "position", name=op.f("uq_cd_cart_lines_session_id_position")),
    )
    op.create_index("ix_cd_cart_lines_auxiliary_id", "cd_cart_lines", ["auxiliary_id"], unique=False)
    op.create_table(
        "cd_returned_carts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("customer_id", sa.String(36), nullable=False),
        sa.Column("operation_allowed", sa.String(10), nullable=False),
        sa.Column("cart", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["cd_customers.id"], name=op.f("fk_cd_returned_carts_customer_id_cd_customers")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["cd_punchout_sessions.id"],
            name=op.f("fk_cd_returned_carts_session_id_cd_punchout_sessions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cd_returned_carts")),
        sa.UniqueConstraint("session_id", name=op.f("uq_cd_returned_carts_session_id")),
    )
    op.create_index(op.f("ix_cd_returned_carts_customer_id"), "cd_returned_carts", ["customer_id"], unique=False)
    op.create_table(
        "cd_shop_tokens",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["cd_punchout_sessions.id"],
            name=op.f("fk_cd_shop_tokens_session_id_cd_punchout_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_cd_shop_tokens")),
    )
    op.create_index(op.f("ix_cd_shop_tokens_session_id"), "cd_shop_tokens", ["session_id"], unique=False)
    op.create_table(
        "cd_start_codes",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["cd_punchout_sessions.id"],
            name=op.f("fk_cd_start_codes_session_id_cd_punchout_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_cd_start_codes")),
    )
    op.create_index(op.f("ix_cd_start_codes_session_id"), "cd_start_codes", ["session_id"], unique=False)
    op.create_table(
        "cd_used_forms",
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("sku", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["cd_punchout_sessions.id"],
            name=op.f("fk_cd_used_forms_session_id_cd_punchout_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", "key", "sku", name=op.f("pk_cd_used_forms")),
    )
    for statement in SEARCH[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE search_cd_item_texts")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION cd_item_texts_changed CASCADE")
    op.drop_table("cd_used_forms")
    op.drop_table("cd_start_codes")
    op.drop_table("cd_shop_tokens")
    op.drop_table("cd_returned_carts")
    op.drop_table("cd_cart_lines")
    op.drop_table("cd_punchout_sessions")
    op.drop_table("cd_prices")
    op.drop_table("cd_item_texts")
    op.drop_table("cd_item_codes")
    op.drop_table("cd_price_lists")
    op.drop_table("cd_items")
    op.drop_table("cd_categories")

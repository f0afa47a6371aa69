"""Counters of changes, by which every process knows that what it remembers of partners, catalog and rules is old.

They are the database's own machinery, like its search index, and no rows of ours: triggers keep them, so that a change
counts whoever makes it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COUNTERS = "changes_cd"
TABLES = {
    "partners": (
        "cd_partners",
        "cd_partner_identities",
        "cd_partner_secrets",
        "cd_customers",
        "cd_customer_addresses",
    ),
    "catalog": ("cd_price_lists", "cd_items", "cd_item_texts", "cd_prices"),
    "rules": ("cd_flows", "cd_flow_versions"),
}
ACTS = ("INSERT", "UPDATE", "DELETE")


def count(subject: str) -> str:
    return (
        f"INSERT INTO {COUNTERS} (subject, number) VALUES ({subject}, 1) "  # noqa: S608 - our own names
        f"ON CONFLICT (subject) DO UPDATE SET number = {COUNTERS}.number + 1"
    )


def upgrade() -> None:
    op.execute(f"CREATE TABLE {COUNTERS} (subject VARCHAR(20) PRIMARY KEY, number BIGINT NOT NULL)")
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(
            f"CREATE FUNCTION {COUNTERS}_count() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {count('TG_ARGV[0]')}; RETURN NULL; END $$"
        )
    for subject, tables in TABLES.items():
        for table in tables:
            if not sqlite:
                op.execute(
                    f"CREATE TRIGGER {table}_counted AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
                    f"FOR EACH STATEMENT EXECUTE FUNCTION {COUNTERS}_count('{subject}')"
                )
                continue
            for act in ACTS:
                name = f"{table}_counted_{act.lower()}"
                subject_text = f"'{subject}'"
                op.execute(f"CREATE TRIGGER {name} AFTER {act} ON {table} BEGIN {count(subject_text)}; END")


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for tables in TABLES.values():
        for table in tables:
            if sqlite:
                for act in ACTS:
                    op.execute(f"DROP TRIGGER {table}_counted_{act.lower()}")
            else:
                op.execute(f"DROP TRIGGER {table}_counted ON {table}")
    if not sqlite:
        op.execute(f"DROP FUNCTION {COUNTERS}_count()")
    op.execute(f"DROP TABLE {COUNTERS}")

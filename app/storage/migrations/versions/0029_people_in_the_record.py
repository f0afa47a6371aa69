"""Which people the entries of the audit record are about, and an index of its events; built as in 0010."""

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

INDEX = "ix_cd_audit_event_sequence"
BATCH = 1_000
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
AUDIT = sa.table(
    "cd_audit",
    sa.column("sequence", sa.BigInteger),
    sa.column("actor", sa.String),
    sa.column("acting_for", sa.String),
    sa.column("data", sa.JSON),
)


def upgrade() -> None:
    columns = ["event", "sequence"]
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(INDEX, "cd_audit", columns)
    else:
        with op.get_context().autocommit_block():
            op.drop_index(INDEX, table_name="cd_audit", if_exists=True, postgresql_concurrently=True)
            op.create_index(INDEX, "cd_audit", columns, postgresql_concurrently=True)
    people = op.create_table(
        "cd_audit_people",
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "sequence", name="pk_cd_audit_people"),
    )
    _fill(op.get_bind(), people)


def _fill(connection: sa.Connection, people: sa.Table) -> None:
    last = 0
    while True:
        query = sa.select(AUDIT).where(AUDIT.c.sequence > last).order_by(AUDIT.c.sequence).limit(BATCH)
        entries = connection.execute(query).all()
        if not entries:
            return
        last = entries[-1].sequence
        found = [
            {"person_id": person_id, "sequence": entry.sequence}
            for entry in entries
            for person_id in {*_ids([entry.actor.removeprefix("person:"), entry.acting_for, entry.data])}
        ]
        if found:
            connection.execute(sa.insert(people), found)


def _ids(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        if ID.fullmatch(data):
            yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _ids(value)


def downgrade() -> None:
    op.drop_table("cd_audit_people")
    op.drop_index(INDEX, table_name="cd_audit")

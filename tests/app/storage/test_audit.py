"""The audit record can be read and added to, and nothing else."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from app.storage import audit
from app.storage.audit import AuditRow, first_broken, record
from app.storage.base import new_id
from app.storage.database import Database

AT = datetime(2026, 3, 2, 9, 15, 0, 123456, tzinfo=UTC)


@pytest.fixture
def three_entries(database: Database) -> Database:
    for event in ("approved", "rejected", "signed_in"):
        database.write(
            lambda tx, event=event: record(
                tx, realm="live", at=AT, actor="person:1", channel="page", event=event, data={"ü": [1, None]}
            )
        )
    return database


@pytest.mark.parametrize("statement", ["UPDATE cd_audit SET event = 'x'", "DELETE FROM cd_audit"])
def test_an_entry_is_neither_changed_nor_removed(three_entries: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        three_entries.write(lambda tx: tx.connection().execute(text(statement)))
    with three_entries.read() as session:
        assert first_broken(session) is None
        kept = session.exec(select(AuditRow.event).order_by(col(AuditRow.sequence))).all()
    assert list(kept) == ["approved", "rejected", "signed_in"]


def test_entries_are_found_by_who_made_them_and_by_whom_they_name(database: Database) -> None:
    root, paula, bob = (new_id() for _ in range(3))
    for actor, data in ((audit.by(root), {"person": paula}), ("system", {"to": [paula, bob]}), (audit.by(paula), {})):
        database.write(
            lambda tx, actor=actor, data=data: record(
                tx, realm="live", at=AT, actor=actor, channel="page", event="tried", data=data
            )
        )
    with database.read() as session:
        found = [sorted(session.exec(audit.about(person_id))) for person_id in (root, paula, bob)]
    assert found == [[1], [1, 2, 3], [2]]


def _behind_the_back(database: Database, statement: str) -> None:
    with database.engine.connect() as connection, connection.begin():
        if database.sqlite:
            connection.execute(text("DROP TRIGGER cd_audit_no_update"))
            connection.execute(text("DROP TRIGGER cd_audit_no_delete"))
        else:
            connection.execute(text("ALTER TABLE cd_audit DISABLE TRIGGER ALL"))
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE cd_audit SET event = 'Approved' WHERE sequence = 1", 1),
        ("UPDATE cd_audit SET actor = 'person:2' WHERE sequence = 2", 2),
        ("UPDATE cd_audit SET data = '{}' WHERE sequence = 3", 3),
        ("DELETE FROM cd_audit WHERE sequence = 2", 2),
    ],
)
def test_a_change_behind_the_back_is_found_at_the_first_broken_entry(
    three_entries: Database, statement: str, broken: int
) -> None:
    _behind_the_back(three_entries, statement)
    with three_entries.read() as session:
        assert first_broken(session) == broken


def test_an_entry_that_is_rolled_back_leaves_no_gap(three_entries: Database) -> None:
    def fails(tx: object) -> None:
        record(tx, realm="live", at=AT, actor="system", channel="page", event="x")  # type: ignore[arg-type]
        raise LookupError

    with pytest.raises(LookupError):
        three_entries.write(fails)
    three_entries.write(lambda tx: record(tx, realm="live", at=AT, actor="system", channel="page", event="y"))
    with three_entries.read() as session:
        assert first_broken(session) is None

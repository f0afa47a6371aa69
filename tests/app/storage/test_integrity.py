"""Damage of any kind is found and named, and nothing sound is called damaged."""

import hashlib
import tracemalloc

import any_rows
import pytest
from conftest import AT
from sqlalchemy import insert, text
from sqlmodel import Session

from app.seal import KeyRing
from app.storage import audit, ledger
from app.storage.base import LIVE, table_of
from app.storage.database import Database
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow, QuarantineRow
from app.storage.integrity import MOST_NAMED, verify

KEYS = KeyRing.made("k")
EXCHANGES, BODIES = table_of(ExchangeRow), table_of(ExchangeBodyRow)


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def put(session: Session, exchange_id: str, body: bytes) -> None:
    row = any_rows.rows(EXCHANGES, 1)[0] | {"id": exchange_id, "partner_id": None, "customer_id": None}
    row |= {"size": len(body), "sha256": digest(body)}
    ledger.put_exchange(session, row, ledger.seal_exchange(KEYS, exchange_id, body))


@pytest.fixture
def filled(database: Database) -> Database:
    """Three exchanges, two audit entries."""

    def fill(session: Session) -> None:
        for number in range(3):
            put(session, f"e{number}", b"body %d" % number)
        for event in ("first", "second"):
            audit.record(session, realm=LIVE, at=AT, actor="system", channel="command", event=event)

    database.write(fill)
    return database


def changed(database: Database, statement: str, **values: object) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(statement), values)


def test_a_sound_ledger_is_told_with_progress(filled: Database) -> None:
    told: list[tuple[int, int]] = []
    checked = verify(filled, KEYS, lambda done, total: told.append((done, total)))
    assert (checked.sound, checked.intact, checked.problems, told) == (True, 3, [], [(3, 3)])


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        ("DELETE FROM cd_exchange_bodies WHERE exchange_id = 'e1'", "has no body"),
        ("UPDATE cd_exchanges SET sha256 = 'x' WHERE id = 'e1'", "is not what its hash says"),
        ("UPDATE cd_exchanges SET size = 5 WHERE id = 'e1'", "has 6 bytes instead of 5"),
        (
            "UPDATE cd_exchange_bodies SET sealed_body = (SELECT sealed_body FROM cd_exchange_bodies "
            "WHERE exchange_id = 'e2') WHERE exchange_id = 'e1'",
            "a value of cd_exchange_bodies.body was changed, moved or erased",
        ),
        (
            "UPDATE cd_exchange_bodies SET sealed_key = (SELECT sealed_key FROM cd_exchange_bodies "
            "WHERE exchange_id = 'e2') WHERE exchange_id = 'e1'",
            "a value of cd_exchange_bodies.body was changed, moved or erased",
        ),
        (
            "UPDATE cd_exchange_bodies SET sealed_key = NULL, erasure_id = 'invented' WHERE exchange_id = 'e1'",
            "is gone without an erasure on record",
        ),
    ],
)
def test_damage_is_named_with_its_place(filled: Database, spoil: str, problem: str) -> None:
    changed(filled, spoil)
    checked = verify(filled, KEYS)
    assert (checked.sound, checked.intact) == (False, 2)
    assert checked.problems == [("exchange e1", problem)]


def test_bodies_of_a_key_that_is_missing_are_told_so(filled: Database) -> None:
    checked = verify(filled, KeyRing.made("another"))
    assert (checked.damaged, checked.problems[0][1]) == (3, "sealed with key 'k', which is not in the key ring")


def test_a_broken_audit_record_is_told(filled: Database) -> None:
    with filled.engine.begin() as connection:
        if filled.sqlite:
            connection.execute(text("DROP TRIGGER cd_audit_no_update"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE cd_audit SET actor = 'person:other' WHERE sequence = 2"))
    checked = verify(filled, KEYS)
    assert (checked.sound, checked.audit_broken_at, checked.damaged) == (False, 2, 0)


def test_quarantine_is_checked_as_far_as_it_was_kept(filled: Database) -> None:
    def fill(session: Session) -> None:
        for row_id, body in (
            ("whole", b"strange"),
            ("long", b"x" * (ledger.LARGEST_KEPT + 1)),
            ("changed", b"strange"),
        ):
            row = any_rows.rows(table_of(QuarantineRow), 1)[0]
            row |= {"id": row_id, "realm": LIVE, "size": len(body), "kept": min(len(body), ledger.LARGEST_KEPT)}
            row |= {"sha256": "4e0fb0a3" if row_id == "changed" else digest(body)}
            del row["sealed_key"], row["sealed_body"]
            ledger.quarantine(session, row, ledger.seal_quarantined(KEYS, row_id, body), rows=9, size=10**7)

    filled.write(fill)
    checked = verify(filled, KEYS)
    assert checked.problems == [("quarantine changed", "is not what its hash says")]
    assert checked.intact == 5


def test_a_large_ledger_is_read_in_little_memory(database: Database) -> None:
    body = b"x" * 200_000

    def fill(session: Session) -> None:
        for number in range(300):
            put(session, f"{number:04}", body)

    database.write(fill)
    verify(database, KEYS)
    tracemalloc.start()
    assert verify(database, KEYS).intact == 300
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25_000_000, "60 MB of bodies must not be in memory at once"


def test_a_wholly_damaged_ledger_names_only_the_first_problems(database: Database) -> None:
    rows = [row | {"partner_id": None, "customer_id": None} for row in any_rows.rows(EXCHANGES, 2)]
    many = [rows[0] | {"id": f"{number:05}"} for number in range(MOST_NAMED + 20)]
    with database.engine.begin() as connection:
        connection.execute(insert(EXCHANGES), many)
    checked = verify(database, KEYS)
    assert (checked.missing, len(checked.problems)) == (MOST_NAMED + 20, MOST_NAMED)

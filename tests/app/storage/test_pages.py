"""A table is read whole, each row once, and never more of it at once than a page may weigh."""

import any_rows
import pytest
from sqlalchemy import insert

from app.storage.base import table_of
from app.storage.customers import CustomerRow
from app.storage.database import Database
from app.storage.exchanges import DocumentKeyRow, ExchangeBodyRow, ExchangeRow
from app.storage.pages import pages
from app.storage.partners import PartnerRow

EXCHANGES, BODIES, KEYS = table_of(ExchangeRow), table_of(ExchangeBodyRow), table_of(DocumentKeyRow)


@pytest.fixture
def bodies(database: Database) -> Database:
    """Ten bodies of 100 bytes, but the fourth has 5,000."""
    with database.engine.begin() as connection:
        for row_class in (CustomerRow, PartnerRow):
            connection.execute(insert(row_class), any_rows.rows(table_of(row_class), 20))
        connection.execute(insert(EXCHANGES), [row | {"id": f"{n:03}"} for n, row in enumerate(exchanges(10))])
        sizes = [100] * 3 + [5_000] + [100] * 6
        rows = [
            {"exchange_id": f"{n:03}", "sealed_key": None, "sealed_body": b"x" * size} for n, size in enumerate(sizes)
        ]
        connection.execute(insert(BODIES), rows)
    return database


def exchanges(count: int) -> list[dict[str, object]]:
    return any_rows.rows(EXCHANGES, count)


def test_pages_end_by_rows_and_by_bytes(bodies: Database) -> None:
    with bodies.read() as session:
        found = [
            [row.exchange_id for row in page]
            for page in pages(session.connection(), BODIES, [BODIES.c.exchange_id], most_rows=4, most_bytes=250)
        ]
    assert found == [["000", "001"], ["002"], ["003"], ["004", "005"], ["006", "007"], ["008", "009"]]


def test_a_condition_and_a_beginning_narrow_what_is_read(bodies: Database) -> None:
    with bodies.read() as session:
        where = [BODIES.c.exchange_id != "007"]
        found = pages(session.connection(), BODIES, [BODIES.c.exchange_id], where=where, after=["005"])
        assert [row.exchange_id for page in found for row in page] == ["006", "008", "009"]


def test_a_key_of_several_columns_is_walked_in_order(bodies: Database) -> None:
    rows = any_rows.rows(KEYS, 9)
    for number, row in enumerate(rows):
        row |= {"realm": "live" if number < 6 else "sandbox", "key_sha256": f"{number % 3}"}
    with bodies.engine.begin() as connection:
        connection.execute(insert(KEYS), rows)
    with bodies.read() as session:
        columns = [KEYS.c.realm, KEYS.c.partner_id, KEYS.c.key_sha256]
        found = [tuple(row) for page in pages(session.connection(), KEYS, columns, most_rows=2) for row in page]
    assert len(found) == 9
    assert set(found) == {(row["realm"], row["partner_id"], row["key_sha256"]) for row in rows}

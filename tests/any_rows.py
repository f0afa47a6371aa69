"""Rows for every table, made from the metadata alone, so that a new table is covered on the day it is added."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, Date, DateTime, Integer, LargeBinary, String, Table, insert

from app.storage.base import DecimalText, UtcDateTime
from app.storage.pages import stored
from app.storage.tables import METADATA

MOMENT = datetime(2026, 3, 2, 9, 15, 30, 123_456, tzinfo=UTC)
AWKWARD = "Ünï\n\"quoted\", 'single' \\ 🙂"


def value(column: Column[Any], number: int) -> Any:
    """A value that differs from row to row, with all that a form must not spoil."""
    if column.foreign_keys:
        return value(next(iter(column.foreign_keys)).column, number)
    if column.nullable and number % 2:
        return None
    kind = stored(column)
    if isinstance(column.type, DecimalText):
        return Decimal(f"{number}.10")
    if isinstance(column.type, UtcDateTime | DateTime):
        return MOMENT + timedelta(seconds=number)
    if isinstance(kind, JSON):
        return {"text": AWKWARD, "none": None, "number": number, "list": [1, "1.10", True]}
    if isinstance(kind, LargeBinary):
        return bytes(range(256)) + bytes([number])
    if isinstance(kind, Boolean):
        return bool(number % 2)
    if isinstance(kind, Integer):
        return number
    if isinstance(kind, Date):
        return date(2026, 3, 1) + timedelta(days=number)
    assert isinstance(kind, String), f"what is a value of {column}?"
    return f"{number} {AWKWARD}"[: kind.length]


def rows(table: Table, count: int) -> list[dict[str, Any]]:
    return [{column.name: value(column, number) for column in table.columns} for number in range(1, count + 1)]


def fill(connection: Connection, count: int = 4) -> None:
    for table in METADATA.sorted_tables:
        connection.execute(insert(table), rows(table, count))


def content(connection: Connection, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table.name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key.columns))]
        for table in METADATA.sorted_tables
        if table.name not in without
    }

"""Rows as lines of JSON, one object a line, the same from either database.

Times are RFC 3339 in UTC, bytes base64, and JSON columns their exact text, so that a hash over it still holds."""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    Text,
    TypeDecorator,
    cast,
    insert,
    type_coerce,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from app.storage.base import DecimalText, UtcDateTime
from app.storage.pages import stored

_encoder = msgspec.json.Encoder(decimal_format="string")

_READERS: Final[tuple[tuple[type[Any], Callable[[Any], Any] | None], ...]] = (
    (UtcDateTime, datetime.fromisoformat),
    (DecimalText, Decimal),
    (DateTime, datetime.fromisoformat),
    (Date, date.fromisoformat),
    (LargeBinary, lambda text: base64.b64decode(text, validate=True)),
    (Float, float),
    (Numeric, Decimal),
    (Boolean, None),
    (BigInteger, None),
    (Integer, None),
    (String, None),
    (JSON, None),
)
"""How a value of a column is made from its JSON; None: it is the same."""


def reader(column: Column[Any]) -> Callable[[Any], Any] | None:
    """Raises TypeError for a type that has no portable form yet."""
    for kind, read in _READERS:
        if isinstance(column.type, kind) or isinstance(stored(column), kind):
            return read
    raise TypeError(f"{column} has a type that a backup cannot carry: {column.type!r}")


class _JsonText(TypeDecorator[str]):
    """A JSON column as its text. On SQLite it is text already."""

    impl = Text
    cache_ok = True

    def __init__(self, dialect: str) -> None:
        super().__init__()
        self.dialect = dialect

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(column, Text) if self.dialect == "postgresql" else column

    def bind_expression(self, bindvalue: BindParameter[str]) -> ColumnElement[Any]:
        return cast(bindvalue, JSON) if self.dialect == "postgresql" else bindvalue


def selected(table: Table, dialect: str) -> list[ColumnElement[Any]]:
    """The columns as `line` takes them."""
    return [
        type_coerce(column, _JsonText(dialect)).label(column.name) if isinstance(column.type, JSON) else column
        for column in table.columns
    ]


def line(row: Mapping[str, Any]) -> bytes:
    return _encoder.encode(row) + b"\n"


class Loader:
    """Puts lines of one table back."""

    def __init__(self, table: Table, connection: Connection) -> None:
        self._connection = connection
        self._readers = {column.name: read for column in table.columns if (read := reader(column)) is not None}
        self._names = {column.name for column in table.columns}
        dialect = connection.dialect.name
        columns = (
            sql_column(column.name, _JsonText(dialect) if isinstance(column.type, JSON) else column.type)
            for column in table.columns
        )
        self._insert = insert(sql_table(table.name, *columns))

    def read(self, text: bytes) -> dict[str, Any]:
        """Raises ValueError when the line is not a row of this table."""
        row: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        if row.keys() != self._names:
            raise ValueError("its columns are not those of the table")
        for name, read in self._readers.items():
            if row[name] is not None:
                row[name] = read(row[name])
        return row

    def insert(self, rows: Sequence[dict[str, Any]]) -> None:
        self._connection.execute(self._insert, rows)

"""A whole table in bounded memory: pages in the order of the primary key, cut by what they weigh.

Neither a server-side cursor nor OFFSET: each page is a query of its own that begins after the last key, so that it can
run in one long snapshot (a backup) or in many short transactions (a check beside a working server) alike."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    String,
    Table,
    Text,
    TypeDecorator,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from app.storage.database import Database

MOST_ROWS: Final = 500
MOST_BYTES: Final = 8 * 1024 * 1024
"""What a page may weigh; a single row that weighs more is a page of its own."""
LONG: Final = 4_000
"""A text column that may be longer is weighed."""


def pages(
    connection: Connection,
    table: Table,
    columns: Sequence[ColumnElement[Any]],
    *,
    where: Iterable[ColumnElement[bool]] = (),
    after: Sequence[Any] | None = None,
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> Iterator[Sequence[Any]]:
    """Every row that `where` holds for, as `columns`, beginning behind the key `after`."""
    conditions = list(where)
    key = list(table.primary_key.columns)
    weight = _weight(table)
    while True:
        behind = [*conditions, *([] if after is None else [_behind(key, after)])]
        query = select(*key, weight).where(*behind).order_by(*key).limit(most_rows)
        weighed = connection.execute(query).all()
        for last in _cuts(weighed, most_bytes):
            within = [*conditions, ~_behind(key, last), *([] if after is None else [_behind(key, after)])]
            yield connection.execute(select(*columns).where(*within).order_by(*key)).all()
            after = last
        if len(weighed) < most_rows:
            return


def pages_apart(
    database: Database,
    table: Table,
    columns: Sequence[ColumnElement[Any]],
    *,
    where: Iterable[ColumnElement[bool]] = (),
    most_rows: int = MOST_ROWS,
) -> Iterator[Sequence[Any]]:
    """As `pages`, each in a transaction of its own, so that long work holds nothing up. `columns` begin with the key;
    a condition that a page makes untrue may be given."""
    conditions = list(where)
    width = len(table.primary_key.columns)
    after: Sequence[Any] | None = None
    while True:
        with database.read() as session:
            found = pages(session.connection(), table, columns, where=conditions, after=after, most_rows=most_rows)
            page = next(found, ())
        if not page:
            return
        yield page
        after = page[-1][:width]


def _behind(key: list[Any], last: Sequence[Any]) -> ColumnElement[bool]:
    if len(key) == 1:
        condition: ColumnElement[bool] = key[0] > last[0]
        return condition
    return tuple_(*key) > tuple_(*(literal(value, column.type) for column, value in zip(key, last, strict=True)))


def stored(column: Column[Any]) -> TypeEngine[Any]:
    """The type that the database has for it, without what Python makes of it."""
    kind: TypeEngine[Any] = column.type
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _is_long(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind, (LargeBinary, JSON)) or (isinstance(kind, String) and (kind.length or LONG) >= LONG)


def _weight(table: Table) -> ColumnElement[int]:
    """Bytes, or characters, of what can be long."""
    long = [
        func.length(column if isinstance(stored(column), LargeBinary) else cast(column, Text))
        for column in table.columns
        if _is_long(stored(column))
    ]
    total: ColumnElement[int] = literal(0)
    for part in long:
        total = total + func.coalesce(part, 0)
    return total


def _cuts(weighed: Iterable[Any], most_bytes: int) -> Iterator[tuple[Any, ...]]:
    """The last key of each page."""
    sum_ = 0
    last: tuple[Any, ...] | None = None
    for *key, weight in weighed:
        if last is not None and sum_ + weight > most_bytes:
            yield last
            sum_ = 0
        sum_ += weight
        last = tuple(key)
    if last is not None:
        yield last

"""What every table shares: names of constraints, ids, aware times, the realm."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, MetaData, Table, TypeDecorator, func
from sqlalchemy.engine import Dialect
from sqlalchemy.types import BigInteger, DateTime, Integer, String, TypeEngine
from sqlmodel import SQLModel
from uuid6 import uuid7

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

LIVE: Final = "live"
"""The realm of real business. The sandbox is another realm of the same tables, never a second database."""


class Row(SQLModel):
    """Base of every table. Table names carry the prefix `cd_`, since the engine's tables live beside ours on SQLite."""

    metadata = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware in, aware UTC out, on both databases (SQLite keeps no zone). Refuses naive times."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)


class Counter(TypeDecorator[int]):
    """A number that the database counts up, as a primary key: SQLite does so for its own INTEGER only."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())


class DecimalText(TypeDecorator[Decimal]):
    """An exact decimal, kept as text on both databases (SQLite would keep a float). Not for sorting in SQL."""

    impl = String(60)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else f"{value:f}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


def unindexed(column: Any) -> ColumnElement[str]:
    """For a condition that nearly every row meets: SQLite must not find all of them by its index when there is another
    one that leads to few, or in whose order they are to be read until a page is full."""
    value: ColumnElement[str] = func.coalesce(column, "")
    return value


def table_of(row: type[SQLModel]) -> Table:
    """The table of a row class; SQLModel's own types do not tell of it."""
    table: Table = row.__table__  # type: ignore[attr-defined]  # set by SQLModel at run time
    return table


def first_id(since: datetime) -> str:
    """No id that was made from then on stands before it."""
    begin = f"{int(since.timestamp() * 1_000):012x}"
    return f"{begin[:8]}-{begin[8:]}-7000-8000-000000000000"


def new_id() -> str:
    """A UUIDv7 as text: unique, and sorted by the time it was made."""
    return str(uuid7())

"""Writes that are compiled once and handed to the driver as they are: for the hottest ones, where SQLAlchemy's way
takes many times as long as the database."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Statement:
    """`binds` are the columns whose values go into the places, in their order, each with what the driver needs done."""

    sql: str
    binds: tuple[tuple[str, Convert | None], ...]

    def run(self, session: Session, values: Mapping[str, Any]) -> int:
        """How many rows it changed. Raises as `session.execute` does."""
        connection = session.connection()
        row = [values.get(name) if convert is None else convert(values.get(name)) for name, convert in self.binds]
        driver: Any = connection.connection.dbapi_connection
        dialect = connection.dialect
        errors: type[Exception] = dialect.loaded_dbapi.Error
        try:
            changed: int = driver.execute(self.sql, row).rowcount
        except errors as error:
            raise DBAPIError.instance(self.sql, None, error, errors, hide_parameters=True, dialect=dialect) from error
        return changed


class PreparedInsert:
    """Inserts one row of a table; a column without a value is NULL, one that the database numbers is left to it.

    unless_there  a row whose key is taken already is left as it is."""

    def __init__(self, table: Table, *, unless_there: bool = False) -> None:
        self._table = table
        self._unless_there = unless_there
        self._by_dialect: dict[str, _Statement] = {}

    def __call__(self, session: Session, values: Mapping[str, Any]) -> bool:
        """Whether the row was inserted. Raises as `session.execute` does."""
        dialect = session.connection().dialect
        statement = self._by_dialect.get(dialect.name)
        if statement is None:
            statement = self._by_dialect[dialect.name] = self._prepared(dialect)
        return statement.run(session, values) == 1

    def _prepared(self, dialect: Dialect) -> _Statement:
        columns = [column for column in self._table.c if column.autoincrement is not True]
        names, places = ", ".join(column.name for column in columns), ", ".join([_place(dialect)] * len(columns))
        # Names of our own tables and columns, places for everything else.
        sql = f"INSERT INTO {self._table.name} ({names}) VALUES ({places})"  # noqa: S608
        if self._unless_there:
            sql += " ON CONFLICT DO NOTHING"
        return _Statement(sql, _binds(columns, dialect))


class PreparedUpdate:
    """Sets these columns of the row with a certain primary key."""

    def __init__(self, table: Table, *columns: str) -> None:
        self._set = [table.c[name] for name in columns]
        self._table = table
        self._by_dialect: dict[str, _Statement] = {}

    def __call__(self, session: Session, values: Mapping[str, Any]) -> bool:
        """`values` hold the key too. Whether there is such a row. Raises as `session.execute` does."""
        dialect = session.connection().dialect
        statement = self._by_dialect.get(dialect.name)
        if statement is None:
            statement = self._by_dialect[dialect.name] = self._prepared(dialect)
        return statement.run(session, values) == 1

    def _prepared(self, dialect: Dialect) -> _Statement:
        place, keys = _place(dialect), list(self._table.primary_key)
        assignments = ", ".join(f"{column.name} = {place}" for column in self._set)
        condition = " AND ".join(f"{column.name} = {place}" for column in keys)
        sql = f"UPDATE {self._table.name} SET {assignments} WHERE {condition}"  # noqa: S608
        return _Statement(sql, _binds([*self._set, *keys], dialect))


def _place(dialect: Dialect) -> str:
    return "?" if dialect.paramstyle == "qmark" else "%s"


def _binds(columns: Iterable[Column[Any]], dialect: Dialect) -> tuple[tuple[str, Convert | None], ...]:
    return tuple((column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in columns)

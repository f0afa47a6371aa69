"""Writes that are compiled once and handed to the driver as they are: for the hottest ones, where SQLAlchemy's way
takes many times as long as the database.

Many rows go in one statement: on PostgreSQL as one JSON text, which the server takes apart into the table's own types
(a statement for each row costs it, and us, as much again as the row), on SQLite by `executemany`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Column, LargeBinary, Table, TypeDecorator
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from app.storage.batch import Batch, Values, Writing

Convert = Callable[[Any], Any]
Bind = tuple[str, Convert | None]


@dataclass(frozen=True, slots=True)
class _Statement:
    """`binds` are the columns whose values go into the places, in their order, each with what the driver needs done.

    many  the same for all rows in the array that a JSON text holds (PostgreSQL), with the columns' own conversions."""

    sql: str
    binds: tuple[Bind, ...]
    many: str | None
    many_binds: tuple[Bind, ...]

    def run(self, session: Session, values: Values) -> int:
        """How many rows it changed. Raises as `session.execute` does."""
        row = [values.get(name) if convert is None else convert(values.get(name)) for name, convert in self.binds]
        return _executed(session, self.sql, row)

    def run_many(self, session: Session, rows: Sequence[Values]) -> int:
        if self.many is None:
            places = [
                [values.get(name) if convert is None else convert(values.get(name)) for name, convert in self.binds]
                for values in rows
            ]
            return _executed(session, self.sql, places, many=True)
        array = [
            {
                name: values[name] if convert is None else convert(values[name])
                for name, convert in self.many_binds
                if values.get(name) is not None
            }
            for values in rows
        ]
        return _executed(session, self.many, [msgspec.json.encode(array).decode()])


def _executed(session: Session, sql: str, values: Sequence[Any], *, many: bool = False) -> int:
    connection = session.connection()
    driver: Any = connection.connection.dbapi_connection
    dialect = connection.dialect
    errors: type[Exception] = dialect.loaded_dbapi.Error
    try:
        changed: int = (driver.executemany if many else driver.execute)(sql, values).rowcount
    except errors as error:
        raise DBAPIError.instance(sql, None, error, errors, hide_parameters=True, dialect=dialect) from error
    return changed


class _Prepared:
    """A statement for each kind of database, made at its first use."""

    def __init__(self) -> None:
        self._by_dialect: dict[str, _Statement] = {}

    def __call__(self, tx: Writing, values: Values) -> bool:
        """Whether it inserted, or found, its row; in a batch that shows later. Raises as `session.execute` does."""
        if isinstance(tx, Batch):
            tx.put(self, values)
            return True
        return self._statement(tx).run(tx, values) == 1

    def many(self, session: Session, rows: Sequence[Values]) -> bool:
        """Whether it did for every one."""
        return self._statement(session).run_many(session, rows) == len(rows)

    def _statement(self, session: Session) -> _Statement:
        dialect = session.connection().dialect
        statement = self._by_dialect.get(dialect.name)
        if statement is None:
            statement = self._by_dialect[dialect.name] = self._made(dialect)
        return statement

    def _made(self, dialect: Dialect) -> _Statement:
        raise NotImplementedError


class PreparedInsert(_Prepared):
    """Inserts one row of a table; a column without a value is NULL, one that the database numbers is left to it.

    unless_there  a row whose key is taken already is left as it is."""

    def __init__(self, table: Table, *, unless_there: bool = False) -> None:
        super().__init__()
        self._table = table
        self._end = " ON CONFLICT DO NOTHING" if unless_there else ""

    def _made(self, dialect: Dialect) -> _Statement:
        columns = [column for column in self._table.c if column.autoincrement is not True]
        names, places = ", ".join(column.name for column in columns), ", ".join([_place(dialect)] * len(columns))
        # Names of our own tables and columns, places for everything else.
        into = f"INSERT INTO {self._table.name} ({names})"
        many = f"{into} SELECT {names} FROM {_rows_of(self._table)}{self._end}" if _takes_json(dialect) else None  # noqa: S608
        return _Statement(
            f"{into} VALUES ({places}){self._end}", _binds(columns, dialect), many, _json_binds(columns, dialect)
        )


class PreparedUpdate(_Prepared):
    """Sets these columns of the row with a certain primary key; `values` hold the key too."""

    def __init__(self, table: Table, *columns: str) -> None:
        super().__init__()
        self._set = [table.c[name] for name in columns]
        self._table = table

    def _made(self, dialect: Dialect) -> _Statement:
        name, place, keys = self._table.name, _place(dialect), list(self._table.primary_key)
        assignments = ", ".join(f"{column.name} = {place}" for column in self._set)
        condition = " AND ".join(f"{column.name} = {place}" for column in keys)
        many = None
        if _takes_json(dialect):
            from_row = ", ".join(f"{column.name} = many.{column.name}" for column in self._set)
            same = " AND ".join(f"{name}.{column.name} = many.{column.name}" for column in keys)
            many = f"UPDATE {name} SET {from_row} FROM {_rows_of(self._table)} AS many WHERE {same}"  # noqa: S608
        columns = [*self._set, *keys]
        sql = f"UPDATE {name} SET {assignments} WHERE {condition}"  # noqa: S608
        return _Statement(sql, _binds(columns, dialect), many, _json_binds(columns, dialect))


def _place(dialect: Dialect) -> str:
    return "?" if dialect.paramstyle == "qmark" else "%s"


def _binds(columns: Iterable[Column[Any]], dialect: Dialect) -> tuple[Bind, ...]:
    return tuple((column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in columns)


def _takes_json(dialect: Dialect) -> bool:
    return dialect.name == "postgresql"


def _rows_of(table: Table) -> str:
    return f"json_populate_recordset(NULL::{table.name}, %s::json)"


def _json_binds(columns: Iterable[Column[Any]], dialect: Dialect) -> tuple[Bind, ...]:
    return tuple((column.name, _json_bind(column.type, dialect)) for column in columns)


def _json_bind(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """How a value goes into the JSON text; what is JSON itself goes in as it is."""
    if isinstance(kind, TypeDecorator) and type(kind).process_bind_param is not TypeDecorator.process_bind_param:
        return lambda value: kind.process_bind_param(value, dialect)
    if isinstance(kind, LargeBinary):
        return lambda value: "\\x" + value.hex()
    return None

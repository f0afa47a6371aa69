"""Connections on which SQLAlchemy's COMMIT ends one piece of work, and the group of pieces ends apart from it.

SQLAlchemy believes that each piece is a transaction of its own; on the wire it is a savepoint in the group's. Its own
way to nest transactions, `begin_nested`, costs as much again as both inserts of a ledger row.
"""

import sqlite3
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event

from app.storage.answering import AnsweringConnection

BEGIN_PIECE: Final = "SAVEPOINT piece"
KEEP_PIECE: Final = "RELEASE SAVEPOINT piece"
UNDO_PIECE: Final = "ROLLBACK TO SAVEPOINT piece"
MARK: Final = "SAVEPOINT whole_group"
STILL_THERE: Final = "RELEASE SAVEPOINT whole_group"
"""Fails when the transaction was ended behind our back: SQLite rolls all of it back when the disk is full, and would
then take a COMMIT of nothing for a success."""


class Groups(Protocol):
    """What the writer drives. `commit` and `rollback`, which SQLAlchemy calls, mean the piece."""

    def begin_group(self) -> None: ...

    def check_group(self) -> None:
        """Raises when the transaction is not the one that was begun."""
        ...

    def commit_group(self) -> None:
        """Raises as `check_group` does."""
        ...

    def undo_group(self) -> None: ...


class SqliteGroups(sqlite3.Connection):
    _in_piece = False

    def begin_group(self) -> None:
        self.execute("BEGIN IMMEDIATE")
        self.execute(MARK)

    def check_group(self) -> None:
        self.execute(STILL_THERE)
        self.execute(MARK)

    def commit_group(self) -> None:
        self.execute(STILL_THERE)
        self.execute("COMMIT")

    def undo_group(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def begin_piece(self) -> None:
        self.execute(BEGIN_PIECE)
        self._in_piece = True

    def commit(self) -> None:
        if self._in_piece:
            self.execute(KEEP_PIECE)
            self._in_piece = False

    def rollback(self) -> None:
        if self._in_piece:
            self._in_piece = False
            self.execute(UNDO_PIECE)
            self.execute(KEEP_PIECE)


class PostgresGroups(AnsweringConnection):
    """A piece's savepoint is released together with the beginning of the next one: a statement less to wait for."""

    _in_piece = False
    _to_release = ""

    def begin_group(self) -> None:
        self._to_release = ""
        self.execute(f"BEGIN; {MARK}")

    def check_group(self) -> None:
        self.execute(f"{self._released()}{STILL_THERE}; {MARK}")

    def commit_group(self) -> None:
        self.execute(f"{self._released()}{STILL_THERE}; COMMIT")

    def undo_group(self) -> None:
        self._to_release = ""
        self.execute("ROLLBACK")

    def begin_piece(self) -> None:
        self.execute(f"{self._released()}{BEGIN_PIECE}")
        self._in_piece = True

    def commit(self) -> None:
        if self._in_piece:
            self._in_piece = False
            self._to_release = f"{KEEP_PIECE}; "

    def rollback(self) -> None:
        if self._in_piece:
            self._in_piece = False
            self.execute(f"{UNDO_PIECE}; {KEEP_PIECE}")

    def _released(self) -> str:
        released, self._to_release = self._to_release, ""
        return released


def group_engine(
    url: URL,
    sqlite_pragmas: tuple[str, ...] = (),
    connect_args: Mapping[str, Any] = MappingProxyType({}),
    silence: float | None = None,
) -> Engine:
    """An engine with one connection, for the writer alone. `silence`: as `AnsweringConnection` has it."""
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args=dict(connect_args),
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, positional: list[Any], named: dict[str, Any]) -> Any:
        if url.get_backend_name() == "sqlite":
            named |= {"isolation_level": None, "check_same_thread": False}
            connection = sqlite3.connect(*positional, factory=SqliteGroups, **named)
            for pragma in sqlite_pragmas:
                connection.execute(f"PRAGMA {pragma}")
            return connection
        made = PostgresGroups.connect(*positional, autocommit=True, **named)
        made.silence = silence
        return made

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        cast(SqliteGroups | PostgresGroups, connection.connection.dbapi_connection).begin_piece()

    return engine


def groups_of(connection: Connection) -> Groups:
    return cast(Groups, connection.connection.dbapi_connection)

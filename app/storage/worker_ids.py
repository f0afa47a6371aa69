"""A worker's id is one process's at a time: whoever starts under it frees what its predecessor had in hand, which must
not still be working.

On PostgreSQL it is an advisory lock of a session of its own, on SQLite a lock on a file beside the database. Either
ends with its process, however that ends, so a worker that was killed can start again at once; a row with a time in it
would have to grow old first, by a clock that can jump.
"""

import fcntl
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

import structlog
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.storage.database import Database

PATIENCE: Final = 5.0
"""Seconds for a predecessor that is just ending."""
LOOK: Final = 2.0
AGAIN: Final = 0.2

NOTICED: Final = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
"""So that the server lets go within half a minute of a machine that has lost its power."""

_LOCKED: Final = text("SELECT pg_try_advisory_lock(:key)")
_HOLDER: Final = text(
    "SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'this machine'), "
    "to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') "
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() AND l.objsubid = 1 "
    "AND l.classid::bigint << 32 | l.objid::bigint = :key"
)

_log = structlog.get_logger(__name__)


class Taken(Exception):
    """Another process works under this id; the text says what to do."""


def is_held(connection: Connection, worker_id: str) -> bool:
    """Whether a process works under this id now."""
    if connection.dialect.name == "postgresql":
        return connection.execute(_HOLDER, {"key": _key(worker_id)}).first() is not None
    with _lock_file(Path(str(connection.engine.url.database)), worker_id) as file:
        return not _flocked(file)


class WorkerId:
    """Held while the block runs. Raises Taken at its beginning.

    taken  is told, once and in a thread of its own, when another process got the id while the database was gone: this
           one must end."""

    def __init__(self, database: Database, worker_id: str, taken: Callable[[str], None]) -> None:
        self._database = database
        self._worker_id = worker_id
        self._taken = taken
        self._file: TextIO | None = None
        self._connection: Connection | None = None
        self._ending = threading.Event()
        self._keeper: threading.Thread | None = None
        self._name = f"crossdock {secrets.token_hex(8)}"

    def __enter__(self) -> "WorkerId":
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self._take()
            except Taken:
                if time.monotonic() > until:
                    raise
                time.sleep(AGAIN)
            else:
                break
        if not self._database.sqlite:
            self._keeper = threading.Thread(target=self._keep, name="worker-id", daemon=True)
            self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        if self._keeper is not None:
            self._keeper.join()
        self._let_go()
        if self._file is not None:
            self._file.close()

    def _take(self) -> None:
        if self._database.sqlite:
            self._file = self._take_file()
        else:
            self._connection = self._take_lock()

    def _take_file(self) -> TextIO:
        file = _lock_file(Path(str(self._database.url.database)), self._worker_id)
        if not _flocked(file):
            with file:
                raise Taken(_sentence(self._worker_id, f"process {file.read(20).strip() or 'unknown'}"))
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file

    def _take_lock(self) -> Connection:
        connection = self._connect()
        try:
            key = {"key": _key(self._worker_id)}
            if connection.execute(_LOCKED, key).scalar_one():
                return connection
            holder = connection.execute(_HOLDER, key).first()
            if holder is not None and holder[1] == self._name:
                # Our own session of before the outage, of which the server does not know yet that it is over.
                connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": holder[0]})
            where = f"from {holder[2]}, since {holder[3]} UTC" if holder is not None else "just now"
            raise Taken(_sentence(self._worker_id, where))
        except BaseException:
            connection.close()
            raise

    def _connect(self) -> Connection:
        options = f"{self._database.url.query.get('options', '')} {NOTICED}".strip()
        engine = create_engine(
            self._database.url.update_query_dict({"options": options}),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={**self._database.patience, "application_name": self._name},
        )
        return engine.connect()

    def _keep(self) -> None:
        while not self._ending.wait(LOOK):
            try:
                if self._connection is not None:
                    self._connection.execute(text("SELECT 1"))
                    continue
            except DBAPIError:
                self._let_go()
            try:
                self._take_again()
            except SQLAlchemyError:
                # The database is still gone.
                continue
            except Taken as error:
                self._taken(str(error))
                return

    def _take_again(self) -> None:
        until = time.monotonic() + PATIENCE
        while not self._ending.is_set():
            try:
                self._connection = self._take_lock()
            except Taken:
                if time.monotonic() > until:
                    raise
                self._ending.wait(AGAIN)
            else:
                _log.info("worker_id.held_again", worker=self._worker_id)
                return

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                # Not left to the end of the session, of which the server learns a moment later.
                connection.execute(text("SELECT pg_advisory_unlock_all()"))
            with suppress(SQLAlchemyError):
                connection.close()


def _sentence(worker_id: str, where: str) -> str:
    return (
        f"a worker named {worker_id!r} works on this database already ({where}): stop it first, or give this one a "
        "name of its own with CROSSDOCK_WORKER_ID"
    )


def _key(worker_id: str) -> int:
    digest = hashlib.sha256(f"crossdock worker {worker_id}".encode()).digest()
    # 63 bits: the halves in pg_locks are unsigned, and put together they are this number again.
    return int.from_bytes(digest[:8]) >> 1


def _lock_file(database: Path, worker_id: str) -> TextIO:
    return database.with_name(f"{database.name}.{worker_id}.lock").open("a+")


def _flocked(file: TextIO) -> bool:
    file.seek(0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

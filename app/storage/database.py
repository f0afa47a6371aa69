"""One synchronous code path to SQLite and to PostgreSQL; only the URL differs.

On SQLite three engines share one file. Writing opens with BEGIN IMMEDIATE (a transaction that opened with SAVEPOINT
would be visible before COMMIT), reading with a deferred BEGIN on connections that refuse to write, and the work engine
keeps the transaction control it was built for. All run WAL with `synchronous=FULL`: what was committed survives a power
loss, at the price of one disk flush a group.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import URL, Connection, Engine, ExceptionContext, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from app.storage.answering import AnsweringConnection
from app.storage.group_connection import group_engine
from app.storage.intake_writer import OURS, Busy, Ended, GroupCommitWriter, Unwritten

T = TypeVar("T")

BUSY_MILLISECONDS: Final = 30_000
"""How long SQLite waits for another process or for the work engine to finish writing."""


PRAGMAS: Final = (
    f"busy_timeout={BUSY_MILLISECONDS}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
)
"""`secure_delete`: what was erased does not stay in free pages."""


IMPATIENT: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""libpq: a server that has gone without a word is noticed within seconds. The URL's own values win."""

AGAIN_AFTER: Final = 0.5
"""Seconds between the attempts of work that outlasts an outage."""

SILENCE: Final = 20.0
"""Seconds of a server's or worker's patience with a statement. A sender hears 503 then; commands wait for as long as it
takes."""

OF_ITS_OWN: Final = 4
"""Connections of a process on PostgreSQL beside its pool: the writer's, those on which the engine and the announcements
are listened to, and the one that holds the worker's id."""


def normalised(url: str | URL) -> URL:
    """`postgresql://` means psycopg 3 here. Raises ValueError for a database that is not supported."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if "@" in (parsed.host or ""):
        # Else its second half would be taken for a host, and told when that is not found.
        raise ValueError("write an @ in the password as %40, and a / as %2F")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise ValueError(f"{parsed.drivername} is not supported: use sqlite or postgresql")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("an SQLite database needs a file")
    return parsed


class Room(NamedTuple):
    """Connections that the server takes from all who are not its superuser, and how many are open now."""

    most: int
    used: int


def connection_room(connection: Connection) -> Room | None:
    """None on SQLite."""
    if connection.dialect.name != "postgresql":
        return None
    most, used = connection.exec_driver_sql(
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, "
        "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
    ).one()
    return Room(most, used)


def is_gone(error: BaseException) -> bool:
    """Whether this error says that the database cannot be reached, or that none of its connections came free."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, (OperationalError, InterfaceError, PoolTimeout))


class Database:
    """
    pool     how many connections it may hold at most, beside OF_ITS_OWN.
    read     a Session that sees committed rows and writes none.
    write    work in the group-commit writer; returns after COMMIT. `awrite` the same from the event loop.
    silence  seconds after which a PostgreSQL server that does not answer a statement counts as gone; None: never.
    lost     set when a connection was lost or none could be made; whoever acts upon it clears it.
    """

    def __init__(
        self, url: str | URL, *, pool: int = 10, write_queue: int = 2_000, silence: float | None = None
    ) -> None:
        self.url = normalised(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.patience = {} if self.sqlite else {k: v for k, v in IMPATIENT.items() if k not in self.url.query}
        if self.sqlite:
            self.engine = _sqlite(self.url, "BEGIN IMMEDIATE")
            self._writing = group_engine(self.url, PRAGMAS)
            self._reading = _sqlite(self.url, "BEGIN", read_only=True, pool=pool)
            self.work_engine = _sqlite_for_work(self.url, pool=pool)
        else:
            self.engine = create_engine(
                self.url,
                pool_size=pool,
                max_overflow=0,
                pool_timeout=10,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args=self.patience,
            )
            event.listen(self.engine, "do_connect", partial(_connect, silence))
            self._writing = group_engine(self.url, connect_args=self.patience, silence=silence)
            self._reading = self.engine.execution_options(postgresql_readonly=True)
            self.work_engine = self.engine
        self.lost = threading.Event()
        for engine in {self.engine, self._writing, self.work_engine}:
            event.listen(engine, "handle_error", self._notice)
        self.writer = GroupCommitWriter(self._writing, limit=write_queue)

    def _notice(self, context: ExceptionContext) -> None:
        if context.is_disconnect or context.connection is None:
            self.lost.set()

    def start(self) -> None:
        self.writer.start()

    def stop(self) -> None:
        """Writes what is waiting, then closes every connection."""
        self.writer.stop()
        for engine in (self._writing, self._reading, self.work_engine, self.engine):
            engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    @property
    def read_engine(self) -> Engine:
        """For whoever makes sessions of their own; it sees committed rows and writes none."""
        return self._reading

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One consistent view for as long as it is open, however much is written meanwhile; nobody waits for it."""
        options = {} if self.sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._reading.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def connections_in_use(self) -> dict[str, int]:
        """Of each pool of this process, how many are out now."""
        pools = {"read": self._reading.pool, "work": self.work_engine.pool, "write": self._writing.pool}
        shared = {"shared": self.engine.pool, "write": self._writing.pool}
        return {
            name: pool.checkedout()
            for name, pool in (pools if self.sqlite else shared).items()
            if isinstance(pool, QueuePool)
        }

    def forget_freed_pages(self) -> None:
        """After an erasure: SQLite's log is written back and cut, so that what was overwritten is not left in it. Does
        nothing more than it can while others read."""
        if self.sqlite:
            with self.work_engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def write(self, work: Callable[[Any], T], *, patience: float = 30.0, batched: bool = False, weight: int = 1) -> T:
        """Blocks until `work` is committed and returns its result; raises what it raised, with nothing written.
        Raises Busy (no room in the queue, or no turn, within `patience` seconds) and Unwritten (database gone).
        `batched` and `weight` are as the writer has them."""
        return self.writer.write(work, patience=patience, batched=batched, weight=weight)

    def insist(self, work: Callable[[Any], T], *, batched: bool = False, weight: int = 1) -> T:
        """As `write`, and again until it is written, however long the database is gone: for what only this thread
        knows, such as what an ERP has just said. Of a commit whose answer was lost nobody knows whether it happened,
        so `work` must find out by its rows. Raises Ended when the writer stops first."""
        while True:
            try:
                return self.write(work, batched=batched, weight=weight)
            except Ended:
                raise
            except (Busy, Unwritten):
                time.sleep(AGAIN_AFTER)

    async def awrite(self, work: Callable[[Session], T], *, owner: str = OURS, batched: bool = False) -> T:
        """As `write`, without a thread of its own, and Busy at once. `owner`: who is served in turn with others (a
        partner's id). `batched`: the work only puts rows and takes a `batch.Batch` as well as a Session."""
        return await self.writer.awrite(work, owner=owner, batched=batched)


def _connect(
    silence: float | None, _dialect: Any, _record: Any, positional: list[Any], named: dict[str, Any]
) -> AnsweringConnection:
    made = AnsweringConnection.connect(*positional, **named)
    made.silence = silence
    return made


def _sqlite(url: URL, begin: str, *, read_only: bool = False, pool: int = 2) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool,
        max_overflow=pool,
        connect_args={"check_same_thread": False, "timeout": BUSY_MILLISECONDS / 1000},
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        _pragmas(connection)
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _sqlite_for_work(url: URL, *, pool: int) -> Engine:
    """The engine's own transaction control (pysqlite's, IMMEDIATE), with our durability."""
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool,
        connect_args={"check_same_thread": False, "timeout": BUSY_MILLISECONDS / 1000},
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        _pragmas(connection)

    return engine


def _pragmas(connection: Any) -> None:
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")

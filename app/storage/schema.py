"""Migrations: run by `crossdock init` and `demo` only, never by a server or a worker, which merely look.

Old and new processes run side by side while a version is rolled out, and an operator may go back. So a migration only
adds what old code can ignore: tables, indexes, columns that may be NULL or have a default in the database. What no code
of this version uses any more is taken away by a migration of the next version; it says so by `contracts = True`. A test
writes rows as the code before each migration did. A database that is further than this version knows is therefore no
reason to stop."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

MIGRATIONS: Final = Path(__file__).parent / "migrations"
LOCK: Final = 0x63726F7373
"""Of PostgreSQL's advisory locks, the one under which tables are made and changed."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def one_at_a_time(engine: Engine) -> Iterator[None]:
    """Several `init` at the same moment migrate one after the other: under an advisory lock on PostgreSQL, else under
    one on the folder of the file. Either ends with its process."""
    if engine.dialect.name == "postgresql":
        # Neither who has the lock nor who waits for it may be in a transaction: building an index concurrently, as the
        # engine's migrations do, waits for every one that is open.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}).scalar_one():
                time.sleep(0.2)
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
        return
    folder = os.open(Path(engine.url.database or "").resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Alembic begins and ends the transactions: what a migration builds concurrently is in none."""
    with engine.connect() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    with engine.connect() as connection:
        command.downgrade(_config(connection), revision)


def pending(connection: Connection) -> bool:
    """Whether the database is behind this version. One that is ahead of it is not."""
    known = {script.revision for script in _scripts().walk_revisions()}
    found = current(connection)
    return found != head() and (found is None or found in known)


def current(connection: Connection) -> str | None:
    """The revision the database is at; None without tables of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The revision that this version's rows are of."""
    return _scripts().get_current_head()


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())

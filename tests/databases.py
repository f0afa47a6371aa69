"""Fresh databases for tests: SQLite in a folder of the test, PostgreSQL where CROSSDOCK_TEST_POSTGRES points."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from app.gateway import migrate
from app.storage.database import Database, normalised

KINDS = ("sqlite", "postgres")


@contextmanager
def empty_url(kind: str, folder: Path) -> Iterator[str]:
    """The URL of a database without tables; it is dropped afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'crossdock.db'}"
        return
    with postgres_database() as url:
        yield url


@contextmanager
def postgres_database(template: str = "template1") -> Iterator[str]:
    """A PostgreSQL database copied from `template`; skips, saying so, without a server to make it on."""
    server = os.environ.get("CROSSDOCK_TEST_POSTGRES")
    if not server:
        pytest.skip("CROSSDOCK_TEST_POSTGRES names no PostgreSQL server")
    name = f"crossdock_test_{uuid4().hex[:12]}"
    admin = create_engine(normalised(server), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


class Templates:
    """Migrates once a run and kind. SQLite is copied for each test; PostgreSQL, where a copy takes half a second, is
    one database that is emptied after each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._databases: dict[str, Database] = {}
        self._here = folder / "here"
        self._sqlite: Path | None = None
        self._postgres: str | None = None
        self._kept = ExitStack()

    @contextmanager
    def migrated_url(self, kind: str, folder: Path) -> Iterator[str]:
        if kind == "sqlite":
            yield self._copied(folder)
            return
        url = self._migrated_postgres()
        yield url
        _empty(url)

    @contextmanager
    def own_url(self, kind: str, folder: Path) -> Iterator[str]:
        """For a test that changes the schema."""
        if kind == "sqlite":
            yield self._copied(folder)
            return
        name = make_url(self._migrated_postgres()).database
        assert name
        with postgres_database(name) as url:
            yield url

    @contextmanager
    def database(self, kind: str, folder: Path) -> Iterator[Database]:
        """A migrated one, started. All tests of a kind have the same object, since what SQLAlchemy compiles it keeps
        with the engine, and compiling is most of what a short test costs; what is in it is each test's own."""
        with self.migrated_url(kind, folder) as url:
            if kind == "sqlite":
                self._here.unlink(missing_ok=True)
                self._here.symlink_to(folder, target_is_directory=True)
            if kind not in self._databases:
                stays = f"sqlite:///{self._here / 'crossdock.db'}" if kind == "sqlite" else url
                self._databases[kind] = Database(stays, pool=8)
            database = self._databases[kind]
            database.url = normalised(url)
            database.lost.clear()
            database.start()
            yield database
            database.stop()

    def _copied(self, folder: Path) -> str:
        if self._sqlite is None:
            self._sqlite = self._folder / "template.db"
            migrate(f"sqlite:///{self._sqlite}")
        shutil.copyfile(self._sqlite, folder / "crossdock.db")
        return f"sqlite:///{folder / 'crossdock.db'}"

    def _migrated_postgres(self) -> str:
        if self._postgres is None:
            self._postgres = self._kept.enter_context(postgres_database())
            migrate(self._postgres)
        return self._postgres

    def close(self) -> None:
        self._kept.close()


_DELETE_ALL = """
    DO $$ DECLARE found text; BEGIN
        FOR found IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
            WHERE schemaname IN ('public', 'dbos') AND tablename NOT IN ('alembic_version', 'dbos_migrations')
        LOOP EXECUTE 'DELETE FROM ' || found; END LOOP;
    END $$"""
"""In one look at the server: tests are many."""


def _empty(url: str) -> None:
    """Every row of ours and of the engine's but those that say which migrations ran. As a replica would, so that
    neither foreign keys nor the guard of the append-only record stand in the way; that takes a superuser."""
    engine = create_engine(normalised(url), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        connection.execute(text(_DELETE_ALL))


@contextmanager
def gone(url: str) -> Iterator[None]:
    """The PostgreSQL database of `url` answers nobody until the block ends, as if its server were stopped."""
    name = make_url(url).database
    admin = create_engine(normalised(os.environ["CROSSDOCK_TEST_POSTGRES"]), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
            ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
            connection.execute(ended, {"name": name})
        yield
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
        admin.dispose()

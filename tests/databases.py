"""Fresh databases for tests: SQLite in a folder of the test, PostgreSQL where CROSSDOCK_TEST_POSTGRES points."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from app.gateway import migrate
from app.storage.database import normalised

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
    """Migrates once a run and kind, then copies: a migrated database in some milliseconds instead of a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sqlite: Path | None = None
        self._postgres: str | None = None
        self._open: list[Iterator[str]] = []

    @contextmanager
    def migrated_url(self, kind: str, folder: Path) -> Iterator[str]:
        if kind == "sqlite":
            if self._sqlite is None:
                self._sqlite = self._folder / "template.db"
                migrate(f"sqlite:///{self._sqlite}")
            shutil.copyfile(self._sqlite, folder / "crossdock.db")
            yield f"sqlite:///{folder / 'crossdock.db'}"
            return
        if self._postgres is None:
            self._postgres = self._migrated_postgres()
        with postgres_database(self._postgres) as url:
            yield url

    def _migrated_postgres(self) -> str:
        kept = postgres_database()
        url = kept.__enter__()
        self._open.append(kept)
        migrate(url)
        name = make_url(url).database
        assert name
        return name

    def close(self) -> None:
        for kept in self._open:
            kept.__exit__(None, None, None)

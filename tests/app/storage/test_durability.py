"""A database that may lose what it acknowledged is told before anything is served, and while it is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
import typer
from databases import empty_url
from sqlalchemy import create_engine, text

from app.cli.site import refuse_unready
from app.gateway import Gateway, migrate, problems_of
from app.seal import KeyRing
from app.settings import Settings
from app.storage.database import Database, normalised
from app.storage.durability import weaknesses
from app.web.operators.readiness import examine


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL database whose owner chose speed over keeping what was committed."""
    with empty_url("postgres", tmp_path) as url:
        migrate(url)
        engine = create_engine(normalised(url), isolation_level="AUTOCOMMIT")
        name = normalised(url).database
        with engine.connect() as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
        engine.dispose()
        yield url


def test_both_databases_keep_what_they_commit(database: Database) -> None:
    with database.read() as session:
        assert weaknesses(session.connection()) == []


TOLD = "synchronous_commit is off in PostgreSQL: what was acknowledged could be lost; turn it on"


def test_postgresql_that_commits_asynchronously_is_not_served_from(
    forgetful: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = KeyRing.made("k").written()
    settings = Settings.model_validate(
        {"data": tmp_path, "database_url": forgetful, "keys": keys, "base_url": "https://crossdock.example"}
    )
    assert problems_of(settings) == [TOLD]
    with pytest.raises(typer.Exit):
        refuse_unready(settings)
    assert TOLD in capsys.readouterr().err


def test_a_server_is_not_ready_once_postgresql_commits_asynchronously(forgetful: str, gateway: Gateway) -> None:
    database = Database(forgetful, pool=2)
    database.start()
    checks = anyio.run(examine, replace(gateway, database=database))
    assert [(check.name, check.what) for check in checks if not check.ok] == [("durability", TOLD)]
    database.stop()


def test_sqlite_without_its_log_is_told(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        assert "journal mode is delete here, not WAL" in weaknesses(connection)[0]
    engine.dispose()

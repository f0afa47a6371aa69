"""Old and new code side by side: migrations add, and several at once come one after the other."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import any_rows
import console
import pytest
from databases import KINDS, empty_url
from sqlalchemy import MetaData, Table, text
from sqlmodel import select

from app.gateway import Gateway
from app.storage import schema
from app.storage.base import Row
from app.storage.database import Database
from app.storage.people import PersonRow
from app.web.operators.readiness import examine, status_of

FIRST_RELEASE = "0005"
"""Migrations up to this one may change everything: nobody ran what was before it."""


def migrations() -> list[ModuleType]:
    """Those since the first release, oldest first."""
    scripts = [script.module for script in schema._scripts().walk_revisions()]
    return [module for module in reversed(scripts) if module.revision > FIRST_RELEASE]


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with empty_url(request.param, tmp_path) as url:
        database = Database(url, pool=2)
        yield database
        database.stop()


def tables_of(database: Database) -> dict[str, Table]:
    found = MetaData()
    found.reflect(database.engine, only=lambda name, _: name.startswith("cd_"))
    return dict(found.tables)


def breaks(before: dict[str, Table], after: dict[str, Table]) -> list[str]:
    """What code that knows only `before` would stumble over."""
    problems = []
    for name, table in before.items():
        if name not in after:
            problems.append(f"{name} is gone")
            continue
        columns = after[name].columns
        problems += [f"{name}.{column.name} is gone" for column in table.columns if column.name not in columns]
        problems += [
            f"{name}.{column.name} must be filled"
            for column in columns
            if column.name not in table.columns and not column.nullable and column.server_default is None
        ]
        problems += [
            f"{name}.{column.name} may not be NULL any more"
            for column in table.columns
            if column.name in columns and column.nullable and not columns[column.name].nullable
        ]
    return problems


def test_code_before_a_migration_works_after_it(fresh: Database) -> None:
    schema.upgrade(fresh.engine, FIRST_RELEASE)
    before = tables_of(fresh)
    for module in migrations():
        schema.upgrade(fresh.engine, module.revision)
        after = tables_of(fresh)
        if not getattr(module, "contracts", False):
            assert breaks(before, after) == [], f"migration {module.revision} is not for code that runs beside it"
        before = after


@pytest.mark.parametrize("fresh", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DROP TABLE cd_erasures", "cd_erasures is gone"),
        ("ALTER TABLE cd_erasures DROP COLUMN reason", "cd_erasures.reason is gone"),
        ("ALTER TABLE cd_erasures ADD COLUMN x INTEGER", None),
        ("ALTER TABLE cd_erasures ADD COLUMN x INTEGER NOT NULL DEFAULT 1", None),
        ("ALTER TABLE cd_erasures RENAME COLUMN reason TO why", "cd_erasures.reason is gone"),
    ],
)
def test_a_change_that_old_code_cannot_bear_is_noticed(fresh: Database, statement: str, problem: str | None) -> None:
    schema.upgrade(fresh.engine)
    before = tables_of(fresh)
    with fresh.engine.begin() as connection:
        connection.execute(text(statement))
    assert breaks(before, tables_of(fresh)) == ([problem] if problem else [])


def test_a_database_that_is_ahead_of_this_version_is_served(gateway: Gateway, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        checks = asyncio.run(examine(gateway))
        assert status_of(checks) == "ready", checks
    finally:
        with database.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": schema.head()})


def test_this_versions_code_writes_beside_a_column_it_does_not_know(fresh: Database) -> None:
    schema.upgrade(fresh.engine)
    with fresh.engine.begin() as connection:
        for table in Row.metadata.sorted_tables:
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN of_the_next_version VARCHAR(10)"))
        any_rows.fill(connection)
    with fresh.engine.connect() as connection:
        assert {len(rows) for rows in any_rows.content(connection).values()} == {4}


@pytest.mark.parametrize("kind", KINDS)
def test_several_init_at_once_make_one_installation(kind: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ExitStack() as stack:
        extra = {}
        url = f"sqlite:///{data / 'crossdock.db'}"
        if kind == "postgres":
            url = extra["CROSSDOCK_DATABASE_URL"] = stack.enter_context(empty_url(kind, tmp_path))
        running = [
            subprocess.Popen(
                [console.SCRIPT, "init", "--data", str(data)],
                env=console.environment(extra),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for _ in range(2)
        ]
        said = [process.communicate(timeout=90) for process in running]
        assert [process.returncode for process in running] == [0, 0], said
        assert sum(b"administrator: admin" in out for out, _ in said) == 1
        database = Database(url, pool=2)
        with database.read() as session:
            assert len(session.exec(select(PersonRow)).all()) == 1
            assert not schema.pending(session.connection())
        database.stop()

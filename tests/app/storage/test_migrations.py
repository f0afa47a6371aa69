"""The migrations are the metadata, on both databases, up and down."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from databases import KINDS, empty_url
from sqlalchemy import Engine, inspect

from app.gateway import migrate
from app.storage import audit, schema, tables
from app.storage.audit import AuditRow
from app.storage.base import new_id, table_of
from app.storage.database import Database
from app.storage.tables import METADATA

STORAGE = Path(tables.__file__).parent


def ours(name: str | None, kind: str, _parent: object) -> bool:
    return kind != "table" or (name or "").startswith("cd_")


def test_no_module_of_rows_is_forgotten() -> None:
    with_rows = {path.stem for path in STORAGE.glob("*.py") if "table=True" in path.read_text()}
    assert with_rows <= vars(tables).keys()


def own_tables(engine: Engine) -> list[str]:
    return [name for name in inspect(engine).get_table_names() if name.startswith("cd_")]


@pytest.mark.parametrize("kind", KINDS)
def test_migrations_make_exactly_what_the_rows_say(kind: str, tmp_path: Path) -> None:
    with empty_url(kind, tmp_path) as url:
        migrate(url)
        database = Database(url)
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_name": ours, "compare_type": True})
            assert compare_metadata(context, METADATA) == []
            assert not schema.pending(connection)
        database.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_every_migration_can_be_taken_back(kind: str, tmp_path: Path) -> None:
    with empty_url(kind, tmp_path) as url:
        database = Database(url)
        schema.upgrade(database.engine)
        schema.downgrade(database.engine, "base")
        assert own_tables(database.engine) == []
        with database.engine.connect() as connection:
            assert schema.pending(connection)
        schema.upgrade(database.engine)
        assert own_tables(database.engine)
        database.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_migrating_twice_changes_nothing(kind: str, tmp_path: Path) -> None:
    with empty_url(kind, tmp_path) as url:
        migrate(url)
        migrate(url)


@pytest.mark.parametrize("kind", KINDS)
def test_entries_of_the_record_from_before_are_found_by_their_people(kind: str, tmp_path: Path) -> None:
    ids = [new_id() for _ in range(3)]
    entry = {
        "sequence": 1,
        "realm": "live",
        "at": datetime(2026, 3, 2, tzinfo=UTC),
        "actor": f"person:{ids[0]}",
        "channel": "page",
        "event": "handed_on",
        "acting_for": ids[1],
        "data": {"to": [ids[2], "somebody"], "of": None},
        "previous_hash": "0",
        "hash": "1",
    }
    with empty_url(kind, tmp_path) as url:
        database = Database(url)
        schema.upgrade(database.engine, "0028")
        with database.engine.begin() as connection:
            connection.execute(table_of(AuditRow).insert(), [entry, {**entry, "sequence": 2, "actor": "system"}])
        schema.upgrade(database.engine)
        with database.read() as session:
            found = [sorted(session.exec(audit.about(person_id))) for person_id in ids]
        assert found == [[1], [1, 2], [1, 2]]
        database.stop()

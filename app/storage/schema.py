"""Migrations: run by `crossdock init` and `demo` only, never by a server or a worker, which merely look."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

MIGRATIONS: Final = Path(__file__).parent / "migrations"
LOCK: Final = 0x63726F7373
"""PostgreSQL advisory lock: two `init` at once migrate one after the other."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def pending(connection: Connection) -> bool:
    """Whether the database is not at the newest migration that this version knows."""
    return current(connection) != head()


def current(connection: Connection) -> str | None:
    """The revision the database is at; None without tables of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The revision that this version's rows are of."""
    return ScriptDirectory.from_config(_config()).get_current_head()

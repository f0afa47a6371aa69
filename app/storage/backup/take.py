"""Taking a backup while servers and workers write: everything as it was at one moment.

One snapshot transaction (WAL on SQLite, REPEATABLE READ on PostgreSQL) is read table by table; nobody waits for it. On
SQLite the write-ahead log cannot be cut back meanwhile and grows by what is written. The file is logical and goes into
either kind of database, so it is also the way from SQLite to PostgreSQL; a copy of SQLite's file would be neither."""

from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, Table, func, select

from app.storage import schema
from app.storage.backup import archive, rows
from app.storage.backup.archive import Manifest
from app.storage.base import table_of
from app.storage.database import Database
from app.storage.pages import pages
from app.storage.progress import Progress, unwatched
from app.storage.seal_keys import SealKeyRow
from app.storage.tables import METADATA


def take(database: Database, path: Path, *, at: datetime, done: Progress = unwatched) -> Manifest:
    """Writes the file; `done` is told the rows written so far and how many there are.

    Raises FileExistsError, OSError, and ValueError when the tables are not those of this version."""
    with database.snapshot() as connection:
        if schema.current(connection) != schema.head():
            raise ValueError(
                f"the database is of schema {schema.current(connection)}, this version's is {schema.head()}: "
                "take the backup with the version that belongs to it"
            )
        ours = METADATA.sorted_tables
        total = sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in ours)
        written = 0

        def lines(table: Table) -> Iterator[bytes]:
            nonlocal written
            for page in pages(connection, table, rows.selected(table, connection.dialect.name)):
                for row in page:
                    yield rows.line(row._asdict())
                written += len(page)
                done(written, total)

        with archive.written(path) as writer:
            members = [writer.table(f"{table.name}", lines(table)) for table in ours]
            manifest = Manifest(
                product=version("crossdock"),
                revision=schema.current(connection) or "",
                taken_at=at,
                source=connection.dialect.name,
                seal_keys=_seal_keys(connection),
                tables=members,
            )
            writer.finish(manifest)
    return manifest


def _seal_keys(connection: Connection) -> list[str]:
    return [key for (key,) in connection.execute(select(table_of(SealKeyRow).c.id).order_by("id"))]

"""`crossdock backup` and `restore`: everything in the database as one file, and back into a new database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError

from app.cli.options import Data, console, settings_from, stop
from app.cli.progress import bar
from app.cli.site import opened
from app.clock import SystemClock
from app.gateway import keys_of, migrate
from app.settings import Settings
from app.storage.backup import archive
from app.storage.backup.archive import BadBackup
from app.storage.backup.restore import NotRestored, refuse_filled, refuse_unfit
from app.storage.backup.restore import restore as put_back
from app.storage.backup.take import take
from app.storage.database import Database

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.", show_default=False, dir_okay=False)]


def backup(file: File, data: Data = None) -> None:
    """Write everything in the database to FILE, also while servers and workers run.

    FILE is as secret as the database. The sealing keys are not in it: keep them elsewhere."""
    with opened(settings_from(data)) as gateway, bar("backup", "rows") as done:
        try:
            manifest = take(gateway.database, file, at=gateway.clock.now(), done=done)
        except (OSError, ValueError) as error:
            stop(str(error))
    console().print(f"{manifest.rows} rows as of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC: {file}", markup=False)
    console().print(f"to read it again the keys {', '.join(manifest.seal_keys)} are needed", markup=False)


def restore(file: File, data: Data = None) -> None:
    """Fill a new, empty database from FILE. The sealing keys must be in place; `init` is not needed before.

    All that was open is looked up in the ERP before it is sent, so nothing is ordered twice."""
    settings = settings_from(data)
    try:
        with archive.opened(file) as reader:
            refuse_unfit(reader.manifest)
            keys = keys_of(settings)
            with bar("check", "bytes") as done:
                reader.check(done)
            with _made(settings) as database, bar("restore", "rows") as done:
                put_back(database, reader, keys, at=SystemClock().now(), done=done)
    except BadBackup as error:
        stop(f"{file} cannot be restored: {error}")
    except (NotRestored, OSError, ValueError) as error:
        stop(str(error))
    except OperationalError as error:
        stop(f"the database does not answer: {error.orig}")
    console().print(f"restored {reader.manifest.rows} rows as of {reader.manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC")


@contextmanager
def _made(settings: Settings) -> Iterator[Database]:
    """The new database with its tables; one that holds anything is left alone. Raises NotRestored."""
    database = Database(settings.url_of_database, pool=2)
    try:
        if not database.sqlite or Path(database.url.database or "").exists():
            with database.engine.connect() as connection:
                refuse_filled(connection)
        migrate(settings.url_of_database)
        yield database
    finally:
        database.stop()

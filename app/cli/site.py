"""The gateway of a command: opened, or a sentence that says why it cannot be."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import process
from app.cli.options import stop
from app.gateway import Gateway, hindrances_of, problems_of
from app.settings import Settings
from app.storage.database import is_gone
from app.storage.intake_writer import Busy, Unwritten
from app.storage.worker_ids import Taken


@contextmanager
def opened(settings: Settings) -> Iterator[Gateway]:
    """As `process.opened`, for a database that is there, is current, and fits the key ring; else the command ends."""
    if hindrances := hindrances_of(settings):
        stop(*hindrances)
    try:
        with process.opened(settings) as gateway:
            yield gateway
    except (DBAPIError, PoolTimeout) as error:
        if not is_gone(error):
            raise
        stop(f"the database does not answer: {getattr(error, 'orig', None) or error}")
    except Busy:
        stop("the database is busy and nothing was written: try again")
    except Unwritten as error:
        stop(f"the database did not take it, nothing was written: {error}")


def refuse_unready(settings: Settings) -> None:
    problems = [problem for problem in problems_of(settings) if not problem.startswith("CROSSDOCK_BASE_URL")]
    if problems:
        stop(*problems)


def refuse_taken(settings: Settings) -> None:
    try:
        process.refuse_taken(settings)
    except Taken as error:
        stop(str(error))

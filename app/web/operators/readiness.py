"""Whether this process should get work: every part is tried, not asked, and all of it within a bound.

Not ready is what keeps a document from being taken and kept. What only keeps it from going on (no worker lives) makes
the server degraded: it is still right to send it documents, and somebody must look."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import anyio.to_thread
from anyio import CapacityLimiter
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.engine import Engine
from app.gateway import Gateway
from app.storage import processes, schema
from app.storage.disk import free_below
from app.storage.durability import weaknesses
from app.storage.intake_writer import Busy, Unwritten
from app.storage.processes import ProcessRow
from app.storage.seal_keys import unopenable

BOUND: Final = 5.0
"""Seconds that the database may take to answer, and seconds that a write may take to get through."""
STANDSTILL: Final = timedelta(minutes=2)
"""Rounds of the engine come each 20 seconds."""

_LOOKS = CapacityLimiter(2)
"""Looks that hang take no thread from the pages."""


@dataclass(frozen=True, slots=True)
class Check:
    """
    ok        False: no work should come here.
    degraded  work can be taken, and something is wrong nevertheless.
    what      what was found.
    next      what to do about it; nothing when all is well.
    """

    name: str
    ok: bool
    what: str
    next: str | None = None
    degraded: bool = False


def status_of(checks: Sequence[Check]) -> str:
    if not all(check.ok for check in checks):
        return "not ready"
    return "degraded" if any(check.degraded for check in checks) else "ready"


async def examine(gateway: Gateway, *, bound: float = BOUND) -> list[Check]:
    looked = await _looked(gateway, bound)
    if looked[0].ok:
        looked.append(await _writes(gateway, bound))
    return [*looked, _engine(gateway), _disk(gateway)]


async def _looked(gateway: Gateway, bound: float) -> list[Check]:
    look = partial(_look, gateway)
    try:
        async with asyncio.timeout(bound):
            return await anyio.to_thread.run_sync(look, abandon_on_cancel=True, limiter=_LOOKS)
    except TimeoutError:
        return [Check("database", False, f"the database did not answer within {bound:g} s", _SEE_DATABASE)]
    except SQLAlchemyError as error:
        return [Check("database", False, f"the database does not answer ({type(error).__name__})", _SEE_DATABASE)]


_SEE_DATABASE: Final = "see whether the database runs, can be reached from here and has connections left"


def _look(gateway: Gateway) -> list[Check]:
    """What one session tells. Of a schema that is behind nothing else can be read."""
    with gateway.database.read() as session:
        connection = session.connection()
        if schema.pending(connection):
            return [
                Check("database", True, "the database answers"),
                Check("schema", False, "migrations are not current", "run `crossdock init` of this release"),
            ]
        weak = weaknesses(connection)
        unopened = unopenable(session, gateway.keys)
        return [
            Check("database", True, "the database answers"),
            Check("schema", True, f"the schema is at {schema.current(connection)}"),
            _judged("durability", weak, "what is committed stays", "mend it, or what was acknowledged may be lost"),
            _judged("keys", unopened, "the keys open what they sealed", "put back the key file of this database"),
            _work(gateway, session),
        ]


def _judged(name: str, problems: list[str], well: str, mend: str) -> Check:
    return Check(name, not problems, "; ".join(problems) or well, mend if problems else None)


def _work(gateway: Gateway, session: Session) -> Check:
    """Whether what was taken goes on: by the marks that workers leave when the engine has run a round in them."""
    now, known = gateway.clock.now(), processes.known(session)
    embedded = gateway.settings.embedded
    working = [row for row in known if row.works and now - row.seen_at <= processes.SILENT]
    if not working and not embedded:
        what = "no worker has been seen lately: documents are taken and kept, and nothing is sent"
        return Check("work", True, what, "start `crossdock worker`", degraded=True)
    since = _standstill(working, now)
    if since is None:
        return Check("work", True, "workers live and the engine runs its rounds")
    what = f"no round of the engine has ended since {since.isoformat(timespec='seconds')}"
    mend = "read the log of the workers, then restart them one by one"
    return Check("work", not embedded, what, mend, degraded=not embedded)


def _standstill(working: list[ProcessRow], now: datetime) -> datetime | None:
    """Since when no worker has run a round; nothing while one is new."""
    marks = [mark for row in working for mark in (row.worked_at, row.began_at) if mark is not None]
    last = max(marks, default=None)
    return last if last is not None and now - last > STANDSTILL else None


async def _writes(gateway: Gateway, bound: float) -> Check:
    """Through the writer, as every document is."""
    writer = gateway.database.writer
    if not writer.alive:
        return Check("writer", False, "the thread that writes has ended", "restart this process; its log says why")
    name, now = gateway.settings.process_id, gateway.clock.now()
    try:
        async with asyncio.timeout(bound):
            await gateway.database.awrite(lambda session: processes.seen(session, name, now))
    except TimeoutError:
        what = (
            f"no write got through within {bound:g} s; {writer.depth} wait, the one at work takes {writer.busy:.0f} s"
        )
        return Check("writer", False, what, "see what holds a lock on the database, and how fast its disk is")
    except Busy:
        what = f"the queue of writes is full ({writer.depth})"
        return Check("writer", False, what, "wait, or spread the traffic over more processes")
    except (Unwritten, SQLAlchemyError) as error:
        what = f"the database cannot be written ({type(error).__name__})"
        return Check("writer", False, what, "see whether its disk is full, or whether it is read-only")
    return Check("writer", True, "a write got through")


def _engine(gateway: Gateway) -> Check:
    if not gateway.settings.embedded or not isinstance(gateway.engine, Engine):
        return Check("engine", True, "this process leaves work to others")
    if gateway.engine.working:
        return Check("engine", True, "this process works too")
    return Check("engine", False, "the engine is not working", "restart this process; its log says why it stopped")


def _disk(gateway: Gateway) -> Check:
    """Of the folder with the database. Where that is elsewhere, a full disk here stops no document."""
    least, sqlite = gateway.settings.disk_free, gateway.database.sqlite
    folder = Path(gateway.database.url.database or "") if sqlite else gateway.settings.data
    free = free_below(folder)
    what = f"{free / 1e9:,.1f} GB are free where the files live"
    if free >= least:
        return Check("disk", True, what)
    mend = f"make room: at least {least / 1e9:,.1f} GB (CROSSDOCK_DISK_FREE)"
    return Check("disk", not sqlite, what, mend, degraded=not sqlite)

"""Counts each hour once it is over, so that pages over weeks need not read the ledger (`app.storage.hourly`).

The newest hours first: after an upgrade the last day is there at once and the month follows. Counting reads; only what
it came to is written, some hours in a transaction."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import CursorResult, delete, select, tuple_
from sqlmodel import Session, SQLModel
from sqlmodel import select as select_one

from app.gateway import Gateway
from app.storage import hourly
from app.storage.base import LIVE, table_of
from app.storage.hourly import HourlyRow, HourRow, PartnerHourlyRow, hour_of, last_closed
from app.storage.measures import Counted, Measure
from app.storage.partners import PartnerRow

KEPT: Final = timedelta(days=93)
AT_ONCE: Final = 24
BATCH: Final = 500
PAUSE: Final = 0.02
SHARE: Final = 60.0
"""Seconds after which a run leaves the rest to the next one."""

_log = structlog.get_logger(__name__)


def run(gateway: Gateway) -> None:
    now = gateway.clock.now()
    counted = count(gateway, now)
    dropped = forget(gateway, now)
    if counted or dropped:
        _log.info("hours_counted", hours=counted, dropped=dropped)


def count(gateway: Gateway, now: datetime) -> int:
    """How many hours were counted."""
    deadline, counted = time.monotonic() + SHARE, 0
    for realm in _realms(gateway):
        hours = _missing(gateway, realm, now)
        for begin in range(0, len(hours), AT_ONCE):
            if time.monotonic() > deadline:
                return counted
            found = [(hour, _measured(gateway, realm, hour)) for hour in hours[begin : begin + AT_ONCE]]
            counted += gateway.database.write(partial(_keep, realm=realm, found=found, now=now))
            time.sleep(PAUSE)
    return counted


def _realms(gateway: Gateway) -> list[str]:
    with gateway.database.read() as session:
        return sorted({*session.exec(select_one(PartnerRow.realm).distinct()), LIVE})


def _missing(gateway: Gateway, realm: str, now: datetime) -> list[int]:
    with gateway.database.read() as session:
        first = hourly.first_hour(session, realm)
        if first is None:
            return []
        since, until = max(first, hour_of(now - KEPT) + 1), last_closed(now)
        there = hourly.counted_hours(session, realm, since, until)
    return [hour for hour in range(until, since - 1, -1) if hour not in there]


def _measured(gateway: Gateway, realm: str, hour: int) -> list[Counted]:
    with gateway.database.read() as session:
        return hourly.measured(session, realm, hour)


def _keep(tx: Session, *, realm: str, found: list[tuple[int, list[Counted]]], now: datetime) -> int:
    return sum(hourly.keep(tx, realm, hour, counted, now) for hour, counted in found)


def forget(gateway: Gateway, now: datetime) -> int:
    """Drops what is older than it is kept; how many rows went."""
    before, dropped = hour_of(now - KEPT), 0
    for realm in _realms(gateway):
        for row, key in _keys(realm):
            while batch := gateway.database.write(partial(_drop, row=row, key=key, before=before)):
                dropped += batch
                time.sleep(PAUSE)
    return dropped


def _keys(realm: str) -> Iterator[tuple[type[SQLModel], dict[str, str]]]:
    """The beginnings of the primary keys behind which the hour stands, so that old rows are a range of the index."""
    yield HourRow, {"realm": realm}
    for measure in Measure:
        for row in (HourlyRow, PartnerHourlyRow):
            yield row, {"realm": realm, "measure": measure}


def _drop(tx: Session, *, row: type[SQLModel], key: dict[str, str], before: int) -> int:
    table = table_of(row)
    conditions = [table.c[name] == value for name, value in key.items()]
    batch = select(*table.primary_key).where(*conditions, table.c.hour < before).limit(BATCH)
    condition = tuple_(*table.primary_key).in_(batch)
    result: CursorResult[Any] = tx.connection().execute(delete(table).where(condition))
    return result.rowcount

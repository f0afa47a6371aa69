"""Counts each hour once it is over, so that pages over weeks need not read the ledger (`app.storage.hourly`).

The newest hours first: after an upgrade the last day is there at once and the month follows. Counting reads; only what
it came to is written, some hours in a transaction."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, SQLModel, col, select

from app.gateway import Gateway
from app.jobs.housekeeping import drop
from app.storage import hourly
from app.storage.base import LIVE
from app.storage.hourly import HourlyRow, HourRow, PartnerHourlyRow, hour_of, last_closed
from app.storage.measures import Counted, Measure
from app.storage.partners import PartnerRow

KEPT: Final = timedelta(days=93)
AT_ONCE: Final = 24
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
        return sorted({*session.exec(select(PartnerRow.realm).distinct()), LIVE})


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
    before = hour_of(now - KEPT)
    return sum(drop(gateway, row, old) for realm in _realms(gateway) for row, old in _old(realm, before))


def _old(realm: str, before: int) -> Iterator[tuple[type[SQLModel], ColumnElement[bool]]]:
    """By the columns of the primary keys before the hour, so that each is a range of an index."""
    yield HourRow, and_(col(HourRow.realm) == realm, col(HourRow.hour) < before)
    for measure in Measure:
        for row in (HourlyRow, PartnerHourlyRow):
            yield row, and_(col(row.realm) == realm, col(row.measure) == measure, col(row.hour) < before)

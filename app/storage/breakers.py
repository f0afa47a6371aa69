"""Whether an ERP may be called now. In the database, since it must hold for all workers and survive a restart.

Five failures in a row open a breaker. While it is open nothing is sent and no order loses an attempt. After the
cool-down one worker, and only one, may probe: with a look-up, which does no harm when its answer is lost. Failure
doubles the cool-down; success closes the breaker on probation, until an order has got through: the first failure then
opens it again, for longer than before. A closed breaker lets the lanes back in waves, so that the backlog does not
knock the ERP over again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Dialect, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime

FAILURES: Final = 5
COOLDOWN: Final = timedelta(seconds=30)
LONGEST_COOLDOWN: Final = timedelta(minutes=10)
PROBE: Final = timedelta(minutes=2)
"""A probe that has not ended after this is free again: its worker died."""
WAVE: Final = timedelta(seconds=1)
"""After closing, 1 delivery may run at once in the first of these, 2 in the second, 4 in the third, ..."""
WAVES: Final = 8
BEHIND_PROBE: Final = timedelta(seconds=5)
"""How soon to ask again while another's probe runs."""


class Breaker(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerRow(Row, table=True):
    """
    failures       in a row.
    next_probe_at  when the next probe may go; while one runs, when it is given up for lost.
    cooldown       seconds that it stayed open last; 0 once an order has got through.
    """

    __tablename__ = "cd_breakers"

    endpoint: str = Field(primary_key=True, max_length=100)
    state: str = Field(default=Breaker.CLOSED, max_length=10)
    failures: int = 0
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_probe_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cooldown: int = 0
    last_error: str | None = Field(default=None, max_length=2_000)


@dataclass(frozen=True, slots=True)
class Go:
    """May be called. `probe`: as the one probe. `room`: how many may be under way at once, None without limit."""

    probe: bool = False
    room: int | None = None


@dataclass(frozen=True, slots=True)
class NotNow:
    until: datetime


class Breakers:
    """Those that one transaction deals with, each read once."""

    def __init__(self, tx: Session) -> None:
        self._tx = tx
        self._rows: dict[str, BreakerRow | None] = {}

    def read(self, endpoints: Collection[str]) -> None:
        """Many at once, before they are asked one by one."""
        new = [endpoint for endpoint in dict.fromkeys(endpoints) if endpoint not in self._rows]
        if new:
            self._rows.update(dict.fromkeys(new))
            self._rows.update({row.endpoint: row for row in self._tx.exec(_THESE, params={"endpoints": new})})

    def admission(self, endpoint: str, now: datetime) -> Go | NotNow:
        """Whoever is told to probe has taken the probe."""
        row = self._row(endpoint)
        if row is None or row.state == Breaker.CLOSED:
            return Go(room=_wave(row, now) if row is not None else None)
        if row.next_probe_at is not None and row.next_probe_at <= now:
            # The row is locked and read again: of several workers that come now, one finds it still due.
            row = self._locked(endpoint)
            if row.state != Breaker.CLOSED and row.next_probe_at is not None and row.next_probe_at <= now:
                row.state = Breaker.HALF_OPEN
                row.next_probe_at = now + PROBE
                return Go(probe=True)
        if row.state == Breaker.OPEN and row.next_probe_at is not None:
            return NotNow(row.next_probe_at)
        return NotNow(now + BEHIND_PROBE)

    def succeeded(self, endpoint: str, now: datetime, *, proven: bool) -> None:
        """The endpoint answered like itself, were it with a refusal. `proven`: to an order, not only to a look-up."""
        row = self._row(endpoint)
        closes = row is not None and row.state != Breaker.CLOSED
        if row is None or not (closes or (proven and (row.failures or row.cooldown))):
            return
        row = self._locked(endpoint)
        row.state = Breaker.CLOSED
        row.next_probe_at = None
        row.failures = 0 if proven else FAILURES - 1
        row.cooldown = 0 if proven else row.cooldown
        if closes:
            row.closed_at = now

    def failed(self, endpoint: str, now: datetime, error: str, *, probe: bool) -> bool:
        """No connection, no answer, or a 5xx. True when that opened the breaker; a `probe` keeps it open for longer."""
        row = self._locked(endpoint)
        row.failures += 1
        row.last_error = error[:2_000]
        opens = row.state == Breaker.CLOSED and row.failures >= FAILURES
        if opens or (row.state == Breaker.HALF_OPEN and probe):
            row.state = Breaker.OPEN
            row.opened_at = now if opens else row.opened_at
            row.cooldown = min(max(row.cooldown * 2, _seconds(COOLDOWN)), _seconds(LONGEST_COOLDOWN))
            row.next_probe_at = now + timedelta(seconds=row.cooldown)
        return opens

    def _row(self, endpoint: str) -> BreakerRow | None:
        self.read([endpoint])
        return self._rows[endpoint]

    def _locked(self, endpoint: str) -> BreakerRow:
        # What was changed here before goes out first: the row is read again.
        self._tx.flush()
        dialect: Dialect = self._tx.get_bind().dialect
        insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
        defaults = {"endpoint": endpoint, "state": Breaker.CLOSED, "failures": 0, "cooldown": 0}
        self._tx.execute(insert(BreakerRow).values(defaults).on_conflict_do_nothing())
        query = select(BreakerRow).where(BreakerRow.endpoint == endpoint).with_for_update()
        row = self._rows[endpoint] = self._tx.exec(query.execution_options(populate_existing=True)).one()
        return row


_THESE: Final = (
    select(BreakerRow)
    .where(col(BreakerRow.endpoint).in_(bindparam("endpoints", expanding=True)))
    .execution_options(populate_existing=True)
)


def _wave(row: BreakerRow, now: datetime) -> int | None:
    if row.closed_at is None:
        return None
    wave = max(0, (now - row.closed_at) // WAVE)
    return None if wave >= WAVES else 1 << wave


def _seconds(time: timedelta) -> int:
    return int(time.total_seconds())

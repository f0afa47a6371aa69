"""What happened in each hour, counted once the hour is over: pages over weeks read these rows and not the ledger.

An hour is counted in one transaction with the row that says so (`HourRow`), so that it is counted once, whoever tries
and however often. Times are kept as a distribution (`app.storage.durations`), since percentiles cannot be added up.
There are two grains: of the whole realm, whose size depends on the hours alone, and by partner and customer. What the
last moments brought is counted from the rows themselves (`measured`), by the same queries.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, Table, insert
from sqlmodel import Field, Session, col, func, select

from app.storage.base import Row, UtcDateTime, table_of
from app.storage.exchanges import ExchangeRow
from app.storage.measures import Counted, Measure, measured_hour
from app.storage.prepared import PreparedInsert

HOUR: Final = timedelta(hours=1)
SETTLED: Final = timedelta(minutes=10)
"""An hour is counted this long after its end: what began in it has its outcome by then."""


class HourRow(Row, table=True):
    """`hour`, here and below: whole hours since 1970-01-01T00:00Z."""

    __tablename__ = "cd_hours"

    realm: str = Field(primary_key=True, max_length=20)
    hour: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    counted_at: datetime = Field(sa_type=UtcDateTime)


class HourlyRow(Row, table=True):
    """`name` and `key` are what the measure tells apart (`Measure`)."""

    __tablename__ = "cd_hourly"

    realm: str = Field(primary_key=True, max_length=20)
    measure: str = Field(primary_key=True, max_length=20)
    hour: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    name: str = Field(primary_key=True, max_length=100)
    key: str = Field(primary_key=True, max_length=20)
    number: int = Field(sa_type=BigInteger)


class PartnerHourlyRow(Row, table=True):
    """The same by partner and customer."""

    __tablename__ = "cd_partner_hourly"

    realm: str = Field(primary_key=True, max_length=20)
    measure: str = Field(primary_key=True, max_length=20)
    hour: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    partner_id: str = Field(primary_key=True, max_length=36)
    customer_id: str = Field(primary_key=True, max_length=36)
    name: str = Field(primary_key=True, max_length=100)
    key: str = Field(primary_key=True, max_length=20)
    number: int = Field(sa_type=BigInteger)

    __table_args__ = (Index("ix_cd_partner_hourly_partner_id", "realm", "measure", "partner_id", "hour"),)


_HOURLY: Final = table_of(HourlyRow)
_PARTNER_HOURLY: Final = table_of(PartnerHourlyRow)
_take_hour = PreparedInsert(table_of(HourRow), unless_there=True)


def hour_of(at: datetime) -> int:
    return int(at.timestamp() // 3600)


def begin_of(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def last_closed(now: datetime) -> int:
    """The newest hour that may be counted."""
    return hour_of(now - SETTLED) - 1


def first_hour(session: Session, realm: str) -> int | None:
    """That of the oldest exchange; None before there is any."""
    at = session.exec(select(func.min(ExchangeRow.at)).where(ExchangeRow.realm == realm)).one()
    return None if at is None else hour_of(at)


def counted_hours(session: Session, realm: str, since: int, until: int) -> set[int]:
    """Those of `since` to `until`, both included, that are counted."""
    query = select(HourRow.hour).where(HourRow.realm == realm, col(HourRow.hour).between(since, until))
    return set(session.exec(query))


def measured(session: Session, realm: str, hour: int) -> list[Counted]:
    """The hour from the rows themselves, whether it is over or not."""
    begin = begin_of(hour)
    return list(measured_hour(session, realm, begin, begin + HOUR))


def keep(tx: Session, realm: str, hour: int, found: Iterable[Counted], now: datetime) -> bool:
    """Keeps what an hour came to. False, and nothing is written, when somebody has counted it."""
    if not _take_hour(tx, {"realm": realm, "hour": hour, "counted_at": now}):
        return False
    by_partner: dict[tuple[str, ...], int] = defaultdict(int)
    whole: dict[tuple[str, ...], int] = defaultdict(int)
    for one in found:
        by_partner[one.measure, one.partner_id, one.customer_id, one.name, one.key] += one.number
        whole[one.measure, one.name, one.key] += one.number
    _insert(tx, _HOURLY, ("measure", "name", "key"), whole, realm, hour)
    _insert(tx, _PARTNER_HOURLY, ("measure", "partner_id", "customer_id", "name", "key"), by_partner, realm, hour)
    return True


def _insert(
    tx: Session, table: Table, names: Sequence[str], found: Mapping[tuple[str, ...], int], realm: str, hour: int
) -> None:
    rows = [
        {"realm": realm, "hour": hour, **dict(zip(names, key, strict=True)), "number": number}
        for key, number in found.items()
    ]
    if rows:
        tx.connection().execute(insert(table), rows)


@dataclass(frozen=True, slots=True)
class Scope:
    """
    partner    a partner's id, or everybody.
    customers  only what is known to be these customers'; None: no limit.
    """

    partner: str | None = None
    customers: Sequence[str] | None = None

    @property
    def whole(self) -> bool:
        return self.partner is None and self.customers is None

    def covers(self, one: Counted) -> bool:
        of_partner = self.partner is None or one.partner_id == self.partner
        return of_partner and (self.customers is None or one.customer_id in self.customers)


Cell = tuple[int, str, str, int]
"""Hour, name, key, number."""


def cells(session: Session, realm: str, measure: Measure, since: int, until: int, scope: Scope) -> list[Cell]:
    """What was counted of the hours `since` to `until`, both included."""
    if scope.whole:
        plain = select(HourlyRow.hour, HourlyRow.name, HourlyRow.key, HourlyRow.number).where(
            HourlyRow.realm == realm, HourlyRow.measure == measure, col(HourlyRow.hour).between(since, until)
        )
        return [(hour, name, key, number) for hour, name, key, number in session.exec(plain)]
    row = PartnerHourlyRow
    query = (
        select(row.hour, row.name, row.key, func.sum(row.number))
        .where(*_in_scope(realm, measure, since, until, scope))
        .group_by(col(row.hour), col(row.name), col(row.key))
    )
    return [(hour, name, key, int(number)) for hour, name, key, number in session.exec(query)]


def _in_scope(realm: str, measure: Measure, since: int, until: int, scope: Scope) -> list[Any]:
    row = PartnerHourlyRow
    conditions: list[Any] = [row.realm == realm, row.measure == measure, col(row.hour).between(since, until)]
    if scope.partner is not None:
        conditions.append(row.partner_id == scope.partner)
    if scope.customers is not None:
        conditions.append(col(row.customer_id).in_(scope.customers))
    return conditions


def by_partner(
    session: Session, realm: str, measure: Measure, since: int, until: int, scope: Scope
) -> dict[tuple[str, str, str], int]:
    """Sums over the time, by partner, name and key."""
    row = PartnerHourlyRow
    query = (
        select(row.partner_id, row.name, row.key, func.sum(row.number))
        .where(*_in_scope(realm, measure, since, until, scope))
        .group_by(col(row.partner_id), col(row.name), col(row.key))
    )
    return {(partner, name, key): int(number) for partner, name, key, number in session.exec(query)}


def steps_of_partners(
    session: Session,
    realm: str,
    measure: Measure,
    since: int,
    until: int,
    partners: Sequence[str],
    scope: Scope,
    *,
    width: int,
) -> dict[tuple[str, int], int]:
    """Sums for these partners, by partner and step of `width` hours (the first begins with `since`)."""  # fmt: skip
    row = PartnerHourlyRow
    step = (col(row.hour) - since) // width
    query = (
        select(col(row.partner_id), step, func.sum(row.number))
        .where(*_in_scope(realm, measure, since, until, scope), col(row.partner_id).in_(partners))
        .group_by(col(row.partner_id), step)
    )
    return {(partner, int(at)): int(number) for partner, at, number in session.execute(query)}

"""How many orders went through without a person, day by day, and what the others waited for.

Two rates, since they mean two things. *Without the desk*: no case was ever opened for the order, whatever became of
it. *Without anybody*: moreover nobody was asked to approve it. Test orders do not count; days are those of arrival, in
UTC. Orders, cases and tasks are read by ranges of the order's id, which grows with the time of its arrival."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, String, cast, func
from sqlmodel import Session, col, select

from app.storage.approvals import RunTaskRow
from app.storage.base import first_id, unindexed
from app.storage.hourly import Scope
from app.storage.orders import HoldRow, OrderRow

DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Day:
    """Of the `orders` of the day `desk` had a case, `asked` had none, but people who were asked to approve."""

    day: date
    orders: int
    desk: int
    asked: int

    @property
    def without_desk(self) -> int:
        return self.orders - self.desk

    @property
    def without_anybody(self) -> int:
        return self.orders - self.desk - self.asked


@dataclass(frozen=True, slots=True)
class Touchless:
    """
    days    the last DAYS, the oldest first.
    causes  by code of case: for how many orders there was one; the most frequent first.
    """

    days: Sequence[Day]
    causes: Sequence[tuple[str, int]]

    @property
    def orders(self) -> int:
        return sum(day.orders for day in self.days)

    @property
    def without_desk(self) -> int:
        return sum(day.without_desk for day in self.days)

    @property
    def without_anybody(self) -> int:
        return sum(day.without_anybody for day in self.days)


def touchless(session: Session, realm: str, scope: Scope, now: datetime) -> Touchless:
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    since = datetime.combine(first, time(), UTC)
    # An id is made when its order is written: a clock that was set right meanwhile must not hide any.
    floor = first_id(since - timedelta(days=1))
    arrived = _arrived(realm, scope, since, floor)
    held = select(HoldRow.order_id).where(col(HoldRow.order_id) >= floor)
    asked = select(RunTaskRow.order_id).where(col(RunTaskRow.order_id) >= floor)
    orders = _by_day(session, arrived)
    desk = _by_day(session, [*arrived, col(OrderRow.id).in_(held)])
    only_asked = _by_day(session, [*arrived, col(OrderRow.id).in_(asked), col(OrderRow.id).not_in(held)])
    days = [
        Day(day, orders.get(str(day), 0), desk.get(str(day), 0), only_asked.get(str(day), 0))
        for day in (first + timedelta(days=number) for number in range(DAYS))
    ]
    return Touchless(days, _causes(session, [*arrived, col(HoldRow.order_id) >= floor]))


def _arrived(realm: str, scope: Scope, since: datetime, floor: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        col(OrderRow.id) >= floor,
        unindexed(OrderRow.realm) == realm,
        col(OrderRow.received_at) >= since,
        col(OrderRow.test).is_(False),
    ]
    if scope.partner is not None:
        conditions.append(col(OrderRow.partner_id) == scope.partner)
    if scope.customers is not None:
        conditions.append(unindexed(OrderRow.customer_id).in_(scope.customers))
    return conditions


def _by_day(session: Session, conditions: Sequence[ColumnElement[bool]]) -> Mapping[str, int]:
    at: Any = col(OrderRow.received_at)
    # SQLite keeps times as texts, in UTC.
    utc = at if session.get_bind().dialect.name == "sqlite" else func.timezone("UTC", at)
    day = func.substr(cast(utc, String), 1, 10).label("day")
    query = select(day, func.count()).select_from(OrderRow).where(*conditions)
    return dict(session.exec(query.group_by("day")).all())


def _causes(session: Session, conditions: Sequence[ColumnElement[bool]]) -> list[tuple[str, int]]:
    orders = func.count(func.distinct(col(HoldRow.order_id)))
    query = select(HoldRow.code, orders).where(OrderRow.id == HoldRow.order_id, *conditions)
    found = session.exec(query.group_by(col(HoldRow.code))).all()
    return sorted(found, key=lambda row: (-row[1], row[0]))

"""What needs a person now, in figures: each says where it can be dealt with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlmodel import Session, col

from app.bridge import registry, schedule
from app.gateway import Gateway
from app.storage import deliveries, dispatches, processes
from app.storage.breakers import Breaker, BreakerRow
from app.storage.deliveries import DeliveryRow
from app.storage.dispatches import DispatchRow
from app.storage.lane_stops import LaneStopRow
from app.storage.orders import HoldRow, HoldState, OrderRevisionRow, OrderRow, OrderState

NAMED: Final = 5
"""Overdue orders that are named; the others are only counted."""


@dataclass(frozen=True, slots=True)
class OverdueOrder:
    id: str
    number: str


@dataclass(frozen=True, slots=True)
class Attention:
    """
    cases          differences that wait at the desk; `approvals` orders that people were asked about.
    stuck_lanes    begun and not got through for longer than a person should have to wait; `stopped_lanes` somebody has
                   paused or lets drain.
    undelivered    orders that an ERP did not get and that nobody tries any more.
    unanswered     documents that a buyer's system refused, or that could not be brought there.
    overdue        orders whose buyer has waited too long for the outcome and owes us no change; `overdue_orders` the
                   first of them.
    breakers       ERPs that are not called at the moment, since they do not answer.
    silent         workers that have not been seen for a while; `no_worker`: there is none else.
    """

    cases: int
    approvals: int
    stuck_lanes: int
    stopped_lanes: int
    undelivered: int
    unanswered: int
    overdue: int
    overdue_orders: Sequence[OverdueOrder]
    breakers: Sequence[str]
    silent: Sequence[str]
    no_worker: bool

    @property
    def all_well(self) -> bool:
        return not any(
            (
                self.cases, self.approvals, self.stuck_lanes, self.stopped_lanes, self.undelivered, self.unanswered,
                self.overdue, self.breakers, self.silent, self.no_worker,
            )
        )  # fmt: skip


def needs(session: Session, gateway: Gateway, realm: str, customers: Sequence[str] | None) -> Attention:
    """Of these customers' business only; None: of everybody's. ERPs and workers are everybody's."""
    now = gateway.clock.now()
    overdue = _overdue(session, realm, customers, now - timedelta(hours=gateway.settings.promise_hours))
    silent, alive = _workers(session, now)
    return Attention(
        cases=_count(session, HoldRow, realm, customers, col(HoldRow.state) == HoldState.OPEN),
        approvals=_count(session, OrderRow, realm, customers, col(OrderRow.state) == OrderState.AWAITING_APPROVAL),
        stuck_lanes=sum(lane.stuck > 0 for lane in open_lanes(session, realm, now, customers=customers)),
        stopped_lanes=_stopped_lanes(session, realm, customers),
        undelivered=_count(
            session, DeliveryRow, realm, customers, and_(deliveries.FOR_A_PERSON, ~col(DeliveryRow.superseded))
        ),
        unanswered=_count(session, DispatchRow, realm, customers, dispatches.FOR_A_PERSON),
        overdue=overdue[0],
        overdue_orders=overdue[1],
        breakers=_breakers(session, realm),
        silent=silent,
        no_worker=not alive and not silent,
    )


def _served(column: Any, customers: Sequence[str] | None) -> list[ColumnElement[bool]]:
    return [] if customers is None else [col(column).in_(customers)]


def _count(
    session: Session,
    row: type[HoldRow] | type[OrderRow] | type[DeliveryRow] | type[DispatchRow],
    realm: str,
    customers: Sequence[str] | None,
    condition: Any,
) -> int:
    query = select(func.count()).select_from(row).where(col(row.realm) == realm, condition)
    number: int = session.execute(query.where(*_served(row.customer_id, customers))).scalar_one()
    return number


def _overdue(
    session: Session, realm: str, customers: Sequence[str] | None, before: datetime
) -> tuple[int, tuple[OverdueOrder, ...]]:
    query = (
        select(col(OrderRow.id), col(OrderRow.number), func.count().over())
        .join(
            OrderRevisionRow,
            (col(OrderRevisionRow.order_id) == col(OrderRow.id))
            & (col(OrderRevisionRow.number) == col(OrderRow.revision)),
        )
        .where(
            col(OrderRow.realm) == realm,
            col(OrderRow.promised).is_(True),
            col(OrderRow.state) != OrderState.SENT_BACK,
            col(OrderRevisionRow.at) <= before,
            *_served(OrderRow.customer_id, customers),
        )
        .order_by(col(OrderRow.id))
        .limit(NAMED)
    )
    rows = session.execute(query).all()
    return (rows[0][2] if rows else 0), tuple(OverdueOrder(id_, number) for id_, number, _ in rows)


def _stopped_lanes(session: Session, realm: str, customers: Sequence[str] | None) -> int:
    lanes = session.scalars(select(col(LaneStopRow.lane)).where(col(LaneStopRow.realm) == realm))
    return sum(customers is None or lane.rpartition(":")[0] in customers for lane in lanes)


def _breakers(session: Session, realm: str) -> tuple[str, ...]:
    query = select(col(BreakerRow.endpoint)).where(col(BreakerRow.state) != Breaker.CLOSED)
    found = session.scalars(query.order_by(col(BreakerRow.endpoint)))
    names = ((endpoint, endpoint.rpartition("/")[2]) for endpoint in found)
    return tuple(name for endpoint, name in names if endpoint == registry.key(realm, name))


def _workers(session: Session, now: datetime) -> tuple[tuple[str, ...], bool]:
    """Those that are silent, and whether there are others."""
    workers = [row for row in processes.known(session) if row.works]
    silent = tuple(row.id for row in workers if now - row.seen_at > processes.SILENT)
    return silent, len(workers) > len(silent)


@dataclass(frozen=True, slots=True)
class OpenLane:
    """`stuck` of the `open` orders were begun and are late."""

    customer_id: str
    erp: str
    open: int
    oldest_at: datetime
    stuck: int


def open_lanes(
    session: Session,
    realm: str,
    now: datetime,
    *,
    customers: Sequence[str] | None = None,
    partner: str | None = None,
) -> list[OpenLane]:
    """Lanes with something still to be delivered, the oldest first; of `partner`: only what that partner ordered."""
    row = DeliveryRow
    late = col(row.first_sent_at).is_not(None) & (col(row.created_at) <= now - schedule.LATE)
    oldest = func.min(col(row.created_at))
    query = select(col(row.customer_id), col(row.erp), func.count(), oldest, func.sum(case((late, 1), else_=0))).where(
        col(row.open).is_(True), col(row.realm) == realm, *_served(row.customer_id, customers)
    )
    if partner is not None:
        query = query.where(col(OrderRow.id) == col(row.order_id), col(OrderRow.partner_id) == partner)
    grouped = query.group_by(col(row.lane), col(row.customer_id), col(row.erp)).order_by(oldest)
    return [OpenLane(*found) for found in session.execute(grouped)]

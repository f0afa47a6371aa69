"""Counts over what waits, for those who watch: a fixed number of statements, each over what is open or capped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, case, func, literal, select, union_all
from sqlmodel import Session, col

from app.storage.base import LIVE
from app.storage.breakers import BreakerRow
from app.storage.deliveries import FOR_A_PERSON, DeliveryRow, State
from app.storage.dispatches import FOR_A_PERSON as FAILED_FOR_GOOD
from app.storage.dispatches import DispatchRow
from app.storage.exchanges import Direction, ExchangeRow
from app.storage.orders import OrderRow, OrderState
from app.storage.partners import PartnerRow

LANES: Final = 100
PARTNERS: Final = 500
ERPS: Final = 100
OPEN_STATES: Final = (State.PENDING, State.SENDING, State.WAITING, State.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Waiting:
    what: str
    state: str
    number: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class LaneNumbers:
    """by_state  as OPEN_STATES."""

    realm: str
    lane: str
    oldest: datetime
    by_state: tuple[int, ...]


def waiting(session: Session) -> list[Waiting]:
    """By state: deliveries and answers that are open or came to a stop, and orders that wait for people."""
    asked = col(OrderRow.state).in_((OrderState.HELD, OrderState.AWAITING_APPROVAL))
    counts = union_all(
        _counted("delivery", DeliveryRow, DeliveryRow.created_at).where(col(DeliveryRow.open).is_(True)),
        _counted("delivery", DeliveryRow, DeliveryRow.created_at).where(FOR_A_PERSON),
        _counted("dispatch", DispatchRow, DispatchRow.created_at).where(col(DispatchRow.open).is_(True)),
        _counted("dispatch", DispatchRow, DispatchRow.created_at).where(FAILED_FOR_GOOD),
        _counted("order", OrderRow, OrderRow.received_at).where(col(OrderRow.realm) == LIVE, asked),
    )
    return [Waiting(*row) for row in session.execute(counts)]


def _counted(what: str, row: Any, since: Any) -> Select[Any]:
    """The name of the state is its column's own, so that each part of the union reads alike."""
    return select(literal(what), col(row.state), func.count(), func.min(since)).group_by(col(row.state))


def oldest_lanes(session: Session) -> list[LaneNumbers]:
    """Those with the oldest open deliveries, LANES at most."""
    oldest = func.min(col(DeliveryRow.created_at))
    by_state = [func.sum(case((col(DeliveryRow.state) == state, 1), else_=0)) for state in OPEN_STATES]
    query = (
        select(col(DeliveryRow.realm), col(DeliveryRow.lane), oldest, *by_state)
        .where(col(DeliveryRow.open).is_(True))
        .group_by(col(DeliveryRow.realm), col(DeliveryRow.lane))
        .order_by(oldest)
        .limit(LANES)
    )
    return [LaneNumbers(row[0], row[1], row[2], tuple(map(int, row[3:]))) for row in session.execute(query)]


def last_seen(session: Session) -> Sequence[tuple[str, datetime]]:
    """Partners and when their last document came: a look into the index for each."""
    last = (
        select(col(ExchangeRow.at))
        .where(
            col(ExchangeRow.realm) == PartnerRow.realm,
            col(ExchangeRow.partner_id) == PartnerRow.id,
            col(ExchangeRow.direction) == Direction.IN,
        )
        .order_by(col(ExchangeRow.id).desc())
        .limit(1)
        .correlate(PartnerRow)
        .scalar_subquery()
    )
    query = select(col(PartnerRow.id), last).where(col(PartnerRow.active)).order_by(col(PartnerRow.id)).limit(PARTNERS)
    return [(partner, at) for partner, at in session.execute(query) if at is not None]


def breaker_states(session: Session) -> Sequence[tuple[str, str]]:
    """ERPs whose breaker ever counted a failure, those that opened last first."""
    query = select(col(BreakerRow.endpoint), col(BreakerRow.state))
    opened = col(BreakerRow.opened_at).desc().nulls_last()
    return [(erp, state) for erp, state in session.execute(query.order_by(opened, BreakerRow.endpoint).limit(ERPS))]

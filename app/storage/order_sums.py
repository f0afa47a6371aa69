"""What a customer's orders of a time come to, for rules against the splitting of orders and for budgets."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlmodel import Session, col, select

from app.storage.orders import OrderRow, OrderState, cost_center_of
from schemas.money import Money

_GONE: Final = (OrderState.REJECTED, OrderState.CANCELLED)


def of_requester(
    session: Session, customer_id: str, requester: str, since: datetime, until: datetime, *, besides: str, test: bool
) -> Iterator[Money | None]:
    """The total of each order that this person asked for, None for one that has none; `besides` is the number of the
    order that is not counted. Rejected and cancelled ones do not count."""
    return _totals(session, customer_id, OrderRow.requester == requester, since, until, besides, test)


def of_cost_center(
    session: Session, customer_id: str, cost_center: str, since: datetime, until: datetime, *, besides: str, test: bool
) -> Iterator[Money | None]:
    """The same of a cost centre, without orders whose lines name several."""
    return _totals(
        session, customer_id, OrderRow.cost_center == cost_center_of(cost_center), since, until, besides, test
    )


def _totals(
    session: Session, customer_id: str, whose: Any, since: datetime, until: datetime, besides: str, test: bool
) -> Iterator[Money | None]:
    query = select(col(OrderRow.total), OrderRow.currency).where(
        OrderRow.customer_id == customer_id,
        whose,
        col(OrderRow.received_at) >= since,
        col(OrderRow.received_at) <= until,
        OrderRow.number != besides,
        col(OrderRow.state).not_in(_GONE),
        col(OrderRow.test).is_(test),
    )
    for total, currency in session.exec(query):
        yield None if total is None else Money(amount=Decimal(total), currency=currency)


def has_any(session: Session, customer_id: str, *, besides: str) -> bool:
    """Whether the customer has an order of another number."""
    query = select(OrderRow.id).where(
        OrderRow.customer_id == customer_id, OrderRow.number != besides, col(OrderRow.test).is_(False)
    )
    return session.exec(query.limit(1)).first() is not None

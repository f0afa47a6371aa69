"""What a customer's orders of a time come to, for rules against the splitting of orders and for budgets."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
from sqlmodel import Session, col, select

from app.storage.orders import OrderRevisionRow, OrderRow, OrderState, cost_center_of
from schemas.money import Money

LAST_ORDERS: Final = 500
"""Among how many orders an item is looked for that may be new to the customer."""
_SOON: Final = timedelta(days=1)
"""By when an order that was received is kept, whatever happened in between."""
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


def of_customer(
    session: Session, customer_id: str, since: datetime, until: datetime, *, besides: str, test: bool
) -> Iterator[Money | None]:
    """The same of all orders of a customer. They are read from the newest on until they are surely older: an order is
    kept soon after it was received, and by then has an id that grows with time."""
    query = (
        select(col(OrderRow.total), OrderRow.currency, OrderRow.received_at)
        .where(
            OrderRow.customer_id == customer_id,
            OrderRow.number != besides,
            col(OrderRow.state).not_in(_GONE),
            col(OrderRow.test).is_(test),
        )
        .order_by(col(OrderRow.id).desc())
        .execution_options(yield_per=200)
    )
    for total, currency, received_at in session.exec(query):
        if received_at < since - _SOON:
            return
        if since <= received_at <= until:
            yield None if total is None else Money(amount=Decimal(total), currency=currency)


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


def items_before(session: Session, customer_id: str, until: datetime, *, besides: str, test: bool) -> Iterator[str]:
    """Our numbers of what stands in the customer's last orders before then, the newest order first; rejected and
    cancelled ones do not count. One number may come often."""
    orders = (
        select(OrderRow.id, OrderRow.revision)
        .where(
            OrderRow.customer_id == customer_id,
            col(OrderRow.received_at) <= until,
            OrderRow.number != besides,
            col(OrderRow.state).not_in(_GONE),
            col(OrderRow.test).is_(test),
        )
        .order_by(col(OrderRow.id).desc())
        .limit(LAST_ORDERS)
        .subquery()
    )
    query = (
        select(OrderRevisionRow.checked)
        .join(orders, orders.c.id == OrderRevisionRow.order_id)
        .where(OrderRevisionRow.number == orders.c.revision)
        .order_by(orders.c.id.desc())
        .execution_options(yield_per=20)
    )
    for checked in session.exec(query):
        if checked is not None:
            yield from (line.item.supplier_id for line in _ITEMS.decode(checked).lines if line.item.supplier_id)


class _Item(msgspec.Struct):
    supplier_id: str | None = None


class _Line(msgspec.Struct):
    item: _Item


class _Items(msgspec.Struct):
    lines: tuple[_Line, ...] = ()


_ITEMS: Final = msgspec.json.Decoder(_Items)
"""Of an order its items alone."""

"""The list of orders: what a filter selects, page by page or as a whole for an export."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar
from starlette.datastructures import QueryParams

from app.storage import approvals
from app.storage.base import unindexed
from app.storage.customers import CustomerRow
from app.storage.orders import HoldRow, HoldState, OrderRow, OrderState
from app.web.forms import as_query
from schemas.money import Money

PAGE: Final = 50


class Viewer(Protocol):
    """Who asks, a person or a key: they see the orders of these customers (by id), of all where it is None."""

    realm: str
    customers: list[str] | None


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """
    text      part of the order number or of the requester, or the id of the request that the order came with.
    since, until  days (UTC) of arrival, both included.
    before    the last id of the page before.
    """

    text: str = ""
    state: str = ""
    customer: str = ""
    since: date | None = None
    until: date | None = None
    before: str = ""

    @staticmethod
    def of(query: QueryParams) -> "OrderFilter":
        """What cannot be understood is left out: a filter is no form to be refused."""
        state = query.get("state", "")
        return OrderFilter(
            text=query.get("q", "").strip()[:200],
            state=state if state in list(OrderState) else "",
            customer=query.get("customer", "")[:36],
            since=_day(query.get("since", "")),
            until=_day(query.get("until", "")),
            before=query.get("before", "")[:36],
        )

    def query(self, **changes: str) -> str:
        """As the query of a link."""
        chosen = replace(self, **changes)  # type: ignore[arg-type]  # only the texts are ever changed
        values = {
            "q": chosen.text,
            "state": chosen.state,
            "customer": chosen.customer,
            "since": chosen.since.isoformat() if chosen.since else "",
            "until": chosen.until.isoformat() if chosen.until else "",
            "before": chosen.before,
        }
        return as_query(values)


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """`cases` is how many are open; `overridden`: an administrator decided in place of the approvers."""

    order: OrderRow
    customer: str
    customer_number: str
    cases: int
    overridden: bool = False

    @property
    def total(self) -> Money | None:
        return None if self.order.total is None else Money(amount=self.order.total, currency=self.order.currency)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def visible_to(viewer: Viewer) -> list[ColumnElement[bool]]:
    """The conditions that limit a query over orders to those that the viewer may see."""
    return [col(OrderRow.realm) == viewer.realm, *_customers_of(viewer)]


def _customers_of(viewer: Viewer) -> list[ColumnElement[bool]]:
    return [] if viewer.customers is None else [col(OrderRow.customer_id).in_(viewer.customers)]


def _selected(viewer: Viewer, chosen: OrderFilter) -> SelectOfScalar[OrderRow]:
    realm = col(OrderRow.realm) if chosen.state else unindexed(OrderRow.realm)
    query = select(OrderRow).where(realm == viewer.realm, *_customers_of(viewer)).order_by(col(OrderRow.id).desc())
    if chosen.text:
        number = col(OrderRow.number).icontains(chosen.text, autoescape=True)
        requester = col(OrderRow.requester).icontains(chosen.text, autoescape=True)
        numbers = (OrderRow.correlation_id == chosen.text, OrderRow.request_id == chosen.text)
        query = query.where(or_(number, requester, *numbers))
    if chosen.state:
        query = query.where(col(OrderRow.state) == chosen.state)
    if chosen.customer:
        query = query.where(col(OrderRow.customer_id) == chosen.customer)
    if chosen.since:
        query = query.where(col(OrderRow.received_at) >= datetime.combine(chosen.since, time(), UTC))
    if chosen.until:
        query = query.where(col(OrderRow.received_at) < datetime.combine(chosen.until, time(), UTC) + timedelta(days=1))
    if chosen.before:
        query = query.where(col(OrderRow.id) < chosen.before)
    return query


def listed(
    session: Session, viewer: Viewer, chosen: OrderFilter, most: int = PAGE
) -> tuple[list[ListedOrder], str | None]:
    """A page, newest first, and the `before` of the next one, where there is one."""
    found = session.exec(_selected(viewer, chosen).limit(most + 1)).all()
    shown = found[:most]
    return described(session, shown), shown[-1].id if len(found) > most else None


def described(session: Session, rows: Sequence[OrderRow]) -> list[ListedOrder]:
    wanted = {order.customer_id for order in rows}
    customers = {c.id: c for c in session.exec(select(CustomerRow).where(col(CustomerRow.id).in_(wanted)))}
    ids = [order.id for order in rows]
    cases, overridden = _open_cases(session, ids), approvals.overridden(session, ids)
    return [
        ListedOrder(order, customer.name, customer.number, cases.get(order.id, 0), order.id in overridden)
        for order, customer in ((order, customers[order.customer_id]) for order in rows)
    ]


def _open_cases(session: Session, order_ids: list[str]) -> dict[str, int]:
    query = (
        select(HoldRow.order_id, func.count())
        .where(col(HoldRow.order_id).in_(order_ids), HoldRow.state == HoldState.OPEN)
        .group_by(col(HoldRow.order_id))
    )
    return dict(session.exec(query).all())


def exported(session: Session, viewer: Viewer, chosen: OrderFilter, most: int) -> Iterator[ListedOrder]:
    """All that the filter selects, at most so many, newest first; read in batches that end with the iteration."""
    left = replace(chosen, before="")
    while most > 0:
        batch = session.exec(_selected(viewer, left).limit(min(most, 1_000))).all()
        if not batch:
            return
        yield from described(session, batch)
        session.expunge_all()
        most -= len(batch)
        left = replace(left, before=batch[-1].id)


def customers_of(session: Session, viewer: Viewer) -> list[CustomerRow]:
    """Those whose orders the viewer may see, by name."""
    query = select(CustomerRow).where(CustomerRow.realm == viewer.realm).order_by(CustomerRow.name)
    return [customer for customer in session.exec(query) if viewer.customers is None or customer.id in viewer.customers]

"""`GET /api/v1/orders` and `/api/v1/orders/{number}`: what became of the orders of the key's customers."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Final, TypeVar

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.storage.api_keys import ApiKeyRow
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRow, OrderState, revision
from app.web.api.guard import key_of
from app.web.endpoint import gateway_of
from app.web.orders.order_list import ListedOrder, OrderFilter, described, listed
from app.web.problem import problem
from schemas.base import Canonical, to_json
from schemas.faults import Fault
from schemas.money import Money
from schemas.order import Order

T = TypeVar("T")

PAGE: Final = 50
LARGEST_PAGE: Final = 200
LIST_PARAMETERS: Final = ("state", "customer", "since", "until", "limit", "cursor")


class OrderSummary(Canonical, frozen=True, kw_only=True):
    """
    customer    the customer's number.
    state       held, awaiting_approval, approved, forwarding, accepted, rejected or cancelled.
    open_cases  how many differences wait at the desk.
    """

    id: str
    number: str
    customer: str
    state: OrderState
    protocol: str
    open_cases: int
    received_at: datetime
    changed_at: datetime
    total: Money | None = None
    version: int | None = None
    requester: str | None = None
    erp_number: str | None = None
    document_id: str | None = None


class OrderPage(Canonical, frozen=True, kw_only=True):
    """Newest first. `next`: the cursor of what follows; absent on the last page."""

    orders: tuple[OrderSummary, ...]
    next: str | None = None


class WholeOrder(Canonical, frozen=True, kw_only=True):
    """`document` is the order as it stands: as checked for the ERP, or as it came where it has not passed the checks
    or was cancelled."""

    summary: OrderSummary
    document: Order


def order_list(request: Request) -> Response:
    key, faults = key_of(request), list[Fault]()
    with gateway_of(request).database.read() as session:
        chosen, most = _chosen(session, key, request.query_params, faults)
        if faults:
            return _refused(request, faults)
        rows, before = listed(session, key, chosen, most)
    return _json(OrderPage(orders=tuple(map(_summary, rows)), next=before))


def order(request: Request) -> Response:
    """Order numbers are each customer's own: where several have this one, `customer` says whose is meant."""
    key, faults = key_of(request), list[Fault]()
    with gateway_of(request).database.read() as session:
        _refuse_others(request.query_params, ("customer",), faults)
        customer_id = _customer(session, key, request.query_params, faults)
        if faults:
            return _refused(request, faults)
        query = select(OrderRow).where(
            OrderRow.realm == key.realm,
            _reached(key, customer_id),
            OrderRow.number == request.path_params["number"],
        )
        found = session.exec(query.limit(2)).all()
        if not found:
            raise HTTPException(404)
        if len(found) > 1:
            return problem(request, 409, "Several customers have an order of this number: add ?customer=NUMBER.")
        (summary,) = map(_summary, described(session, found))
        newest = revision(session, found[0])
        document = newest.document() if newest.checked is None else newest.order()
    return _json(WholeOrder(summary=summary, document=document))


def _customer(session: Session, key: ApiKeyRow, query: QueryParams, faults: list[Fault]) -> str | None:
    """The id of the customer that the request names. One that the key does not reach is as unknown as one that there is
    not."""
    number = query.get("customer")
    if number is None:
        return None
    known = select(CustomerRow.id).where(CustomerRow.realm == key.realm, CustomerRow.number == number)
    found = session.exec(known).first()
    if found is None or (key.customers is not None and found not in key.customers):
        message = "there is no such customer"
        faults.append(Fault(code="query.unknown_customer", at="customer", message=message, found=number[:100]))
        return None
    return found


def _reached(key: ApiKeyRow, customer_id: str | None) -> ColumnElement[bool]:
    """By the customers in each case, so that the index of customer and number finds the order."""
    if customer_id is not None:
        return col(OrderRow.customer_id) == customer_id
    if key.customers is not None:
        return col(OrderRow.customer_id).in_(key.customers)
    return col(OrderRow.customer_id).in_(select(CustomerRow.id).where(CustomerRow.realm == key.realm))


def _chosen(session: Session, key: ApiKeyRow, query: QueryParams, faults: list[Fault]) -> tuple[OrderFilter, int]:
    """What the parameters select, and how many orders a page has; everything that is wrong with them goes to
    `faults`."""
    _refuse_others(query, LIST_PARAMETERS, faults)
    customer_id = _customer(session, key, query, faults)
    states = ", ".join(OrderState)
    state = _read(query, "state", OrderState, f"one of {states}", faults)
    chosen = OrderFilter(
        state=state or "",
        customer=customer_id or "",
        since=_read(query, "since", date.fromisoformat, "a day, YYYY-MM-DD", faults),
        until=_read(query, "until", date.fromisoformat, "a day, YYYY-MM-DD", faults),
        before=_read(query, "cursor", _cursor, "the `next` of the page before", faults) or "",
    )
    return chosen, _read(query, "limit", _limit, f"a number from 1 to {LARGEST_PAGE}", faults) or PAGE


def _refuse_others(query: QueryParams, known: tuple[str, ...], faults: list[Fault]) -> None:
    for name in dict.fromkeys(name for name, _ in query.multi_items()):
        if name not in known:
            message = f"there is no such parameter, only {', '.join(known)}"
            faults.append(Fault(code="query.unknown", at=name[:100], message=message))
        elif len(query.getlist(name)) > 1:
            faults.append(Fault(code="query.repeated", at=name, message="may be given once"))


def _read(query: QueryParams, name: str, read: Callable[[str], T], what: str, faults: list[Fault]) -> T | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return read(text)
    except ValueError:
        faults.append(Fault(code="query.unreadable", at=name, message=f"must be {what}", found=text[:100]))
        return None


def _cursor(text: str) -> str:
    if len(text) != 36 or set(text) - set("0123456789abcdef-"):
        raise ValueError
    return text


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= LARGEST_PAGE):
        raise ValueError
    return int(text)


def _summary(row: ListedOrder) -> OrderSummary:
    kept = row.order
    return OrderSummary(
        id=kept.id,
        number=kept.number,
        customer=row.customer_number,
        state=OrderState(kept.state),
        protocol=kept.protocol,
        received_at=kept.received_at,
        changed_at=kept.changed_at,
        total=row.total,
        version=kept.version,
        requester=kept.requester,
        erp_number=kept.erp_number,
        document_id=kept.document_id,
        open_cases=row.cases,
    )


def _json(body: Canonical) -> Response:
    return Response(to_json(body), media_type="application/json")


def _refused(request: Request, faults: list[Fault]) -> Response:
    return problem(request, 400, "Parameters of the query are wrong.", errors=faults)

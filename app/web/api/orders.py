"""`GET /api/v1/orders` and `/api/v1/orders/{number}`: what became of the orders of the key's customers."""

from datetime import datetime
from typing import Final

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.flows.cart_comparison import CartComparison, from_data
from app.storage.api_keys import ApiKeyRow
from app.storage.orders import OrderRow, OrderState, revision
from app.web.api import bodies, reach
from app.web.api.guard import key_of
from app.web.api.parameters import CURSOR, CUSTOMER, LIMIT, PAGE, Parameter, asked, choice, day
from app.web.endpoint import gateway_of
from app.web.orders.order_list import ListedOrder, OrderFilter, described, listed
from app.web.problem import problem
from schemas.base import Canonical
from schemas.faults import Fault
from schemas.money import Money
from schemas.order import Order

LIST_PARAMETERS: Final[tuple[Parameter, ...]] = (
    choice("state", OrderState, "Only orders in this state."),
    CUSTOMER,
    day("since", "Only orders that came on this day (UTC) or later."),
    day("until", "Only orders that came on this day (UTC) or earlier."),
    LIMIT,
    CURSOR,
)
ORDER_PARAMETERS: Final = (CUSTOMER,)


class OrderSummary(Canonical, frozen=True, kw_only=True):
    """
    customer    the customer's number.
    state       held, awaiting_approval, sent_back, approved, forwarding, accepted, rejected or cancelled.
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
    or was cancelled. `cart`: line by line, what became of the carts that it came from; absent where it came from
    none."""

    summary: OrderSummary
    document: Order
    cart: CartComparison | None = None


def order_list(request: Request) -> Response:
    key, faults = key_of(request), list[Fault]()
    said = asked(request.query_params, LIST_PARAMETERS, faults)
    with gateway_of(request).database.read() as session:
        customer_id = reach.customer(session, key, said, faults)
        if faults:
            return bodies.refused(request, faults)
        chosen = OrderFilter(
            state=said.get("state", ""),
            customer=customer_id or "",
            since=said.get("since"),
            until=said.get("until"),
            before=said.get("cursor", ""),
        )
        rows, before = listed(session, key, chosen, said.get("limit", PAGE))
    return bodies.answer(OrderPage(orders=tuple(map(_summary, rows)), next=before))


def order(request: Request) -> Response:
    key = key_of(request)
    with gateway_of(request).database.read() as session:
        found = named_order(session, request, key)
        if isinstance(found, Response):
            return found
        (summary,) = map(_summary, described(session, [found]))
        newest = revision(session, found)
        document = newest.document() if newest.checked is None else newest.order()
        cart = from_data(newest.cart) if newest.cart is not None else None
    return bodies.answer(WholeOrder(summary=summary, document=document, cart=cart))


def named_order(session: Session, request: Request, key: ApiKeyRow) -> OrderRow | Response:
    """The order that the URL names, or what is answered instead. Order numbers are each customer's own: where several
    have this one, `customer` says whose is meant. Raises HTTPException 404."""
    faults = list[Fault]()
    said = asked(request.query_params, ORDER_PARAMETERS, faults)
    customer_id = reach.customer(session, key, said, faults)
    if faults:
        return bodies.refused(request, faults)
    found = reach.orders(session, key, request.path_params["number"], customer_id)
    if not found:
        raise HTTPException(404)
    if len(found) > 1:
        return problem(request, 409, "Several customers have an order of this number: add ?customer=NUMBER.")
    return found[0]


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

"""Inbox of cases, the page of one held order, and its settlement."""

from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, col, or_, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import No, Refusal
from app.flows import release_hold
from app.flows.cases import WITH_REASON, Choice, about_cancellation, choices
from app.flows.decide_approval import ReasonCode
from app.flows.release_hold import Settlement
from app.storage.customers import CustomerRow
from app.storage.orders import HoldRow, HoldState, OrderRow, OrderState
from app.storage.people import PersonRow, Role
from app.web.forms import Form, FormLimits, read_form
from app.web.language import msgid
from app.web.orders import words
from app.web.orders.handlers import shared, view_of
from app.web.orders.order_list import customers_of, visible_to
from app.web.people.sessions import gateway_of, people_page, signed_in

FORM: Final = FormLimits(fields=2_000, size=4_000)
MOST: Final = 200
NEEDS_VALUE: Final = (Choice.MAP_ITEM, Choice.MAP_UNIT)


@dataclass(frozen=True, slots=True)
class Held:
    """A case with the order that it holds."""

    case: HoldRow
    order: OrderRow
    customer: str


def held(session: Session, person: PersonRow, *, text: str, code: str, customer: str) -> list[Held]:
    """The open cases that the person may see, the longest waiting first; at most 200."""
    query = (
        select(HoldRow, OrderRow, CustomerRow.name)
        .where(OrderRow.id == HoldRow.order_id, CustomerRow.id == HoldRow.customer_id)
        .where(HoldRow.state == HoldState.OPEN, *visible_to(person))
        .order_by(col(HoldRow.id))
        .limit(MOST)
    )
    if text:
        found = (col(column).icontains(text, autoescape=True) for column in (OrderRow.number, HoldRow.found))
        query = query.where(or_(*found))
    if code:
        query = query.where(col(HoldRow.code) == code)
    if customer:
        query = query.where(col(HoldRow.customer_id) == customer)
    return [Held(case, order, name) for case, order, name in session.exec(query)]


def inbox(request: Request) -> Response:
    person, query = signed_in(request).person, request.query_params
    text, code, customer = query.get("q", "").strip()[:200], query.get("code", "")[:60], query.get("customer", "")[:36]
    with gateway_of(request).database.read() as session:
        items = held(session, person, text=text, code=code, customer=customer)
        customers = customers_of(session, person)
    context = {
        "items": items,
        "text": text,
        "code": code,
        "customer": customer,
        "customers": customers,
        "now": gateway_of(request).clock.now(),
        "words": words,
    }
    return people_page(request, "desk/inbox.html", context)


def case_page(request: Request) -> Response:
    return _page(request)


def _page(request: Request, *, fault: str | None = None, form: Form | None = None, status: int = 200) -> Response:
    view = view_of(request)
    who = signed_in(request)
    context = {
        **shared(view),
        "fault": fault,
        "form": form,
        "choices": {case.id: _offered(case, who.may(Role.ADMIN)) for case in view.cases},
        "needs_value": NEEDS_VALUE,
        "with_reason": WITH_REASON,
        "may_settle": who.may(Role.OPERATOR, Role.ADMIN) and view.row.state == OrderState.HELD,
        "may_reject": not any(about_cancellation(case.data) for case in view.cases),
    }
    return people_page(request, "desk/case.html", context, status=status)


def _offered(case: HoldRow, admin: bool) -> tuple[Choice, ...]:
    return tuple(choice for choice in choices(case.code, case.data) if admin or choice is not Choice.OVERRIDE)


async def settle(request: Request) -> Response:
    """One form for all cases of the order; cases without a choice stay open."""
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    settlements = _settlements(form)
    if not settlements:
        fault = msgid("Choose for at least one case how it is settled.")
        return await run_in_threadpool(_page, request, fault=fault, form=form, status=400)
    order_id = request.path_params["order_id"]
    try:
        row = await gateway.database.awrite(
            lambda tx: release_hold.settle(tx, gateway, person, order_id, settlements, "page")
        )
    except Refusal as refusal:
        return await _refused(request, refusal, form)
    there = "desk" if row.state == OrderState.HELD else "orders"
    return RedirectResponse(f"/{there}/{order_id}", status_code=303)


def _settlements(form: Form) -> list[Settlement]:
    settlements = []
    for name in form.names():
        prefix, _, hold_id = name.partition(":")
        choice = form.text(name)
        if prefix == "choice" and choice in list(Choice):
            value, reason = form.text(f"value:{hold_id}"), form.text(f"reason:{hold_id}")
            settlements.append(Settlement(hold_id, Choice(choice), value, reason))
    return settlements


async def reject(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    order_id, code = request.path_params["order_id"], form.text("code")
    if code not in list(ReasonCode):
        return await run_in_threadpool(_page, request, fault=msgid("Choose a reason."), form=form, status=400)
    try:
        await gateway.database.awrite(
            lambda tx: release_hold.reject(tx, gateway, person, order_id, ReasonCode(code), form.text("text"), "page")
        )
    except Refusal as refusal:
        return await _refused(request, refusal, form)
    return RedirectResponse(f"/orders/{order_id}", status_code=303)


async def _refused(request: Request, refusal: Refusal, form: Form) -> Response:
    if refusal.no is No.UNKNOWN_REFERENCE:
        raise HTTPException(404)
    status = {No.CONFLICT: 409, No.FORBIDDEN: 403}.get(refusal.no, 400)
    return await run_in_threadpool(_page, request, fault=refusal.reason, form=form, status=status)

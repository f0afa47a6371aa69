"""The page of one held order, and its settlement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import No, Refusal
from app.flows import release_hold, settle_together
from app.flows.cases import AS_A_RULE, WITH_REASON, Choice, about_cancellation, choices
from app.flows.decide_approval import ReasonCode
from app.flows.release_hold import Settlement
from app.flows.work_on_case import settlers
from app.storage import people
from app.storage.orders import HoldRow, OrderState
from app.storage.people import Role
from app.web.forms import Form, FormLimits, read_form
from app.web.language import msgid
from app.web.orders.handlers import shared, view_of
from app.web.orders.order_view import Happened, OrderView
from app.web.people.sessions import gateway_of, people_page, signed_in

FORM: Final = FormLimits(fields=2_000, size=4_000)
NEEDS_VALUE: Final = (Choice.MAP_ITEM, Choice.MAP_UNIT)


def case_page(request: Request) -> Response:
    return case_view(request)


def case_view(
    request: Request,
    order_id: str | None = None,
    *,
    fault: str | None = None,
    form: Form | None = None,
    status: int = 200,
) -> Response:
    view = view_of(request, order_id)
    who, gateway = signed_in(request), gateway_of(request)
    may_work = who.may(Role.OPERATOR, Role.ADMIN)
    with gateway.database.read() as session:
        assigned = people.named(session, view.row.realm, {case.assignee_id for case in view.cases})
        colleagues = settlers(session, view.row.realm, view.row.customer_id) if may_work and view.cases else []
    context = {
        **shared(view),
        "fault": fault,
        "form": form,
        "choices": {case.id: _offered(case, who.may(Role.ADMIN)) for case in view.cases},
        "needs_value": NEEDS_VALUE,
        "with_reason": WITH_REASON,
        "may_settle": may_work and view.row.state == OrderState.HELD,
        "may_work": may_work,
        "may_reject": not any(about_cancellation(case.data) for case in view.cases),
        "assigned": assigned,
        "colleagues": colleagues,
        "notes": _notes(view),
        "now": gateway.clock.now(),
    }
    return people_page(request, "desk/case.html", context, status=status)


@dataclass(frozen=True, slots=True)
class Note:
    at: datetime
    who: str
    text: str


def _notes(view: OrderView) -> Mapping[str, Sequence[Note]]:
    """By case, oldest first."""
    notes: dict[str, list[Note]] = {case.id: [] for case in view.cases}
    for entry in view.history:
        if entry.event == "case_noted" and entry.data.get("case") in notes:
            notes[entry.data["case"]].append(_note(entry))
    return notes


def _note(entry: Happened) -> Note:
    return Note(entry.at, entry.who or "", entry.reason or "")


def _offered(case: HoldRow, admin: bool) -> tuple[Choice, ...]:
    return tuple(choice for choice in choices(case.code, case.data) if admin or choice is not Choice.OVERRIDE)


async def settle(request: Request) -> Response:
    """One form for all cases of the order; cases without a choice stay open. Where a rule was kept that settles cases
    of other orders too, these are offered next."""
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    settlements = _settlements(form)
    if not settlements:
        fault = msgid("Choose for at least one case how it is settled.")
        return await run_in_threadpool(case_view, request, fault=fault, form=form, status=400)
    order_id = request.path_params["order_id"]
    try:
        row = await gateway.database.awrite(
            lambda tx: release_hold.settle(tx, gateway, person, order_id, settlements, "page")
        )
    except Refusal as refusal:
        return await _refused(request, refusal, form)
    there = "desk" if row.state == OrderState.HELD else "orders"
    further = await run_in_threadpool(_further, request, settlements)
    return RedirectResponse(further or f"/{there}/{order_id}", status_code=303)


def _further(request: Request, settlements: Sequence[Settlement]) -> str | None:
    """Where the first of the rules that settles more cases can be tried on these."""
    with gateway_of(request).database.read() as session:
        for settlement in settlements:
            if settlement.choice not in AS_A_RULE:
                continue
            case = session.get_one(HoldRow, settlement.hold_id)
            if settle_together.alike(session, case, settlement.choice, most=1):
                query = {"choice": settlement.choice.value, "value": settlement.value}
                return f"/desk/alike/{case.id}?{urlencode(query)}"
    return None


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
        fault = msgid("Choose a reason.")
        return await run_in_threadpool(case_view, request, fault=fault, form=form, status=400)
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
    return await run_in_threadpool(case_view, request, fault=refusal.reason, form=form, status=status)

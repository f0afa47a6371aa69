"""Several orders approved at once: ticked in the inbox, shown once more, then each decided for itself."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval.steps import TaskState
from app.errors import Refusal
from app.flows import decide_together
from app.flows.decide_approval import DecidedAlready
from app.gateway import Gateway
from app.storage import people
from app.storage.people import PersonRow
from app.web.approvals import inbox
from app.web.approvals.inbox import PAGE, Item
from app.web.forms import FormLimits, read_form
from app.web.language import msgid
from app.web.orders import words
from app.web.people.sessions import gateway_of, people_page, signed_in

FORM: Final = FormLimits(fields=PAGE + 10, size=200)

SURE = msgid("Tick that you want to approve all of these orders.")
OPEN_FIRST = msgid("Open this order before you approve it.")
CHANGED_SINCE = msgid("The order was changed: look at it again.")
NOT_NEEDED = msgid("Your decision is no longer needed.")


@dataclass(frozen=True, slots=True)
class Left:
    """An order that was not approved here, and why; `by` is who had decided it."""

    item: Item
    why: str
    by: str | None = None


async def together(request: Request) -> Response:
    """First shows what was ticked; decides when that page is sent with its own tick."""
    form = await read_form(request, FORM)
    parted = (one.partition(" ") for one in form.all("task")[:PAGE])
    ticked = {task_id: order_hash for task_id, _, order_hash in parted}
    items = await run_in_threadpool(_items, request, list(ticked))
    if not items:
        return RedirectResponse("/approvals", status_code=303)
    if form.text("sure") != "yes":
        fault = SURE if form.text("shown") else None
        return await run_in_threadpool(_confirm, request, items, fault)
    approved: list[Item] = []
    left: list[Left] = []
    gateway, person = gateway_of(request), signed_in(request).person
    for item in items:
        seen = ticked[item.task.id]
        try:
            await gateway.database.awrite(partial(_approve, gateway, person, item.task.id, seen))
            approved.append(item)
        except DecidedAlready as already:
            left.append(await run_in_threadpool(_closed, request, item, already))
        except Refusal:
            left.append(Left(item, OPEN_FIRST if seen == item.order_hash else CHANGED_SINCE))
    context = {"approved": approved, "left": left, "words": words}
    return await run_in_threadpool(people_page, request, "approvals/together_done.html", context)


def _approve(gateway: Gateway, person: PersonRow, task_id: str, seen: str, tx: Session) -> None:
    decide_together.approve(tx, gateway, person, task_id, seen)


def _items(request: Request, ids: list[str]) -> list[Item]:
    gateway, person = gateway_of(request), signed_in(request).person
    with gateway.database.read() as session:
        return inbox.of_ids(session, person, ids)


def _confirm(request: Request, items: list[Item], fault: str | None) -> Response:
    open_ = [item for item in items if item.task.state == TaskState.OPEN]
    context = {
        "items": open_,
        "closed": [item for item in items if item not in open_],
        "fault": fault,
        "words": words,
    }
    return people_page(request, "approvals/together.html", context, status=400 if fault else 200)


def _closed(request: Request, item: Item, already: DecidedAlready) -> Left:
    gateway, person = gateway_of(request), signed_in(request).person
    with gateway.database.read() as session:
        return Left(item, NOT_NEEDED, people.named(session, person.realm, [already.by]).get(already.by or ""))

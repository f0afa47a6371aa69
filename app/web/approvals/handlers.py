"""The page of a task, and its decision."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval.steps import TaskState
from app.errors import No, Refusal
from app.flows import decide_approval, see_task
from app.flows.decide_approval import DecidedAlready, Decision, ReasonCode
from app.storage import people
from app.storage.approvals import RunRow, RunTaskRow
from app.web.approvals.inbox import task_of
from app.web.forms import Form, FormLimits, read_form
from app.web.language import msgid
from app.web.links.sealed_choice import KEPT, Chosen, opened
from app.web.orders.handlers import shared, view_of
from app.web.orders.order_view import OrderView
from app.web.people.sessions import gateway_of, people_page, signed_in

FORM = FormLimits(fields=10, size=4_000)


def task_page(request: Request) -> Response:
    """Shows; with what was chosen by a link before the login, which still is to be confirmed here. That the task was
    opened is recorded, once."""
    task, gateway = _task(request), gateway_of(request)
    _note_opened(request, task)
    kept = request.query_params.get("kept", "")[:8_000]
    return _page(request, task, chosen=opened(gateway.keys, task.id, kept, Chosen, gateway.clock.now(), KEPT))


def _task(request: Request) -> RunTaskRow:
    with gateway_of(request).database.read() as session:
        task = task_of(session, signed_in(request).person, request.path_params["task_id"])
    if task is None:
        raise HTTPException(404)
    return task


def _note_opened(request: Request, task: RunTaskRow) -> None:
    gateway, person = gateway_of(request), signed_in(request).person
    if task.state != TaskState.OPEN or request.method != "GET":
        return
    with gateway.database.read() as session:
        run = session.get_one(RunRow, task.run_id)
        known = (task.id, run.order_hash) in see_task.seen(session, person, [task])
    if not known:
        gateway.database.write(lambda tx: see_task.note(tx, gateway, person, task.id))


def _page(
    request: Request,
    task: RunTaskRow,
    *,
    fault: str | None = None,
    form: Form | None = None,
    chosen: Chosen | None = None,
    status: int = 200,
) -> Response:
    view = view_of(request, task.order_id)
    current = view.run is not None and view.run.id == task.run_id
    context = {
        **shared(view),
        "task": task,
        "fault": fault,
        "chosen": chosen.decision if chosen else "",
        "code": form.text("code") if form else chosen.code if chosen else "",
        "text": form.text("reason") if form else chosen.text if chosen else "",
        "instead": _instead(request, task, view),
        "decidable": task.state == TaskState.OPEN and current,
    }
    return people_page(request, "approvals/task.html", context, status=status)


def _instead(request: Request, task: RunTaskRow, view: OrderView) -> str | None:
    """The name of whose place the reader takes."""
    asked = view.round.of_task(task) if view.round is not None else None
    theirs = next((one for one in asked.people if one.task.id == task.id), None) if asked is not None else None
    return theirs.name if theirs is not None and task.assignee_id != signed_in(request).person.id else None


async def decide(request: Request) -> Response:
    """A decided task answers with who decided and when, never with an error."""
    task = await run_in_threadpool(_task, request)
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    choice, code = form.text("decision"), form.text("code")
    if choice not in ("approve", "reject"):
        fault = msgid("Choose whether you approve or reject.")
        return await run_in_threadpool(_page, request, task, fault=fault, form=form, status=400)
    decision = Decision(
        approve=choice == "approve",
        order_hash=form.text("order_hash"),
        code=ReasonCode(code) if code in list(ReasonCode) and choice == "reject" else None,
        text=form.text("reason"),
    )
    try:
        await gateway.database.awrite(lambda tx: decide_approval.decide(tx, gateway, person, task.id, decision, "page"))
    except DecidedAlready as already:
        return await run_in_threadpool(_already, request, task, already)
    except Refusal as refusal:
        if refusal.no is No.UNKNOWN_REFERENCE:
            raise HTTPException(404) from None
        status = 409 if refusal.no is No.CONFLICT else 400
        return await run_in_threadpool(_page, request, task, fault=refusal.reason, form=form, status=status)
    return RedirectResponse(f"/approvals/{task.id}", status_code=303)


def _already(request: Request, task: RunTaskRow, already: DecidedAlready) -> Response:
    with gateway_of(request).database.read() as session:
        names = people.named(session, task.realm, [already.by])
    context = {
        **shared(view_of(request, task.order_id)),
        "state": already.state,
        "by": names.get(already.by or "", ""),
        "at": already.at,
    }
    return people_page(request, "approvals/already.html", context)

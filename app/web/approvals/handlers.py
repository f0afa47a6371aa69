"""The page of a task, and its decision."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval.steps import TaskState
from app.errors import No, Refusal
from app.flows import decide_approval, move_task, see_task
from app.flows.decide_approval import DecidedAlready, Decision, ReasonCode, Said
from app.flows.move_task import Colleagues
from app.flows.order_edits import Wrong
from app.storage import people
from app.storage.approvals import RunRow, RunTaskRow
from app.web.approvals import edit
from app.web.approvals.inbox import task_of
from app.web.forms import Form, FormLimits, read_form
from app.web.links.said import CHANGED, CHOOSE, NOT_BACK, SAY_WHY
from app.web.links.sealed_choice import KEPT, Chosen, opened
from app.web.orders.handlers import shared, view_of
from app.web.orders.order_view import OrderView
from app.web.people.sessions import gateway_of, people_page, signed_in

FORM = FormLimits(fields=10, size=4_000)
UNTYPED: Final[Mapping[str, str]] = MappingProxyType({"act": "", "to": "", "text": ""})


def task_page(request: Request) -> Response:
    """Shows; with what was chosen by a link before the login, which still is to be confirmed here. That the task was
    opened is recorded, once. Whoever was asked about the order by its approver is led to the question."""
    gateway, person, task_id = gateway_of(request), signed_in(request).person, request.path_params["task_id"]
    with gateway.database.read() as session:
        task = task_of(session, person, task_id)
        about = session.get(RunTaskRow, task_id) if task is None else None
        if about is not None and person.serves(about.customer_id) and move_task.questions_to(session, person, about):
            return RedirectResponse(f"/orders/{about.order_id}#thread", status_code=303)
    if task is None:
        raise HTTPException(404)
    _note_opened(request, task)
    kept = request.query_params.get("kept", "")[:8_000]
    return task_view(request, task, chosen=opened(gateway.keys, task.id, kept, Chosen, gateway.clock.now(), KEPT))


def own_task(request: Request) -> RunTaskRow:
    """Raises HTTPException 404 for a task that is not theirs, as for one that does not exist."""
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


def task_view(
    request: Request,
    task: RunTaskRow,
    *,
    fault: str | None = None,
    form: Form | None = None,
    chosen: Chosen | None = None,
    typed: Mapping[str, str] = UNTYPED,
    wrong: Sequence[Wrong] = (),
    status: int = 200,
) -> Response:
    """The page of the task; `typed` is what another form than that of the decision said, `wrong` what is the matter
    with a change of the order."""
    gateway, person = gateway_of(request), signed_in(request).person
    view = view_of(request, task.order_id)
    decidable = task.state == TaskState.OPEN and view.run is not None and view.run.id == task.run_id
    others, may_send_back, editing = Colleagues((), ()), False, None
    if decidable and view.run is not None:
        with gateway.database.read() as session:
            may_send_back = decide_approval.may_send_back(session, view.run)
            others = move_task.colleagues(session, person, task, gateway.clock.now())
            sent = typed if typed["act"] == "edit" else {}
            editing = edit.editing(session, gateway, person, task, sent, wrong)
    context = {
        **shared(view),
        "task": task,
        "fault": fault,
        "chosen": chosen.decision if chosen else "",
        "decision": form.text("decision") if form else chosen.decision if chosen else "",
        "code": form.text("code") if form else chosen.code if chosen else "",
        "text": form.text("reason") if form else chosen.text if chosen else "",
        "instead": _instead(request, task, view),
        "decidable": decidable,
        "others": others,
        "may_send_back": may_send_back,
        "editing": editing,
        "edit": edit,
        "has_edited": person.id in view.editors,
        "typed": typed,
    }
    return people_page(request, "approvals/task.html", context, status=status)


def _instead(request: Request, task: RunTaskRow, view: OrderView) -> str | None:
    """The name of whose place the reader takes."""
    asked = view.round.of_task(task) if view.round is not None else None
    theirs = next((one for one in asked.people if one.task.id == task.id), None) if asked is not None else None
    return theirs.name if theirs is not None and task.assignee_id != signed_in(request).person.id else None


async def decide(request: Request) -> Response:
    """A decided task answers with who decided and when, never with an error."""
    task = await run_in_threadpool(own_task, request)
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    choice, code, text = form.text("decision"), form.text("code"), form.text("reason")

    async def again(fault: str, status: int) -> Response:
        return await run_in_threadpool(task_view, request, task, fault=fault, form=form, status=status)

    if choice not in list(Said):
        return await again(CHOOSE, 400)
    said = Said(choice)
    if said is not Said.APPROVE and not (code in list(ReasonCode) and text):
        return await again(SAY_WHY, 400)
    decision = Decision(
        said=said,
        order_hash=form.text("order_hash"),
        code=ReasonCode(code) if said is not Said.APPROVE else None,
        text=text,
    )
    try:
        await gateway.database.awrite(lambda tx: decide_approval.decide(tx, gateway, person, task.id, decision, "page"))
    except DecidedAlready as already:
        return await run_in_threadpool(already_page, request, task, already)
    except Refusal as refusal:
        if refusal.no is No.UNKNOWN_REFERENCE:
            raise HTTPException(404) from None
        if refusal.no is No.UNACCEPTABLE:
            return await again(NOT_BACK, 400)
        return await again(CHANGED, 409)
    return RedirectResponse(f"/approvals/{task.id}", status_code=303)


def already_page(request: Request, task: RunTaskRow, already: DecidedAlready) -> Response:
    with gateway_of(request).database.read() as session:
        names = people.named(session, task.realm, [already.by])
    context = {
        **shared(view_of(request, task.order_id)),
        "state": already.state,
        "by": names.get(already.by or "", ""),
        "at": already.at,
    }
    return people_page(request, "approvals/already.html", context)

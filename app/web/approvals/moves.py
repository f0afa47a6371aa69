"""What an approver does with a task besides deciding it: hands it on, asks somebody about the order, or changes the
order."""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import No, Refusal
from app.flows import edit_while_asked, move_task
from app.flows.decide_approval import DecidedAlready
from app.flows.order_edits import CannotEdit
from app.web.approvals import edit as editing
from app.web.approvals.handlers import FORM, already_page, own_task, task_view
from app.web.forms import read_form
from app.web.language import msgid
from app.web.people.sessions import gateway_of, signed_in

CHOOSE_PERSON: Final = msgid("Choose a person.")
WRITE: Final = msgid("Write what you want to know.")
NOT_THEM: Final = msgid("This person may not decide it: choose another one.")
NOT_ASKED: Final = msgid("This person cannot be asked about the order: choose another one.")
MOVED: Final = msgid("The order does not wait for you any more.")


async def hand_on(request: Request) -> Response:
    return await _move(request, "hand-on")


async def ask(request: Request) -> Response:
    return await _move(request, "ask")


async def _move(request: Request, act: str) -> Response:
    task = await run_in_threadpool(own_task, request)
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    to, text = form.text("to"), form.text("text")

    async def again(fault: str, status: int = 400) -> Response:
        typed = {"act": act, "to": to, "text": text}
        return await run_in_threadpool(task_view, request, task, fault=fault, typed=typed, status=status)

    if not to:
        return await again(CHOOSE_PERSON)
    if act == "ask" and not text:
        return await again(WRITE)
    move = move_task.ask if act == "ask" else move_task.hand_on
    try:
        await gateway.database.awrite(lambda tx: move(tx, gateway, person, task.id, to, text, "page"))
    except DecidedAlready as already:
        return await run_in_threadpool(already_page, request, task, already)
    except Refusal as refusal:
        if refusal.no is No.UNKNOWN_REFERENCE:
            raise HTTPException(404) from None
        if refusal.no is No.CONFLICT:
            return await again(MOVED, 409)
        return await again(NOT_ASKED if act == "ask" else NOT_THEM)
    return RedirectResponse(f"/approvals/{task.id}{'#thread' if act == 'ask' else ''}", status_code=303)


async def edit(request: Request) -> Response:
    """Everything that is wrong is told at once, each beside its box."""
    task = await run_in_threadpool(own_task, request)
    form = await read_form(request, editing.FORM)
    gateway, person, order_hash = gateway_of(request), signed_in(request).person, form.text("order_hash")
    given = {name: form.text(name) for name in form.names()}
    try:
        await gateway.database.awrite(
            lambda tx: edit_while_asked.edit(tx, gateway, person, task.id, given, order_hash, "page")
        )
    except DecidedAlready as already:
        return await run_in_threadpool(already_page, request, task, already)
    except CannotEdit as cannot:
        typed, wrong = {**given, "act": "edit"}, cannot.faults
        return await run_in_threadpool(
            lambda: task_view(request, task, fault=editing.NOT_CHANGED, typed=typed, wrong=wrong, status=400)
        )
    except Refusal as refusal:
        if refusal.no is not No.CONFLICT:
            raise HTTPException(404) from None
        return await run_in_threadpool(lambda: task_view(request, task, fault=editing.MEANWHILE, status=409))
    return RedirectResponse(f"/approvals/{task.id}", status_code=303)

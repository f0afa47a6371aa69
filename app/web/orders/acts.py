"""What people do about an order beside its decision: answer a question, remark on it, take it back."""

from collections.abc import Callable

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.flows import move_task
from app.web.forms import Form, read_form
from app.web.orders.handlers import FORM, view_of
from app.web.people.sessions import gateway_of, signed_in


async def answer(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person
    return await _act(
        request, lambda tx, form: move_task.answer(tx, gateway, person, form.text("task"), form.text("text"), "page")
    )


async def comment(request: Request) -> Response:
    gateway, person, order_id = gateway_of(request), signed_in(request).person, request.path_params["order_id"]
    return await _act(
        request, lambda tx, form: move_task.comment(tx, gateway, person, order_id, form.text("text"), "page")
    )


async def withdraw(request: Request) -> Response:
    gateway, person, order_id = gateway_of(request), signed_in(request).person, request.path_params["order_id"]
    return await _act(
        request, lambda tx, form: move_task.withdraw(tx, gateway, person, order_id, form.text("text"), "page")
    )


async def _act(request: Request, act: Callable[[Session, Form], object]) -> Response:
    await run_in_threadpool(view_of, request)
    form = await read_form(request, FORM)
    await gateway_of(request).database.awrite(lambda tx: act(tx, form))
    return RedirectResponse(f"/orders/{request.path_params['order_id']}#thread", status_code=303)

"""When people are away and who stands in: on their own account, and where an administrator enters it for them."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias, TypedDict

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import No, Refusal
from app.flows import keep_profile
from app.gateway import Gateway
from app.storage import audit, people
from app.storage.people import PersonRow
from app.web.errors import STATUS_OF
from app.web.forms import Form, FormLimits, read_form
from app.web.people import account
from app.web.people.sessions import gateway_of, signed_in

FORM: Final = FormLimits(fields=10, size=200)


class By(TypedDict):
    """Who changes something and from where, as the record has it."""

    actor: str
    channel: str


Act: TypeAlias = Callable[[Session, Gateway, PersonRow, Form, By], object]
"""What a form changes of a person."""


def add(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    try:
        begins, ends = (datetime.fromisoformat(form.text(name)) for name in ("from", "until"))
    except ValueError:
        raise Refusal(No.UNACCEPTABLE, "Say from when until when.") from None
    delegate = colleague(tx, person, form.text("delegate"))
    keep_profile.add_absence(tx, gateway, person, begins, ends, delegate, **by)


def end(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    keep_profile.end_absence(tx, gateway, person, form.text("absence"), **by)


def colleague(tx: Session, person: PersonRow, other_id: str) -> PersonRow | None:
    """None for nobody chosen. Raises Refusal for somebody whom the person has nothing to do with."""
    if not other_id:
        return None
    other = tx.get(PersonRow, other_id)
    if other is None or not people.work_together(person, other):
        raise Refusal(No.UNKNOWN_REFERENCE, "There is no such person.")
    return other


async def enter_own(request: Request) -> Response:
    return await _own(request, add)


async def end_own(request: Request) -> Response:
    return await _own(request, end)


async def _own(request: Request, change: Act) -> Response:
    form = await read_form(request, FORM)
    gateway, person_id = gateway_of(request), signed_in(request).person.id
    by = By(actor=audit.by(person_id), channel="page")
    try:
        await gateway.database.awrite(lambda tx: change(tx, gateway, tx.get_one(PersonRow, person_id), form, by))
    except Refusal as refusal:
        status = STATUS_OF[refusal.no]
        return await run_in_threadpool(account.account, request, fault=refusal.reason, status=status)
    return RedirectResponse("/account", status_code=303)

"""Approval limits as a file: out, and in after everybody has seen what it would change."""

from typing import Final

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from app.flows import limits_file
from app.flows.limits_file import Plan
from app.storage import audit
from app.web import spreadsheet
from app.web.admin.people import kept_by
from app.web.endpoint import KIB
from app.web.forms import FormLimits, read_form
from app.web.people.sessions import gateway_of, people_page, signed_in

LARGEST: Final = 1024 * KIB
FORM: Final = FormLimits(fields=3, size=LARGEST, files=1)


def export(request: Request) -> Response:
    with gateway_of(request).database.read() as session:
        rows = list(limits_file.rows(session, kept_by(session, signed_in(request).person)))
    lines = spreadsheet.as_csv(limits_file.COLUMNS, rows)
    return StreamingResponse(lines, media_type=spreadsheet.CSV, headers=spreadsheet.named("limits.csv"))


def limits_page(
    request: Request, plan: Plan | None = None, text: str = "", *, changed: bool = False, status: int = 200
) -> Response:
    """`plan`: what the file whose text this is would change. `changed`: it is another plan than was agreed to."""
    context = {"plan": plan, "text": text, "changed": changed}
    return people_page(request, "admin/limits.html", context, status=status)


async def read(request: Request) -> Response:
    """A file, or the text of one, is held against what is kept; nothing is changed."""
    form = await read_form(request, FORM)
    body = form.file("file") or form.text("text").encode()
    return await run_in_threadpool(_shown, request, body)


def _shown(request: Request, body: bytes, *, changed: bool = False) -> Response:
    with gateway_of(request).database.read() as session:
        plan = limits_file.plan(session, kept_by(session, signed_in(request).person), body)
    status = 409 if changed else 400 if plan.wrong else 200
    return limits_page(request, plan, limits_file.text_of(body), changed=changed, status=status)


async def apply(request: Request) -> Response:
    """Makes the differences that were shown. When others have come about meanwhile they are shown first."""
    form = await read_form(request, FORM)
    gateway, keeper = gateway_of(request), signed_in(request).person
    body, agreed = form.text("text").encode(), form.text("agreed")

    def work(tx: Session) -> bool:
        among = kept_by(tx, keeper)
        plan = limits_file.plan(tx, among, body)
        if plan.wrong or plan.digest != agreed:
            return False
        limits_file.apply(tx, gateway, among, plan.differences, actor=audit.by(keeper.id), channel="page")
        return True

    if not await gateway.database.awrite(work):
        return await run_in_threadpool(_shown, request, body, changed=True)
    return RedirectResponse("/admin/people", status_code=303)

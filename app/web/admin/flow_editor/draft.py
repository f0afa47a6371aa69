"""The editor of one draft. Each button posts the whole form: it is saved, whatever is still wrong with it, and shown
again. To publish is one of the buttons."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval import definition as definitions
from app.errors import Refusal
from app.flows import edit_flow, own_fields
from app.flows.check_flow import check_flow
from app.flows.publish_flow import Published
from app.formats import formats
from app.storage import people
from app.storage.approvals import FlowRow
from app.storage.flow_drafts import FlowDraftRow
from app.web.admin.flow_editor import draft_form, labels, numbers
from app.web.admin.flow_editor.access import flow_of
from app.web.admin.flow_editor.audience import audience_of
from app.web.admin.flow_editor.fault_words import FaultWords
from app.web.admin.flow_editor.field_options import field_options
from app.web.admin.flow_editor.presses import press
from app.web.admin.flow_editor.rows import Sheet, unusual
from app.web.errors import STATUS_OF
from app.web.forms import FormLimits, read_form
from app.web.orders.words import FIELD_NAMES
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in
from schemas.faults import Fault, Rejected
from schemas.money import CURRENCIES

FORM: Final = FormLimits(fields=8_000, size=64 * 1024)


def draft_page(request: Request) -> Response:
    return _page(request)


def _page(
    request: Request,
    unsaved: Mapping[str, Any] | None = None,
    *,
    refused: Iterable[Fault] = (),
    refusal: str = "",
    status: int = 200,
) -> Response:
    """`unsaved`: what was posted and not written, because somebody else has saved the draft meanwhile."""
    gateway, person = gateway_of(request), signed_in(request).person
    language = language_of(request, person)
    with gateway.database.read() as session:
        flow = flow_of(session, request, person)
        draft = edit_flow.draft_of(session, flow)
        data = dict(unsaved) if unsaved is not None else msgspec.json.decode(draft.definition)
        audience = audience_of(session, flow)
        found = judged(session, flow, msgspec.json.encode(data), gateway.clock.now())
        context = {
            "flow": flow,
            "draft": draft,
            "data": data,
            "sheet": Sheet(
                numbers.shown(draft_form.boxes(data), formats(language), audience.fields),
                found,
                request.query_params.get("at", "")[:300],
                audience.fields,
            ),
            "unsaved": unsaved is not None,
            "refused": tuple(refused),
            "refusal": refusal,
            "changed_by": people.named(session, person.realm, [draft.changed_by]).get(draft.changed_by or ""),
            "audience": audience,
            "phrases": audience.phrases(language),
            "fault_words": FaultWords(language),
            "labels": labels,
            "field_names": FIELD_NAMES,
            "field_options": field_options,
            "currencies": sorted(CURRENCIES),
            "unusual": unusual,
        }
    return people_page(request, "rules/draft.html", context, status=status)


def judged(session: Session, flow: FlowRow, definition: bytes, at: datetime) -> tuple[Fault, ...]:
    """Everything that is wrong with a definition, or doubtful about it: as rules, else as rules for these people."""
    try:
        read = definitions.read(definition, own_fields.fields_for(session, flow))
    except Rejected as rejected:
        return rejected.faults
    found = check_flow(session, flow, read, at)
    return (*found.faults, *found.findings)


async def post_draft(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    boxes = draft_form.posted((name, form.all(name)[-1]) for name in form.names())
    as_typed = formats(language_of(request, person))
    button, seen = form.text("do"), form.text("seen")
    at = button.removeprefix("save:") if button.startswith("save:") else press(boxes, button)

    def save(tx: Session) -> tuple[FlowRow, FlowDraftRow, bool, dict[str, Any]]:
        flow = flow_of(tx, request, person)
        fields = own_fields.fields_for(tx, flow)
        data = draft_form.definition(numbers.typed(boxes, as_typed, fields), fields)
        number = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else 0
        saved = edit_flow.save_draft(tx, gateway, person, flow, seen=number, definition=data)
        return flow, edit_flow.draft_of(tx, flow), saved, data

    flow, draft, saved, data = await gateway.database.awrite(save)
    if not saved:
        return await run_in_threadpool(_page, request, data, status=409)
    here = f"/admin/rules/flows/{flow.id}"
    if button != "publish":
        return RedirectResponse(f"{here}/draft?at={quote(at)}" if at else f"{here}/draft", status_code=303)

    def publish(tx: Session) -> Published:
        return edit_flow.publish_draft(tx, gateway, person, flow_of(tx, request, person), seen=draft.version)

    try:
        await gateway.database.awrite(publish)
    except Rejected as rejected:
        return await run_in_threadpool(_page, request, refused=rejected.faults, status=400)
    except Refusal as refusal:
        return await run_in_threadpool(_page, request, refusal=refusal.reason, status=STATUS_OF[refusal.no])
    return RedirectResponse(here, status_code=303)

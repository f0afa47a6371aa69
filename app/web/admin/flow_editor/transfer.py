"""Rules as files, with their examples: out of a version or a draft, and in with a dry run that lists what would
change."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval import definition as definitions
from app.errors import No, Refusal
from app.flows import edit_flow, flow_file, own_fields, replace_examples
from app.flows.flow_examples import Wanted
from app.flows.replace_examples import Plan
from app.storage import approvals, flow_drafts
from app.storage.approvals import FlowRow, VersionState
from app.web.admin.flow_editor.access import flow_of, version_of
from app.web.admin.flow_editor.audience import audience_of
from app.web.admin.flow_editor.differences import CONDITIONS, Difference, differences
from app.web.admin.flow_editor.fault_words import FaultWords
from app.web.admin.flow_editor.phrases import Phrases
from app.web.admin.trial.words import OUTCOMES
from app.web.forms import FormLimits, read_form
from app.web.language import msgid, translations
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in
from schemas.faults import Fault, Rejected

UPLOAD: Final = FormLimits(fields=5, files=1)
FORM: Final = FormLimits(fields=5, size=definitions.MOST_BYTES * 3)
_LONGEST: Final = 300


def export_version(request: Request) -> Response:
    with gateway_of(request).database.read() as session:
        flow = flow_of(session, request, signed_in(request).person)
        version = version_of(session, request, flow)
        return _file(f"{flow.key}-{version.number}", flow_file.write(session, flow, version.definition))


def export_draft(request: Request) -> Response:
    with gateway_of(request).database.read() as session:
        flow = flow_of(session, request, signed_in(request).person)
        draft = edit_flow.draft_of(session, flow)
        return _file(f"{flow.key}-draft", flow_file.write(session, flow, draft.definition))


def _file(name: str, body: bytes) -> Response:
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    headers = {"Content-Disposition": f'attachment; filename="{plain}.json"'}
    return Response(body, media_type="application/json", headers=headers)


def import_page(request: Request) -> Response:
    return _page(request)


async def try_import(request: Request) -> Response:
    """The dry run: what is wrong with the file, or what it would change. Nothing is written."""
    form = await read_form(request, UPLOAD)
    return await run_in_threadpool(_page, request, form.file("file"))


def _page(request: Request, body: bytes | None = None) -> Response:
    person = signed_in(request).person
    language = language_of(request, person)
    faults: tuple[Fault, ...] = ()
    found: list[Difference] | None = None
    taken, plan = b"", Plan()
    with gateway_of(request).database.read() as session:
        flow = flow_of(session, request, person)
        now, seen = _current(session, flow)
        audience = audience_of(session, flow)
        phrases = audience.phrases(language)
        if body is not None:
            try:
                file = flow_file.read(body, audience.fields)
            except Rejected as rejected:
                faults = rejected.faults
            else:
                taken, plan = flow_file.written(file), replace_examples.plan(session, flow, file.examples)
                in_file = msgspec.json.decode(definitions.to_json(file.flow))
                found = [*_in_words(differences(now, in_file), phrases), *_of_examples(plan, language)]
    context = {
        "flow": flow,
        "faults": faults,
        "fault_words": FaultWords(language),
        "differences": found,
        "missing": plan.missing,
        "agreed": plan.digest,
        "file": taken.decode(),
        "seen": seen,
    }
    return people_page(request, "rules/import.html", context, status=400 if faults else 200)


def _current(session: Session, flow: FlowRow) -> tuple[dict[str, Any], int]:
    """What an import is held against: the draft, else the active version, else nothing; and the draft's version, 0
    where there is none."""
    draft = flow_drafts.of_flow(session, flow.id)
    if draft is not None:
        text = draft.definition
    else:
        versions = approvals.versions(session, (flow.id,))
        text = next((one.definition for one in versions if one.state == VersionState.ACTIVE), "{}")
    now: dict[str, Any] = msgspec.json.decode(text)
    return now, draft.version if draft else 0


def _in_words(found: Iterator[Difference], phrases: Phrases) -> Iterator[Difference]:
    """Conditions as sentences, the rest as JSON, for reading."""
    for one in found:
        condition = one.at.rpartition(".")[2] in CONDITIONS
        before, after = (
            "–"
            if side is None
            else phrases.when(side)
            if condition
            else side
            if isinstance(side, str)
            else msgspec.json.encode(side).decode()
            for side in (one.before, one.after)
        )
        yield Difference(one.at, _shortened(before), _shortened(after))


def _of_examples(plan: Plan, language: str) -> Iterator[Difference]:
    for one in plan.changes:
        named = one.after or one.before
        assert named is not None
        at = f"examples[{named.customer} {named.order}]"
        before, after = (_example(side, language) if side else "–" for side in (one.before, one.after))
        yield Difference(at, before, after)


def _example(wanted: Wanted, language: str) -> str:
    """`people are asked: lead (revision 1)`."""
    text = translations(language).gettext
    outcome = text(OUTCOMES[wanted.outcome])
    revision = text(msgid("revision %(number)s")) % {"number": wanted.revision}
    return f"{outcome}: {wanted.step} ({revision})" if wanted.step else f"{outcome} ({revision})"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


async def take_import(request: Request) -> Response:
    """Into the draft, which is begun where there is none; what is wrong with it is seen there. Examples are the flow's
    own at once."""
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    text, seen, agreed = form.text("file"), form.text("seen"), form.text("agreed")

    def work(tx: Session) -> FlowRow:
        flow = flow_of(tx, request, person)
        file = flow_file.read(text.encode(), own_fields.fields_for(tx, flow))
        definition = msgspec.json.decode(definitions.to_json(file.flow))
        plan = replace_examples.plan(tx, flow, file.examples)
        if plan.digest != agreed:
            raise Refusal(No.CONFLICT, "Somebody else has changed the examples meanwhile: upload the file again.")
        replace_examples.apply(tx, gateway, person, flow, plan)
        number = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else 0
        if number == 0:
            number = edit_flow.begin_draft(tx, gateway, person, flow, None).version
        if not edit_flow.save_draft(tx, gateway, person, flow, seen=number, definition=definition):
            raise Refusal(No.CONFLICT, "Somebody else has changed the draft meanwhile: upload the file again.")
        return flow

    try:
        flow = await gateway.database.awrite(work)
    except Rejected:
        return await run_in_threadpool(_page, request, text.encode())
    return RedirectResponse(f"/admin/rules/flows/{flow.id}/draft", status_code=303)

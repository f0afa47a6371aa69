"""The page behind a link in a mail, and the decision that is posted from it."""

from dataclasses import dataclass
from urllib.parse import quote

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval.steps import TaskState
from app.errors import No, Refusal
from app.flows import decide_approval, run_rows
from app.flows.decide_approval import DecidedAlready, Decision, ReasonCode, Said
from app.languages import LANGUAGES, offered
from app.storage import approval_links, people
from app.storage.approval_links import ApprovalLinkRow
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.people import PersonRow
from app.web.forms import Form, FormLimits, read_form
from app.web.language import negotiated
from app.web.links.said import CHANGED, CHOOSE, NOT_BACK, OPEN_TOO_LONG, SAY_WHY
from app.web.links.sealed_choice import NONCE, Chosen, Seen, opened, seal
from app.web.orders import words
from app.web.orders.order_view import OrderView, load
from app.web.people.sessions import COOKIE, gateway_of, look_up
from app.web.tries import count_link
from app.web.views import page

FORM = FormLimits(fields=10, size=4_000)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to. `enough`: it decides without a login."""

    link: ApprovalLinkRow
    task: RunTaskRow
    run: RunRow
    person: PersonRow
    view: OrderView
    language: str
    by: str
    enough: bool
    may_send_back: bool

    @property
    def instead(self) -> str | None:
        """The name of whose place the link's person takes."""
        if self.task.assignee_id == self.person.id or self.view.round is None:
            return None
        step = self.view.round.of_task(self.task)
        return next((one.name for one in step.people if one.task.id == self.task.id), None) if step else None


def show(request: Request) -> Response:
    return _page(request, _opened(request))


def _opened(request: Request) -> Opened:
    """Raises HTTPException 404 for a link that leads nowhere, and Refusal for too many of them from one address."""
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        found = _found(session, request)
    if found is None:
        count_link(request)
        raise HTTPException(404)
    return found


def _found(session: Session, request: Request) -> Opened | None:
    gateway = gateway_of(request)
    link = approval_links.by_token(session, request.path_params["token"])
    task = session.get(RunTaskRow, link.task_id) if link is not None else None
    person = session.get(PersonRow, link.person_id) if link is not None else None
    if link is None or task is None or person is None or not person.may_sign_in(demo=gateway.settings.demo):
        return None
    language = offered(person.language) or negotiated(request.headers.get("accept-language"), LANGUAGES)
    view = load(session, gateway.memories, person, task.order_id, language, gateway.clock.now())
    run = session.get_one(RunRow, task.run_id)
    if view is None:
        return None
    closed_by = decide_approval.who_closed(session, run, task) if task.state != TaskState.OPEN else None
    by = people.named(session, task.realm, [closed_by]).get(closed_by or "", "")
    enough = gateway.settings.decides_by_link(view.total, run_rows.flow_of(session, run).link_limit)
    may_send_back = decide_approval.may_send_back(session, run)
    return Opened(link, task, run, person, view, language, by, enough, may_send_back)


def _page(
    request: Request, found: Opened, *, fault: str | None = None, form: Form | None = None, status: int = 200
) -> Response:
    gateway, now = gateway_of(request), gateway_of(request).clock.now()
    is_open = found.task.state == TaskState.OPEN
    over = is_open and found.link.expires_at <= now
    seen = Seen(at=now, order_hash=found.run.order_hash)
    context = {
        "view": found.view,
        "task": found.task,
        "person": found.person,
        "by": found.by,
        "words": words,
        "step": found.run.step_name(found.task),
        "reasons": _reasons(found),
        "over": over,
        "decidable": is_open and not over,
        "signs_in": not found.enough,
        "may_send_back": found.may_send_back,
        "instead": found.instead,
        "nonce": seal(gateway.keys, found.task.id, seen),
        "fault": fault,
        "decision": form.text("decision") if form else "",
        "code": form.text("code") if form else "",
        "text": form.text("reason") if form else "",
    }
    return page(request, "links/task.html", context, language=found.language, status=410 if over else status)


def _reasons(found: Opened) -> tuple[str, ...]:
    asked = found.view.round.of_task(found.task) if found.view.round is not None else None
    return asked.reasons if asked is not None else ()


async def decide(request: Request) -> Response:
    """The only thing that decides. A decided task answers with who decided and when, never with an error."""
    found = await run_in_threadpool(_opened, request)
    gateway = gateway_of(request)
    form = await read_form(request, FORM)

    async def again(fault: str, status: int) -> Response:
        return await run_in_threadpool(_page, request, found, fault=fault, form=form, status=status)

    now = gateway.clock.now()
    if found.task.state != TaskState.OPEN or found.link.expires_at <= now:
        return await run_in_threadpool(_page, request, found)
    seen = opened(gateway.keys, found.task.id, form.text("nonce"), Seen, now, NONCE)
    if seen is None:
        return await again(OPEN_TOO_LONG, 409)
    choice, code, text = form.text("decision"), form.text("code"), form.text("reason")
    if choice not in list(Said):
        return await again(CHOOSE, 400)
    said = Said(choice)
    if said is Said.SEND_BACK and not found.may_send_back:
        return await again(NOT_BACK, 400)
    if said is not Said.APPROVE and not (code in list(ReasonCode) and text):
        return await again(SAY_WHY, 400)
    if not found.enough:
        who = await run_in_threadpool(look_up, gateway, request.cookies.get(COOKIE))
        if who is None or who.must_enrol or who.person.id != found.person.id:
            return _to_login(request, found, Chosen(now, choice, code, text))
    decision = Decision(
        said=said,
        order_hash=seen.order_hash,
        code=ReasonCode(code) if said is not Said.APPROVE else None,
        text=text,
    )
    person, task_id = found.person, found.task.id
    try:
        await gateway.database.awrite(lambda tx: decide_approval.decide(tx, gateway, person, task_id, decision, "mail"))
    except DecidedAlready:
        return await run_in_threadpool(show, request)
    except Refusal as refusal:
        if refusal.no is No.UNKNOWN_REFERENCE:
            raise HTTPException(404) from None
        return await again(CHANGED if refusal.no is No.CONFLICT else SAY_WHY, 409)
    return RedirectResponse(request.url.path, status_code=303)


def _to_login(request: Request, found: Opened, chosen: Chosen) -> Response:
    """To the task's page for those who are signed in, which shows the choice again and waits for it to be confirmed.
    The link's token stays behind. Somebody else's session sees there that the task is not theirs."""
    kept = seal(gateway_of(request).keys, found.task.id, chosen)
    target = f"/approvals/{found.task.id}?kept={kept}"
    return RedirectResponse(f"/login?next={quote(target, safe='')}", status_code=303)

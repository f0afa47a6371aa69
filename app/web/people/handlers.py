"""The login page, and the ways out."""

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlmodel import Session, col, delete
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.gateway import Gateway
from app.storage import audit, passwords, people
from app.storage.base import LIVE
from app.storage.people import PersonRow, PersonSessionRow, Role
from app.web.forms import FormLimits, read_form
from app.web.language import msgid
from app.web.people import sessions
from app.web.people.sessions import gateway_of, language_of, needs_https, signed_in
from app.web.tries import limits_of, remote
from app.web.views import page

LIMITS: Final = FormLimits(fields=10, size=1_000)
"""Many people share an address; nobody shares a name."""

WRONG: Final = msgid("This name and password do not fit together.")
TOO_MANY: Final = msgid("Too many tries. Please wait five minutes.")
NEEDS_HTTPS: Final = msgid("Signing in needs https: over this connection your browser would not keep the session.")


def login_form(request: Request) -> Response:
    if needs_https(request):
        return _form(request, NEEDS_HTTPS, status=403, usable=False)
    return _form(request, None)


def _form(request: Request, fault: str | None, *, status: int = 200, login: str = "", usable: bool = True) -> Response:
    context = {"fault": fault, "login": login, "next": _next(request.query_params.get("next", "")), "usable": usable}
    answer = page(request, "people/login.html", context, language=language_of(request), status=status)
    if status == 429:
        answer.headers["Retry-After"] = str(limits_of(request).names.window)
    return answer


def _next(target: str) -> str:
    """A path of ours, or nothing: never another site (`//`, `/\\`, a scheme)."""
    parts = urlsplit(target)
    ours = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if ours and target.isprintable() and "\\" not in target else ""


@dataclass(frozen=True, slots=True)
class _Attempt:
    login: str
    password: str


async def login(request: Request) -> Response:
    if needs_https(request):
        return _form(request, NEEDS_HTTPS, status=403, usable=False)
    form = await read_form(request, LIMITS)
    attempt = _Attempt(people.folded(form.text("login")), (form.all("password") or ("",))[0])
    limits = limits_of(request)
    if not (limits.sign_ins.count(remote(request)) and limits.names.count(attempt.login)):
        return _form(request, TOO_MANY, status=429, login=attempt.login)
    cookie = await _try(gateway_of(request), attempt, request)
    if cookie is None:
        return _form(request, WRONG, status=401, login=attempt.login)
    limits.names.forget(attempt.login)
    answer = RedirectResponse(_next(form.text("next")) or "/", status_code=303)
    sessions.give(answer, cookie)
    return answer


async def _try(gateway: Gateway, attempt: _Attempt, request: Request) -> str | None:
    """The cookie of a new session, or None. A name that nobody has costs the same work as a wrong password."""
    person = await run_in_threadpool(_person, gateway, attempt.login)
    kept = person.password if person and person.may_sign_in(demo=gateway.settings.demo) else None
    fits = await asyncio.wrap_future(passwords.check(kept, attempt.password))
    if person is None or kept is None or not fits:
        await gateway.database.awrite(lambda tx: _record(tx, gateway, person, "sign_in_failed"))
        return None
    renewed = None
    if passwords.outdated(kept):
        renewed = await run_in_threadpool(passwords.hashed, attempt.password)
    before = request.cookies.get(sessions.COOKIE)

    def sign_in(tx: Session) -> str:
        if renewed is not None:
            tx.get_one(PersonRow, person.id).password = renewed
        if before:
            _end(tx, people.session_key(before))
        _record(tx, gateway, person, "signed_in")
        return sessions.begin(tx, gateway, person, request)

    return await gateway.database.awrite(sign_in)


def _person(gateway: Gateway, login: str) -> PersonRow | None:
    with gateway.database.read() as session:
        return people.by_login(session, LIVE, login)


def _end(tx: Session, key: str) -> None:
    tx.connection().execute(delete(PersonSessionRow).where(col(PersonSessionRow.id_sha256) == key))


def _record(tx: Session, gateway: Gateway, person: PersonRow | None, event: str) -> None:
    """What was typed as an unknown name is not kept: people type passwords there."""
    actor = audit.by(person.id) if person else "unknown"
    audit.record(tx, realm=LIVE, at=gateway.clock.now(), actor=actor, channel="page", event=event)


def logout(request: Request) -> Response:
    who = signed_in(request)
    gateway = gateway_of(request)

    def work(tx: Session) -> None:
        _end(tx, who.session)
        _record(tx, gateway, who.person, "signed_out")

    gateway.database.write(work)
    return _bye()


def logout_everywhere(request: Request) -> Response:
    who = signed_in(request)
    gateway = gateway_of(request)

    def work(tx: Session) -> None:
        people.end_sessions(tx, who.person.id)
        _record(tx, gateway, who.person, "signed_out_everywhere")

    gateway.database.write(work)
    return _bye()


def _bye() -> Response:
    answer = RedirectResponse("/login", status_code=303)
    sessions.take_back(answer)
    return answer


def home(request: Request) -> Response:
    """Where a person's work waits."""
    who = signed_in(request)
    places = ((Role.APPROVER, "/approvals"), (Role.OPERATOR, "/operations"))
    start = next((place for role, place in places if who.may(role)), "/orders")
    return RedirectResponse(start, status_code=303)

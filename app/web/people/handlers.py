"""The login page, and the ways out."""

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from sqlmodel import Session, col, delete
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.clients import oidc as oidc_client
from app.flows import second_factor
from app.gateway import Gateway
from app.storage import audit, passwords, people, second_factors
from app.storage.base import LIVE
from app.storage.oidc import OidcProviderRow
from app.storage.people import PersonRow, PersonSessionRow, Role
from app.web.forms import FormLimits, read_form
from app.web.language import msgid
from app.web.people import sessions
from app.web.people.sessions import gateway_of, language_of, needs_https, signed_in
from app.web.tries import limits_of, remote
from app.web.views import page

LIMITS: Final = FormLimits(fields=10, size=8_000)
"""Many people share an address; nobody shares a name."""

WRONG: Final = msgid("This name and password do not fit together.")
NO_CODE: Final = msgid("This code does not fit, or was used already.")
TOO_MANY: Final = msgid("Too many tries. Please wait five minutes.")
TOO_MANY_CODES: Final = msgid("Too many tries. Please wait a quarter of an hour.")
NEEDS_HTTPS: Final = msgid("Signing in needs https: over this connection your browser would not keep the session.")


def login_form(request: Request) -> Response:
    if needs_https(request):
        return _form(request, NEEDS_HTTPS, status=403, usable=False)
    return _form(request, None)


def _form(request: Request, fault: str | None, *, status: int = 200, login: str = "", usable: bool = True) -> Response:
    context = {
        "fault": fault,
        "login": login,
        "next": own_path(request.query_params.get("next", "")),
        "usable": usable,
        "by_mail": gateway_of(request).settings.smtp_host is not None,
        "by_provider": usable and _has_provider(gateway_of(request)),
    }
    answer = page(request, "people/login.html", context, language=language_of(request), status=status)
    if status == 429:
        answer.headers["Retry-After"] = str(limits_of(request).names.window)
    return answer


def _has_provider(gateway: Gateway) -> bool:
    with gateway.database.read() as session:
        return oidc_client.available() and session.get(OidcProviderRow, LIVE) is not None


def own_path(target: str) -> str:
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
        return await run_in_threadpool(login_form, request)
    form = await read_form(request, LIMITS)
    attempt = _Attempt(people.folded(form.text("login")), (form.all("password") or ("",))[0])
    limits = limits_of(request)
    if not (limits.sign_ins.count(remote(request)) and limits.names.count(attempt.login)):
        return await run_in_threadpool(_form, request, TOO_MANY, status=429, login=attempt.login)
    entered = await _try(gateway_of(request), attempt, request)
    if entered is None:
        return await run_in_threadpool(_form, request, WRONG, status=401, login=attempt.login)
    limits.names.forget(attempt.login)
    return go_on(entered, own_path(form.text("next")))


@dataclass(frozen=True, slots=True)
class Entered:
    """`cookie` is that of a session, or of the step in which the second factor is asked for."""

    cookie: str
    asks_code: bool


def enter(tx: Session, gateway: Gateway, person: PersonRow, request: Request, **how: str) -> Entered:
    """For one who has proved to be this person: a session in the place of the browser's own before, or the step that
    asks for the second factor."""
    if before := request.cookies.get(sessions.COOKIE):
        _end(tx, people.session_key(before))
    if second_factors.confirmed(tx, person.id):
        return Entered(sessions.begin_step(tx, gateway, person), asks_code=True)
    _signed_in(tx, gateway, person, **how)
    return Entered(sessions.begin(tx, gateway, person, request), asks_code=False)


def go_on(entered: Entered, next_: str) -> Response:
    """`next_` is a path of ours or empty."""
    if entered.asks_code:
        answer = RedirectResponse(f"/login/code?next={quote(next_, safe='')}" if next_ else "/login/code", 303)
        sessions.give_step(answer, entered.cookie)
        return answer
    answer = RedirectResponse(next_ or "/", status_code=303)
    sessions.give(answer, entered.cookie)
    return answer


async def _try(gateway: Gateway, attempt: _Attempt, request: Request) -> Entered | None:
    """What a right password leads to, or None. A name that nobody has costs the same work as a wrong password."""
    person = await run_in_threadpool(_person, gateway, attempt.login)
    kept = person.password if person and person.may_sign_in(demo=gateway.settings.demo) else None
    fits = await asyncio.wrap_future(passwords.check(kept, attempt.password))
    if person is None or kept is None or not fits:
        await gateway.database.awrite(lambda tx: _record(tx, gateway, person, "sign_in_failed"))
        return None
    renewed = None
    if passwords.outdated(kept):
        renewed = await run_in_threadpool(passwords.hashed, attempt.password)

    def sign_in(tx: Session) -> Entered:
        if renewed is not None:
            tx.get_one(PersonRow, person.id).password = renewed
        return enter(tx, gateway, person, request)

    return await gateway.database.awrite(sign_in)


async def code_form(request: Request) -> Response:
    """The second step, for a browser whose person has proved the password; others begin at the first."""
    person = await run_in_threadpool(_in_step, request)
    return RedirectResponse("/login", 303) if person is None else _code_form(request, None)


def _code_form(request: Request, fault: str | None, *, status: int = 200, next_: str | None = None) -> Response:
    target = own_path(request.query_params.get("next", "") if next_ is None else next_)
    context = {"fault": fault, "next": target}
    answer = page(request, "people/code.html", context, language=language_of(request), status=status)
    if status == 429:
        answer.headers["Retry-After"] = str(limits_of(request).codes.window)
    return answer


def _in_step(request: Request) -> PersonRow | None:
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        return sessions.person_in_step(session, gateway, request.cookies.get(sessions.STEP_COOKIE))


async def login_code(request: Request) -> Response:
    form = await read_form(request, LIMITS)
    gateway, limits = gateway_of(request), limits_of(request)
    step = request.cookies.get(sessions.STEP_COOKIE, "")
    person = await run_in_threadpool(_in_step, request)
    if person is None:
        return RedirectResponse("/login", status_code=303)
    next_ = form.text("next")
    if not (limits.sign_ins.count(remote(request)) and limits.codes.count(person.id)):
        return _code_form(request, TOO_MANY_CODES, status=429, next_=next_)
    text = form.text("code")

    def sign_in(tx: Session) -> str | None:
        # Looked up again: somebody may have ended the step meanwhile.
        proof = second_factor.prove(tx, gateway, person, text)
        if proof is None or sessions.person_in_step(tx, gateway, step) is None:
            return None
        sessions.end_step(tx, step)
        _signed_in(tx, gateway, person, second_factor=proof)
        return sessions.begin(tx, gateway, person, request)

    cookie = await gateway.database.awrite(sign_in)
    if cookie is None:
        return _code_form(request, NO_CODE, status=401, next_=next_)
    limits.codes.forget(person.id)
    answer = RedirectResponse(own_path(next_) or "/", status_code=303)
    answer.delete_cookie(sessions.STEP_COOKIE, path="/", secure=True, httponly=True)
    sessions.give(answer, cookie)
    return answer


def _person(gateway: Gateway, login: str) -> PersonRow | None:
    with gateway.database.read() as session:
        return people.by_login(session, LIVE, login)


def _end(tx: Session, key: str) -> None:
    tx.connection().execute(delete(PersonSessionRow).where(col(PersonSessionRow.id_sha256) == key))


def _record(tx: Session, gateway: Gateway, person: PersonRow | None, event: str, **data: str) -> None:
    """What was typed as an unknown name is not kept: people type passwords there."""
    actor = audit.by(person.id) if person else "unknown"
    audit.record(tx, realm=LIVE, at=gateway.clock.now(), actor=actor, channel="page", event=event, data=data)


def _signed_in(tx: Session, gateway: Gateway, person: PersonRow, **how: str) -> None:
    people.signed_in(tx, person.id, gateway.clock.now())
    _record(tx, gateway, person, "signed_in", **how)


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
    places = ((Role.APPROVER, "/approvals"), (Role.OPERATOR, "/operations"), (Role.FLOW_AUTHOR, "/admin/rules"))
    start = next((place for role, place in places if who.may(role)), "/orders")
    return RedirectResponse(start, status_code=303)

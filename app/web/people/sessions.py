"""The session of a signed-in browser: a random id in a cookie, a row behind it, and the guard of people's pages.

The cookie is `__Host-` and Secure. Browsers keep such a cookie on https and on loopback and drop it anywhere else, so a
login over plain http elsewhere is answered with words instead of a loop."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from sqlmodel import Session, col, delete
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.flows import second_factor
from app.gateway import Gateway
from app.languages import offered
from app.storage import second_factors
from app.storage.people import PendingSignInRow, PersonRow, PersonSessionRow, Role, session_key
from app.web.endpoint import Endpoint
from app.web.errors import error_page
from app.web.language import PEOPLE_LANGUAGES, negotiated
from app.web.security import SAFE_METHODS
from app.web.views import page

COOKIE: Final = "__Host-crossdock"
STEP_COOKIE: Final = "__Host-crossdock-step"
"""Between password and second factor."""
ENROL: Final = "/account/second-factor"
IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=12)
STEP: Final = timedelta(minutes=5)
"""How long the second factor may take."""
NOTED_EACH: Final = timedelta(minutes=1)
"""How precisely it is written down when a session was seen last: not each request costs a write."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who asks. The row is detached: to be read, not changed. `must_enrol`: lacks the second factor that their role
    needs."""

    person: PersonRow
    session: str
    must_enrol: bool = False

    def may(self, *roles: Role) -> bool:
        return self.person.has(*roles)


def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


def signed_in(request: Request) -> SignedIn:
    """Whom the guard has let pass."""
    who: SignedIn = request.state.signed_in
    return who


def language_of(request: Request, person: PersonRow | None = None) -> str:
    """The person's own language, else the browser's, among those that people's pages speak."""
    own = offered(person.language, PEOPLE_LANGUAGES) if person else None
    return own or negotiated(request.headers.get("accept-language"), PEOPLE_LANGUAGES)


def people_page(request: Request, template: str, context: dict[str, Any], *, status: int = 200) -> Response:
    """A page for the signed-in person, in their language."""
    who = signed_in(request)
    shared = {"who": who, "here": request.scope["path"], "Role": Role}
    return page(request, template, {**shared, **context}, language=language_of(request, who.person), status=status)


async def people_only(request: Request, endpoint: Endpoint) -> Response | None:
    """The guard of Auth.PERSON. Without a session, a page sends to the login and comes back; a POST is not repeated."""
    who = await run_in_threadpool(look_up, gateway_of(request), request.cookies.get(COOKIE))
    if who is None:
        if request.method not in SAFE_METHODS:
            return error_page(request, 401)
        path = request.scope["path"]
        query = request.scope["query_string"].decode("latin-1")
        target = quote(f"{path}?{query}" if query else path, safe="")
        return RedirectResponse(f"/login?next={target}", status_code=303)
    if endpoint.roles and not any(role in who.person.roles for role in endpoint.roles):
        return error_page(request, 403)
    if who.must_enrol and not endpoint.before_enrolment:
        return RedirectResponse(ENROL, status_code=303) if request.method in SAFE_METHODS else error_page(request, 403)
    request.state.signed_in = who
    return None


def look_up(gateway: Gateway, cookie: str | None) -> SignedIn | None:
    """Whose session the cookie is; None for one that has ended or never was."""
    if not cookie or len(cookie) > 100:
        return None
    now = gateway.clock.now()
    with gateway.database.read() as session:
        row = session.get(PersonSessionRow, session_key(cookie))
        if row is None or over(row, now):
            return None
        person = session.get(PersonRow, row.person_id)
        must_enrol = (
            person is not None
            and second_factor.required(gateway, person)
            and not second_factors.confirmed(session, person.id)
        )
    if person is None or not person.may_sign_in(demo=gateway.settings.demo):
        return None
    if now - row.seen_at > NOTED_EACH:
        gateway.database.write(lambda tx: _seen(tx, row.id_sha256, gateway))
    return SignedIn(person, row.id_sha256, must_enrol)


def over(row: PersonSessionRow, now: datetime) -> bool:
    return now - row.seen_at > IDLE or now - row.began_at > ABSOLUTE


def _seen(tx: Session, key: str, gateway: Gateway) -> None:
    row = tx.get(PersonSessionRow, key)
    if row is not None:
        row.seen_at = gateway.clock.now()
        tx.add(row)


def begin(tx: Session, gateway: Gateway, person: PersonRow, request: Request) -> str:
    """A new session with an id that nobody has known before; returns what the cookie holds. Ended ones are cleared."""
    now = gateway.clock.now()
    cookie = secrets.token_urlsafe(32)
    tx.add(
        PersonSessionRow(
            id_sha256=session_key(cookie),
            realm=person.realm,
            person_id=person.id,
            began_at=now,
            seen_at=now,
            address=request.client.host if request.client else None,
            browser=request.headers.get("user-agent", "")[:200] or None,
        )
    )
    return cookie


def begin_step(tx: Session, gateway: Gateway, person: PersonRow) -> str:
    """The password was right, the second factor is next; returns what the cookie of this step holds."""
    cookie = secrets.token_urlsafe(32)
    now = gateway.clock.now()
    row = PendingSignInRow(id_sha256=session_key(cookie), realm=person.realm, person_id=person.id, began_at=now)
    tx.add(row)
    return cookie


def person_in_step(session: Session, gateway: Gateway, cookie: str | None) -> PersonRow | None:
    """Who has proved the password with this cookie and may now prove the second factor."""
    row = session.get(PendingSignInRow, session_key(cookie)) if cookie and len(cookie) <= 100 else None
    if row is None or gateway.clock.now() - row.began_at > STEP:
        return None
    person = session.get(PersonRow, row.person_id)
    return person if person is not None and person.may_sign_in(demo=gateway.settings.demo) else None


def give_step(answer: Response, cookie: str) -> None:
    age = int(STEP.total_seconds())
    answer.set_cookie(STEP_COOKIE, cookie, max_age=age, path="/", secure=True, httponly=True)


def give(answer: Response, cookie: str) -> None:
    answer.set_cookie(COOKIE, cookie, max_age=int(ABSOLUTE.total_seconds()), path="/", secure=True, httponly=True)


def take_back(answer: Response) -> None:
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True)


def end_step(tx: Session, cookie: str) -> None:
    tx.connection().execute(delete(PendingSignInRow).where(col(PendingSignInRow.id_sha256) == session_key(cookie)))


def needs_https(request: Request) -> bool:
    """Whether a browser would drop our cookie here: plain http to anything but this machine."""
    host = (request.url.hostname or "").casefold()
    loopback = host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")
    return request.scope["scheme"] != "https" and not loopback

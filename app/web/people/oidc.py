"""Signing in with the account of an OpenID Connect provider: off to it, and back with its code.

State, nonce and PKCE verifier come from a cookie of this browser (`app.clients.oidc.derived`), so that an answer that
another browser asked for opens nothing here; the row behind the cookie makes it good for one answer. A link begins it
and not a form: Chromium holds the redirect after a form against `form-action`, which names no provider."""

import hmac
import secrets
from typing import Final

import structlog
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.clients.oidc import Identity, Provider, ProviderFault, available, derived
from app.flows.sign_in_by_oidc import Told, person_for
from app.gateway import Gateway
from app.storage import audit, oidc
from app.storage.base import LIVE
from app.storage.oidc import ON_THE_WAY, OidcProviderRow
from app.web.errors import Words, error_page
from app.web.language import msgid
from app.web.people.handlers import Entered, enter, go_on, login_form, own_path
from app.web.people.sessions import gateway_of, needs_https
from app.web.tries import limits_of, remote

COOKIE: Final = "__Host-crossdock-oidc"
CALLBACK: Final = "/oidc/callback"
LONGEST: Final = 4_000
LONGEST_PATH: Final = 400
"""Browsers drop a cookie of more than 4 kB; a sign in a path may take four bytes, and each is written as two."""

NOT_NOW = Words(
    msgid("Your company's sign-in does not answer"), msgid("Please try again, or sign in with name and password.")
)
NOBODY = Words(
    msgid("You are not known here"),
    msgid("Your company's sign-in was right, but nobody here has your verified mail address. Ask the administrator."),
)
STALE = Words(msgid("This sign-in is no longer valid"), msgid("Go back to the sign-in page and begin again."))

_log = structlog.get_logger(__name__)


def _provider(gateway: Gateway) -> OidcProviderRow:
    """Raises HTTPException 404 where there is none."""
    with gateway.database.read() as session:
        row = session.get(OidcProviderRow, LIVE) if available() else None
    if row is None:
        raise HTTPException(404)
    return row


def _opened(gateway: Gateway, row: OidcProviderRow) -> Provider:
    return Provider(row.issuer, row.client_id, row.secret(gateway.keys), private=row.private)


def _back_at(gateway: Gateway) -> str:
    return gateway.settings.url + CALLBACK


def send_off(request: Request) -> Response:
    gateway = gateway_of(request)
    row = _provider(gateway)
    if needs_https(request):
        return login_form(request)
    limits = limits_of(request)
    if not limits.sign_ins.count(remote(request)):
        return error_page(request, 429, headers={"Retry-After": str(limits.sign_ins.window)})
    # What the page wanted comes back in the cookie, which nobody else can write.
    cookie = secrets.token_urlsafe(32)
    next_ = own_path(request.query_params.get("next", ""))
    kept = f"{cookie}.{next_ if len(next_) <= LONGEST_PATH else ''}"
    try:
        with _opened(gateway, row) as provider:
            url = provider.sign_in_url(cookie, _back_at(gateway))
    except ProviderFault as fault:
        return _out_of_reach(request, fault)
    gateway.database.write(lambda tx: oidc.send_off(tx, LIVE, cookie, gateway.clock.now()))
    answer = RedirectResponse(url, status_code=303)
    age = int(ON_THE_WAY.total_seconds())
    answer.set_cookie(COOKIE, _quoted(kept), max_age=age, path="/", secure=True, httponly=True)
    return answer


def _quoted(kept: str) -> str:
    """A path may hold what a cookie may not."""
    return kept.encode().hex()


def _kept(request: Request) -> tuple[str, str]:
    """The cookie's secret, and the path that was wanted; both empty for what is not ours."""
    try:
        secret, _, next_ = bytes.fromhex(request.cookies.get(COOKIE, "")[:LONGEST]).decode().partition(".")
    except ValueError:
        return "", ""
    return secret, own_path(next_)


def come_back(request: Request) -> Response:
    """The provider's answer. Looking at the address (HEAD) uses nothing up."""
    gateway = gateway_of(request)
    row = _provider(gateway)
    if request.method == "HEAD":
        return Response()
    cookie, next_ = _kept(request)
    query = request.query_params
    state, code, issuer = query.get("state", ""), query.get("code", ""), query.get("iss", row.issuer)
    fits = bool(cookie) and hmac.compare_digest(state.encode(), derived(cookie, "state").encode())
    # RFC 9207: another provider's answer does not go to this one's token endpoint.
    fits = fits and hmac.compare_digest(issuer.encode(), row.issuer.encode())
    if not fits or not gateway.database.write(lambda tx: oidc.come_back(tx, LIVE, cookie, gateway.clock.now())):
        return _ended(error_page(request, 400, words=STALE))
    if not code or len(code) > LONGEST:
        return _ended(_out_of_reach(request, ProviderFault(f"no code: {query.get('error', '')[:100]!r}")))
    try:
        with _opened(gateway, row) as provider:
            told = provider.identity(cookie, code, _back_at(gateway), gateway.clock.now().timestamp())
    except ProviderFault as fault:
        return _ended(_out_of_reach(request, fault))
    entered = gateway.database.write(lambda tx: _enter(tx, gateway, row, told, request))
    return _ended(error_page(request, 403, words=NOBODY) if entered is None else go_on(entered, next_))


def _enter(tx: Session, gateway: Gateway, row: OidcProviderRow, told: Identity, request: Request) -> Entered | None:
    who = Told(subject=told.subject, email=told.email, name=told.name)
    person = person_for(tx, gateway, row, who)
    if person is None:
        now = gateway.clock.now()
        audit.record(
            tx, realm=LIVE, at=now, actor="unknown", channel="page", event="sign_in_failed", data={"by": "oidc"}
        )
        return None
    return enter(tx, gateway, person, request, by="oidc")


def _out_of_reach(request: Request, fault: ProviderFault) -> Response:
    _log.warning("oidc.fault", fault=str(fault))
    return error_page(request, 503, words=NOT_NOW)


def _ended(answer: Response) -> Response:
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True)
    return answer

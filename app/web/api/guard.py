"""Who may call the API: a live key (RFC 6750: `Authorization: Bearer cd_live_...`) with the scope of the URL.

Missing, wrong, expired and revoked keys get the same answer after the same work."""

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.gateway import Gateway
from app.storage import api_keys
from app.storage.api_keys import NOTED_EACH, ApiKeyRow
from app.web.endpoint import Endpoint, gateway_of
from app.web.problem import problem
from app.web.tries import count_unknown, limits_of

REALM = 'Bearer realm="Crossdock"'


def key_of(request: Request) -> ApiKeyRow:
    """Whom the guard has let pass. The row is detached: to be read, not changed."""
    key: ApiKeyRow = request.state.api_key
    return key


async def keys_only(request: Request, endpoint: Endpoint) -> Response | None:
    """The guard of Auth.KEY."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if not text:
        headers = {"WWW-Authenticate": REALM}
        return problem(request, 401, "Send a key of the API as `Authorization: Bearer KEY`.", headers=headers)
    key = None
    if scheme.casefold() == "bearer":
        key = await run_in_threadpool(_look_up, gateway_of(request), text.strip()[:100])
    if key is None:
        count_unknown(request)
        headers = {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
        return problem(request, 401, "This is no key of the API, or it has expired or was revoked.", headers=headers)
    calls = limits_of(request).calls
    if not calls.count(key.id):
        headers = {"Retry-After": str(calls.window)}
        return problem(request, 429, "This key has made too many calls.", headers=headers)
    if endpoint.scope not in key.scopes:
        headers = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{endpoint.scope}"'}
        return problem(request, 403, f"This key lacks the scope {endpoint.scope}.", headers=headers)
    request.state.api_key = key
    return None


def _look_up(gateway: Gateway, text: str) -> ApiKeyRow | None:
    now = gateway.clock.now()
    with gateway.database.read() as session:
        key = api_keys.presented(session, text, now)
    if key is not None and (key.used_at is None or now - key.used_at > NOTED_EACH):
        gateway.database.write(lambda tx: _used(tx, key.id, gateway))
    return key


def _used(tx: Session, key_id: str, gateway: Gateway) -> None:
    row = tx.get(ApiKeyRow, key_id)
    if row is not None:
        row.used_at = gateway.clock.now()
        tx.add(row)

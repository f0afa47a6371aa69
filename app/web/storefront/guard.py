"""Who may enter the shop: whoever has a token in the path that still opens a visit."""

from typing import Final, cast

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.flows import visit as visits
from app.flows.visit import Alive, Dead, Ended
from app.web.endpoint import Endpoint, gateway_of
from app.web.errors import error_page
from app.web.security import SAFE_METHODS, content_security_policy
from app.web.tries import count_unknown, remote
from app.web.views import page
from schemas.punchout import Operation

LEAVE: Final = "/p/{token}/leave"
"""The one thing that may be posted in a visit that only looks."""

RETURN: Final = "/p/{token}/return"

GOING_HOME: Final = frozenset({LEAVE, RETURN})
"""Where the second half of a double press still gets the same answer, so that the cart is not lost between two."""

_log = structlog.get_logger(__name__)


async def shoppers_only(request: Request, endpoint: Endpoint) -> Response | None:
    """Leaves the visit in `request.state.alive`. Inspecting shoppers change nothing: whatever they post, except to
    leave, is refused here, so that no handler can forget it."""
    gateway = gateway_of(request)
    found = await run_in_threadpool(_find, request)
    if isinstance(found, Dead):
        if endpoint.path not in GOING_HOME or found.visit is None or found.partner is None:
            return await dead_page(request, found, what="shop_token")
        request.state.alive = Alive(found.visit, found.partner)
        return None
    request.state.alive = found
    request.state.policy = content_security_policy(framed_by=found.visit.framed_by)
    inspecting = found.visit.operation == Operation.INSPECT
    if inspecting and request.method not in SAFE_METHODS and endpoint.path != LEAVE:
        return error_page(request, 403)
    now = gateway.clock.now()
    last = found.visit.last_seen_at
    if last is None or now - last >= visits.SEEN_EVERY:
        session_id = found.visit.id
        await gateway.database.awrite(lambda tx: visits.seen(tx, session_id, now))
    return None


def _find(request: Request) -> Alive | Dead:
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        return visits.find(session, request.path_params["token"], gateway.clock.now())


def alive_of(request: Request) -> Alive:
    return cast(Alive, request.state.alive)


async def dead_page(request: Request, dead: Dead, *, what: str) -> Response:
    """The one page for every code and token that opens nothing: 410, no catalogue, no login form.

    It may be framed by the pages that framed the visit. For one that nobody knows any page may frame it, as it holds
    nothing to click and a browser's own error page would tell the shopper less. An address that comes with many unknown
    ones gets 429 instead and no audit entries; what opens a visit is never held up, as buyers share addresses."""
    gateway = gateway_of(request)
    if dead.why is Ended.UNKNOWN:
        count_unknown(request)
    address = remote(request)
    await gateway.database.awrite(lambda tx: visits.record_refused(tx, gateway, dead, what=what, remote=address))
    _log.info("shop.refused", what=what, why=dead.why, session_id=dead.visit.id if dead.visit else None)
    request.state.policy = content_security_policy(framed_by=dead.visit.framed_by if dead.visit else ("*",))
    language = dead.visit.language if dead.visit and dead.visit.started_at else None
    returned = dead.why is Ended.RETURNED
    return await run_in_threadpool(
        page, request, "storefront/ended.html", {"returned": returned}, language=language, status=410
    )

"""`/start/{code}`: the door that opens once, and leads on to the path with the token."""

import hashlib
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.flows import visit as visits
from app.flows.visit import Begun, Dead
from app.web.endpoint import gateway_of
from app.web.language import negotiated, regional
from app.web.storefront.guard import dead_page
from app.web.tries import remote
from schemas.base import from_json
from schemas.punchout import Operation, PunchoutRequest

_log = structlog.get_logger(__name__)


async def start(request: Request) -> Response:
    """HEAD and prefetching never use the code up: link previews and security scanners do both."""
    if request.method == "HEAD" or "prefetch" in request.headers.get("sec-purpose", ""):
        return Response(status_code=204)
    gateway = gateway_of(request)
    accepted = negotiated(request.headers.get("accept-language"))
    browser = hashlib.sha256(f"{remote(request)}\n{request.headers.get('user-agent', '')}".encode()).hexdigest()
    code = request.path_params["code"]
    begun = await gateway.database.awrite(
        lambda tx: visits.begin(tx, gateway, code, browser=browser, speak=lambda asked: regional(asked) or accepted)
    )
    if isinstance(begun, Dead):
        return await dead_page(request, begun, what="start_code")
    _tell_of_strange_frame(request, begun)
    return RedirectResponse(f"/p/{begun.token}/{_first_page(begun)}", status_code=303)


def _first_page(begun: Begun) -> str:
    """Where the visit opens: at its cart, at the item that the buyer's system named, or at the entrance."""
    if begun.visit.operation in (Operation.EDIT, Operation.INSPECT):
        return "cart"
    selected = from_json(begun.visit.request, PunchoutRequest).selected
    return "selected" if selected is not None and selected.supplier_id else ""


def _tell_of_strange_frame(request: Request, begun: Begun) -> None:
    """A wrong frame-ancestors shows the browser's own error page; whoever looks for the reason finds it in the log."""
    if request.headers.get("sec-fetch-dest") not in ("iframe", "frame"):
        return
    opener = urlsplit(request.headers.get("referer", ""))
    origin = f"{opener.scheme}://{opener.netloc}"
    if opener.netloc and origin not in begun.visit.framed_by:
        _log.warning(
            "shop.framed_by_stranger",
            opened_by=origin,
            allowed=begun.visit.framed_by,
            partner_id=begun.visit.partner_id,
            session_id=begun.visit.id,
        )

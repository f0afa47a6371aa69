"""Health, readiness and metrics."""

from dataclasses import asdict
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import metrics
from app.flows.watched_numbers import exposition
from app.gateway import Gateway
from app.web.endpoint import Endpoint
from app.web.operators import readiness


async def healthz(_request: Request) -> Response:
    """The process answers; without a thread, since all of them may wait for a database that says nothing."""
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> Response:
    """Whether work can be taken; 503 when not. Each check says what was found and what to do next."""
    checks = await readiness.examine(request.app.state.gateway)
    status = readiness.status_of(checks)
    body = {"status": status, "checks": [asdict(check) for check in checks]}
    return JSONResponse(body, status_code=503 if status == "not ready" else 200)


def metrics_page(request: Request) -> Response:
    return Response(exposition(request.app.state.gateway), headers={"Content-Type": metrics.CONTENT_TYPE})


async def operators_only(request: Request, _endpoint: Endpoint) -> Response | None:
    """Lets pass who calls from a network that the operator listed; others learn nothing."""
    gateway: Gateway = request.app.state.gateway
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return Response(status_code=404)
    if any(address in network for network in gateway.settings.operators):
        return None
    return Response(status_code=404)

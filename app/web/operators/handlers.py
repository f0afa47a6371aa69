"""Health, readiness and metrics."""

from ipaddress import ip_address

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import metrics
from app.engine import Engine
from app.gateway import Gateway
from app.storage import processes, schema
from app.storage.durability import weaknesses
from app.storage.intake_writer import Busy, Unwritten
from app.web.endpoint import Endpoint


def healthz(_request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "alive"})


def readyz(request: Request) -> Response:
    """Whether work can be taken: each part is tried, not asked. 503 names what is wrong."""
    problems = not_ready(request.app.state.gateway)
    if problems:
        return JSONResponse({"status": "not ready", "problems": problems}, status_code=503)
    return JSONResponse({"status": "ready"})


def metrics_page(_request: Request) -> Response:
    return Response(metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})


def not_ready(gateway: Gateway) -> list[str]:
    """What keeps this process from taking work; empty when nothing does."""
    problems = []
    try:
        name, now = gateway.settings.worker_id, gateway.clock.now()
        gateway.database.write(lambda session: processes.seen(session, name, now), patience=5)
        with gateway.database.read() as session:
            if schema.pending(session.connection()):
                problems.append("migrations are not current: run `crossdock init`")
            problems += weaknesses(session.connection())
    except (SQLAlchemyError, Busy, Unwritten) as error:
        problems.append(f"the database cannot be written ({type(error).__name__})")
    if isinstance(gateway.engine, Engine) and gateway.settings.embedded and not gateway.engine.working:
        problems.append("the engine is not working")
    return problems


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

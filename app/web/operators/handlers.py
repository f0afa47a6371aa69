"""Health, readiness and metrics."""

from contextlib import suppress
from ipaddress import ip_address

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import metrics
from app.engine import Engine
from app.gateway import Gateway
from app.storage import processes, schema
from app.storage.base import LIVE
from app.storage.deliveries import DeliveryRow
from app.storage.dispatches import DispatchRow
from app.storage.durability import weaknesses
from app.storage.intake_writer import Busy, Unwritten
from app.storage.orders import OrderRow, OrderState
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


def metrics_page(request: Request) -> Response:
    with suppress(SQLAlchemyError):
        _count_open_work(request.app.state.gateway)
    return Response(metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})


def _count_open_work(gateway: Gateway) -> None:
    """What waits, for whichever process of this database is asked."""
    waits_for_a_person = col(OrderRow.state).in_((OrderState.HELD, OrderState.AWAITING_APPROVAL))
    counts = (
        ("delivery", select(col(DeliveryRow.state), func.count()).where(col(DeliveryRow.open).is_(True))),
        ("dispatch", select(col(DispatchRow.state), func.count()).where(col(DispatchRow.open).is_(True))),
        ("order", select(col(OrderRow.state), func.count()).where(col(OrderRow.realm) == LIVE, waits_for_a_person)),
    )
    metrics.OPEN_WORK.clear()
    with gateway.database.read() as session:
        for what, count in counts:
            for state, number in session.execute(count.group_by(text("1"))):
                metrics.OPEN_WORK.labels(what, state).set(number)


def not_ready(gateway: Gateway) -> list[str]:
    """What keeps this process from taking work; empty when nothing does."""
    problems = []
    try:
        with gateway.database.read() as session:
            pending = schema.pending(session.connection())
            problems += weaknesses(session.connection())
        if pending:
            problems.append("migrations are not current: run `crossdock init`")
        else:
            name, now = gateway.settings.process_id, gateway.clock.now()
            gateway.database.write(lambda session: processes.seen(session, name, now), patience=5)
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

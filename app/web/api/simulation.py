"""`POST /api/v1/flows/{key}/simulate`: what other rules would have made of the orders that came."""

from typing import Any, Final

import msgspec
from sqlmodel import Session, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.approval import definition as definitions
from app.approval.fields import Catalogue
from app.approval.flow import Flow
from app.approval.simulation import Report
from app.flows.own_fields import fields_for
from app.flows.simulate_flow import MOST_DAYS, Choice, simulate
from app.storage.api_keys import ApiKeyRow
from app.storage.approvals import FlowRow
from app.web.api import bodies
from app.web.api.guard import key_of
from app.web.endpoint import gateway_of
from schemas.faults import Fault, Rejected

MOST_ORDERS: Final = 500
"""Somebody waits for the answer: the pages try more."""
BODY_LIMIT: Final = definitions.MOST_BYTES + 4_096


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`definition`: the rules to try, as they are published. Of the newest `orders` those of the last `days`, where
    these are given."""

    definition: dict[str, Any]
    orders: int = 100
    days: int | None = None


async def simulate_flow(request: Request) -> Response:
    """Nobody is asked, and nothing is kept."""
    faults = list[Fault]()
    trial = bodies.read(await request.body(), Trial, faults)
    if trial is None:
        return bodies.refused(request, faults, what="The body is wrong.")
    return await run_in_threadpool(_simulated, request, trial)


def _check(trial: Trial, fields: Catalogue, faults: list[Fault]) -> Flow | None:
    """The rules to try; None with the faults that they have."""
    if not 1 <= trial.orders <= MOST_ORDERS:
        message = f"must be a number from 1 to {MOST_ORDERS}"
        faults.append(Fault(code="body.out_of_range", at="orders", message=message, found=str(trial.orders)[:100]))
    if trial.days is not None and not 1 <= trial.days <= MOST_DAYS:
        message = f"must be a number from 1 to {MOST_DAYS}"
        faults.append(Fault(code="body.out_of_range", at="days", message=message, found=str(trial.days)[:100]))
    try:
        return definitions.read(msgspec.json.encode(trial.definition), fields)
    except Rejected as rejected:
        faults += rejected.faults
        return None


def _simulated(request: Request, trial: Trial) -> Response:
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        row = _flow(session, key_of(request), request.path_params["key"])
        fields = fields_for(session, row)
    faults = list[Fault]()
    flow = _check(trial, fields, faults)
    if flow is None or faults:
        return bodies.refused(request, faults, what="The body is wrong.")
    choice = Choice(trial.orders, trial.days)
    report: Report = simulate(gateway.database, row, flow, choice, gateway.clock.now())
    return bodies.answer(report)


def _flow(session: Session, key: ApiKeyRow, name: str) -> FlowRow:
    """Rules for all are reached by keys that reach all customers. Raises HTTPException 404."""
    row = session.exec(select(FlowRow).where(FlowRow.realm == key.realm, FlowRow.key == name)).first()
    if row is None or (key.customers is not None and row.customer_id not in key.customers):
        raise HTTPException(404)
    return row

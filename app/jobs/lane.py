"""Sends what a lane holds: takes the row whose turn it is, calls the ERP, writes down what came of it, and again.

A lane gives its thread back after some deliveries, so that a customer with a thousand orders does not keep another
waiting; what is left goes to the back of the queue.
"""

from typing import Final

import structlog

from app.bridge.adapter import CannotTell, Found, Outcome, Uncertain
from app.errors import kill_point
from app.flows import forward_order
from app.flows.forward_order import Act, Step
from app.gateway import Gateway, alert
from app.work import WAKE_LANE, Lane

TURN: Final = 20
"""Calls in a row."""

_log = structlog.get_logger(__name__)


def run(gateway: Gateway, lane: Lane) -> None:
    for _ in range(TURN):
        if not advance(gateway, lane):
            return
    gateway.database.write(lambda tx: gateway.engine.enqueue(tx, WAKE_LANE, lane))


def advance(gateway: Gateway, lane: Lane) -> bool:
    """One call, if there is one to make now."""
    kill_point("delivery.before_sending")
    step = gateway.database.write(lambda tx: forward_order.prepare(tx, gateway, lane))
    if step is None:
        return False
    structlog.contextvars.bind_contextvars(correlation_id=step.delivery.correlation_id)
    kill_point("delivery.after_sending")
    result = _call(step)
    kill_point("delivery.after_request")
    gateway.database.write(lambda tx: forward_order.settle(tx, gateway, step, result))
    kill_point("delivery.after_mark")
    _log.info(
        "delivery", act=step.act, delivery=step.delivery.id, kind=step.delivery.kind, result=type(result).__name__
    )
    return True


def _call(step: Step) -> Outcome | Found:
    """An exception is a bug in the adapter. The ERP may have got the order nevertheless, so nothing else is concluded
    from it; the look-ups that follow set the order aside when it keeps happening."""
    try:
        if step.act is Act.FIND:
            return step.erp.find(step.delivery.reference, step.delivery.customer)
        return step.erp.submit(step.delivery)
    except Exception as error:  # noqa: BLE001 - whatever an adapter does wrong, its lane must go on
        _log.exception("adapter.failed", delivery=step.delivery.id)
        alert("adapter.failed", delivery=step.delivery.id, act=step.act, error=type(error).__name__)
        reason = f"the adapter failed: {type(error).__name__}"
        return CannotTell(reason) if step.act is Act.FIND else Uncertain(reason)

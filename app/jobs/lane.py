"""Sends what a lane holds: takes the row whose turn it is, calls the ERP, writes down what came of it, and again.

A lane gives its thread back after some seconds, so that a customer with a thousand orders does not keep another
waiting; what is left goes to the back of the queue. Until then it goes on with lanes that wait for its place at the
ERP when its own has nothing more.

While the database is gone a job stays where it is and goes on when it is back. What ends instead is found again only by
the sweep, and a row that was being sent only when its lease has run out.
"""

import time
from typing import Final

import structlog

from app import metrics, trace
from app.bridge.adapter import CannotTell, Found, Outcome, Uncertain
from app.errors import kill_point
from app.flows import settle_delivery
from app.flows.deliver_order import WEIGHT, Turn
from app.flows.take_delivery import Act, Step
from app.gateway import Gateway, alert
from app.storage.intake_writer import Ended
from app.work import Lane

TURN: Final = 2.0
"""Seconds after which no further call is begun."""

_log = structlog.get_logger(__name__)


def run(gateway: Gateway, lane: Lane) -> int:
    """How many calls were made."""
    end, calls = time.monotonic() + TURN, 0
    step = _taken(gateway, Turn(gateway, lane))
    while step is not None:
        trace.begin(step.trace, partner=step.partner, delivery=step.delivery.id)
        kill_point("delivery.after_sending")
        with metrics.DELIVERY_SECONDS.labels(act=step.act).time():
            result = _call(step)
        kill_point("delivery.after_request")
        calls += 1
        _log.info("delivery", act=step.act, delivery=step.delivery.id, result=type(result).__name__)
        step = _gone_on(gateway, step, result, last=time.monotonic() >= end)
        kill_point("delivery.after_mark")
    return calls


def _taken(gateway: Gateway, turn: Turn) -> Step | None:
    kill_point("delivery.before_sending")
    gateway.database.insist(turn, batched=True, weight=WEIGHT)
    return turn.step


def _gone_on(gateway: Gateway, step: Step, result: Outcome | Found, *, last: bool) -> Step | None:
    try:
        return _taken(gateway, Turn(gateway, step.lane, (step, result), last))
    except Ended:
        raise
    except Exception:
        # Whatever is wrong with the next row must not undo what is known of this one.
        gateway.database.insist(lambda tx: settle_delivery.settle(tx, gateway, [(step, result)]))
        raise


def _call(step: Step) -> Outcome | Found:
    """An exception is a bug in the adapter. The ERP may have got the order nevertheless, so nothing else is concluded
    from it; the look-ups that follow set the order aside when it keeps happening."""
    try:
        if step.act is Act.FIND:
            return step.erp.find(step.delivery.reference, step.delivery.customer)
        return step.erp.submit(step.delivery)
    except Exception as error:  # noqa: BLE001 - whatever an adapter does wrong, its lane must go on
        _log.exception("adapter.failed", delivery=step.delivery.id)
        alert(
            "adapter.failed",
            delivery=step.delivery.id,
            act=step.act,
            error=type(error).__name__,
            partner=step.partner,
            correlation_id=step.trace.correlation_id,
        )
        reason = f"the adapter failed: {type(error).__name__}"
        return CannotTell(reason) if step.act is Act.FIND else Uncertain(reason)

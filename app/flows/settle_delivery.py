"""What comes of a call to an ERP, written down: the row's next state, the attempt, the breaker, the order, and what
follows from them."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from app import metrics
from app.bridge import look_up, schedule
from app.bridge.adapter import (
    Accepted,
    CannotTell,
    Found,
    FoundNone,
    FoundOne,
    FoundSeveral,
    Outcome,
    Rejected,
    Retry,
    Uncertain,
)
from app.flows import forward_order, order_outcome, steady_time
from app.flows.erp_room import ErpRoom, endpoint
from app.flows.take_delivery import Act, Step, attempt_of
from app.gateway import Gateway, alert
from app.storage import lane_heads
from app.storage.attempts import AttemptRow
from app.storage.breakers import Breakers
from app.storage.deliveries import DeliveryRow, Event, State
from app.storage.lane_heads import InHand

_chance = random.SystemRandom().random


def settle(
    tx: Session, gateway: Gateway, results: Sequence[tuple[Step, Outcome | Found]], room: ErpRoom | None = None
) -> None:
    """Writes down what came of these steps, and what follows from it. A result that comes after the step's claim ran
    out is recorded and raises an alert; the look-ups that have begun meanwhile decide. A second time it changes
    nothing."""
    room = room or ErpRoom(tx, gateway)
    in_hand = lane_heads.in_hand(tx, [step.sequence for step, _ in results])
    room.left(there.row for there in in_hand.values())
    for step, result in results:
        gateway.claims.drop(step.claim)
        if step.sequence not in in_hand:
            raise LookupError(f"delivery {step.delivery.id} is gone")
        _settle(tx, gateway, room.breakers, in_hand[step.sequence], step, result)


def _settle(
    tx: Session, gateway: Gateway, breakers: Breakers, there: InHand, step: Step, result: Outcome | Found
) -> None:
    now, row = gateway.clock.now(), there.row
    known = tx.get(AttemptRow, step.claim) if row.claim != step.claim else None
    if known is not None and known.ended_at is not None:
        return
    attempt = _ended(gateway, step, result, now)
    metrics.DELIVERIES.labels(act=step.act, outcome=attempt.outcome).inc()
    if row.claim != step.claim:
        attempt.late = True
        tx.merge(attempt)
        alert(
            "delivery.answered_late",
            delivery=row.id,
            outcome=_name(result),
            partner=step.partner,
            correlation_id=row.correlation_id,
        )
        return
    tx.add(attempt)
    _tell_breaker(breakers, row, step, result, now)
    row.claim = None
    row.touched_at = now
    match result:
        case Accepted():
            _accept(tx, gateway, there, result, now)
        case Rejected(code, text, at):
            _count_answer(row, now)
            row.move(Event.REFUSE, now)
            row.code, row.reason, row.at = code[:100], text[:2_000], at
            order_outcome.stopped(tx, gateway, row, "erp.rejected", "the ERP refuses the order", f"{text} [{code}]")
        case Retry():
            _put_off(tx, gateway, row, result, now)
        case Uncertain(reason):
            row.move(Event.LOSE, now)
            row.uncertain_since = now
            row.reason = reason[:2_000]
            steady_time.uncertain_for(gateway, row)
            _look_later(tx, gateway, row, schedule.LOOK_UP[0])
        case _ if row.state != State.UNCERTAIN:
            # Only a probe: the breaker knows now, and the lane goes on with the row as it stood.
            row.due_at = None
            forward_order.wake(tx, gateway, row)
        case CannotTell() | FoundNone() | FoundOne() | FoundSeveral():
            _weigh(tx, gateway, there, step, result, now)


def _ended(gateway: Gateway, step: Step, result: Outcome | Found, now: datetime) -> AttemptRow:
    worker = gateway.settings.worker_id
    attempt = attempt_of(step.claim, step.delivery.id, step.number, step.act, worker, step.started_at)
    attempt.ended_at = now
    attempt.outcome = _name(result)
    match result:
        case Retry(reason) | Uncertain(reason) | CannotTell(reason):
            attempt.reason = reason[:2_000]
        case Rejected(code, text):
            attempt.reason = f"{code}: {text}"[:2_000]
        case FoundSeveral(erp_ids):
            attempt.reason = ", ".join(erp_ids)[:2_000]
    heard = getattr(result, "heard", None)
    if heard is not None:
        attempt.status, attempt.said = heard.status, heard.excerpt
    return attempt


_NAMES: Final[dict[type, str]] = {
    Accepted: "accepted",
    Rejected: "rejected",
    Retry: "retry",
    Uncertain: "uncertain",
    FoundOne: "one",
    FoundNone: "none",
    FoundSeveral: "several",
    CannotTell: "unknown",
}


def _name(result: Outcome | Found) -> str:
    return _NAMES[type(result)]


def _tell_breaker(breakers: Breakers, row: DeliveryRow, step: Step, result: Outcome | Found, now: datetime) -> None:
    """No connection, no answer and 5xx are the ERP's trouble; whatever else it says, it is there."""
    if isinstance(result, Uncertain | Retry | CannotTell):
        down = isinstance(result, Uncertain) or result.heard is None or result.heard.status >= 500
        if down:
            if breakers.failed(endpoint(row), now, result.reason, probe=step.probe):
                alert(
                    "breaker.open",
                    erp=row.erp,
                    realm=row.realm,
                    reason=result.reason,
                    partner=step.partner,
                    correlation_id=row.correlation_id,
                )
            return
    breakers.succeeded(endpoint(row), now, proven=step.act is Act.SUBMIT)


def _accept(tx: Session, gateway: Gateway, there: InHand, result: Accepted, now: datetime) -> None:
    row = there.row
    row.move(Event.ACCEPT, now)
    _count_answer(row, now)
    row.erp_id, row.erp_number = result.erp_id[:200], result.number[:200]
    row.code = row.reason = row.at = None
    order_outcome.accepted(tx, gateway, there.order, row, now)


def _count_answer(row: DeliveryRow, now: datetime) -> None:
    if row.first_sent_at is not None:
        metrics.ERP_ANSWERED.observe((now - row.first_sent_at).total_seconds())


def _put_off(tx: Session, gateway: Gateway, row: DeliveryRow, result: Retry, now: datetime) -> None:
    since = row.first_sent_at or now
    if now - since >= timedelta(hours=gateway.settings.delivery_hours):
        row.move(Event.GIVE_UP, now)
        row.reason = result.reason[:2_000]
        message = f"given up after {row.attempts} attempts"
        order_outcome.stopped(tx, gateway, row, "erp.dead", message, result.reason)
        return
    row.move(Event.PUT_OFF, now)
    row.reason = result.reason[:2_000]
    row.due_at = now + schedule.wait(schedule.ERP, row.attempts, _chance(), result.after)
    forward_order.wake(tx, gateway, row, row.due_at)


def _look_later(tx: Session, gateway: Gateway, row: DeliveryRow, after: timedelta) -> None:
    row.due_at = gateway.clock.now() + after
    forward_order.wake(tx, gateway, row, row.due_at)


def _weigh(tx: Session, gateway: Gateway, there: InHand, step: Step, found: Found, now: datetime) -> None:
    row = there.row
    uncertain_for = min(now - (row.uncertain_since or now), steady_time.uncertain_for(gateway, row))
    settles_in = step.erp.settle - uncertain_for
    match look_up.verdict(step.delivery, found, settled=uncertain_for >= step.erp.settle, resends=row.resends):
        case Accepted() as found_there:
            _accept(tx, gateway, there, found_there, now)
        case look_up.Resend():
            row.move(Event.ABSENT, now)
            row.resends += 1
            forward_order.wake(tx, gateway, row)
        case look_up.Hold(code, text):
            row.move(Event.HOLD, now)
            row.code, row.reason = code, text[:2_000]
            order_outcome.stopped(tx, gateway, row, code, _MESSAGES[code], text)
        case look_up.LookAgain(reason, settling):
            row.reason = reason[:2_000]
            if not settling and now - (row.first_sent_at or now) >= timedelta(hours=gateway.settings.delivery_hours):
                row.move(Event.HOLD, now)
                order_outcome.stopped(tx, gateway, row, "erp.unknown", _MESSAGES["erp.unknown"], reason)
                return
            after = settles_in if settling else schedule.wait(schedule.LOOK_UP, row.lookups, _chance())
            _look_later(tx, gateway, row, after)


_MESSAGES: Final = {
    "erp.several": "the ERP has more than one order of this number",
    "erp.differs": "the ERP has an order of this number with other lines or another total",
    "erp.missing": "the ERP does not have the order that was to be changed",
    "erp.uncertain": "the order was sent several times and the ERP never answered",
    "erp.unknown": "the ERP does not tell whether it has the order",
}

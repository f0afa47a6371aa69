"""An order's way out of its lane: what the lane job does before and after each call to the ERP.

`prepare` takes the row whose turn it is and commits that before a byte leaves. `settle` writes down what came of it.
Between them stands only the call, which belongs to the job.

A request without a readable answer may have been done, so it is never repeated blindly: the row becomes uncertain, and
look-ups decide (`app.bridge.look_up`).
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from app import metrics
from app.approval.order_hash import order_hash
from app.approval.steps import State as RunState
from app.bridge import look_up, registry, schedule
from app.bridge.adapter import (
    Accepted,
    CannotTell,
    Delivery,
    ErpAdapter,
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
from app.flows.cases import Code
from app.flows.steady_time import MARGIN
from app.gateway import Gateway, alert
from app.storage import breakers, deliveries, lane_stops
from app.storage.approvals import RunRow
from app.storage.attempts import AttemptRow
from app.storage.breakers import Go, NotNow
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow, Event, State
from app.storage.orders import OrderRevisionRow, OrderRow
from app.trace import Trace
from app.work import Lane

NO_ERP: Final = timedelta(minutes=1)

_chance = random.SystemRandom().random


class Act(StrEnum):
    SUBMIT = "submit"
    FIND = "find"


@dataclass(frozen=True, slots=True)
class Step:
    """One call to be made, already committed. `probe`: a look-up that shows whether the ERP is back, whatever the state
    of the row."""

    sequence: int
    claim: str
    number: int
    act: Act
    erp: ErpAdapter
    delivery: Delivery
    probe: bool
    started_at: datetime
    trace: Trace
    partner: str


def prepare(tx: Session, gateway: Gateway, lane: Lane, *, after: Step | None = None) -> Step | None:
    """The next call of the lane, or None when there is nothing to do now; whoever must come back later is enqueued.
    `after` is a step that was settled in this transaction: its place at the ERP is free."""
    now = gateway.clock.now()
    row = deliveries.head(tx, lane.realm, lane.lane)
    if row is None or (row.due_at is not None and row.due_at > now) or lane_stops.holds(tx, row):
        return None
    erp = gateway.erps.get(registry.key(row.realm, row.erp))
    if row.state == State.SENDING:
        if steady_time.still_there(tx, gateway, row, erp):
            return None
        lost(tx, row, now)
    if erp is None:
        _put_back(tx, gateway, row, now + NO_ERP, f"no ERP named {row.erp!r} is set up")
        return None
    admission = breakers.admission(tx, endpoint(row), now)
    if isinstance(admission, NotNow):
        _put_back(tx, gateway, row, admission.until + timedelta(seconds=5 * _chance()), "the ERP is down")
        return None
    if row.state != State.UNCERTAIN and not admission.probe and not _has_room(tx, row, erp, admission, after):
        _put_back(tx, gateway, row, now + timedelta(seconds=0.5 + _chance()), None)
        return None
    try:
        delivery, order, approved = _delivery(tx, row)
    except ValueError as error:
        row.move(Event.HOLD, now)
        order_outcome.stopped(tx, gateway, row, "erp.unreadable", "the stored order cannot be read", str(error))
        return None
    if row.state != State.UNCERTAIN and not admission.probe and not approved:
        row.move(Event.HOLD, now)
        message = "what would go to the ERP is not what was approved"
        order_outcome.stopped(tx, gateway, row, Code.NOT_APPROVED, message, None)
        return None
    return _step(gateway, row, order, erp, delivery, admission, now)


def resumed(tx: Session, gateway: Gateway, step: Step) -> Step | None:
    """The step again, with a fresh lease, if it was taken up after all though the commit's answer was lost; the call
    has not been made. None when somebody else has the row, or nobody."""
    row = deliveries.locked(tx, step.sequence)
    if row is None or row.claim != step.claim:
        return None
    now = gateway.clock.now()
    row.touched_at = now
    row.due_at = now + step.erp.longest + MARGIN
    steady_time.begun(gateway, step.claim, step.erp)
    return replace(step, started_at=now)


def lost(tx: Session, row: DeliveryRow, now: datetime) -> None:
    """Whoever had this in hand is gone; the attempt stays without an end."""
    if row.claim is not None:
        act = Act.SUBMIT if row.state == State.SENDING else Act.FIND
        tx.add(_attempt(row.claim, row.id, row.attempts, act, row.worker or "", row.touched_at))
    if row.state == State.SENDING:
        row.move(Event.LOSE, now)
        row.uncertain_since = now
        row.reason = "the worker was lost while it was sending"
    row.claim = row.due_at = None


def endpoint(row: DeliveryRow) -> str:
    return registry.key(row.realm, row.erp)


def _has_room(tx: Session, row: DeliveryRow, erp: ErpAdapter, admission: Go, after: Step | None) -> bool:
    if admission.room is None and after is not None and after.erp is erp and after.act is Act.SUBMIT:
        return True
    most = erp.at_once if admission.room is None else min(erp.at_once, admission.room)
    return deliveries.sending(tx, row.realm, row.erp) < most


def _put_back(tx: Session, gateway: Gateway, row: DeliveryRow, until: datetime, reason: str | None) -> None:
    row.claim = None
    row.due_at = until
    row.touched_at = gateway.clock.now()
    row.reason = reason or row.reason
    forward_order.wake(tx, gateway, row, until)


_RUN: Final = (
    select(func.max(RunRow.id))
    .where(RunRow.order_id == bindparam("order"), col(RunRow.revision) <= bindparam("revision"))
    .scalar_subquery()
)
"""The run that this revision came under: a later revision's says nothing of it. Ids grow with time."""
_DOCUMENT: Final = (
    select(OrderRow, CustomerRow, OrderRevisionRow, RunRow)
    .join(CustomerRow, col(CustomerRow.id) == OrderRow.customer_id)
    .join(OrderRevisionRow, col(OrderRevisionRow.order_id) == OrderRow.id)
    .outerjoin(RunRow, col(RunRow.id) == _RUN)
    .where(OrderRow.id == bindparam("order"), OrderRevisionRow.number == bindparam("revision"))
    .with_for_update(of=OrderRow)
)


def _delivery(tx: Session, row: DeliveryRow) -> tuple[Delivery, OrderRow, bool]:
    """With whether it is what was approved: the same hash, computed again of what goes out. A cancellation needs no
    approval."""
    order, customer, revision, run = tx.exec(_DOCUMENT, params={"order": row.order_id, "revision": row.revision}).one()
    delivery = Delivery(
        id=row.id,
        kind=row.kind,
        reference=order.number,
        revision=row.revision,
        customer=customer.number,
        order=revision.document() if row.kind == "cancel" else revision.order(),
        correlation_id=row.correlation_id,
    )
    return delivery, order, row.kind == "cancel" or _is_approved(delivery, run)


def _is_approved(delivery: Delivery, run: RunRow | None) -> bool:
    if run is None or run.state != RunState.APPROVED:
        return False
    return order_hash(delivery.order, customer=delivery.customer) == run.order_hash


def _step(
    gateway: Gateway,
    row: DeliveryRow,
    order: OrderRow,
    erp: ErpAdapter,
    delivery: Delivery,
    admission: Go,
    now: datetime,
) -> Step:
    if row.state == State.UNCERTAIN or admission.probe:
        act = Act.FIND
        row.lookups += row.state == State.UNCERTAIN
    else:
        act = Act.SUBMIT
        row.move(Event.SEND, now)
        row.attempts += 1
        row.lookups = 0
        if row.first_sent_at is None:
            row.first_sent_at = now
            metrics.DELIVERY_BEGUN.observe((now - row.created_at).total_seconds())
        order_outcome.forwarding(order, row, now)
    row.claim = gateway.ids()
    steady_time.begun(gateway, row.claim, erp)
    steady_time.uncertain_for(gateway, row)
    row.worker = gateway.settings.worker_id
    row.touched_at = now
    row.due_at = now + erp.longest + MARGIN
    assert row.sequence is not None
    trace = Trace(order.correlation_id, order.request_id, order.trace)
    return Step(
        row.sequence, row.claim, row.attempts, act, erp, delivery, admission.probe, now, trace, order.partner_id
    )


def settle(tx: Session, gateway: Gateway, step: Step, result: Outcome | Found) -> None:
    """Writes down what came of a step, and what follows from it. A result that comes after the step's claim ran out is
    recorded and raises an alert; the look-ups that have begun meanwhile decide. A second time it changes nothing."""
    now = gateway.clock.now()
    gateway.claims.drop(step.claim)
    row = deliveries.locked(tx, step.sequence)
    if row is None:
        raise LookupError(f"delivery {step.delivery.id} is gone")
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
    _tell_breaker(tx, row, step, result, now)
    row.claim = None
    row.touched_at = now
    match result:
        case Accepted():
            _accept(tx, gateway, row, result, now)
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
            _weigh(tx, gateway, row, step, result, now)


def _attempt(claim: str, delivery_id: str, number: int, act: Act, worker: str, started_at: datetime) -> AttemptRow:
    return AttemptRow(id=claim, subject_id=delivery_id, number=number, act=act, worker=worker, started_at=started_at)


def _ended(gateway: Gateway, step: Step, result: Outcome | Found, now: datetime) -> AttemptRow:
    worker = gateway.settings.worker_id
    attempt = _attempt(step.claim, step.delivery.id, step.number, step.act, worker, step.started_at)
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


def _tell_breaker(tx: Session, row: DeliveryRow, step: Step, result: Outcome | Found, now: datetime) -> None:
    """No connection, no answer and 5xx are the ERP's trouble; whatever else it says, it is there."""
    if isinstance(result, Uncertain | Retry | CannotTell):
        down = isinstance(result, Uncertain) or result.heard is None or result.heard.status >= 500
        if down:
            if breakers.failed(tx, endpoint(row), now, result.reason, probe=step.probe):
                alert(
                    "breaker.open",
                    erp=row.erp,
                    realm=row.realm,
                    reason=result.reason,
                    partner=step.partner,
                    correlation_id=row.correlation_id,
                )
            return
    breakers.succeeded(tx, endpoint(row), now, proven=step.act is Act.SUBMIT)


def _accept(tx: Session, gateway: Gateway, row: DeliveryRow, result: Accepted, now: datetime) -> None:
    row.move(Event.ACCEPT, now)
    _count_answer(row, now)
    row.erp_id, row.erp_number = result.erp_id[:200], result.number[:200]
    row.code = row.reason = row.at = None
    order_outcome.accepted(tx, gateway, order_outcome.order_of(tx, row), row, now)


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


def _weigh(tx: Session, gateway: Gateway, row: DeliveryRow, step: Step, found: Found, now: datetime) -> None:
    uncertain_for = min(now - (row.uncertain_since or now), steady_time.uncertain_for(gateway, row))
    settles_in = step.erp.settle - uncertain_for
    match look_up.verdict(step.delivery, found, settled=uncertain_for >= step.erp.settle, resends=row.resends):
        case Accepted() as there:
            _accept(tx, gateway, row, there, now)
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

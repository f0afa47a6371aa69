"""Takes up what is next in lanes: the rows are committed as being sent before a byte leaves."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final

from sqlmodel import Session

from app import metrics
from app.approval.order_hash import order_hash
from app.approval.steps import State as RunState
from app.bridge.adapter import Delivery, ErpAdapter
from app.flows import forward_order, order_outcome, steady_time
from app.flows.cases import Code
from app.flows.erp_room import ErpRoom, endpoint
from app.flows.steady_time import MARGIN
from app.gateway import Gateway
from app.storage import deliveries, lane_heads
from app.storage.approvals import RunRow
from app.storage.attempts import AttemptRow
from app.storage.breakers import Go, NotNow
from app.storage.deliveries import DeliveryRow, Event, State
from app.storage.intake_writer import after_commit
from app.storage.lane_heads import Head
from app.trace import Trace
from app.work import Lane
from schemas.base import from_json
from schemas.order import Order

NO_ERP: Final = timedelta(minutes=1)

_chance = random.SystemRandom().random


class Act(StrEnum):
    SUBMIT = "submit"
    FIND = "find"


@dataclass(frozen=True, slots=True)
class Step:
    """One call to be made, already committed. `probe`: a look-up that shows whether the ERP is back, whatever the state
    of the row."""

    lane: Lane
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


def prepare(tx: Session, gateway: Gateway, lanes: Sequence[Lane], room: ErpRoom | None = None) -> dict[Lane, Step]:
    """The next call of each lane that has one to make now. Whoever must come back later is enqueued; who finds no place
    at the ERP waits for one."""
    now, room = gateway.clock.now(), room or ErpRoom(tx, gateway)
    heads = lane_heads.heads(tx, [(lane.realm, lane.lane) for lane in lanes])
    ready = [head for head in heads if head.row.due_at is None or head.row.due_at <= now]
    room.look([head.row for head in ready])
    steps = [_prepared(tx, gateway, head, room, now) for head in ready]
    for lane in lanes:
        if gateway.waiting.waits(lane) and lane not in room.refused:
            after_commit(tx, partial(gateway.waiting.came, lane))
    return {step.lane: step for step in steps if step is not None}


def _prepared(tx: Session, gateway: Gateway, head: Head, room: ErpRoom, now: datetime) -> Step | None:
    row = head.row
    erp = gateway.erps.get(endpoint(row))
    if row.state == State.SENDING:
        if steady_time.still_there(tx, gateway, row, erp):
            return None
        lost(tx, row, now)
    if erp is None:
        _put_back(tx, gateway, row, now + NO_ERP, f"no ERP named {row.erp!r} is set up")
        return None
    admission = room.breakers.admission(endpoint(row), now)
    if isinstance(admission, NotNow):
        _put_back(tx, gateway, row, admission.until + timedelta(seconds=5 * _chance()), "the ERP is down")
        return None
    submits = row.state != State.UNCERTAIN and not admission.probe
    if submits and not room.has_room(row, erp, admission):
        if admission.room is None:
            room.wait(row)
        else:
            _put_back(tx, gateway, row, now + timedelta(seconds=0.5 + _chance()), None)
        return None
    try:
        delivery = _delivery(head)
    except ValueError as error:
        _hold(tx, gateway, row, "erp.unreadable", "the stored order cannot be read", str(error))
        return None
    if submits and not _is_approved(delivery, head.run):
        _hold(tx, gateway, row, Code.NOT_APPROVED, "what would go to the ERP is not what was approved", None)
        return None
    if submits:
        room.take(row)
    return _step(gateway, head, erp, delivery, admission, now)


def _hold(tx: Session, gateway: Gateway, row: DeliveryRow, code: str, message: str, found: str | None) -> None:
    """Only what is of the same order waits behind it, so the lane is called again and goes on with the rest."""
    row.move(Event.HOLD, gateway.clock.now())
    order_outcome.stopped(tx, gateway, row, code, message, found)
    forward_order.wake(tx, gateway, row)


def resumed(tx: Session, gateway: Gateway, step: Step) -> Step | None:
    """The step again, with a fresh lease, if it was taken up after all though the commit's answer was lost; the call
    has not been made. None when somebody else has the row, or nobody."""
    row = deliveries.by_id(tx, step.delivery.id)
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
        tx.add(attempt_of(row.claim, row.id, row.attempts, act, row.worker or "", row.touched_at))
    if row.state == State.SENDING:
        row.move(Event.LOSE, now)
        row.uncertain_since = now
        row.reason = "the worker was lost while it was sending"
    row.claim = row.due_at = None


def attempt_of(claim: str, delivery_id: str, number: int, act: Act, worker: str, started_at: datetime) -> AttemptRow:
    return AttemptRow(id=claim, subject_id=delivery_id, number=number, act=act, worker=worker, started_at=started_at)


def _put_back(tx: Session, gateway: Gateway, row: DeliveryRow, until: datetime, reason: str | None) -> None:
    row.claim = None
    row.due_at = until
    row.touched_at = gateway.clock.now()
    row.reason = reason or row.reason
    forward_order.wake(tx, gateway, row, until)


def _delivery(head: Head) -> Delivery:
    if head.document is None:
        raise ValueError("there is no order to be sent")
    return Delivery(
        id=head.row.id,
        kind=head.row.kind,
        reference=head.order.number,
        revision=head.row.revision,
        customer=head.customer,
        order=from_json(head.document, Order),
        correlation_id=head.row.correlation_id,
    )


def _is_approved(delivery: Delivery, run: RunRow | None) -> bool:
    """The same hash, computed again of what goes out. A cancellation needs no approval."""
    if delivery.kind == "cancel":
        return True
    if run is None or run.state != RunState.APPROVED:
        return False
    return order_hash(delivery.order, customer=delivery.customer) == run.order_hash


def _step(gateway: Gateway, head: Head, erp: ErpAdapter, delivery: Delivery, admission: Go, now: datetime) -> Step:
    row, order = head.row, head.order
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
    return Step(
        lane=Lane(realm=row.realm, lane=row.lane),
        sequence=row.sequence,
        claim=row.claim,
        number=row.attempts,
        act=act,
        erp=erp,
        delivery=delivery,
        probe=admission.probe,
        started_at=now,
        trace=Trace(order.correlation_id, order.request_id, order.trace),
        partner=order.partner_id,
    )

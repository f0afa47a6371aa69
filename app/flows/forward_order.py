"""An order's way to its ERP: what the lane job does before and after each call.

`queue_delivery` puts a row into the lane. `prepare` takes the row whose turn it is and commits that before a byte
leaves. `settle` writes down what came of it. Between them stands only the call, which belongs to the job.

A request without a readable answer may have been done, so it is never repeated blindly: the row becomes uncertain, and
look-ups decide (`app.bridge.look_up`).
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlmodel import Session, select

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
from app.flows import order_outcome
from app.gateway import Gateway, alert
from app.storage import breakers, deliveries, restores
from app.storage.attempts import AttemptRow
from app.storage.base import LIVE
from app.storage.breakers import Go, NotNow
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow, Event, State
from app.storage.orders import OrderRevisionRow, OrderRow
from app.work import WAKE_LANE, Lane

MARGIN: Final = timedelta(seconds=60)
"""How much longer than the longest call a worker may be silent before its row is taken from it."""
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
    act: Act
    erp: ErpAdapter
    delivery: Delivery
    probe: bool


def queue_delivery(tx: Session, gateway: Gateway, order: OrderRow, kind: str) -> DeliveryRow | None:
    """Puts a create, change or cancel of the order's present revision into its lane.

    Asking again for what stands there already is a replay of it, when it came to a stop. Nothing is queued, and None
    comes back, when the ERP has nothing that a cancellation could take back, and for test orders without an ERP to
    test with: these are accepted at once.
    """
    now = gateway.clock.now()
    rows = deliveries.of_order(tx, order.id, lock=True)
    erp = erp_of(tx, order)
    if order.test and order.realm == LIVE:
        order_outcome.accepted(tx, gateway, order, None, now)
        return None
    same = next((row for row in rows if row.revision == order.revision and _says_the_same(row.kind, kind)), None)
    if same is not None:
        if same.state in deliveries.STOPPED:
            again(tx, gateway, same)
        return same
    if kind == "cancel" and not take_back(tx, gateway, order):
        return None
    if kind == "change" and rows and all(row.state == State.REJECTED for row in rows):
        kind = "create"
    for row in rows:
        row.superseded = row.superseded or row.state == State.REJECTED
    state, uncertain_since = _beginning(tx, gateway, now)
    row = DeliveryRow(
        id=gateway.ids(),
        realm=order.realm,
        customer_id=order.customer_id,
        erp=erp,
        lane=deliveries.lane_of(order.customer_id, erp),
        order_id=order.id,
        revision=order.revision,
        kind=kind,
        correlation_id=order.correlation_id,
        state=state,
        created_at=now,
        touched_at=now,
        uncertain_since=uncertain_since,
    )
    tx.add(row)
    wake(tx, gateway, row)
    return row


def _says_the_same(one: str, other: str) -> bool:
    """A create and a change both say how the revision is to stand."""
    return (one == "cancel") == (other == "cancel")


def queue_first(tx: Session, gateway: Gateway, order: Mapping[str, Any], customer: CustomerRow) -> None:
    """As `queue_delivery` for a new order that stands in no lane yet, given as the columns of its row."""
    now = gateway.clock.now()
    erp = _erp_of(customer)
    state, uncertain_since = _beginning(tx, gateway, now)
    lane = Lane(realm=customer.realm, lane=deliveries.lane_of(customer.id, erp))
    deliveries.put(
        tx,
        {
            "id": gateway.ids(),
            "realm": lane.realm,
            "customer_id": customer.id,
            "erp": erp,
            "lane": lane.lane,
            "order_id": order["id"],
            "revision": 1,
            "kind": "create",
            "correlation_id": order["correlation_id"],
            "state": state,
            "open": True,
            "superseded": False,
            "attempts": 0,
            "resends": 0,
            "lookups": 0,
            "created_at": now,
            "touched_at": now,
            "uncertain_since": uncertain_since,
        },
    )
    gateway.engine.enqueue(tx, WAKE_LANE, lane)


def _beginning(tx: Session, gateway: Gateway, now: datetime) -> tuple[State, datetime | None]:
    """The state of a new delivery, and since when its outcome is unknown: after a restore the buyer may send again what
    was delivered after the backup and is not in it."""
    restored = restores.newest(tx)
    if restored is not None and now - restored < timedelta(days=gateway.settings.duplicate_days):
        return State.UNCERTAIN, restored
    return State.PENDING, None


def erp_of(tx: Session, order: OrderRow) -> str:
    """The name of the ERP that this customer's orders go to."""
    return _erp_of(tx.get_one(CustomerRow, order.customer_id))


def _erp_of(customer: CustomerRow) -> str:
    return str(customer.settings.get("erp", registry.DEFAULT))


def take_back(tx: Session, gateway: Gateway, order: OrderRow) -> bool:
    """Takes out of the lane what the ERP surely has not got, as the buyer has changed or cancelled the order. Returns
    whether the ERP may have anything of it."""
    now = gateway.clock.now()
    rows = deliveries.of_order(tx, order.id, lock=True)
    for row in rows:
        if row.state in (State.PENDING, State.WAITING) and row.uncertain_since is None:
            row.move(Event.REFUSE, now)
            row.code, row.reason = "order.taken_back", "changed or cancelled by the buyer before the ERP had it"
    return any(row.state != State.REJECTED for row in rows)


def wake(tx: Session, gateway: Gateway, row: DeliveryRow, at: datetime | None = None) -> None:
    """Has the lane looked at, shortly after `at`: who came a moment too early would find nothing to do."""
    at = at + timedelta(milliseconds=50) if at is not None else None
    gateway.engine.enqueue(tx, WAKE_LANE, Lane(realm=row.realm, lane=row.lane), at=at)


def prepare(tx: Session, gateway: Gateway, lane: Lane) -> Step | None:
    """The next call of the lane, or None when there is nothing to do now; whoever must come back later is enqueued."""
    now = gateway.clock.now()
    row = deliveries.head(tx, lane.realm, lane.lane)
    if row is None or (row.due_at is not None and row.due_at > now):
        return None
    if row.state == State.SENDING:
        lost(row, now)
    erp = gateway.erps.get(registry.key(row.realm, row.erp))
    if erp is None:
        _put_back(tx, gateway, row, now + NO_ERP, f"no ERP named {row.erp!r} is set up")
        return None
    admission = breakers.admission(tx, endpoint(row), now)
    if isinstance(admission, NotNow):
        _put_back(tx, gateway, row, admission.until + timedelta(seconds=5 * _chance()), "the ERP is down")
        return None
    if row.state != State.UNCERTAIN and not admission.probe and not _has_room(tx, row, erp, admission):
        _put_back(tx, gateway, row, now + timedelta(seconds=0.5 + _chance()), None)
        return None
    try:
        delivery = _delivery(tx, row)
    except ValueError as error:
        row.move(Event.HOLD, now)
        order_outcome.stopped(tx, gateway, row, "erp.unreadable", "the stored order cannot be read", str(error))
        return None
    return _step(tx, gateway, row, erp, delivery, admission, now)


def lost(row: DeliveryRow, now: datetime) -> None:
    """Whoever had this in hand is gone."""
    if row.state == State.SENDING:
        row.move(Event.LOSE, now)
        row.uncertain_since = now
        row.reason = "the worker was lost while it was sending"
    row.claim = row.due_at = None


def endpoint(row: DeliveryRow) -> str:
    return registry.key(row.realm, row.erp)


def _has_room(tx: Session, row: DeliveryRow, erp: ErpAdapter, admission: Go) -> bool:
    most = erp.at_once if admission.room is None else min(erp.at_once, admission.room)
    return deliveries.sending(tx, row.realm, row.erp) < most


def _put_back(tx: Session, gateway: Gateway, row: DeliveryRow, until: datetime, reason: str | None) -> None:
    row.claim = None
    row.due_at = until
    row.touched_at = gateway.clock.now()
    row.reason = reason or row.reason
    wake(tx, gateway, row, until)


def _delivery(tx: Session, row: DeliveryRow) -> Delivery:
    order = tx.get_one(OrderRow, row.order_id)
    customer = tx.get_one(CustomerRow, row.customer_id)
    query = select(OrderRevisionRow).where(
        OrderRevisionRow.order_id == row.order_id, OrderRevisionRow.number == row.revision
    )
    revision = tx.exec(query).one()
    return Delivery(
        id=row.id,
        kind=row.kind,
        reference=order.number,
        revision=row.revision,
        customer=customer.number,
        order=revision.document() if row.kind == "cancel" else revision.order(),
        correlation_id=row.correlation_id,
    )


def _step(
    tx: Session, gateway: Gateway, row: DeliveryRow, erp: ErpAdapter, delivery: Delivery, admission: Go, now: datetime
) -> Step:
    if row.state == State.UNCERTAIN or admission.probe:
        act = Act.FIND
        row.lookups += row.state == State.UNCERTAIN
    else:
        act = Act.SUBMIT
        row.move(Event.SEND, now)
        row.attempts += 1
        row.lookups = 0
        row.first_sent_at = row.first_sent_at or now
        order_outcome.forwarding(tx, row, now)
    row.claim = gateway.ids()
    row.worker = gateway.settings.worker_id
    row.touched_at = now
    row.due_at = now + erp.longest + MARGIN
    tx.add(
        AttemptRow(
            id=row.claim,
            subject_id=row.id,
            number=row.attempts,
            act=act,
            worker=row.worker,
            started_at=now,
        )
    )
    assert row.sequence is not None
    return Step(row.sequence, row.claim, act, erp, delivery, admission.probe)


def settle(tx: Session, gateway: Gateway, step: Step, result: Outcome | Found) -> None:
    """Writes down what came of a step, and what follows from it. A result that comes after the step's claim ran out is
    recorded and raises an alert; the look-ups that have begun meanwhile decide."""
    now = gateway.clock.now()
    row = deliveries.locked(tx, step.sequence)
    if row is None:
        raise LookupError(f"delivery {step.delivery.id} is gone")
    late = row.claim != step.claim
    _record(tx, step, result, now, late)
    if late:
        alert("delivery.answered_late", delivery=row.id, outcome=_name(result), correlation_id=row.correlation_id)
        return
    _tell_breaker(tx, row, step, result, now)
    row.claim = None
    row.touched_at = now
    match result:
        case Accepted():
            _accept(tx, gateway, row, result, now)
        case Rejected(code, text, at):
            row.move(Event.REFUSE, now)
            row.code, row.reason, row.at = code[:100], text[:2_000], at
            order_outcome.stopped(tx, gateway, row, "erp.rejected", "the ERP refuses the order", f"{text} [{code}]")
        case Retry():
            _put_off(tx, gateway, row, result, now)
        case Uncertain(reason):
            row.move(Event.LOSE, now)
            row.uncertain_since = now
            row.reason = reason[:2_000]
            _look_later(tx, gateway, row, schedule.LOOK_UP[0])
        case _ if row.state != State.UNCERTAIN:
            # Only a probe: the breaker knows now, and the lane goes on with the row as it stood.
            row.due_at = None
            wake(tx, gateway, row)
        case CannotTell() | FoundNone() | FoundOne() | FoundSeveral():
            _weigh(tx, gateway, row, step, result, now)


def _record(tx: Session, step: Step, result: Outcome | Found, now: datetime, late: bool) -> None:
    attempt = tx.get_one(AttemptRow, step.claim)
    attempt.ended_at = now
    attempt.outcome = _name(result)
    attempt.late = late
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
                alert("breaker.open", erp=row.erp, realm=row.realm, reason=result.reason)
            return
    breakers.succeeded(tx, endpoint(row), now, proven=step.act is Act.SUBMIT)


def _accept(tx: Session, gateway: Gateway, row: DeliveryRow, result: Accepted, now: datetime) -> None:
    row.move(Event.ACCEPT, now)
    row.erp_id, row.erp_number = result.erp_id[:200], result.number[:200]
    row.code = row.reason = row.at = None
    order_outcome.accepted(tx, gateway, order_outcome.order_of(tx, row), row, now)


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
    wake(tx, gateway, row, row.due_at)


def _look_later(tx: Session, gateway: Gateway, row: DeliveryRow, after: timedelta) -> None:
    row.due_at = gateway.clock.now() + after
    wake(tx, gateway, row, row.due_at)


def _weigh(tx: Session, gateway: Gateway, row: DeliveryRow, step: Step, found: Found, now: datetime) -> None:
    settles_at = (row.uncertain_since or now) + step.erp.settle
    match look_up.verdict(step.delivery, found, settled=now >= settles_at, resends=row.resends):
        case Accepted() as there:
            _accept(tx, gateway, row, there, now)
        case look_up.Resend():
            row.move(Event.ABSENT, now)
            row.resends += 1
            wake(tx, gateway, row)
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
            after = settles_at - now if settling else schedule.wait(schedule.LOOK_UP, row.lookups, _chance())
            _look_later(tx, gateway, row, after)


_MESSAGES: Final = {
    "erp.several": "the ERP has more than one order of this number",
    "erp.differs": "the ERP has an order of this number with other lines or another total",
    "erp.missing": "the ERP does not have the order that was to be changed",
    "erp.uncertain": "the order was sent several times and the ERP never answered",
    "erp.unknown": "the ERP does not tell whether it has the order",
}


def again(tx: Session, gateway: Gateway, row: DeliveryRow) -> None:
    """Tries once more what had come to a stop. Never blindly: it begins with a look-up, and what the ERP turns out to
    have is accepted. Raises Impossible for a row that is not held, dead or rejected."""
    now = gateway.clock.now()
    ended = row.closed_at or now
    row.move(Event.REPLAY, now)
    row.uncertain_since = row.uncertain_since or ended
    row.resends = row.lookups = 0
    row.first_sent_at = now
    row.warned_at = None
    order_outcome.on_its_way_again(tx, row, now)
    wake(tx, gateway, row)

"""An order's way into the lane of its ERP, and back into it when it had come to a stop.

Flows put rows into lanes and take them back; `deliver_order` is what the lane job does with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from app.bridge import registry
from app.flows import order_outcome
from app.gateway import Gateway
from app.storage import deliveries, restores
from app.storage.base import LIVE
from app.storage.batch import Batch, Writing
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow, Event, State
from app.storage.orders import OrderRow
from app.work import WAKE_LANE, Lane


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
    idle = deliveries.idle(tx, [(row.realm, row.lane)])
    tx.add(row)
    if idle:
        wake(tx, gateway, row)
    return row


def _says_the_same(one: str, other: str) -> bool:
    """A create and a change both say how the revision is to stand."""
    return (one == "cancel") == (other == "cancel")


@dataclass(frozen=True, slots=True)
class _First:
    gateway: Gateway
    order: Mapping[str, Any]
    customer: CustomerRow

    @property
    def lane(self) -> Lane:
        return Lane(realm=self.customer.realm, lane=deliveries.lane_of(self.customer.id, _erp_of(self.customer)))


def queue_first(tx: Writing, gateway: Gateway, order: Mapping[str, Any], customer: CustomerRow) -> None:
    """As `queue_delivery` for a new order that stands in no lane yet, given as the columns of its row."""
    first = _First(gateway, order, customer)
    if isinstance(tx, Batch):
        tx.afterwards(_queue_all, first)
    else:
        _queue_all(tx, [first])


def _queue_all(tx: Session, firsts: list[_First]) -> None:
    gateway = firsts[0].gateway
    now = gateway.clock.now()
    state, uncertain_since = _beginning(tx, gateway, now)
    lanes = list(dict.fromkeys(first.lane for first in firsts))
    idle = deliveries.idle(tx, [(lane.realm, lane.lane) for lane in lanes])
    deliveries.put.many(
        tx,
        [
            {
                "id": gateway.ids(),
                "realm": first.lane.realm,
                "customer_id": first.customer.id,
                "erp": _erp_of(first.customer),
                "lane": first.lane.lane,
                "order_id": first.order["id"],
                "revision": 1,
                "kind": "create",
                "correlation_id": first.order["correlation_id"],
                "state": state,
                "open": True,
                "superseded": False,
                "attempts": 0,
                "resends": 0,
                "lookups": 0,
                "created_at": now,
                "touched_at": now,
                "uncertain_since": uncertain_since,
            }
            for first in firsts
        ],
    )
    for lane in lanes:
        if (lane.realm, lane.lane) in idle:
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
    gateway.engine.enqueue(tx, WAKE_LANE, Lane(realm=row.realm, lane=row.lane), at=at)


def again(tx: Session, gateway: Gateway, row: DeliveryRow) -> None:
    """Tries once more what had come to a stop. Never blindly: it begins with a look-up, and what the ERP turns out to
    have is accepted. Raises Impossible for a row that is not held, dead or rejected."""
    now = gateway.clock.now()
    ended = row.closed_at or now
    row.move(Event.REPLAY, now)
    row.uncertain_since = row.uncertain_since or ended
    row.resends = row.lookups = 0
    row.worker = None
    row.first_sent_at = now
    row.warned_at = None
    order_outcome.on_its_way_again(tx, row, now)
    wake(tx, gateway, row)

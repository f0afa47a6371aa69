"""What becomes of an order when the ERP has spoken, or has been silent for too long.

An ERP's refusal is not passed on by itself: an item that the ERP does not know yet, or a closed period, is ours to put
right. It becomes a case at the desk, where a person sends the order again or refuses it to the buyer.
"""

from datetime import datetime
from typing import Final

from sqlmodel import Session, select

from app.flows import reply
from app.flows.case_times import due_at
from app.flows.cases import Code
from app.gateway import Gateway, alert
from app.storage import orders
from app.storage.deliveries import DeliveryRow
from app.storage.orders import NEXT, HoldRow, HoldState, OrderRow, OrderState
from protocols.cxml.status import CODES

CASES: Final = "erp."
"""What the code of a case begins with when it is about the way to the ERP."""


def order_of(tx: Session, row: DeliveryRow) -> OrderRow:
    order = orders.locked(tx, row.realm, row.order_id)
    if order is None:
        raise LookupError(f"delivery {row.id} has no order")
    return order


def forwarding(order: OrderRow, row: DeliveryRow, now: datetime) -> None:
    if order.state == OrderState.APPROVED and order.revision == row.revision:
        orders.move(order, OrderState.FORWARDING, now)


def accepted(tx: Session, gateway: Gateway, order: OrderRow, row: DeliveryRow | None, now: datetime) -> None:
    """The ERP has it, or (without a row) no ERP is to have it. The buyer is told where that is owed."""
    if row is not None and row.kind != "cancel" and row.erp_number:
        order.erp_number = row.erp_number[:100]
    revision = row.revision if row is not None else order.revision
    if order.state == OrderState.HELD:
        _close_cases(tx, order, revision, now)
    if revision != order.revision:
        return
    if order.state == OrderState.HELD:
        orders.move(order, OrderState.APPROVED, now)
    cancelled = row is not None and row.kind == "cancel"
    outcome = OrderState.CANCELLED if cancelled else OrderState.ACCEPTED
    if outcome in NEXT[OrderState(order.state)]:
        orders.move(order, outcome, now)
    if not cancelled:
        reply.accepted(tx, gateway, order)
    elif order.promised:
        reply.owe_status(tx, gateway, order, 200, CODES[200], "the order is cancelled")


def stopped(tx: Session, gateway: Gateway, row: DeliveryRow, code: str, message: str, found: str | None) -> None:
    """The delivery goes no further without a person."""
    now = gateway.clock.now()
    order = order_of(tx, row)
    tx.add(
        HoldRow(
            id=gateway.ids(),
            realm=order.realm,
            order_id=order.id,
            customer_id=order.customer_id,
            revision=row.revision,
            code=code,
            message=message,
            found=found[:500] if found else None,
            data={"delivery": row.id, "kind": row.kind},
            state=HoldState.OPEN,
            opened_at=now,
            due_at=due_at(gateway, code, now),
        )
    )
    if order.revision == row.revision and OrderState.HELD in NEXT[OrderState(order.state)]:
        orders.move(order, OrderState.HELD, now)
    alert(
        "delivery.not_approved" if code == Code.NOT_APPROVED else f"delivery.{row.state}",
        code=code,
        found=found,
        realm=row.realm,
        order=order.number,
        erp=row.erp,
        delivery=row.id,
        partner=order.partner_id,
        correlation_id=row.correlation_id,
        request_id=order.request_id,
    )


def on_its_way_again(tx: Session, row: DeliveryRow, now: datetime) -> None:
    """Somebody had the delivery tried again: its cases are settled by that."""
    order = order_of(tx, row)
    _close_cases(tx, order, row.revision, now)
    if order.revision == row.revision and order.state == OrderState.HELD and not _open_cases(tx, order):
        orders.move(order, OrderState.APPROVED, now)


def _close_cases(tx: Session, order: OrderRow, revision: int, now: datetime) -> None:
    query = select(HoldRow).where(
        HoldRow.order_id == order.id, HoldRow.revision == revision, HoldRow.state == HoldState.OPEN
    )
    for case in tx.exec(query):
        if case.code.startswith(CASES):
            case.state = HoldState.OBSOLETE
            case.settled_at = now


def _open_cases(tx: Session, order: OrderRow) -> bool:
    tx.flush()
    return bool(orders.holds(tx, order, HoldState.OPEN))

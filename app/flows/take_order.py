"""Takes an order, a change to one, or a cancellation: checks it, asks the rules, keeps it.

An update replaces the order entirely; what differs is kept with the revision and starts the approval anew. Documents
that cannot be taken are refused (a number that is taken, an older version, an unknown order); whatever is clear enough
to take but not to deliver is held, and then the buyer is told "later" and owed the outcome."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from app.approval.explanation import Why
from app.approval.moves import Superseded, Withdrawn
from app.approval.steps import State
from app.errors import No, Refusal
from app.flows import ask_approval, cart_comparison, change_approved, forward_order, order_revisions, reply, run_notices
from app.flows.ask_approval import record
from app.flows.cases import Code, Difference
from app.flows.change_approved import THE_BUYER, Changer
from app.flows.consider_order import Considered, consider
from app.flows.hold_order import hold, let_go, open_case
from app.flows.keep_order import BUYER, RULE, is_here_already, keep_approved, order_values, put_cart_orders
from app.flows.order_book import OrderBook
from app.flows.order_changes import same_content
from app.gateway import Gateway
from app.partners.identify import Caller
from app.storage import orders
from app.storage.approvals import RunRow
from app.storage.batch import Writing, session_of
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow
from app.storage.exchanges import ExchangeRow
from app.storage.orders import HoldRow, OrderRevisionRow, OrderRow, OrderState, move
from schemas.order import Change, Order

LONGEST_NUMBER: Final = 200
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
FOR_DELIVERY: Final = "accepted for delivery"


class Status(StrEnum):
    """ACCEPTED: taken for delivery, nothing more is owed. LATER: the outcome is owed."""

    ACCEPTED = "accepted"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class TakenOrder:
    """`reason` is for the buyer, in English."""

    order_id: str
    status: Status
    reason: str


def take_order(
    tx: Writing, gateway: Gateway, caller: Caller, order: Order, exchange_id: str, considered: Considered | None = None
) -> TakenOrder:
    """`considered` is what `consider_order` made of a new order beforehand. A batch is enough for one that
    `goes_straight_through`.

    Raises Refusal for a document that cannot be taken; nothing is written then."""
    if not order.id.strip() or len(order.id) > LONGEST_NUMBER:
        raise Refusal(No.UNACCEPTABLE, f"an order number has 1 to {LONGEST_NUMBER} characters")
    if order.change is Change.NEW:
        if considered is None or considered.turns_on_others:
            considered = _considered_now(session_of(tx), gateway, caller, order, exchange_id)
        if goes_straight_through(caller, order, considered):
            order_id = keep_approved(tx, gateway, caller, considered, exchange_id)
            return TakenOrder(order_id, Status.ACCEPTED, FOR_DELIVERY)
        return _new(session_of(tx), gateway, caller, considered, exchange_id)
    session = session_of(tx)
    known = orders.by_number(session, caller.realm, caller.customer.id, order.id)
    if known is None:
        raise Refusal(No.UNKNOWN_REFERENCE, f"there is no order {order.id}")
    take = _update if order.change is Change.UPDATE else _cancel
    return take(session, gateway, known, order, exchange_id)


def goes_straight_through(caller: Caller, order: Order, considered: Considered | None) -> bool:
    """A new order that nobody needs to look at."""
    if considered is None or considered.approved_by is None or considered.turns_on_others:
        return False
    return not (caller.test or order.test or order.internal_version)


def _considered_now(tx: Session, gateway: Gateway, caller: Caller, order: Order, exchange_id: str) -> Considered:
    customer = tx.get_one(CustomerRow, caller.customer.id)
    return consider(OrderBook(tx), customer, order, tx.get_one(ExchangeRow, exchange_id).protocol, gateway.clock.now())


def _new(tx: Session, gateway: Gateway, caller: Caller, considered: Considered, exchange_id: str) -> TakenOrder:
    row = OrderRow(**order_values(gateway, caller, considered, exchange_id), state=OrderState.HELD)
    try:
        with tx.begin_nested():
            tx.add(row)
    except IntegrityError:
        raise is_here_already(row.number) from None
    revision = order_revisions.keep(tx, gateway, row, considered.document, exchange_id)
    record(tx, row, "order_taken", considered.at, actor=BUYER, channel="document", data={"revision": 1})
    return _go_through(tx, gateway, row, revision, considered)


def _update(tx: Session, gateway: Gateway, row: OrderRow, order: Order, exchange_id: str) -> TakenOrder:
    if row.state == OrderState.CANCELLED:
        raise Refusal(No.CONFLICT, f"order {order.id} was cancelled; send it again under a new number")
    before = orders.revision(tx, row)
    if order.version is not None and row.version is not None and order.version <= row.version:
        own = order_revisions.of_buyer(tx, before)
        if order.version == row.version and same_content(own.document(), order):
            return _as_it_stands(row)
        message = f"order {order.id} is at version {row.version}; version {order.version} with other content is too old"
        raise Refusal(No.CONFLICT, message)
    at = gateway.clock.now()
    revision = order_revisions.keep(tx, gateway, row, order, exchange_id, before=before)
    number = {"revision": revision.number}
    if order.internal_version:
        record(tx, row, "internal_version", at, actor=BUYER, channel="document", data=number)
        return _as_it_stands(row)
    considered = consider_revision(tx, row, revision, at)
    record(tx, row, "order_changed", at, actor=BUYER, channel="document", data=number)
    return follow_change(tx, gateway, row, revision, considered, THE_BUYER)


def follow_change(
    tx: Session,
    gateway: Gateway,
    row: OrderRow,
    revision: OrderRevisionRow,
    considered: Considered,
    changer: Changer,
) -> TakenOrder:
    """What a change of an order means for its approval and its delivery, whoever made it."""
    at = considered.at
    sent = forward_order.take_back(tx, gateway, row)
    run = None if sent else change_approved.carry_over(tx, gateway, row, revision, considered, changer)
    explained = change_approved.differences(tx, row, considered) if run is None else {}
    ended = None
    if run is None:
        by = {"actor": changer.actor, "channel": changer.channel}
        ended = ask_approval.end(tx, gateway, row, Superseded(), at, sent=sent, **by)
    let_go(tx, row)
    taken = _go_through(tx, gateway, row, revision, considered, run, explained)
    if ended is not None:
        told = explained.get("differences", ())
        run_notices.superseded(tx, gateway, row, ended, told, at, changer.editor, changer.said)
    return taken


def _cancel(tx: Session, gateway: Gateway, row: OrderRow, order: Order, exchange_id: str) -> TakenOrder:
    if row.state == OrderState.CANCELLED:
        return TakenOrder(row.id, Status.ACCEPTED, f"order {row.number} was cancelled before")
    at = gateway.clock.now()
    sent = forward_order.take_back(tx, gateway, row)
    if row.promised and not sent:
        reply.owe_status(tx, gateway, row, 200, "OK", "cancelled at your request")
    revision = order_revisions.keep(tx, gateway, row, order, exchange_id, before=orders.revision(tx, row))
    ask_approval.end(tx, gateway, row, Withdrawn(), at, sent=sent, actor=BUYER, channel="document")
    let_go(tx, row)
    record(tx, row, "order_cancelled", at, actor=BUYER, channel="document", data={"revision": revision.number})
    if sent:
        _stand(tx, row, OrderState.APPROVED, at)
        row.promised = True
        forward_order.queue_delivery(tx, gateway, row, "cancel")
        return TakenOrder(row.id, Status.LATER, "the cancellation goes to the order system; its outcome will follow")
    _stand(tx, row, OrderState.CANCELLED, at)
    return TakenOrder(row.id, Status.ACCEPTED, f"order {row.number} is cancelled")


def take_again(tx: Session, gateway: Gateway, row: OrderRow) -> TakenOrder:
    """The same document once more, after a person has settled what held it or the rules have changed."""
    at = gateway.clock.now()
    sent = _sent(tx, row)
    ask_approval.end(tx, gateway, row, Superseded(), at, sent=sent, actor=RULE, channel="document")
    revision = orders.revision(tx, row)
    return _go_through(tx, gateway, row, revision, consider_revision(tx, row, revision, at))


def consider_revision(tx: Session, row: OrderRow, revision: OrderRevisionRow, at: datetime) -> Considered:
    return consider(OrderBook(tx), tx.get_one(CustomerRow, row.customer_id), revision.document(), row.protocol, at)


def _go_through(
    tx: Session,
    gateway: Gateway,
    row: OrderRow,
    revision: OrderRevisionRow,
    considered: Considered,
    run: RunRow | None = None,
    explained: Mapping[str, Any] = NOTHING,
) -> TakenOrder:
    """Hold for what differs, or do what the rules say: `run`, which goes on, or a new one."""
    at, checked, document = considered.at, considered.checked, considered.document
    revision.checked, revision.hash = considered.checked_json, considered.hash
    revision.cart = cart_comparison.to_data(considered.cart) if considered.cart else None
    odd = [fault for fault in revision.findings if fault["at"] == order_revisions.AT_DOCUMENT]
    revision.findings = [
        *odd,
        *(msgspec.to_builtins(fault) for fault in checked.findings),
        *(msgspec.to_builtins(difference.as_finding()) for difference in checked.differences),
    ]
    row.currency = document.currency or row.currency
    total = considered.subject.total_net
    row.total = total.amount if total else None
    row.requester = considered.subject.requester
    row.cost_center = orders.cost_center_of(considered.subject.cost_center)
    tx.add(revision)
    tx.add(row)
    put_cart_orders(tx, row.id, considered)
    cases = hold(tx, gateway, row, checked.differences, at)
    if cases:
        return _later(tx, row, OrderState.HELD, at, "received; a person looks at what differs: " + _named(cases))
    run = run or ask_approval.begin(tx, gateway, row, revision, considered, **explained)
    return come_to(tx, gateway, row, run, at)


def come_to(tx: Session, gateway: Gateway, row: OrderRow, run: RunRow, at: datetime) -> TakenOrder:
    """What the run's state means for the order."""
    why = str(run.explanation.get("why"))
    details: dict[str, Any] = {"run_id": run.id, "order_hash": run.order_hash, "flow_version_id": run.flow_version_id}
    match State(run.state):
        case State.APPROVED:
            if why in (Why.AUTO_APPROVED, Why.NOBODY_ASKED, Why.NO_FLOW):
                record(tx, row, "approved_by_rule", at, actor=RULE, channel="document", data={"why": why}, **details)
            return _forward(tx, gateway, row, at)
        case State.OPEN:
            return _later(tx, row, OrderState.AWAITING_APPROVAL, at, "received; it waits for approval")
        case State.REJECTED:
            reason = run.explanation.get("rule") or "refused by a rule"
            record(tx, row, "rejected_by_rule", at, actor=RULE, channel="document", reason=reason, **details)
            row.promised = True
            refuse(tx, gateway, row, reason, at)
            return TakenOrder(row.id, Status.LATER, "received; the outcome will follow")
        case _:
            open_case(tx, gateway, row, _APPROVAL_HOLDS[Why(why)], at)
            return _later(tx, row, OrderState.HELD, at, "received; a person looks at who has to approve it")


def _later(tx: Session, row: OrderRow, state: OrderState, at: datetime, reason: str) -> TakenOrder:
    row.promised = True
    _stand(tx, row, state, at)
    return TakenOrder(row.id, Status.LATER, reason)


def _stand(tx: Session, row: OrderRow, state: OrderState, at: datetime) -> None:
    move(row, state, at)
    tx.add(row)
    tx.flush()


def refuse(tx: Session, gateway: Gateway, row: OrderRow, reason: str, at: datetime) -> None:
    """The order is rejected, and the buyer is told why in its own protocol."""
    let_go(tx, row)
    _stand(tx, row, OrderState.REJECTED, at)
    reply.owe_rejection(tx, gateway, row, reason)


def send_back(tx: Session, gateway: Gateway, row: OrderRow, reason: str, at: datetime) -> None:
    """The order waits for the buyer, who is asked to change or cancel it; the outcome stays owed."""
    _stand(tx, row, OrderState.SENT_BACK, at)
    reply.ask_for_change(tx, gateway, row, reason)


def _forward(tx: Session, gateway: Gateway, row: OrderRow, at: datetime) -> TakenOrder:
    kind = "change" if _sent(tx, row) else "create"
    _stand(tx, row, OrderState.APPROVED, at)
    forward_order.queue_delivery(tx, gateway, row, kind)
    return TakenOrder(row.id, Status.LATER if row.promised else Status.ACCEPTED, FOR_DELIVERY)


def _sent(tx: Session, row: OrderRow) -> bool:
    """Whether the ERP may know of the order: something of it was queued for delivery."""
    return tx.exec(select(DeliveryRow.id).where(DeliveryRow.order_id == row.id).limit(1)).first() is not None


def _as_it_stands(row: OrderRow) -> TakenOrder:
    return TakenOrder(row.id, Status.LATER if row.promised else Status.ACCEPTED, f"nothing changes; it is {row.state}")


def _named(holds: Iterable[HoldRow]) -> str:
    codes = list(dict.fromkeys(hold.code for hold in holds))
    return ", ".join(codes[:5]) + ("" if len(codes) <= 5 else f" and {len(codes) - 5} more")


_APPROVAL_HOLDS: Final = {
    Why.NO_FLOW: Difference(Code.NO_FLOW, None, "no approval flow fits this order"),
    Why.CANNOT_TELL: Difference(Code.CANNOT_TELL, None, "whether a rule applies cannot be told from the order"),
    Why.NOBODY_THERE: Difference(Code.NOBODY_THERE, None, "a required step has nobody, or too few, who may decide"),
    Why.NOBODY_ASKED: Difference(Code.UNASKED, None, "no rule asks anybody, and the flow holds such orders"),
}

"""A held order is judged again: when what could not be told is known now, or a person asks for it.

A run that was held as a step had nobody goes on where it stands, with every yes that was given, unless other rules were
published meanwhile. One that had asked nobody yet is begun anew: there is nothing in it to keep."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlmodel import Session, col, select

from app.approval import run as runs
from app.approval.evaluate import Answer
from app.approval.explanation import Why, from_data
from app.approval.moves import Reopened
from app.approval.steps import State
from app.flows import ask_approval, take_order
from app.flows.cases import Code
from app.flows.consider_order import consider
from app.flows.hold_order import let_go
from app.flows.order_book import OrderBook
from app.gateway import Gateway
from app.storage import approvals, orders
from app.storage.approvals import RunRow
from app.storage.customers import CustomerRow
from app.storage.orders import HoldRow, HoldState, OrderRow, OrderState

MOST: Final = 1_000
"""Held orders that one new rate or budget has judged again; the others are judged when a person asks for it."""


def judge_again(tx: Session, gateway: Gateway, order: OrderRow, *, actor: str, channel: str) -> None:
    """The order is locked and held by the caller."""
    row = approvals.newest_run(tx, order.id)
    if row is None or not _goes_on(tx, gateway, order, row):
        take_order.take_again(tx, gateway, order)
        return
    at = gateway.clock.now()
    row.explanation = {**row.explanation, "why": Why.ASKED.value}
    try:
        ask_approval.apply(tx, gateway, order, row, Reopened(), at, actor=actor, channel=channel)
    except runs.NotPossible:
        take_order.take_again(tx, gateway, order)
        return
    let_go(tx, order)
    take_order.come_to(tx, gateway, order, row, at)


def _goes_on(tx: Session, gateway: Gateway, order: OrderRow, row: RunRow) -> bool:
    """Only people were missing: the order is as it was, without differences, and under the same rules."""
    if row.state != State.HELD or row.explanation.get("why") != Why.NOBODY_THERE:
        return False
    customer, revision = tx.get_one(CustomerRow, order.customer_id), orders.revision(tx, order)
    now = consider(OrderBook(tx), customer, revision.document(), order.protocol, gateway.clock.now())
    same = now.hash == row.order_hash and now.asked.flow_version_id == row.flow_version_id
    return same and not now.checked.differences


def judge_waiting(
    gateway: Gateway, realm: str, waits: Callable[[dict[str, Any]], bool], customer_id: str | None = None
) -> int:
    """Judges again every order that is held as something cannot be told, when `waits` says so of the explanation of its
    run; how many there were. Each in a transaction of its own."""
    query = select(HoldRow.order_id).where(
        HoldRow.realm == realm, HoldRow.state == HoldState.OPEN, HoldRow.code == Code.CANNOT_TELL
    )
    if customer_id is not None:
        query = query.where(HoldRow.customer_id == customer_id)
    with gateway.database.read() as session:
        held = list(session.exec(query.order_by(col(HoldRow.id)).limit(MOST)))
    return sum(_judge_one(gateway, realm, order_id, waits) for order_id in held)


def _judge_one(gateway: Gateway, realm: str, order_id: str, waits: Callable[[dict[str, Any]], bool]) -> bool:
    def work(tx: Session) -> bool:
        order = orders.locked(tx, realm, order_id)
        row = approvals.newest_run(tx, order_id)
        if order is None or row is None or order.state != OrderState.HELD or not waits(row.explanation):
            return False
        judge_again(tx, gateway, order, actor=ask_approval.SYSTEM, channel=ask_approval.SYSTEM)
        return True

    return gateway.database.write(work)


def asks_for_rate(explanation: dict[str, Any]) -> bool:
    """Whether amounts of two currencies were compared without a rate, or a sum over orders was not known."""
    return any(reason.currencies is not None or reason.field in _SUMS for reason in _unknown(explanation))


def asks_for_budget(explanation: dict[str, Any]) -> bool:
    return asks_for_field("cost_center.budget_left")(explanation)


def asks_for_credit(explanation: dict[str, Any]) -> bool:
    return asks_for_field("customer.credit_left")(explanation)


def asks_for_field(*keys: str) -> Callable[[dict[str, Any]], bool]:
    return lambda explanation: any(reason.field in keys for reason in _unknown(explanation))


_SUMS: Final = (
    "requester.total_today",
    "requester.total_30_days",
    "cost_center.month_total",
    "cost_center.budget_left",
    "customer.credit_left",
)


def _unknown(explanation: dict[str, Any]) -> Iterable[Any]:
    reasons = map(from_data, explanation.get("reasons", ()))
    return [reason for reason in reasons if reason.answer is Answer.UNKNOWN]

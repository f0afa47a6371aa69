"""One person's yes or no, or an administrator's in their place.

The decision is one conditional UPDATE of the task: whoever comes second changes nothing and learns who was faster. The
last yes, the order's state and the delivery commit together; a no goes back to the buyer with its reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import update
from sqlmodel import Session, col

from app.approval import run as runs
from app.approval.explanation import Why
from app.approval.moves import Approved, Overridden, Rejected
from app.approval.steps import State, TaskState
from app.errors import No, Refusal
from app.flows import ask_approval, take_order
from app.flows.check_order import check
from app.flows.consider_order import subject_of
from app.flows.order_book import OrderBook
from app.gateway import Gateway
from app.partners.agreement import order_terms
from app.storage import approvals, audit, orders
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRow, OrderState
from app.storage.people import PersonRow, Role

LONGEST_REASON: Final = 1_000


class ReasonCode(StrEnum):
    """Why an order is refused, for reports; the text says it to the buyer."""

    PRICE = "price"
    QUANTITY = "quantity"
    BUDGET = "budget"
    ITEM = "item"
    DELIVERY = "delivery"
    DUPLICATE = "duplicate"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Decision:
    """A no needs a code and a text. `order_hash` is of what the person had before them."""

    approve: bool
    order_hash: str
    code: ReasonCode | None = None
    text: str = ""


class DecidedAlready(Exception):
    """The task is closed: `state` says how, `by` is the id of who decided, where a person did."""

    def __init__(self, state: str, by: str | None, at: datetime | None) -> None:
        super().__init__(state)
        self.state = state
        self.by = by
        self.at = at


def decide(
    tx: Session, gateway: Gateway, person: PersonRow, task_id: str, decision: Decision, channel: str
) -> OrderRow:
    """Raises DecidedAlready; Refusal for a task that is not theirs (as for one that does not exist), an order that has
    changed meanwhile, and a no without a reason."""
    if not decision.approve and not (decision.code and decision.text.strip()):
        raise Refusal(No.UNACCEPTABLE, "say why: choose a reason and write a sentence that the buyer can act on")
    task = tx.get(RunTaskRow, task_id)
    if task is None or task.realm != person.realm or task.assignee_id != person.id:
        raise Refusal(No.UNKNOWN_REFERENCE, "no such task")
    order = orders.locked(tx, person.realm, task.order_id)
    row = tx.get_one(RunRow, task.run_id)
    if order is None or not person.serves(order.customer_id) or not person.active:
        raise Refusal(No.UNKNOWN_REFERENCE, "no such task")
    tx.refresh(row)
    tx.refresh(task)
    if task.state != TaskState.OPEN:
        raise DecidedAlready(task.state, _who(tx, row, task), task.decided_at)
    if decision.order_hash != row.order_hash:
        raise Refusal(No.CONFLICT, "the order was changed after you opened the page; look at it again")
    at = gateway.clock.now()
    said = Approved if decision.approve else Rejected
    event = said(task.id, person.id, row.order_hash)
    try:
        run, effects = runs.advance(ask_approval.read(tx, row), event, at)
    except runs.NotTheirs:
        raise Refusal(No.UNKNOWN_REFERENCE, "no such task") from None
    except runs.NotPossible as error:
        raise Refusal(No.CONFLICT, str(error)) from None
    _take(tx, task, decision, at)
    ask_approval.record(
        tx,
        order,
        "approved" if decision.approve else "rejected",
        at,
        actor=audit.by(person.id),
        channel=channel,
        run_id=row.id,
        task_id=task.id,
        order_hash=row.order_hash,
        flow_version_id=row.flow_version_id,
        reason=decision.text.strip()[:LONGEST_REASON] or None,
        data={"code": decision.code.value} if decision.code else {},
    )
    revision = orders.revision(tx, order)
    customer = tx.get_one(CustomerRow, order.customer_id)
    checked = check(OrderBook(tx), customer, order_terms(customer), revision.document(), at)
    subject = subject_of(customer, order.protocol, checked, at)
    run = ask_approval.follow(tx, gateway, order, row, run, effects, subject)
    _see_to(tx, gateway, order, row, run.state, decision.text, at)
    return order


def _take(tx: Session, task: RunTaskRow, decision: Decision, at: datetime) -> None:
    """The one conditional UPDATE. Raises DecidedAlready when somebody was faster."""
    state = TaskState.APPROVED if decision.approve else TaskState.REJECTED
    taken = tx.connection().execute(
        update(RunTaskRow)
        .where(col(RunTaskRow.id) == task.id, col(RunTaskRow.state) == TaskState.OPEN)
        .values(
            state=state,
            decided_at=at,
            reason_code=decision.code,
            reason=decision.text.strip()[:LONGEST_REASON] or None,
        )
    )
    tx.refresh(task)
    if taken.rowcount == 0:
        raise DecidedAlready(task.state, None, task.decided_at)


def _who(tx: Session, row: RunRow, task: RunTaskRow) -> str | None:
    """Who closed the task: its own person, or the one whose decision made it needless."""
    if task.state in (TaskState.APPROVED, TaskState.REJECTED):
        return task.assignee_id
    decided = [t for t in approvals.tasks_of(tx, row.id) if t.decided_at and t.stage == task.stage]
    return max(decided, key=lambda t: t.decided_at or row.began_at).assignee_id if decided else None


def _see_to(
    tx: Session, gateway: Gateway, order: OrderRow, row: RunRow, state: State, reason: str, at: datetime
) -> None:
    match state:
        case State.REJECTED:
            take_order.refuse(tx, gateway, order, reason.strip()[:LONGEST_REASON], at)
        case State.APPROVED | State.HELD:
            take_order.come_to(tx, gateway, order, row, at)
        case _:
            pass


def override(
    tx: Session, gateway: Gateway, admin: PersonRow, order_id: str, *, approve: bool, reason: str, channel: str
) -> OrderRow:
    """An administrator decides in place of the approvers; the reason is required and marked for good.
    Raises Refusal."""
    if not admin.has(Role.ADMIN):
        raise Refusal(No.FORBIDDEN, "only an administrator decides in place of others")
    if not reason.strip():
        raise Refusal(No.UNACCEPTABLE, "say why you decide in place of the approvers")
    order = orders.locked(tx, admin.realm, order_id)
    row = approvals.newest_run(tx, order_id)
    if order is None or row is None or not admin.serves(order.customer_id):
        raise Refusal(No.UNKNOWN_REFERENCE, "no such order")
    at = gateway.clock.now()
    try:
        if OrderState(order.state) not in (OrderState.HELD, OrderState.AWAITING_APPROVAL):
            raise runs.NotPossible(f"the order is {order.state}")
        run, _ = runs.advance(ask_approval.read(tx, row), Overridden(approve, admin.id), at)
    except runs.NotPossible as error:
        raise Refusal(No.CONFLICT, str(error)) from None
    row.explanation = {**row.explanation, "why": Why.OVERRIDDEN.value}
    ask_approval.write(tx, order, row, run, at)
    ask_approval.record(
        tx,
        order,
        "overridden",
        at,
        actor=audit.by(admin.id),
        channel=channel,
        run_id=row.id,
        order_hash=row.order_hash,
        flow_version_id=row.flow_version_id,
        reason=reason.strip()[:LONGEST_REASON],
        data={"approved": approve},
    )
    _see_to(tx, gateway, order, row, run.state, reason, at)
    return order

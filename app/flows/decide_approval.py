"""One person's yes or no, that of who stands in for them, or an administrator's in place of all; or, where the rules
allow it, that the buyer shall change the order.

The decision is one conditional UPDATE of the task: whoever comes second changes nothing and learns who was faster. The
last yes, the order's state and the delivery commit together; a no goes back to the buyer with its reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlmodel import Session

from app.approval import run as runs
from app.approval.explanation import Why
from app.approval.moves import Approved, Overridden, Rejected, SentBack
from app.approval.steps import TaskState
from app.errors import No, Refusal
from app.flows import ask_approval, run_rows, stand_in
from app.flows.approvers import directory_of
from app.flows.end_run import LONGEST_REASON, see_to
from app.gateway import Gateway
from app.storage import approvals, audit, orders
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.orders import OrderRow, OrderState
from app.storage.people import PersonRow, Role


class Said(StrEnum):
    """
    SEND_BACK  the buyer changes the order or cancels it; until then nobody decides on it.
    """

    APPROVE = "approve"
    REJECT = "reject"
    SEND_BACK = "send_back"


class ReasonCode(StrEnum):
    """Why an order is refused or sent back, for reports; the text says it to the buyer."""

    PRICE = "price"
    QUANTITY = "quantity"
    BUDGET = "budget"
    ITEM = "item"
    DELIVERY = "delivery"
    DUPLICATE = "duplicate"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Decision:
    """All but a yes need a code and a text. `order_hash` is of what the person had before them."""

    said: Said
    order_hash: str
    code: ReasonCode | None = None
    text: str = ""


BECOMES: Final = {
    Said.APPROVE: TaskState.APPROVED,
    Said.REJECT: TaskState.REJECTED,
    Said.SEND_BACK: TaskState.SENT_BACK,
}


class DecidedAlready(Exception):
    """The task is closed: `state` says how, `by` is the id of who decided, where a person did."""

    def __init__(self, state: str, by: str | None, at: datetime | None) -> None:
        super().__init__(state)
        self.state = state
        self.by = by
        self.at = at


def decide(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    task_id: str,
    decision: Decision,
    channel: str,
    *,
    key: str | None = None,
) -> OrderRow:
    """`key`: the id of the key by which a system speaks for the person. Raises DecidedAlready; Refusal for a task that
    is not theirs (as for one that does not exist), an order that has changed meanwhile, a no without a reason, and
    sending back what the rules do not let anybody send back."""
    if decision.said is not Said.APPROVE and not (decision.code and decision.text.strip()):
        raise Refusal(No.UNACCEPTABLE, "say why: choose a reason and write a sentence that the buyer can act on")
    at = gateway.clock.now()
    order, row, task = its_own(tx, gateway, person, task_id, at)
    if task.state != TaskState.OPEN:
        raise DecidedAlready(task.state, who_closed(tx, row, task), task.decided_at)
    if decision.order_hash != row.order_hash:
        raise Refusal(No.CONFLICT, "the order was changed after you opened the page; look at it again")
    event = _event(tx, order, row, task, person, decision, at)
    before = run_rows.read(tx, row)
    try:
        after, effects = runs.advance(before, event, at)
    except runs.NotTheirs:
        raise Refusal(No.UNKNOWN_REFERENCE, "no such task") from None
    except runs.NotPossible as error:
        raise Refusal(No.CONFLICT, str(error)) from None
    acting_for = task.assignee_id if person.id != task.assignee_id else None
    _take(tx, row, task, person, decision, channel, at)
    run = ask_approval.go_on(
        tx,
        gateway,
        order,
        row,
        before,
        after,
        event,
        effects,
        at,
        actor=audit.by(person.id),
        channel=channel,
        acting_for=acting_for,
        task_id=task.id,
        reason=decision.text.strip()[:LONGEST_REASON] or None,
        data={**({"code": decision.code.value} if decision.code else {}), **({"key": key} if key else {})},
    )
    see_to(tx, gateway, order, row, run, decision.text, at)
    return order


def _event(
    tx: Session,
    order: OrderRow,
    row: RunRow,
    task: RunTaskRow,
    person: PersonRow,
    decision: Decision,
    at: datetime,
) -> Approved | Rejected | SentBack:
    match decision.said:
        case Said.APPROVE:
            return Approved(task.id, person.id, row.order_hash)
        case Said.REJECT:
            return Rejected(task.id, person.id, row.order_hash)
        case Said.SEND_BACK:
            allowed = run_rows.flow_of(tx, row).send_back
            if allowed is None:
                raise Refusal(No.UNACCEPTABLE, "the rules of this order do not let approvers send it back")
            known = directory_of(tx, order, at).by_id(person.id)
            due_at = known.hours.after(at, allowed.due_hours) if known and allowed.due_hours else None
            return SentBack(task.id, person.id, row.order_hash, due_at)


def may_send_back(tx: Session, row: RunRow) -> bool:
    return run_rows.flow_of(tx, row).send_back is not None


def its_own(
    tx: Session, gateway: Gateway, person: PersonRow, task_id: str, at: datetime
) -> tuple[OrderRow, RunRow, RunTaskRow]:
    """The task of a person, or of somebody whose place they take now, with its run and its order, which is locked.
    Raises Refusal, the same for a task that is not theirs and for one that does not exist."""
    unknown = Refusal(No.UNKNOWN_REFERENCE, "no such task")
    task = tx.get(RunTaskRow, task_id)
    if task is None or task.realm != person.realm:
        raise unknown
    order = orders.locked(tx, person.realm, task.order_id)
    row = tx.get_one(RunRow, task.run_id)
    if order is None or not person.serves(order.customer_id) or not person.active:
        raise unknown
    tx.refresh(row)
    stand_in.see_who_is_away(tx, gateway, order, row, at)
    tx.refresh(task)
    if person.id not in (task.assignee_id, task.delegate_id, task.decided_by):
        raise unknown
    return order, row, task


def _take(
    tx: Session, row: RunRow, task: RunTaskRow, person: PersonRow, decision: Decision, channel: str, at: datetime
) -> None:
    """The one conditional UPDATE. Raises DecidedAlready when somebody was faster."""
    taken = approvals.decided(
        tx,
        task,
        state=BECOMES[decision.said],
        decided_at=at,
        decided_by=person.id,
        acting_for=task.assignee_id if person.id != task.assignee_id else None,
        order_hash=row.order_hash,
        channel=channel,
        reason_code=decision.code,
        reason=decision.text.strip()[:LONGEST_REASON] or None,
    )
    if not taken:
        raise DecidedAlready(task.state, who_closed(tx, row, task), task.decided_at)


def who_closed(tx: Session, row: RunRow, task: RunTaskRow) -> str | None:
    """The id of who decided the task, or of the one whose decision made it needless."""
    if task.decided_by is not None:
        return task.decided_by
    if task.state in BECOMES.values():
        return None if task.overdue else task.assignee_id
    decided = [t for t in approvals.tasks_of(tx, row.id) if t.decided_at and t.stage == task.stage]
    last = max(decided, key=lambda t: t.decided_at or row.began_at, default=None)
    return (last.decided_by or last.assignee_id) if last else None


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
    row.explanation = {**row.explanation, "why": Why.OVERRIDDEN.value}
    try:
        if OrderState(order.state) not in (OrderState.HELD, OrderState.AWAITING_APPROVAL, OrderState.SENT_BACK):
            raise runs.NotPossible(f"the order is {order.state}")
        run = ask_approval.apply(
            tx,
            gateway,
            order,
            row,
            Overridden(approve, admin.id),
            at,
            actor=audit.by(admin.id),
            channel=channel,
            reason=reason.strip()[:LONGEST_REASON],
            data={"approved": approve},
        )
    except runs.NotPossible as error:
        raise Refusal(No.CONFLICT, str(error)) from None
    see_to(tx, gateway, order, row, run, reason, at)
    return order

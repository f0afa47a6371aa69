"""What a person does with a task besides deciding it: hands it on for good, asks about the order; and what a requester
does who wants the order no longer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, select

from app.approval import run as runs
from app.approval.asking import may_take
from app.approval.flow import Step
from app.approval.moves import Forwarded, Questioned, Withdrawn
from app.approval.people import Directory, Person
from app.approval.steps import Run, TaskState
from app.errors import No, Refusal
from app.flows import ask_approval, forward_order, run_notices, run_rows, take_order
from app.flows.approvers import case_of, directory_of
from app.flows.consider_order import subject_now
from app.flows.decide_approval import DecidedAlready, its_own, who_closed
from app.flows.end_run import LONGEST_REASON
from app.gateway import Gateway
from app.storage import approvals, audit, orders
from app.storage.approval_notices import NoticeKind
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.audit import AuditRow
from app.storage.orders import OrderRow, OrderState
from app.storage.people import PersonRow, Role

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Colleagues:
    """By name: to whom a task may be handed on, and who may be asked about its order."""

    takers: tuple[Person, ...]
    askable: tuple[Person, ...]


def colleagues(session: Session, person: PersonRow, task: RunTaskRow, at: datetime) -> Colleagues:
    """For an open task of this person's."""
    order, row = session.get_one(OrderRow, task.order_id), session.get_one(RunRow, task.run_id)
    everybody = sorted(directory_of(session, order, at), key=lambda one: one.name.casefold())
    askable = tuple(one for one in everybody if one.active and one.id != person.id)
    return Colleagues(tuple(_takers(session, order, row, task, at)), askable)


def hand_on(
    tx: Session, gateway: Gateway, person: PersonRow, task_id: str, to_id: str, reason: str, channel: str
) -> OrderRow:
    """The task is somebody else's from now on. Raises DecidedAlready; Refusal where that one may not decide it."""
    at = gateway.clock.now()
    order, row, task = open_task(tx, gateway, person, task_id, at)
    if to_id not in {taker.id for taker in _takers(tx, order, row, task, at)}:
        raise Refusal(No.UNACCEPTABLE, "this person may not decide it: choose another one")
    _possible(
        lambda: ask_approval.apply(
            tx,
            gateway,
            order,
            row,
            Forwarded(task.id, person.id, to_id),
            at,
            actor=audit.by(person.id),
            channel=channel,
            acting_for=_acting_for(task, person),
            task_id=task.id,
            reason=reason.strip()[:LONGEST_REASON] or None,
        )
    )
    return order


def _takers(tx: Session, order: OrderRow, row: RunRow, task: RunTaskRow, at: datetime) -> list[Person]:
    step = _step(tx, row, task)
    opened = next(one for one in run_rows.read(tx, row).steps if one.key == task.step)
    case = case_of(tx, order, row, subject_now(tx, order, at))
    found = [
        one
        for one in directory_of(tx, order, at)
        if one.id not in opened.people
        and Role.APPROVER in one.roles
        and (one.id not in row.excluded or one.id in opened.own)
        and may_take(one, step, case)
    ]
    return sorted(found, key=lambda one: one.name.casefold())


def _step(tx: Session, row: RunRow, task: RunTaskRow) -> Step:
    return next(step for step in run_rows.flow_of(tx, row).steps if step.key == task.step)


def ask(
    tx: Session, gateway: Gateway, person: PersonRow, task_id: str, to_id: str, text: str, channel: str
) -> OrderRow:
    """A question about the order to one of our people; the task stays. Raises DecidedAlready, Refusal."""
    at = gateway.clock.now()
    order, row, task = open_task(tx, gateway, person, task_id, at)
    if not text.strip():
        raise Refusal(No.UNACCEPTABLE, "write what you want to know")
    asked = _colleague(directory_of(tx, order, at), to_id)
    if asked.id == person.id:
        raise Refusal(No.UNACCEPTABLE, "ask somebody else")
    said = text.strip()[:LONGEST_REASON]
    _possible(
        lambda: ask_approval.apply(
            tx,
            gateway,
            order,
            row,
            Questioned(task.id, person.id, asked.id, said),
            at,
            actor=audit.by(person.id),
            channel=channel,
            acting_for=_acting_for(task, person),
            task_id=task.id,
            reason=said,
        )
    )
    return order


def answer(tx: Session, gateway: Gateway, person: PersonRow, task_id: str, text: str, channel: str) -> OrderRow:
    """What somebody says to a question that was put to them; whoever asked is told. Raises Refusal."""
    if not text.strip():
        raise Refusal(No.UNACCEPTABLE, "write an answer")
    task = tx.get(RunTaskRow, task_id)
    questions = questions_to(tx, person, task) if task is not None else []
    order = orders.locked(tx, person.realm, task.order_id) if task is not None else None
    if task is None or order is None or not questions or not person.active:
        raise Refusal(No.UNKNOWN_REFERENCE, "no such question")
    at, row, said = gateway.clock.now(), tx.get_one(RunRow, task.run_id), text.strip()[:LONGEST_REASON]
    asker = questions[-1].actor.partition(":")[2]
    ask_approval.record(
        tx,
        order,
        "answered",
        at,
        actor=audit.by(person.id),
        channel=channel,
        run_id=row.id,
        task_id=task.id,
        order_hash=row.order_hash,
        flow_version_id=row.flow_version_id,
        reason=said,
        data={"to": asker},
    )
    telling = run_notices.Telling(tx, gateway, order, row, at)
    telling.notice(asker, NoticeKind.ANSWER, task_id=task.id, text=said, by=person.name)
    return order


def questions_to(tx: Session, person: PersonRow, task: RunTaskRow) -> list[AuditRow]:
    """The entries of the record in which this person was asked about the task's order, oldest first."""
    query = select(AuditRow).where(
        AuditRow.order_id == task.order_id, AuditRow.task_id == task.id, AuditRow.event == "questioned"
    )
    return [
        entry for entry in tx.exec(query.order_by(col(AuditRow.sequence))) if entry.data["event"]["to"] == person.id
    ]


def comment(tx: Session, gateway: Gateway, person: PersonRow, order_id: str, text: str, channel: str) -> OrderRow:
    """A remark for whoever looks at the order, kept in its record. Raises Refusal, also for who only looks on: those
    remark who are asked, decide or settle."""
    order = orders.locked(tx, person.realm, order_id)
    if order is None or not person.serves(order.customer_id) or not person.active:
        raise Refusal(No.UNKNOWN_REFERENCE, "no such order")
    if not person.has(Role.APPROVER, Role.OPERATOR, Role.ADMIN):
        raise Refusal(No.FORBIDDEN, "only those who work on the order remark on it")
    if not text.strip():
        raise Refusal(No.UNACCEPTABLE, "write a remark")
    row = approvals.newest_run(tx, order_id)
    ask_approval.record(
        tx,
        order,
        "commented",
        gateway.clock.now(),
        actor=audit.by(person.id),
        channel=channel,
        run_id=row.id if row is not None else None,
        order_hash=row.order_hash if row is not None else None,
        reason=text.strip()[:LONGEST_REASON],
    )
    return order


def may_withdraw(person: PersonRow, order: OrderRow, row: RunRow | None) -> bool:
    """Whether it is for this person to take the order back, as far as it has come."""
    theirs = row is not None and (person.id in (row.requesters or ()) or person.has(Role.ADMIN))
    return theirs and order.state in (OrderState.HELD, OrderState.AWAITING_APPROVAL, OrderState.SENT_BACK)


def withdraw(tx: Session, gateway: Gateway, person: PersonRow, order_id: str, reason: str, channel: str) -> OrderRow:
    """The requester, or an administrator for them, takes the order back before it is sent; the buyer's system is told
    why. Raises Refusal, also for an order that went to the ERP: that takes a cancellation."""
    order = orders.locked(tx, person.realm, order_id)
    row = approvals.newest_run(tx, order_id)
    theirs = row is not None and (person.id in (row.requesters or ()) or person.has(Role.ADMIN))
    if order is None or row is None or not theirs or not person.serves(order.customer_id):
        raise Refusal(No.UNKNOWN_REFERENCE, "no such order")
    if not reason.strip():
        raise Refusal(No.UNACCEPTABLE, "say why: the text reaches the buyer")
    at = gateway.clock.now()
    if forward_order.take_back(tx, gateway, order):
        raise Refusal(No.CONFLICT, "the order went to the ERP: cancel it there")
    said = reason.strip()[:LONGEST_REASON]
    _possible(
        lambda: ask_approval.apply(
            tx, gateway, order, row, Withdrawn(), at, actor=audit.by(person.id), channel=channel, reason=said
        )
    )
    take_order.refuse(tx, gateway, order, said, at)
    return order


def open_task(
    tx: Session, gateway: Gateway, person: PersonRow, task_id: str, at: datetime
) -> tuple[OrderRow, RunRow, RunTaskRow]:
    """As `decide_approval.its_own`, and still to be decided. Raises DecidedAlready besides."""
    order, row, task = its_own(tx, gateway, person, task_id, at)
    if task.state != TaskState.OPEN:
        raise DecidedAlready(task.state, who_closed(tx, row, task), task.decided_at)
    return order, row, task


def _acting_for(task: RunTaskRow, person: PersonRow) -> str | None:
    return task.assignee_id if person.id != task.assignee_id else None


def _colleague(directory: Directory, person_id: str) -> Person:
    found = directory.by_id(person_id)
    if found is None or not found.active:
        raise Refusal(No.UNACCEPTABLE, "there is nobody of that name who can look at this order")
    return found


def _possible(move: Callable[[], Run]) -> Run:
    try:
        return move()
    except runs.NotPossible as error:
        raise Refusal(No.CONFLICT, str(error)) from None

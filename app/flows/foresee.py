"""What an approver wants to know before deciding: who comes next, and what is left of the budget, as the order and the
people stand now. Only read; nothing waits for it."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.approval import flow as flows
from app.approval.asking import open_step
from app.approval.people import Directory
from app.approval.steps import OpenStep, State
from app.approval.subject import Subject
from app.flows import run_rows
from app.flows.approvers import case_of, directory_of
from app.flows.consider_order import subject_now
from app.flows.order_book import OrderBook
from app.storage.approvals import RunRow
from app.storage.changes import Memories
from app.storage.orders import OrderRow
from schemas.money import Money


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A step and the names of those whom it would ask; nobody where nobody may decide it."""

    step: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """
    next         the steps of the first later stage that needs anybody; none: nobody else is asked.
    cost_center  of all lines; `left` is its budget with this order counted, where there is one.
    """

    next: tuple[Foreseen, ...]
    cost_center: str | None
    left: Money | None

    @property
    def exceeded_by(self) -> Money | None:
        if self.left is None or self.left.amount >= 0:
            return None
        return Money(amount=-self.left.amount, currency=self.left.currency)


def outlook(session: Session, memories: Memories, order: OrderRow, row: RunRow, at: datetime) -> Outlook | None:
    """None for a run that is not open."""
    if row.state != State.OPEN or row.flow_version_id is None:
        return None
    subject = subject_now(session, order, at, OrderBook(session, memories))
    left = subject.known.get("cost_center.budget_left")
    money = left if isinstance(left, Money) else None
    return Outlook(_next(session, order, row, subject, at), subject.cost_center, money)


def _next(session: Session, order: OrderRow, row: RunRow, subject: Subject, at: datetime) -> tuple[Foreseen, ...]:
    flow, run = run_rows.flow_of(session, row), run_rows.read(session, row)
    taken = {step.key for step in run.steps}
    for stage in range(run.stage + 1, len(flow.stages)):
        required = flows.required_at(flow, stage, taken, subject)
        if required:
            case, directory = case_of(session, order, row, subject), directory_of(session, order, at)
            opened = [(step, open_step(step, flow, case, directory, at, str)) for step, _ in required]
            return tuple(Foreseen(step.name, _names(one, directory)) for step, one in opened)
    return ()


def _names(step: OpenStep, directory: Directory) -> tuple[str, ...]:
    found = (directory.by_id(task.delegate or task.assignee) for task in step.tasks)
    return tuple(person.name for person in found if person is not None)

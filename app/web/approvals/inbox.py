"""What was asked of one person, or of somebody whose place they take."""

from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, col, or_, select

from app.approval.steps import TaskState
from app.storage.approvals import RunTaskRow
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRow
from app.storage.people import PersonRow
from schemas.money import Money

MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Item:
    task: RunTaskRow
    order: OrderRow
    customer: str

    @property
    def total(self) -> Money | None:
        return None if self.order.total is None else Money(amount=self.order.total, currency=self.order.currency)


def tasks_of(session: Session, person: PersonRow, *, open_: bool, text: str = "", customer: str = "") -> list[Item]:
    """The open ones, the longest waiting first; or the closed ones, newest first. At most 200."""
    query = (
        select(RunTaskRow, OrderRow, CustomerRow.name)
        .where(
            or_(RunTaskRow.assignee_id == person.id, RunTaskRow.delegate_id == person.id),
            RunTaskRow.realm == person.realm,
            OrderRow.id == RunTaskRow.order_id,
            CustomerRow.id == RunTaskRow.customer_id,
        )
        .limit(MOST)
    )
    if open_:
        query = query.where(RunTaskRow.state == TaskState.OPEN).order_by(col(RunTaskRow.id))
    else:
        query = query.where(RunTaskRow.state != TaskState.OPEN).order_by(col(RunTaskRow.id).desc())
    if person.customers is not None:
        query = query.where(col(RunTaskRow.customer_id).in_(person.customers))
    if text:
        number = col(OrderRow.number).icontains(text, autoescape=True)
        query = query.where(or_(number, col(OrderRow.requester).icontains(text, autoescape=True)))
    if customer:
        query = query.where(RunTaskRow.customer_id == customer)
    return [Item(task, order, name) for task, order, name in session.exec(query)]


def task_of(session: Session, person: PersonRow, task_id: str) -> RunTaskRow | None:
    """The task, when it is this person's, or was decided by them."""
    task = session.get(RunTaskRow, task_id)
    if task is None or task.realm != person.realm:
        return None
    if person.id not in (task.assignee_id, task.delegate_id, task.decided_by):
        return None
    return task if person.serves(task.customer_id) else None

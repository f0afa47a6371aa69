"""A task's reminder or due time has come. Too early, too late, or twice: nothing happens."""

from datetime import datetime
from typing import Final

from sqlmodel import Session

from app.approval.moves import Due, RemindDue
from app.approval.steps import TaskState
from app.flows import ask_approval
from app.flows.end_run import see_to
from app.gateway import Gateway
from app.storage import orders
from app.storage.approvals import RunRow, RunTaskRow

TOO_LATE: Final = {
    TaskState.OPEN: "the order was not approved in time",
    TaskState.SENT_BACK: "the order was sent back for a change, and none came in time",
}
"""What the buyer is told, by what the task was waiting for."""


def ring(tx: Session, gateway: Gateway, task_id: str, now: datetime) -> None:
    task = tx.get(RunTaskRow, task_id)
    if task is None or task.wake_at is None or task.wake_at > now:
        return
    order = orders.locked(tx, task.realm, task.order_id)
    row = tx.get_one(RunRow, task.run_id)
    tx.refresh(row)
    tx.refresh(task)
    waited = TaskState(task.state)
    if order is None or waited not in TOO_LATE:
        # An older release closes tasks without taking their timers back.
        task.wake_at = None
        tx.add(task)
        return
    events = ((task.remind_at, task.reminded, RemindDue(task_id)), (task.due_at, task.overdue, Due(task_id)))
    for at, done, event in events:
        if at is None or done or at > now:
            continue
        run = ask_approval.apply(
            tx,
            gateway,
            order,
            row,
            event,
            now,
            actor=ask_approval.SYSTEM,
            channel=ask_approval.SYSTEM,
            task_id=task_id,
        )
        see_to(tx, gateway, order, row, run, TOO_LATE[waited], now)

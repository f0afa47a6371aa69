"""When tasks remind, and when they are due: delayed work items, one a task, taken back when the task is decided.

The row says when it wakes (`wake_at`); a work item only says where to look. Silence never approves."""

from datetime import datetime

from sqlmodel import Session

from app.approval.steps import Run
from app.flows.run_rows import wakes_at
from app.gateway import Gateway
from app.work import APPROVAL_TIMER, TaskId


def set_timers(tx: Session, gateway: Gateway, realm: str, before: Run, after: Run, at: datetime) -> None:
    """Takes back what was set for `before`, sets what `after` needs. What was due already is running or lost, and
    finds nothing to do."""
    were = {task.id: wakes_at(before, task) for task in before.tasks}
    are = {task.id: wakes_at(after, task) for task in after.tasks}
    for task_id, wake in were.items():
        if wake is not None and wake > at and are.get(task_id) != wake:
            gateway.engine.cancel(tx, _work_id(task_id, wake))
    for task_id, wake in are.items():
        if wake is not None and were.get(task_id) != wake:
            argument = TaskId(realm=realm, task_id=task_id)
            gateway.engine.enqueue(tx, APPROVAL_TIMER, argument, at=wake, work_id=_work_id(task_id, wake))


def _work_id(task_id: str, wake: datetime) -> str:
    return f"timer:{task_id}:{int(wake.timestamp())}"

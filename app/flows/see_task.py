"""Who has had which order before them: opening a task is recorded once for each content of the order."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from app.approval.steps import TaskState
from app.flows import ask_approval
from app.gateway import Gateway
from app.storage import audit, orders
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.audit import AuditRow
from app.storage.people import PersonRow

OPENED = "opened"


def seen(session: Session, person: PersonRow, tasks: Iterable[RunTaskRow]) -> set[tuple[str, str]]:
    """Of these tasks, which the person has opened: the task's id and the hash of the order that was shown."""
    wanted = {task.order_id for task in tasks}
    query = select(AuditRow.task_id, AuditRow.order_hash).where(
        col(AuditRow.order_id).in_(wanted), AuditRow.event == OPENED, AuditRow.actor == audit.by(person.id)
    )
    return {(task_id, order_hash) for task_id, order_hash in session.exec(query) if task_id and order_hash}


def note(tx: Session, gateway: Gateway, person: PersonRow, task_id: str) -> None:
    """Records that the open task is shown to the person; what was recorded before is not again."""
    task = tx.get(RunTaskRow, task_id)
    if task is None or task.state != TaskState.OPEN:
        return
    order, row = orders.locked(tx, person.realm, task.order_id), tx.get_one(RunRow, task.run_id)
    if order is None or (task.id, row.order_hash) in seen(tx, person, [task]):
        return
    ask_approval.record(
        tx,
        order,
        OPENED,
        gateway.clock.now(),
        actor=audit.by(person.id),
        channel="page",
        acting_for=task.assignee_id if person.id != task.assignee_id else None,
        run_id=row.id,
        task_id=task.id,
        order_hash=row.order_hash,
        flow_version_id=row.flow_version_id,
    )

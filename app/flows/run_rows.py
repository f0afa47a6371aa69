"""A run of the rules as its rows say it, and back.

The rows are the truth. Rows of an older release say less: what they leave out is as that release had it, so that a run
which it began goes on here."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlmodel import Session

from app.approval.explanation import Why
from app.approval.flow import Flow, OnSilence
from app.approval.steps import OpenStep, Run, State, Task, TaskState
from app.errors import No, Refusal
from app.flows.consider_order import read_version
from app.storage import approvals
from app.storage.approvals import FlowVersionRow, RunRow, RunTaskRow
from app.storage.orders import OrderRow

_DECIDED = (TaskState.APPROVED, TaskState.REJECTED)


def flow_of(tx: Session, row: RunRow) -> Flow:
    """The version with which the run began, whatever was published since. Without one, a flow that asks nobody."""
    if row.flow_version_id is None:
        return Flow()
    return read_version(tx.get_one(FlowVersionRow, row.flow_version_id))


def read(tx: Session, row: RunRow) -> Run:
    tasks = approvals.tasks_of(tx, row.id)
    flow = flow_of(tx, row)
    return Run(
        state=State(row.state),
        stages=row.stages,
        stage=row.stage,
        opened=tuple(
            tuple(
                _step(step, [task for task in tasks if (task.stage, task.step) == (number, step["key"])], row)
                for step in steps
            )
            for number, steps in enumerate(row.opened)
        ),
        excluded=frozenset(row.excluded),
        hold_when_nobody_is_asked=row.hold_when_nobody_is_asked,
        merge_consecutive=flow.merge_consecutive,
        order_hash=row.order_hash,
        overridden_by=row.overridden_by,
        on_silence=on_silence(flow),
    )


def on_silence(flow: Flow) -> OnSilence | None:
    return flow.send_back.on_timeout if flow.send_back is not None else None


def _step(step: dict[str, Any], tasks: list[RunTaskRow], row: RunRow) -> OpenStep:
    opened = msgspec.convert({**step, "tasks": ()}, OpenStep)
    return msgspec.structs.replace(opened, tasks=tuple(_task(task, row) for task in tasks))


def _task(row: RunTaskRow, run: RunRow) -> Task:
    state = TaskState(row.state)
    decided = state in _DECIDED and row.decided_by is None and not row.overdue
    return Task(
        id=row.id,
        assignee=row.assignee_id,
        state=state,
        decided_at=row.decided_at,
        delegate=row.delegate_id,
        decided_by=row.assignee_id if decided else row.decided_by,
        acting_for=row.acting_for,
        order_hash=run.order_hash if decided else row.order_hash,
        opened_at=row.opened_at,
        due_at=row.due_at,
        remind_at=row.remind_at,
        reminded=row.reminded,
        overdue=row.overdue,
        merged=row.merged,
    )


def write(tx: Session, order: OrderRow, row: RunRow, run: Run, at: datetime) -> None:
    """Brings the rows up to the run; new tasks are made, states follow. What a person has decided stays as it was
    written. Raises Refusal when somebody else has moved the run since it was read."""
    if not approvals.take_turn(tx, row):
        raise Refusal(No.CONFLICT, "somebody else was at it in the same moment; look again")
    known = {task.id: task for task in approvals.tasks_of(tx, row.id)}
    for number, steps in enumerate(run.opened):
        for step in steps:
            for task in step.tasks:
                kept = known.get(task.id)
                if kept is None:
                    kept = _new_task(order, row, number, step.key, task, at)
                _bring_up(kept, task, wakes_at(run, task))
                tx.add(kept)
    _let_go(tx, known.values(), run)
    row.state, row.stage = run.state, run.stage
    row.opened = _steps(row.opened, run)
    row.excluded, row.order_hash, row.overridden_by = sorted(run.excluded), run.order_hash, run.overridden_by
    row.ended_at = at if run.state not in (State.OPEN, State.HELD, State.SENT_BACK) else None
    if row.explanation.get("why", Why.ASKED) == Why.ASKED:
        row.explanation = {**row.explanation, "why": _why(run).value}
    tx.add(row)
    tx.flush()


def _let_go(tx: Session, known: Iterable[RunTaskRow], run: Run) -> None:
    """Tasks of steps that a held run has opened again count no more; a yes in them stands in the task that took their
    place."""
    there = {task.id for task in run.tasks}
    for row in known:
        if row.id not in there and row.state != TaskState.CANCELLED:
            row.state, row.wake_at = TaskState.CANCELLED, None
            tx.add(row)


def _bring_up(row: RunTaskRow, task: Task, wake_at: datetime | None) -> None:
    row.state, row.decided_at = task.state, task.decided_at
    row.delegate_id, row.decided_by, row.acting_for = task.delegate, task.decided_by, task.acting_for
    row.order_hash, row.merged = task.order_hash, task.merged
    row.due_at, row.remind_at, row.reminded, row.overdue = task.due_at, task.remind_at, task.reminded, task.overdue
    row.wake_at = wake_at


def wakes_at(run: Run, task: Task) -> datetime | None:
    """When its next timer is due: while it is open, or its run waits for the buyer."""
    if run.state is State.SENT_BACK and task.state is TaskState.SENT_BACK:
        return None if task.overdue else task.due_at
    if task.state is not TaskState.OPEN:
        return None
    reminder = None if task.reminded else task.remind_at
    due = None if task.overdue else task.due_at
    return min(filter(None, (reminder, due)), default=None)


def _new_task(order: OrderRow, row: RunRow, number: int, step: str, task: Task, at: datetime) -> RunTaskRow:
    return RunTaskRow(
        id=task.id,
        realm=order.realm,
        run_id=row.id,
        order_id=order.id,
        customer_id=order.customer_id,
        stage=number,
        step=step,
        assignee_id=task.assignee,
        state=task.state,
        opened_at=task.opened_at or at,
    )


def described(step: OpenStep, **words: Any) -> dict[str, Any]:
    """A step as the run's row keeps it: without its tasks, which have rows of their own, with words for people."""
    return {**msgspec.to_builtins(msgspec.structs.replace(step, tasks=())), **words}


def _steps(kept: list[Any], run: Run) -> list[Any]:
    words = {step["key"]: step for steps in kept for step in steps}
    return [[{**words.get(step.key, {}), **described(step)} for step in steps] for steps in run.opened]


def _why(run: Run) -> Why:
    if run.state is State.HELD and any(run.opened):
        return Why.NOBODY_THERE
    return Why.ASKED if any(run.opened) else Why.NOBODY_ASKED

"""Sends an order's revision through the rules: which flow fits, what it says, whom it asks, and what comes of it.

The pure parts are in `app.approval`; here are the rows. Stages are judged when they open, on the prices of that moment.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlmodel import Session, col, select

from app.approval import flow as flows
from app.approval import run as runs
from app.approval.asking import Case, open_step
from app.approval.explanation import Why, to_data
from app.approval.flow import Flow, Ruling
from app.approval.moves import Effect, OpenStage, StageOpened, Superseded, Withdrawn
from app.approval.people import Directory, Person
from app.approval.steps import OpenStep, Run, State, Task, TaskState
from app.approval.subject import Subject
from app.flows.consider_order import Considered, read_flow
from app.gateway import Gateway
from app.storage import approvals, audit, people
from app.storage.approvals import FlowVersionRow, RunRow, RunTaskRow
from app.storage.orders import HoldRow, OrderRevisionRow, OrderRow


def begin(tx: Session, gateway: Gateway, order: OrderRow, revision: OrderRevisionRow, considered: Considered) -> RunRow:
    """A new run for the revision; its state says what becomes of the order. The caller sees to what follows from it."""
    asked, at = considered.asked, considered.at
    row = RunRow(
        id=gateway.ids(),
        realm=order.realm,
        order_id=order.id,
        revision=revision.number,
        order_hash=revision.hash or "",
        flow_version_id=asked.flow_version_id,
        state=State.OPEN,
        stages=0,
        stage=0,
        excluded=sorted(considered.requesters | _settlers(tx, order)),
        explanation=dict(asked.explanation),
        began_at=at,
    )
    if asked.flow is None:
        approved = considered.terms.without_flow == "approve"
        return _settled(tx, row, State.APPROVED if approved else State.HELD, Why.NO_FLOW, at)
    match asked.ruling:
        case Ruling.CANNOT_TELL:
            return _settled(tx, row, State.HELD, Why.CANNOT_TELL, at)
        case Ruling.BLOCKED:
            return _settled(tx, row, State.REJECTED, Why.BLOCKED, at)
        case Ruling.AUTO_APPROVED:
            return _settled(tx, row, State.APPROVED, Why.AUTO_APPROVED, at)
        case _:
            stages, hold = len(asked.flow.stages), asked.flow.hold_when_nobody_is_asked
            row.stages, row.hold_when_nobody_is_asked = stages, hold
            tx.add(row)
            tx.flush()
            run, effects = runs.begin(
                stages,
                order_hash=row.order_hash,
                excluded=frozenset(row.excluded),
                hold_when_nobody_is_asked=hold,
                merge_consecutive=asked.flow.merge_consecutive,
            )
            follow(tx, gateway, order, row, run, effects, considered.subject)
            return row


def _settled(tx: Session, row: RunRow, state: State, why: Why, at: datetime) -> RunRow:
    row.state = state
    row.explanation = {**row.explanation, "why": why.value}
    row.ended_at = None if state is State.HELD else at
    tx.add(row)
    tx.flush()
    return row


def follow(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    row: RunRow,
    run: Run,
    effects: Iterable[Effect],
    subject: Subject,
) -> Run:
    """Opens stages as far as the run goes without people, and writes down how it stands."""
    waiting = list(effects)
    while waiting:
        effect = waiting.pop(0)
        if isinstance(effect, OpenStage):
            steps = _steps(tx, gateway, order, row, run, effect.stage, subject)
            run, more = runs.advance(run, StageOpened(steps), subject.at)
            waiting.extend(more)
    write(tx, order, row, run, subject.at)
    return run


def _flow(tx: Session, row: RunRow) -> Flow:
    version = tx.get_one(FlowVersionRow, row.flow_version_id)
    return read_flow(version.definition)


def _steps(
    tx: Session, gateway: Gateway, order: OrderRow, row: RunRow, run: Run, number: int, subject: Subject
) -> tuple[OpenStep, ...]:
    flow = _flow(tx, row)
    case = Case(editors=frozenset(row.excluded), total=subject.total_net)
    directory = _directory(tx, order)
    steps, described = [], []
    for step, judgement in flows.required_at(flow, number, {step.key for step in run.steps}, subject):
        opened = open_step(step, flow, case, directory, subject.at, gateway.ids)
        steps.append(opened)
        described.append(
            {
                **msgspec.to_builtins(msgspec.structs.replace(opened, tasks=())),
                "name": step.name,
                "reasons": [to_data(reason) for reason in judgement.reasons],
            }
        )
    row.opened = [*row.opened[:number], described]
    return tuple(steps)


def _directory(tx: Session, order: OrderRow) -> Directory:
    serving = (person for person in people.of_realm(tx, order.realm) if person.serves(order.customer_id))
    return Directory(
        Person(
            id=person.id,
            login=person.login,
            name=person.name,
            active=person.active,
            roles=frozenset(person.roles),
            language=person.language,
        )
        for person in serving
    )


def _settlers(tx: Session, order: OrderRow) -> set[str]:
    """Whoever settled a difference of this order never counts as its approver: four eyes."""
    query = select(HoldRow.settled_by).where(HoldRow.order_id == order.id, col(HoldRow.settled_by).is_not(None))
    return {person_id for person_id in tx.exec(query) if person_id}


def read(tx: Session, row: RunRow) -> Run:
    """The run as its rows say it."""
    tasks = approvals.tasks_of(tx, row.id)
    stages = []
    for number, steps in enumerate(row.opened):
        stages.append(
            tuple(
                msgspec.structs.replace(
                    msgspec.convert({"tasks": (), **step}, OpenStep),
                    tasks=tuple(
                        _task(task, row.order_hash)
                        for task in tasks
                        if task.stage == number and task.step == step["key"]
                    ),
                )
                for step in steps
            )
        )
    return Run(
        state=State(row.state),
        stages=row.stages,
        stage=row.stage,
        opened=tuple(stages),
        excluded=frozenset(row.excluded),
        hold_when_nobody_is_asked=row.hold_when_nobody_is_asked,
        merge_consecutive=bool(row.flow_version_id) and _flow(tx, row).merge_consecutive,
        order_hash=row.order_hash,
    )


def _task(row: RunTaskRow, order_hash: str) -> Task:
    """A run never outlives the content of its order, so what was decided was decided on that."""
    state = TaskState(row.state)
    decided = state in (TaskState.APPROVED, TaskState.REJECTED)
    return Task(
        id=row.id,
        assignee=row.assignee_id,
        state=state,
        decided_at=row.decided_at,
        decided_by=row.assignee_id if decided else None,
        order_hash=order_hash if decided else None,
        opened_at=row.opened_at,
    )


def write(tx: Session, order: OrderRow, row: RunRow, run: Run, at: datetime) -> None:
    """Brings the rows up to the run; new tasks are made, states follow. A decided task is never written again."""
    known = {task.id: task for task in approvals.tasks_of(tx, row.id)}
    for number, steps in enumerate(run.opened):
        for step in steps:
            for task in step.tasks:
                kept = known.get(task.id)
                if kept is None:
                    tx.add(_new_task(order, row, number, step, task, at))
                elif kept.state == TaskState.OPEN and task.state is not TaskState.OPEN:
                    kept.state, kept.decided_at = task.state, task.decided_at
                    tx.add(kept)
    row.state, row.stage = run.state, run.stage
    row.ended_at = at if run.state not in (State.OPEN, State.HELD) else None
    if row.explanation.get("why", Why.ASKED) == Why.ASKED:
        row.explanation = {**row.explanation, "why": _why(run).value}
    tx.add(row)
    tx.flush()


def _why(run: Run) -> Why:
    if run.state is State.HELD and any(run.opened):
        return Why.NOBODY_THERE
    return Why.ASKED if any(run.opened) else Why.NOBODY_ASKED


def _new_task(order: OrderRow, row: RunRow, number: int, step: OpenStep, task: Task, at: datetime) -> RunTaskRow:
    return RunTaskRow(
        id=task.id,
        realm=order.realm,
        run_id=row.id,
        order_id=order.id,
        customer_id=order.customer_id,
        stage=number,
        step=step.key,
        assignee_id=task.assignee,
        state=task.state,
        opened_at=at,
        decided_at=task.decided_at,
    )


def end(tx: Session, order: OrderRow, event: Superseded | Withdrawn, at: datetime, *, sent: bool) -> None:
    """Closes the newest run of an order that has changed or gone, with all its open tasks. Ended runs stay, and so
    does an approval on which something was already sent."""
    row = approvals.newest_run(tx, order.id)
    if row is None or (sent and row.state == State.APPROVED):
        return
    try:
        run, _ = runs.advance(read(tx, row), event, at)
    except runs.NotPossible:
        return
    write(tx, order, row, run, at)


def record(tx: Session, order: OrderRow, event: str, at: datetime, *, actor: str, channel: str, **more: Any) -> None:
    """An entry of the audit record about an order."""
    audit.record(tx, realm=order.realm, at=at, actor=actor, channel=channel, event=event, order_id=order.id, **more)

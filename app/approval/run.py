"""One order's way through its approvers.

A state machine of one table, `TRANSITIONS`; only an open task takes a decision. `advance` is pure: the same events at
the same times always give the same run. What the outside must do next comes back as effects; a stage's steps and people
are looked up outside when it opens (`app.approval.asking`), and come in as the event StageOpened.

Timers are work of the outside: what was decided meanwhile makes them come to nothing here. Silence never approves."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from app.approval import steps as of_steps
from app.approval.flow import OnSilence, OnTimeout, Rejects
from app.approval.moves import (
    Approved,
    Asked,
    Delegated,
    Due,
    Edited,
    Effect,
    Ended,
    Event,
    Forwarded,
    Informed,
    Left,
    OpenStage,
    Overdue,
    Overridden,
    Questioned,
    Refused,
    Rejected,
    Released,
    RemindDue,
    Reminded,
    Reopened,
    Sent,
    SentBack,
    StageOpened,
    Superseded,
    Withdrawn,
)
from app.approval.steps import OpenStep, Run, State, Task, TaskState


class Move(StrEnum):
    """What an event amounts to once the steps have been counted."""

    STAGE_OPENS = "stage opens"
    STEP_HAS_NOBODY = "a step has nobody to ask"
    NOBODY_WAS_ASKED = "nobody was asked at all"
    YES = "yes"
    LAST_YES = "last yes"
    NO = "no"
    FINAL_NO = "final no"
    SEND_BACK = "sent back for a change"
    REFUSE = "a person refuses what is held"
    REMIND = "reminder"
    OVERDUE = "overdue"
    TIME_OUT = "time is up: rejected"
    TIMER = "a timer that has nothing left to do"
    HAND_ON = "handed on"
    DELEGATE = "an absence begins or ends"
    LEAVE = "somebody leaves"
    ASK = "question or answer"
    CARRY = "carried over to a changed order"
    REOPEN = "evaluated again"
    SEND = "sent to the ERP"
    SUPERSEDE = "supersede"
    WITHDRAW = "withdraw"
    OVERRIDE_YES = "override: yes"
    OVERRIDE_NO = "override: no"


_ENDED: Final = (State.APPROVED, State.REJECTED, State.WITHDRAWN, State.SUPERSEDED)

TRANSITIONS: Final[dict[tuple[State, Move], State]] = {
    (State.OPEN, Move.STAGE_OPENS): State.OPEN,
    (State.OPEN, Move.STEP_HAS_NOBODY): State.HELD,
    (State.OPEN, Move.NOBODY_WAS_ASKED): State.HELD,
    (State.OPEN, Move.YES): State.OPEN,
    (State.OPEN, Move.LAST_YES): State.APPROVED,
    (State.OPEN, Move.NO): State.OPEN,
    (State.OPEN, Move.FINAL_NO): State.REJECTED,
    (State.OPEN, Move.SEND_BACK): State.SENT_BACK,
    (State.OPEN, Move.REMIND): State.OPEN,
    (State.OPEN, Move.OVERDUE): State.OPEN,
    (State.OPEN, Move.TIME_OUT): State.REJECTED,
    (State.OPEN, Move.HAND_ON): State.OPEN,
    (State.OPEN, Move.DELEGATE): State.OPEN,
    (State.OPEN, Move.LEAVE): State.OPEN,
    (State.OPEN, Move.ASK): State.OPEN,
    (State.OPEN, Move.CARRY): State.OPEN,
    (State.OPEN, Move.SUPERSEDE): State.SUPERSEDED,
    (State.OPEN, Move.WITHDRAW): State.WITHDRAWN,
    (State.OPEN, Move.OVERRIDE_YES): State.APPROVED,
    (State.OPEN, Move.OVERRIDE_NO): State.REJECTED,
    (State.HELD, Move.REFUSE): State.REJECTED,
    (State.HELD, Move.CARRY): State.HELD,
    (State.HELD, Move.REOPEN): State.OPEN,
    (State.HELD, Move.SUPERSEDE): State.SUPERSEDED,
    (State.HELD, Move.WITHDRAW): State.WITHDRAWN,
    (State.HELD, Move.OVERRIDE_YES): State.APPROVED,
    (State.HELD, Move.OVERRIDE_NO): State.REJECTED,
    (State.SENT_BACK, Move.OVERDUE): State.SENT_BACK,
    (State.SENT_BACK, Move.TIME_OUT): State.REJECTED,
    (State.SENT_BACK, Move.SUPERSEDE): State.SUPERSEDED,
    (State.SENT_BACK, Move.WITHDRAW): State.WITHDRAWN,
    (State.SENT_BACK, Move.OVERRIDE_YES): State.APPROVED,
    (State.SENT_BACK, Move.OVERRIDE_NO): State.REJECTED,
    (State.APPROVED, Move.CARRY): State.APPROVED,
    (State.APPROVED, Move.SEND): State.APPROVED,
    (State.APPROVED, Move.SUPERSEDE): State.SUPERSEDED,
    (State.APPROVED, Move.WITHDRAW): State.WITHDRAWN,
    **{(state, Move.TIMER): state for state in State},
}


class NotPossible(Exception):
    """The event does not fit the state of the run or of the task; nothing has changed."""


class NotTheirs(NotPossible):
    """The person was not asked, or is one who never counts for this order."""


class OrderChanged(NotPossible):
    """The decision was made on another content of the order than the one that is up for approval."""


def begin(
    stages: int,
    *,
    order_hash: str = "",
    excluded: frozenset[str] = frozenset(),
    hold_when_nobody_is_asked: bool = False,
    merge_consecutive: bool = False,
    on_silence: OnSilence | None = None,
) -> tuple[Run, tuple[Effect, ...]]:
    run = Run(
        state=State.OPEN,
        stages=stages,
        order_hash=order_hash,
        excluded=excluded,
        hold_when_nobody_is_asked=hold_when_nobody_is_asked,
        merge_consecutive=merge_consecutive,
        on_silence=on_silence,
    )
    return (run, (OpenStage(0),)) if stages else _without_stages(run)


def advance(run: Run, event: Event, at: datetime) -> tuple[Run, tuple[Effect, ...]]:
    """Raises NotPossible, NotTheirs, OrderChanged; then nothing has changed."""
    after, effects = _applied(run, event, at)
    were_open = {task.id for task in run.tasks if task.state is TaskState.OPEN}
    are_open = {task.id: None for task in after.tasks if task.state is TaskState.OPEN}
    asked = tuple(task for task in are_open if task not in were_open)
    released = tuple(sorted(were_open - are_open.keys()))
    more = (*((Asked(asked),) if asked else ()), *((Released(released),) if released else ()))
    return after, (*effects, *more)


def _applied(run: Run, event: Event, at: datetime) -> tuple[Run, tuple[Effect, ...]]:
    match event:
        case StageOpened(steps=steps):
            return _open_stage(run, steps, at)
        case Approved(task=task, by=by, order_hash=order_hash):
            return _decide(run, task, by, order_hash, TaskState.APPROVED, at)
        case Rejected(task=task, by=by, order_hash=order_hash):
            return _decide(run, task, by, order_hash, TaskState.REJECTED, at)
        case SentBack(task=task, by=by, order_hash=order_hash, due_at=due_at):
            return _send_back(run, task, by, order_hash, due_at, at)
        case Refused(by=by):
            _four_eyes(run, by, None)
            return _end(run, Move.REFUSE)
        case RemindDue(task=task):
            return _remind(run, task, at)
        case Due(task=task):
            return _due(run, task, at)
        case Forwarded(task=task, by=by, to=to):
            return _hand_on(run, task, by, to, at)
        case Delegated(task=task, delegate=delegate):
            return _delegate(run, task, delegate)
        case Questioned(task=task, by=by, to=to):
            _find(run, task)
            return _move(run, Move.ASK), (Informed((to,), task),) if to != by else ()
        case Left(person=person):
            return _without(_move(run, Move.LEAVE), person, at, drop=False)
        case Edited(by=by, order_hash=order_hash):
            return _carry(run, by, order_hash, at)
        case Reopened():
            return _reopen(run)
        case Sent():
            return replace(_move(run, Move.SEND), sent=True), ()
        case Superseded():
            return _end(run, Move.SUPERSEDE)
        case Withdrawn():
            if run.sent:
                raise NotPossible("the order was sent: ask the ERP to cancel it")
            return _end(run, Move.WITHDRAW)
        case Overridden(approve=approve, by=by):
            _four_eyes(run, by, None)
            return _end(replace(run, overridden_by=by), Move.OVERRIDE_YES if approve else Move.OVERRIDE_NO)


def _move(run: Run, move: Move) -> Run:
    state = TRANSITIONS.get((run.state, move))
    if state is None:
        raise NotPossible(f"'{move}' is not possible: the run is {run.state}")
    return replace(run, state=state)


def _end(run: Run, move: Move) -> tuple[Run, tuple[Effect, ...]]:
    """Open tasks end with the run; decided ones stay as they are."""
    moved = _move(run, move)
    return of_steps.each_step(moved, lambda step: of_steps.closed(step, TaskState.CANCELLED)), (Ended(moved.state),)


def _four_eyes(run: Run, person: str, step: OpenStep | None) -> None:
    if person in run.excluded and (step is None or person not in step.own):
        raise NotTheirs("whoever asked for the goods or changed the order does not count")


def _find(run: Run, task_id: str) -> tuple[OpenStep, Task]:
    for step in run.steps:
        for task in step.tasks:
            if task.id == task_id:
                return step, task
    raise NotTheirs("this task belongs to another run")


def _changed(run: Run, step: OpenStep) -> Run:
    return of_steps.each_step(run, lambda other: step if other.key == step.key else other)


def _open_stage(run: Run, steps: tuple[OpenStep, ...], at: datetime) -> tuple[Run, tuple[Effect, ...]]:
    if len(run.opened) != run.stage or run.stage >= run.stages:
        raise NotPossible("the stage is open already")
    taken = {step.key for step in run.steps}
    for step in steps:
        if step.key in taken:
            raise NotPossible(f"step '{step.key}' was taken before")
        for task in step.tasks:
            for person in filter(None, (task.assignee, task.delegate)):
                _four_eyes(run, person, step)
    asked = tuple(of_steps.opened(run, step, at) for step in steps)
    opened = replace(run, opened=(*run.opened, asked), reopened=())
    if any(not step.reachable for step in asked):
        return _end(opened, Move.STEP_HAS_NOBODY)
    moved = _move(opened, Move.STAGE_OPENS)
    told = tuple(Informed(step.watchers, None) for step in asked if step.watchers)
    if all(step.closed for step in moved.steps):
        after, more = _next_stage(moved)
        return after, (*told, *more)
    return moved, told


def _next_stage(run: Run) -> tuple[Run, tuple[Effect, ...]]:
    following = replace(run, stage=run.stage + 1)
    if following.stage < following.stages:
        return following, (OpenStage(following.stage),)
    return _without_stages(following) if not any(following.opened) else _end(following, Move.LAST_YES)


def _without_stages(run: Run) -> tuple[Run, tuple[Effect, ...]]:
    return _end(run, Move.NOBODY_WAS_ASKED if run.hold_when_nobody_is_asked else Move.LAST_YES)


def _decide(
    run: Run, task_id: str, by: str, order_hash: str, becomes: TaskState, at: datetime
) -> tuple[Run, tuple[Effect, ...]]:
    _move(run, Move.YES if becomes is TaskState.APPROVED else Move.NO)
    step, decided = _decided(run, task_id, by, order_hash, becomes, at)
    step = of_steps.settled(of_steps.with_task(step, decided))
    changed = _changed(run, step)
    if becomes is TaskState.REJECTED:
        final = step.rejects is Rejects.FIRST or not step.reachable
        return _end(changed, Move.FINAL_NO) if final else (_move(changed, Move.NO), ())
    return _next_stage(changed) if _complete(changed) else (_move(changed, Move.YES), ())


def _send_back(
    run: Run, task_id: str, by: str, order_hash: str, due_at: datetime | None, at: datetime
) -> tuple[Run, tuple[Effect, ...]]:
    _move(run, Move.SEND_BACK)
    if run.on_silence is None:
        raise NotPossible("the rules let nobody send the order back")
    step, decided = _decided(run, task_id, by, order_hash, TaskState.SENT_BACK, at)
    waiting = replace(decided, due_at=due_at, overdue=False)
    return _end(_changed(run, of_steps.with_task(step, waiting)), Move.SEND_BACK)


def _decided(
    run: Run, task_id: str, by: str, order_hash: str, becomes: TaskState, at: datetime
) -> tuple[OpenStep, Task]:
    """The task as it is decided, with the step in which it stands still open."""
    step, task = _find(run, task_id)
    if by not in (task.assignee, task.delegate):
        raise NotTheirs("this task belongs to somebody else")
    _four_eyes(run, by, step)
    if task.state is not TaskState.OPEN:
        raise NotPossible(f"the task is {task.state}")
    if any(other.decided_by == by for other in step.tasks):
        raise NotPossible("nobody counts twice in one step")
    if order_hash != run.order_hash:
        raise OrderChanged("the order was changed after the page was opened")
    acting_for = task.assignee if by != task.assignee else None
    return step, replace(
        task, state=becomes, decided_at=at, decided_by=by, acting_for=acting_for, order_hash=order_hash
    )


def _complete(run: Run) -> bool:
    return len(run.opened) > run.stage and all(step.closed for step in run.steps)


# Time


def _remind(run: Run, task_id: str, at: datetime) -> tuple[Run, tuple[Effect, ...]]:
    step, task = _find(run, task_id)
    if not _waits(run, task) or task.reminded or task.remind_at is None or at < task.remind_at:
        return _move(run, Move.TIMER), ()
    moved = _changed(run, of_steps.with_task(step, replace(task, reminded=True)))
    return _move(moved, Move.REMIND), (Reminded(task_id),)


def _due(run: Run, task_id: str, at: datetime) -> tuple[Run, tuple[Effect, ...]]:
    step, task = _find(run, task_id)
    waits_for_the_buyer = run.state is State.SENT_BACK and task.state is TaskState.SENT_BACK
    if not (_waits(run, task) or waits_for_the_buyer) or task.overdue or task.due_at is None or at < task.due_at:
        return _move(run, Move.TIMER), ()
    if waits_for_the_buyer:
        late = _changed(run, of_steps.with_task(step, replace(task, overdue=True)))
        if run.on_silence == OnSilence.REJECT:
            return _end(late, Move.TIME_OUT)
        return _move(late, Move.OVERDUE), (Overdue(task_id),)
    if step.on_timeout is OnTimeout.REJECT:
        timed_out = replace(task, state=TaskState.REJECTED, decided_at=at, overdue=True)
        return _end(_changed(run, of_steps.with_task(step, timed_out)), Move.TIME_OUT)
    step = of_steps.with_task(step, replace(task, overdue=True))
    if step.on_timeout is OnTimeout.ESCALATE:
        step = of_steps.escalated(step, task_id, at, run.excluded)
    return _move(_changed(run, step), Move.OVERDUE), (Overdue(task_id),)


def _waits(run: Run, task: Task) -> bool:
    return run.state is State.OPEN and task.state is TaskState.OPEN


# People come and go


def _hand_on(run: Run, task_id: str, by: str, to: str, at: datetime) -> tuple[Run, tuple[Effect, ...]]:
    """Handed over for good: the task is no longer theirs."""
    moved = _move(run, Move.HAND_ON)
    step, task = _find(run, task_id)
    if by not in (task.assignee, task.delegate):
        raise NotTheirs("this task belongs to somebody else")
    if task.state is not TaskState.OPEN:
        raise NotPossible(f"the task is {task.state}")
    _may_join(run, step, to)
    handed = of_steps.with_task(step, replace(task, state=TaskState.HANDED_ON, decided_at=at, decided_by=by))
    new = Task(of_steps.id_after(task_id, to), to, opened_at=at, due_at=task.due_at, remind_at=task.remind_at)
    return _changed(moved, replace(handed, tasks=(*handed.tasks, new))), ()


def _delegate(run: Run, task_id: str, delegate: str | None) -> tuple[Run, tuple[Effect, ...]]:
    moved = _move(run, Move.DELEGATE)
    step, task = _find(run, task_id)
    if task.state is not TaskState.OPEN or task.delegate == delegate:
        return moved, ()
    if delegate is not None:
        _may_join(run, step, delegate)
    changed = _changed(moved, of_steps.with_task(step, replace(task, delegate=delegate)))
    return changed, (Informed((delegate,), task_id),) if delegate is not None else ()


def _may_join(run: Run, step: OpenStep, person: str) -> None:
    _four_eyes(run, person, step)
    if person in step.people:
        raise NotPossible("they are asked in this step already")


def _without(run: Run, person: str, at: datetime, *, drop: bool) -> tuple[Run, tuple[Effect, ...]]:
    """Takes a person out of what is still to be decided; with `drop` their earlier yes falls too. Where a step lacks
    its quorum then, those whom it had let go are asked again, and then those to whom it escalates."""
    changed = of_steps.each_step(run, lambda step: of_steps.without(step, person, at, run.excluded, drop=drop))
    if changed.state is State.OPEN and any(not step.reachable for step in changed.steps):
        return _end(changed, Move.STEP_HAS_NOBODY)
    return changed, ()


def _carry(run: Run, by: str | None, order_hash: str, at: datetime) -> tuple[Run, tuple[Effect, ...]]:
    """A change that asks for no new run. Whoever made it counts no longer, and neither does their earlier yes."""
    if run.sent:
        raise NotPossible("the order was sent: it can only be changed with the ERP")
    moved = replace(_move(run, Move.CARRY), order_hash=order_hash)
    if by is None:
        return moved, ()
    if run.state is State.APPROVED and any(task.decided_by == by for task in run.tasks):
        raise NotPossible("the change takes back an approval: a new run is needed")
    excluded = replace(moved, excluded=moved.excluded | {by})
    barred = of_steps.each_step(excluded, lambda step: replace(step, own=step.own - {by}))
    return _without(barred, by, at, drop=True)


def _reopen(run: Run) -> tuple[Run, tuple[Effect, ...]]:
    """What was held is judged again, on the data of this moment. Steps that have their quorum stay; a yes in
    another one holds for its person when the step is asked again."""
    moved = _move(run, Move.REOPEN)
    if run.stage >= run.stages:
        raise NotPossible("the run has no stage to open")
    kept = tuple(tuple(step for step in stage if step.closed) for stage in run.opened[: run.stage])
    kept_keys = {step.key for stage in kept for step in stage}
    again = tuple(step for step in run.steps if step.key not in kept_keys)
    return replace(moved, opened=kept, reopened=again), (OpenStage(run.stage),)

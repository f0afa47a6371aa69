"""One order's way through its approvers.

A state machine of two tables: `TRANSITIONS` for the run, and the order of a task's states (only an open task takes a
decision). `advance` is pure: the same events always give the same run. What the outside must do next comes back as
effects; a stage's steps and people are looked up outside, when it opens, and come in as the event StageOpened."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.approval.flow import Rejects


class State(StrEnum):
    OPEN = "open"
    HELD = "held"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class TaskState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Task:
    """One person asked. `decided_by` is the assignee once decided."""

    id: str
    assignee: str
    state: TaskState = TaskState.OPEN
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step whose people are known. `quorum` is never above the number of tasks unless nobody could say yes."""

    key: str
    quorum: int
    rejects: Rejects
    tasks: tuple[Task, ...]

    @property
    def closed(self) -> bool:
        return sum(task.state is TaskState.APPROVED for task in self.tasks) >= self.quorum

    @property
    def reachable(self) -> bool:
        alive = (TaskState.APPROVED, TaskState.OPEN)
        return sum(task.state in alive for task in self.tasks) >= self.quorum


@dataclass(frozen=True, slots=True)
class Run:
    """
    stages    how many stages the flow has; `stage` is the index of the one that is open or opens next.
    opened    the steps of each stage that was opened, in order; an empty one was skipped.
    excluded  who never counts: the requester, and whoever changed the order.
    """

    state: State
    stages: int
    stage: int = 0
    opened: tuple[tuple[OpenStep, ...], ...] = ()
    excluded: frozenset[str] = frozenset()
    hold_when_nobody_is_asked: bool = False

    def task(self, task_id: str) -> Task | None:
        steps = (step for stage in self.opened for step in stage)
        return next((task for step in steps for task in step.tasks if task.id == task_id), None)


@dataclass(frozen=True, slots=True)
class StageOpened:
    steps: tuple[OpenStep, ...]


@dataclass(frozen=True, slots=True)
class Approved:
    task: str
    by: str


@dataclass(frozen=True, slots=True)
class Rejected:
    task: str
    by: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """The order changed: a new run is begun on the new revision."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The order was cancelled, or refused at the desk."""


@dataclass(frozen=True, slots=True)
class Overridden:
    """An administrator decides in place of the approvers, with a reason that is kept in the record."""

    approve: bool


Event = StageOpened | Approved | Rejected | Superseded | Withdrawn | Overridden


class Move(StrEnum):
    """What an event amounts to once the steps have been counted."""

    STAGE_OPENS = "stage opens"
    STEP_HAS_NOBODY = "a step has nobody to ask"
    NOBODY_WAS_ASKED = "nobody was asked at all"
    YES = "yes"
    LAST_YES = "last yes"
    NO = "no"
    FINAL_NO = "final no"
    SUPERSEDE = "supersede"
    WITHDRAW = "withdraw"
    OVERRIDE_YES = "override: yes"
    OVERRIDE_NO = "override: no"


TRANSITIONS: dict[tuple[State, Move], State] = {
    (State.OPEN, Move.STAGE_OPENS): State.OPEN,
    (State.OPEN, Move.STEP_HAS_NOBODY): State.HELD,
    (State.OPEN, Move.NOBODY_WAS_ASKED): State.HELD,
    (State.OPEN, Move.YES): State.OPEN,
    (State.OPEN, Move.LAST_YES): State.APPROVED,
    (State.OPEN, Move.NO): State.OPEN,
    (State.OPEN, Move.FINAL_NO): State.REJECTED,
    (State.OPEN, Move.SUPERSEDE): State.SUPERSEDED,
    (State.OPEN, Move.WITHDRAW): State.WITHDRAWN,
    (State.OPEN, Move.OVERRIDE_YES): State.APPROVED,
    (State.OPEN, Move.OVERRIDE_NO): State.REJECTED,
    (State.HELD, Move.SUPERSEDE): State.SUPERSEDED,
    (State.HELD, Move.WITHDRAW): State.WITHDRAWN,
    (State.HELD, Move.OVERRIDE_YES): State.APPROVED,
    (State.HELD, Move.OVERRIDE_NO): State.REJECTED,
    (State.APPROVED, Move.SUPERSEDE): State.SUPERSEDED,
    (State.APPROVED, Move.WITHDRAW): State.WITHDRAWN,
}


class NotPossible(Exception):
    """The event does not fit the state of the run or of the task; nothing has changed."""


class NotTheirs(NotPossible):
    """The person was not asked, or is one who never counts for this order."""


@dataclass(frozen=True, slots=True)
class OpenStage:
    """Find out which steps of this stage are required and who takes them, and come back with StageOpened."""

    stage: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The run has reached a state that no approver can change."""

    state: State


Effect = OpenStage | Ended


def begin(
    stages: int, *, excluded: frozenset[str] = frozenset(), hold_when_nobody_is_asked: bool = False
) -> tuple[Run, tuple[Effect, ...]]:
    run = Run(State.OPEN, stages, 0, (), excluded, hold_when_nobody_is_asked)
    return (run, (OpenStage(0),)) if stages else _without_stages(run)


def advance(run: Run, event: Event, at: datetime) -> tuple[Run, tuple[Effect, ...]]:
    """Raises NotPossible, NotTheirs."""
    match event:
        case StageOpened(steps=steps):
            return _open_stage(run, steps)
        case Approved(task=task, by=by):
            return _decide(run, task, by, TaskState.APPROVED, at)
        case Rejected(task=task, by=by):
            return _decide(run, task, by, TaskState.REJECTED, at)
        case Superseded():
            return _end(run, Move.SUPERSEDE)
        case Withdrawn():
            return _end(run, Move.WITHDRAW)
        case Overridden(approve=approve):
            return _end(run, Move.OVERRIDE_YES if approve else Move.OVERRIDE_NO)


def _move(run: Run, move: Move) -> Run:
    state = TRANSITIONS.get((run.state, move))
    if state is None:
        raise NotPossible(f"'{move}' is not possible: the run is {run.state}")
    return replace(run, state=state)


def _end(run: Run, move: Move) -> tuple[Run, tuple[Effect, ...]]:
    moved = _move(run, move)
    return _with_tasks(moved, TaskState.CANCELLED), (Ended(moved.state),)


def _with_tasks(run: Run, open_becomes: TaskState) -> Run:
    """Open tasks end with the run; decided ones stay as they are."""
    return replace(run, opened=tuple(tuple(_closed(step, open_becomes) for step in stage) for stage in run.opened))


def _closed(step: OpenStep, open_becomes: TaskState) -> OpenStep:
    tasks = tuple(replace(t, state=open_becomes) if t.state is TaskState.OPEN else t for t in step.tasks)
    return replace(step, tasks=tasks)


def _open_stage(run: Run, steps: tuple[OpenStep, ...]) -> tuple[Run, tuple[Effect, ...]]:
    if len(run.opened) != run.stage or run.stage >= run.stages:
        raise NotPossible("the stage is open already")
    for step in steps:
        if any(task.assignee in run.excluded for task in step.tasks):
            raise NotTheirs(f"step '{step.key}' asks somebody who never counts for this order")
    opened = replace(run, opened=(*run.opened, steps))
    if any(not step.reachable for step in steps):
        return _end(opened, Move.STEP_HAS_NOBODY)
    moved = _move(opened, Move.STAGE_OPENS)
    return (moved, ()) if steps else _next_stage(moved)


def _next_stage(run: Run) -> tuple[Run, tuple[Effect, ...]]:
    following = replace(run, stage=run.stage + 1)
    if following.stage < following.stages:
        return following, (OpenStage(following.stage),)
    return _without_stages(following) if not any(following.opened) else _end(following, Move.LAST_YES)


def _without_stages(run: Run) -> tuple[Run, tuple[Effect, ...]]:
    return _end(run, Move.NOBODY_WAS_ASKED if run.hold_when_nobody_is_asked else Move.LAST_YES)


def _decide(run: Run, task_id: str, by: str, becomes: TaskState, at: datetime) -> tuple[Run, tuple[Effect, ...]]:
    _move(run, Move.YES if becomes is TaskState.APPROVED else Move.NO)
    task = run.task(task_id)
    if task is None or task.assignee != by or by in run.excluded:
        raise NotTheirs("this task belongs to somebody else")
    if task.state is not TaskState.OPEN:
        raise NotPossible(f"the task is {task.state}")
    decided = replace(task, state=becomes, decided_at=at)
    stage = tuple(_settled(_with_task(step, decided)) for step in run.opened[-1])
    changed = replace(run, opened=(*run.opened[:-1], stage))
    if becomes is TaskState.REJECTED:
        step = next(step for step in stage if decided in step.tasks)
        final = step.rejects is Rejects.FIRST or not step.reachable
        return _end(changed, Move.FINAL_NO) if final else (_move(changed, Move.NO), ())
    if all(step.closed for step in stage):
        return _next_stage(changed)
    return _move(changed, Move.YES), ()


def _with_task(step: OpenStep, decided: Task) -> OpenStep:
    return replace(step, tasks=tuple(decided if task.id == decided.id else task for task in step.tasks))


def _settled(step: OpenStep) -> OpenStep:
    """A step that has its quorum asks nobody any more."""
    return _closed(step, TaskState.SKIPPED) if step.closed else step

"""A run's parts: the steps that were opened, the tasks in them, and how each changes. All can be kept as JSON."""

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from uuid import NAMESPACE_OID, uuid5

import msgspec
from msgspec.structs import replace

from app.approval.flow import OnSilence, OnTimeout, Rejects


class State(StrEnum):
    """
    SENT_BACK  an approver has asked the buyer for a change, which begins a new run.
    """

    OPEN = "open"
    HELD = "held"
    SENT_BACK = "sent_back"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class TaskState(StrEnum):
    """
    SENT_BACK  the buyer was asked for a change.
    SKIPPED    the step had its quorum without it.
    HANDED_ON  given to somebody else, who has a task of their own.
    CANCELLED  the run ended, or the person may no longer decide.
    """

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    SENT_BACK = "sent_back"
    SKIPPED = "skipped"
    HANDED_ON = "handed_on"
    CANCELLED = "cancelled"


class Task(msgspec.Struct, frozen=True):
    """
    assignee    who was asked; `delegate` may decide in their place while they are away.
    decided_by  who did; `acting_for` is the assignee when it was the delegate.
    order_hash  of what was decided on.
    due_at      when it is to be decided; once it is sent back, when the buyer's change is due.
    merged      the yes was given in the stage before, and counts here too.
    """

    id: str
    assignee: str
    state: TaskState = TaskState.OPEN
    decided_at: datetime | None = None
    delegate: str | None = None
    decided_by: str | None = None
    acting_for: str | None = None
    order_hash: str | None = None
    opened_at: datetime | None = None
    due_at: datetime | None = None
    remind_at: datetime | None = None
    reminded: bool = False
    overdue: bool = False
    merged: bool = False


class OpenStep(msgspec.Struct, frozen=True):
    """A step whose people are known; later changes of groups, roles and limits do not touch it.

    quorum       how many must say yes.
    escalate_to  people who are asked besides, once.
    own          those who asked for the goods and may decide on them here, within their limit.
    """

    key: str
    quorum: int
    rejects: Rejects
    tasks: tuple[Task, ...]
    on_timeout: OnTimeout = OnTimeout.NOTIFY
    escalate_to: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    watchers: tuple[str, ...] = ()

    @property
    def closed(self) -> bool:
        return sum(task.state is TaskState.APPROVED for task in self.tasks) >= self.quorum

    @property
    def reachable(self) -> bool:
        alive = (TaskState.APPROVED, TaskState.OPEN)
        return sum(task.state in alive for task in self.tasks) >= self.quorum

    @property
    def people(self) -> frozenset[str]:
        """Everybody who has, had or decided a task in it."""
        named = (person for task in self.tasks for person in (task.assignee, task.delegate, task.decided_by))
        return frozenset(person for person in named if person is not None)


class Run(msgspec.Struct, frozen=True):
    """
    stages         how many stages the flow has; `stage` is the index of the one that is open or opens next.
    opened         the steps of each stage that was opened, in order; an empty one was skipped.
    excluded       who never counts: the requester, and whoever changed the order.
    order_hash     of the content that is up for approval.
    sent           the order has gone to the ERP.
    overridden_by  the administrator who decided in place of the approvers.
    reopened       the unfinished steps of a held run that is judged again.
    on_silence     what happens when the buyer does not change in time what was sent back; None: nothing is sent back.
    """

    state: State
    stages: int
    stage: int = 0
    opened: tuple[tuple[OpenStep, ...], ...] = ()
    excluded: frozenset[str] = frozenset()
    hold_when_nobody_is_asked: bool = False
    merge_consecutive: bool = False
    order_hash: str = ""
    sent: bool = False
    overridden_by: str | None = None
    reopened: tuple[OpenStep, ...] = ()
    on_silence: OnSilence | None = None

    @property
    def steps(self) -> Iterator[OpenStep]:
        return (step for stage in self.opened for step in stage)

    @property
    def tasks(self) -> Iterator[Task]:
        return (task for step in self.steps for task in step.tasks)

    def task(self, task_id: str) -> Task | None:
        return next((task for task in self.tasks if task.id == task_id), None)


def each_step(run: Run, change: Callable[[OpenStep], OpenStep]) -> Run:
    return replace(run, opened=tuple(tuple(change(step) for step in stage) for stage in run.opened))


def with_task(step: OpenStep, changed: Task) -> OpenStep:
    return replace(step, tasks=tuple(changed if task.id == changed.id else task for task in step.tasks))


def closed(step: OpenStep, open_becomes: TaskState) -> OpenStep:
    tasks = tuple(replace(t, state=open_becomes) if t.state is TaskState.OPEN else t for t in step.tasks)
    return replace(step, tasks=tasks)


def settled(step: OpenStep) -> OpenStep:
    """A step that has its quorum asks nobody any more."""
    return closed(step, TaskState.SKIPPED) if step.closed else step


def id_after(task_id: str, person: str) -> str:
    """The id of a task that comes out of another one; the same each time the events are applied."""
    return str(uuid5(NAMESPACE_OID, f"{task_id}/{person}"))


def opened(run: Run, step: OpenStep, at: datetime) -> OpenStep:
    """As it stands once it is open: with the yes that its people gave in the stage before, where the flow merges them,
    and with what they had decided before a held run was judged again."""
    tasks = tuple(replace(task, opened_at=task.opened_at or at) for task in step.tasks)
    before = next((stage for stage in reversed(run.opened) if stage), ()) if run.merge_consecutive else ()
    given = {task.decided_by: task for earlier in before for task in earlier.tasks if _holds(run, task)}
    again = next((earlier for earlier in run.reopened if earlier.key == step.key), None)
    had = {task.assignee: task for task in again.tasks if _holds(run, task)} if again else {}
    return settled(replace(step, tasks=tuple(_answered(task, had, given) for task in tasks)))


def _holds(run: Run, task: Task) -> bool:
    return task.state is TaskState.APPROVED and task.order_hash == run.order_hash


def _answered(task: Task, had: dict[str, Task], given: dict[str | None, Task]) -> Task:
    said = had.get(task.assignee) or given.get(task.assignee)
    if said is None:
        return task
    return replace(
        task,
        state=TaskState.APPROVED,
        decided_at=said.decided_at,
        decided_by=said.decided_by,
        acting_for=said.acting_for,
        order_hash=said.order_hash,
        merged=task.assignee not in had,
    )


def escalated(step: OpenStep, cause: str, at: datetime, excluded: frozenset[str]) -> OpenStep:
    """Asks those besides to whom the step escalates; whoever was asked first stays."""
    barred = step.people | (excluded - step.own)
    more = [person for person in dict.fromkeys(step.escalate_to) if person not in barred]
    tasks = tuple(Task(id_after(cause, person), person, opened_at=at) for person in more)
    return replace(step, tasks=(*step.tasks, *tasks), escalate_to=())


def without(step: OpenStep, person: str, at: datetime, excluded: frozenset[str], *, drop: bool) -> OpenStep:
    """Without what a person has still to decide and, with `drop`, without their yes."""
    touched = [task for task in step.tasks if _is_of(task, person, drop=drop)]
    delegated = [task for task in step.tasks if task.state is TaskState.OPEN and task.delegate == person]
    for task in delegated:
        step = with_task(step, replace(task, delegate=None))
    for task in touched:
        step = with_task(step, replace(task, state=TaskState.CANCELLED))
    if step.reachable or not touched:
        return step
    for task in step.tasks:
        if task.state is TaskState.SKIPPED and task.assignee not in excluded - step.own:
            step = with_task(step, replace(task, state=TaskState.OPEN))
    return step if step.reachable else escalated(step, touched[0].id, at, excluded)


def _is_of(task: Task, person: str, *, drop: bool) -> bool:
    if task.state is TaskState.OPEN:
        return task.assignee == person
    return drop and task.state is TaskState.APPROVED and task.decided_by == person

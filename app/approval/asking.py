"""Who is asked in a step: people found, four eyes kept, limits looked at, absences passed on.

Four eyes: whoever asked for the goods, or changed the order, is not asked, unless the step says that requesters may
decide on their own orders up to a limit. An absence passes on what is a person's; tasks of a group or a role stay with
the others, except where all of them must say yes."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.approval.flow import Approver, By, Flow, Step
from app.approval.moves import Delegated
from app.approval.people import MOST_HOPS, MOST_LEVELS, Directory, Person
from app.approval.steps import OpenStep, Run, Task, TaskState
from schemas.money import Money


@dataclass(frozen=True, kw_only=True)
class Case:
    """
    requesters  ids of those who asked for the goods; the first one's manager is asked by `manager_of`.
    editors     ids of those who changed the order or settled a difference of it: they never count.
    total       of the order, without tax; None when it is not known.
    owners      of what the order names: a path of `flow.OWNERS` to an id.
    """

    requesters: tuple[str, ...] = ()
    editors: frozenset[str] = frozenset()
    total: Money | None = None
    owners: Mapping[str, str] = field(default_factory=dict)

    @property
    def excluded(self) -> frozenset[str]:
        return self.editors | frozenset(self.requesters)


def open_step(
    step: Step,
    flow: Flow,
    case: Case,
    directory: Directory,
    at: datetime,
    new_id: Callable[[], str],
) -> OpenStep:
    """With a task for each person who is asked, and its times by their own working hours. With too few people for the
    quorum those to whom the step escalates are asked at once; when that is not enough, it is not `reachable`."""
    found = _found(step.approver, flow, case, directory)
    people = [person for person in found if _has_authority(person, step, case)]
    own = frozenset(person.id for person in people if person.id in case.excluded)
    quorum = max(1, len(people)) if step.quorum is None else step.quorum
    deputies = [
        person
        for person in (_found(step.escalate_to, flow, case, directory) if step.escalate_to else ())
        if person not in people and _has_authority(person, step, case)
    ]
    tasks, waits = [], list(deputies)
    taken = {person.id for person in people}
    for person in people:
        delegate, lost = None, False
        if step.approver.personal or step.quorum is None:
            delegate, lost = _delegate(person, directory, case, at, taken)
        if delegate is not None:
            taken.add(delegate)
        if lost and waits:
            person = waits.pop(0)
        tasks.append(_task(person, step, at, new_id, delegate))
    while len(tasks) < quorum and waits:
        tasks.append(_task(waits.pop(0), step, at, new_id, None))
    return OpenStep(
        key=step.key,
        quorum=quorum,
        rejects=step.rejects,
        tasks=tuple(tasks),
        on_timeout=step.on_timeout,
        escalate_to=tuple(person.id for person in waits if person.id not in taken),
        own=own,
        watchers=tuple(
            dict.fromkeys(p.id for watcher in step.watchers for p in _found(watcher, flow, case, directory))
        ),
    )


def _task(person: Person, step: Step, at: datetime, new_id: Callable[[], str], delegate: str | None) -> Task:
    return Task(
        id=new_id(),
        assignee=person.id,
        delegate=delegate,
        opened_at=at,
        due_at=person.hours.after(at, step.due_hours) if step.due_hours else None,
        remind_at=person.hours.after(at, step.remind_hours) if step.remind_hours else None,
    )


def _found(approver: Approver, flow: Flow, case: Case, directory: Directory) -> tuple[Person, ...]:
    match approver.by:
        case By.USER:
            found: Iterable[Person | None] = (directory.by_login(approver.name),)
        case By.GROUP:
            found = directory.in_group(approver.name)
        case By.ROLE:
            found = directory.with_role(approver.name)
        case By.FIELD:
            found = (directory.by_id(case.owners.get(approver.name)),)
        case By.MANAGER:
            found = (_manager(_requester(case, directory), directory),)
        case By.HIERARCHY:
            above = _first_above(case, directory)
            if above is None and flow.final_approver is not None and flow.final_approver.by is not By.HIERARCHY:
                return _found(flow.final_approver, flow, case, directory)
            found = (above,)
    return tuple(person for person in found if person is not None and person.active)


def _requester(case: Case, directory: Directory) -> Person | None:
    return directory.by_id(next(iter(case.requesters), None))


def _manager(person: Person | None, directory: Directory) -> Person | None:
    return directory.by_id(person.manager) if person else None


def _first_above(case: Case, directory: Directory) -> Person | None:
    """The first manager upwards whose limit covers the total; None for a loop, a gap, or after MOST_LEVELS."""
    person, seen = _requester(case, directory), set[str]()
    for _ in range(MOST_LEVELS):
        person = _manager(person, directory)
        if person is None or person.id in seen:
            return None
        seen.add(person.id)
        if person.active and person.id not in case.excluded and person.covers(case.total):
            return person
    return None


def _has_authority(person: Person, step: Step, case: Case) -> bool:
    if step.min_limit is not None and not person.covers(step.min_limit):
        return False
    if step.covers_total and not person.covers(case.total):
        return False
    return person.id not in case.excluded or _may_decide_own(person, step, case)


def _may_decide_own(person: Person, step: Step, case: Case) -> bool:
    """Within `self_limit`; where the step names none, within their own limit."""
    if not step.allow_self or person.id in case.editors or case.total is None:
        return False
    limit = step.self_limit
    if limit is None:
        return person.covers(case.total)
    return limit.currency == case.total.currency and case.total.amount <= limit.amount


def _delegate(
    person: Person, directory: Directory, case: Case, at: datetime, taken: Collection[str]
) -> tuple[str | None, bool]:
    """Who decides in their place now, if they are away; True when they are and nobody can."""
    absence = person.absence_at(at)
    if absence is None:
        return None, False
    current, seen = person, {person.id}
    for _ in range(MOST_HOPS):
        absence = current.absence_at(at)
        if absence is None:
            return current.id, False
        following = directory.by_id(absence.delegate)
        if following is None or not following.active or following.id in seen:
            return None, True
        if following.id in case.excluded or following.id in taken:
            return None, True
        seen.add(following.id)
        current = following
    return (None, True) if current.absence_at(at) else (current.id, False)


def reroute(run: Run, flow: Flow, case: Case, directory: Directory, at: datetime) -> tuple[Delegated, ...]:
    """What absences that began or ended change in open tasks; to be applied before a decision and by the sweep."""
    found = []
    steps = {step.key: step for step in flow.steps}
    for opened in run.steps:
        step = steps.get(opened.key)
        if step is None or not (step.approver.personal or step.quorum is None):
            continue
        taken = set(opened.people)
        for task in opened.tasks:
            person = directory.by_id(task.assignee)
            if task.state is not TaskState.OPEN or person is None:
                continue
            delegate, _ = _delegate(person, directory, case, at, taken - {task.delegate})
            if delegate != task.delegate:
                found.append(Delegated(task.id, delegate))
                taken |= {delegate} if delegate is not None else set()
    return tuple(found)


def may_take(person: Person, step: Step, case: Case) -> bool:
    """Whether a task of the step may be handed on to this person."""
    return person.active and _has_authority(person, step, case)

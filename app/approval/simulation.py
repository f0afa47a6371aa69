"""What rules would make of an order, and how that differs between two sets of rules. Nothing is kept, nobody is asked.

The order goes its whole way: each stage opens on the same data, and whoever is asked is taken to say yes at once. So an
order that would stop for want of people is seen to stop."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from app.approval import flow as flows
from app.approval import run as runs
from app.approval.asking import Case, open_step
from app.approval.evaluate import Answer, Reason
from app.approval.explanation import Why, to_data
from app.approval.flow import Flow, Ruling, Step
from app.approval.moves import Approved, OpenStage, StageOpened
from app.approval.people import Directory
from app.approval.steps import State, TaskState
from app.approval.subject import Subject


class Outcome(StrEnum):
    """
    PASSES   nobody is asked.
    ASKED    people are asked.
    HELD     it waits for a person at the desk: no rules fit, it cannot be told, or nobody is there to ask.
    BLOCKED  a rule forbids it.
    """

    PASSES = "passes"
    ASKED = "asked"
    HELD = "held"
    BLOCKED = "blocked"


class StepAsked(msgspec.Struct, frozen=True):
    """`people` are the names of those who are asked, of whom `quorum` must say yes; `hours` how long that takes as far
    as is known."""

    key: str
    name: str
    people: tuple[str, ...]
    quorum: int
    hours: float | None = None


class Judged(msgspec.Struct, frozen=True):
    """
    rule      the text of the rule that decided, where one did.
    stages    the steps that are taken, stage by stage.
    unknown   the keys of fields that are not known of this order and were asked about on the way.
    reasons   the comparisons that decided, as `app.approval.explanation` keeps them.
    hours     how long the order waits for people: the slowest step of each stage, where it is known.
    """

    outcome: Outcome
    why: str
    flow: str | None = None
    rule: str | None = None
    stages: tuple[tuple[StepAsked, ...], ...] = ()
    unknown: tuple[str, ...] = ()
    reasons: tuple[dict[str, Any], ...] = ()

    @property
    def decisions(self) -> int:
        return sum(step.quorum for stage in self.stages for step in stage)

    @property
    def hours(self) -> float | None:
        """None when it is not known how long a step takes."""
        longest = [max((step.hours for step in stage if step.hours), default=None) for stage in self.stages if stage]
        return None if None in longest else sum(hours for hours in longest if hours)

    @property
    def effect(self) -> tuple[object, ...]:
        """What counts as a difference: the outcome, who is asked in which step, and how many must say yes. Not which
        rules came to it."""
        people = tuple(tuple((step.key, step.people, step.quorum) for step in stage) for stage in self.stages if stage)
        return (self.outcome, people)


Waits = Callable[[str, Step], timedelta | None]
"""How long a step of the flow of this name takes as a rule; None when that is not known."""


@dataclass(frozen=True, slots=True)
class Named:
    """Rules with their name; `key` is the flow's."""

    key: str
    name: str
    flow: Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An order that rules are tried on.

    held_without_flow  the customer's terms hold an order that no rules fit."""

    subject: Subject
    case: Case
    directory: Directory
    held_without_flow: bool = True


def judge(tried: Sequence[Named], past: Past, waits: Waits) -> Judged:
    """`tried`: the rules for the order's customer, in the order in which they are tried."""
    for named in tried:
        found = flows.verdict(named.flow, past.subject)
        if found.ruling is Ruling.NOT_THIS_FLOW:
            continue
        rule, reasons = found.rule.text if found.rule else None, found.reasons
        match found.ruling:
            case Ruling.CANNOT_TELL:
                return _judged(Outcome.HELD, Why.CANNOT_TELL, named, rule, reasons)
            case Ruling.BLOCKED:
                return _judged(Outcome.BLOCKED, Why.BLOCKED, named, rule, reasons)
            case Ruling.AUTO_APPROVED:
                return _judged(Outcome.PASSES, Why.AUTO_APPROVED, named, rule, reasons)
            case _:
                return _asked(named, past, waits)
    outcome = Outcome.HELD if past.held_without_flow else Outcome.PASSES
    return Judged(outcome, Why.NO_FLOW.value)


def _judged(
    outcome: Outcome,
    why: Why,
    named: Named,
    rule: str | None,
    reasons: Iterable[Reason],
    stages: Sequence[tuple[StepAsked, ...]] = (),
) -> Judged:
    kept = tuple(reasons)
    unknown = dict.fromkeys(reason.field for reason in kept if reason.answer is Answer.UNKNOWN)
    data = tuple(to_data(reason) for reason in kept)
    return Judged(outcome, why.value, named.name, rule, tuple(stages), tuple(unknown), data)


def _asked(named: Named, past: Past, waits: Waits) -> Judged:
    flow, subject = named.flow, past.subject
    run, effects = runs.begin(
        len(flow.stages),
        excluded=past.case.excluded,
        hold_when_nobody_is_asked=flow.hold_when_nobody_is_asked,
        merge_consecutive=flow.merge_consecutive,
    )
    stages: list[tuple[StepAsked, ...]] = []
    reasons = [
        reason
        for rule in flow.auto_approve
        if rule.node.answer(subject) is None
        for reason in rule.node.reasons(subject, answer=None)
    ]
    ids = _Ids()
    while run.state is State.OPEN:
        opening = next((effect for effect in effects if isinstance(effect, OpenStage)), None)
        if opening is not None:
            taken = {step.key for step in run.steps}
            needed = flows.required_at(flow, opening.stage, taken, subject)
            opened = [open_step(step, flow, past.case, past.directory, subject.at, ids) for step, _ in needed]
            reasons += [reason for _, judgement in needed for reason in judgement.reasons]
            stages.append(
                tuple(
                    StepAsked(
                        step.key,
                        step.name,
                        tuple(_name(task.assignee, past.directory) for task in one.tasks),
                        one.quorum,
                        _hours(waits(named.key, step)),
                    )
                    for (step, _), one in zip(needed, opened, strict=True)
                )
            )
            run, effects = runs.advance(run, StageOpened(tuple(opened)), subject.at)
            continue
        task = next(task for task in run.tasks if task.state is TaskState.OPEN)
        run, effects = runs.advance(run, Approved(task.id, task.assignee), subject.at)
    people = any(stages)
    if run.state is State.HELD:
        return _judged(Outcome.HELD, Why.NOBODY_THERE if people else Why.NOBODY_ASKED, named, None, reasons, stages)
    outcome, why = (Outcome.ASKED, Why.ASKED) if people else (Outcome.PASSES, Why.NOBODY_ASKED)
    return _judged(outcome, why, named, None, reasons, stages)


class _Ids:
    """Ids of tasks that are never kept."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self) -> str:
        self.last += 1
        return str(self.last)


def _name(person_id: str, directory: Directory) -> str:
    person = directory.by_id(person_id)
    return person.name if person else person_id


def _hours(wait: timedelta | None) -> float | None:
    return None if wait is None else round(wait / timedelta(hours=1), 1)


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """
    stopped    how many do not pass by themselves: asked, held and blocked.
    decisions  how often somebody must say yes.
    hours      how long all orders wait together, as far as is known; None when it is of none of them.
    unknown    of how many something was not known that the rules asked about.
    """

    orders: int = 0
    passes: int = 0
    asked: int = 0
    held: int = 0
    blocked: int = 0
    decisions: int = 0
    hours: float | None = 0.0
    unknown: int = 0

    @property
    def stopped(self) -> int:
        return self.asked + self.held + self.blocked


def totals(judged: Iterable[Judged]) -> Totals:
    counted: dict[str, int] = dict.fromkeys(Outcome, 0)
    decisions = orders = unknown = 0
    hours: list[float | None] = []
    for one in judged:
        counted[one.outcome] += 1
        orders += 1
        decisions += one.decisions
        unknown += bool(one.unknown)
        hours += [one.hours] if one.decisions else []
    known = [each for each in hours if each is not None]
    named: Mapping[str, int] = {str(outcome): number for outcome, number in counted.items()}
    return Totals(
        orders=orders,
        decisions=decisions,
        hours=round(sum(known), 1) if known or not hours else None,
        unknown=unknown,
        **named,
    )


def waits_of(taken: Mapping[tuple[str, str], timedelta], at_all: timedelta | None) -> Waits:
    """From how long decided tasks took: the step's own, else that of all steps, else the time that the rules give."""

    def waits(flow: str, step: Step) -> timedelta | None:
        due = timedelta(hours=step.due_hours) if step.due_hours else None
        return taken.get((flow, step.key)) or at_all or due

    return waits


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One order that the two sets of rules treat in different ways. `total` and `currency` as text."""

    order_id: str
    number: str
    customer: str
    received_at: datetime
    total: str | None
    currency: str
    before: Judged
    after: Judged


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """
    since, until  between which the orders arrived, as far as there are any.
    unreadable    how many orders could not be tried, and were left out.
    more          there were older orders that the limit left out.
    differences   the newest first.
    """

    before: Totals
    after: Totals
    differences: tuple[Difference, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    unreadable: int = 0
    more: bool = False

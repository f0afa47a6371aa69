"""A round of approval as pages show it: why people were asked or nobody was, who said what, who comes next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from app.approval.explanation import Why
from app.approval.steps import State, TaskState
from app.flows import foresee
from app.flows.foresee import Outlook
from app.storage import approvals, people
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.audit import AuditRow
from app.storage.changes import Memories
from app.storage.orders import OrderRow
from app.web.orders.sentences import Speaker

NOBODY: Final = (Why.NOBODY_ASKED, Why.AUTO_APPROVED, Why.BLOCKED, Why.CANNOT_TELL, Why.NO_FLOW)


@dataclass(frozen=True, slots=True)
class AskedPerson:
    """Names: who was asked, who stands in now, who decided, and in whose place."""

    task: RunTaskRow
    name: str
    delegate: str | None
    by: str | None
    acting_for: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One step of the run: who was asked, and the sentences that say why."""

    name: str
    reasons: tuple[str, ...]
    people: tuple[AskedPerson, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    """A rule that stops nobody: its text, and the sentences that say why it holds."""

    text: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """
    nobody       no person was asked.
    skipped      numbers of the stages, from 1, of which no step was needed.
    differences  from what was asked about before: in this run, or in the one before it.
    waits        for the buyer, to whom it was sent back.
    outlook      who would be asked after the open stage, and what of the budget is left.
    """

    why: str
    nobody: bool
    reasons: tuple[str, ...]
    warnings: tuple[Warned, ...]
    asked: tuple[Asked, ...]
    skipped: tuple[int, ...]
    differences: tuple[Mapping[str, Any], ...]
    outlook: Outlook | None
    waits: bool

    @property
    def sent_back(self) -> AskedPerson | None:
        """Who has sent the order back, while it waits for the buyer."""
        everybody = (person for one in self.asked for person in one.people)
        return next((one for one in everybody if self.waits and one.task.state == TaskState.SENT_BACK), None)

    def of_task(self, task: RunTaskRow) -> Asked | None:
        """The step in which it was asked."""
        return next((one for one in self.asked if task.id in [person.task.id for person in one.people]), None)


def round_of(
    session: Session,
    memories: Memories,
    order: OrderRow,
    run: RunRow,
    entries: Iterable[AuditRow],
    speaker: Speaker,
    at: datetime,
) -> Round:
    """`entries` are those of the record about the order."""
    explanation = run.explanation
    carried = [e.data for e in entries if e.run_id == run.id and e.event == "carried_over"]
    told = [*explanation.get("differences", ()), *(one for data in carried for one in data.get("differences", ()))]
    return Round(
        why=speaker.why(explanation),
        nobody=explanation.get("why") in NOBODY,
        reasons=tuple(speaker.reasons(explanation.get("reasons", []))),
        warnings=tuple(
            Warned(warning["text"], tuple(speaker.reasons(warning["reasons"])))
            for warning in explanation.get("warnings", ())
        ),
        asked=_asked(session, run, speaker),
        skipped=tuple(number for number, steps in enumerate(run.opened, 1) if not steps),
        differences=tuple(told),
        outlook=foresee.outlook(session, memories, order, run, at),
        waits=run.state == State.SENT_BACK,
    )


def _asked(session: Session, run: RunRow, speaker: Speaker) -> tuple[Asked, ...]:
    tasks = approvals.tasks_of(session, run.id)
    everybody = (one for t in tasks for one in (t.assignee_id, t.delegate_id, t.decided_by, t.acting_for))
    names = people.named(session, run.realm, everybody)

    def person(task: RunTaskRow) -> AskedPerson:
        delegate, by, acting_for = (
            names.get(one or "") for one in (task.delegate_id, task.decided_by, task.acting_for)
        )
        return AskedPerson(task, names.get(task.assignee_id, ""), delegate, by, acting_for)

    asked = []
    for number, steps in enumerate(run.opened):
        for step in steps:
            of_step = tuple(person(task) for task in tasks if task.stage == number and task.step == step["key"])
            asked.append(Asked(step["name"], tuple(speaker.reasons(step["reasons"])), of_step))
    return tuple(asked)

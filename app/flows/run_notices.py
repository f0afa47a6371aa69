"""Tells people what a run means for them: each notice is kept, with its mail, in the transaction of what happened.

The same is told once: a second question of the same words, a watcher of two steps, somebody who is asked and watches
too. Whoever cannot be written to is named on the page of mails, and an alert is raised the first time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from app.approval.moves import (
    Asked,
    Delegated,
    Due,
    Effect,
    Ended,
    Event,
    Forwarded,
    Informed,
    Overdue,
    Questioned,
    Reminded,
    SentBack,
    StageOpened,
    Withdrawn,
)
from app.approval.steps import Run, State, Task, TaskState
from app.flows import approval_mails, run_rows
from app.gateway import Gateway, alert
from app.letters.letter import Kind
from app.mail_address import is_address
from app.storage import approval_notices, approvals, people
from app.storage.approval_notices import NoticeKind, NoticeRow, Unsent
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.orders import OrderRow
from app.storage.people import PersonRow

_ONCE: Final = frozenset({NoticeKind.WATCHING, NoticeKind.QUESTION, NoticeKind.ANSWER, NoticeKind.SUPERSEDED})
LONGEST_TEXT: Final = 1_000


class Telling:
    """One thing that happened to a run, told to people."""

    def __init__(self, tx: Session, gateway: Gateway, order: OrderRow, row: RunRow, at: datetime) -> None:
        self.tx = tx
        self.gateway = gateway
        self.order = order
        self.row = row
        self.at = at

    def owners(self, task: Task, kind: NoticeKind, **said: Any) -> None:
        """The one who is asked, and who stands in."""
        self.notice(task.assignee, kind, task_id=task.id, **said)
        if task.delegate is not None:
            self.stand_in(task, task.delegate, NoticeKind.DELEGATED if kind is NoticeKind.ASKED else kind, **said)

    def stand_in(self, task: Task, delegate: str, kind: NoticeKind, **said: Any) -> None:
        self.notice(delegate, kind, task_id=task.id, stands_for=self.name(task.assignee), **said)

    def name(self, person_id: str | None) -> str | None:
        return people.named(self.tx, self.order.realm, [person_id]).get(person_id or "")

    def notice(
        self, person_id: str, kind: NoticeKind, *, task_id: str | None = None, text: str | None = None, **said: Any
    ) -> None:
        """`said` goes into the mail: `by`, `stands_for`, `because`, `differences`."""
        notice = NoticeRow(
            id=self.gateway.ids(),
            realm=self.order.realm,
            kind=kind,
            person_id=person_id,
            order_id=self.order.id,
            run_id=self.row.id,
            task_id=task_id,
            order_hash=self.row.order_hash,
            text=text[:LONGEST_TEXT] if text else None,
            at=self.at,
            settled_at=self.at,
        )
        if kind in _ONCE and approval_notices.is_told(self.tx, notice):
            return
        person = self.tx.get_one(PersonRow, person_id)
        notice.unsent = _unsent(self.gateway, person)
        if notice.unsent is None:
            mail = approval_mails.write(self.tx, self.gateway, notice, person, self.order, self.row, said)
            notice.mail_id = mail.id if mail is not None else None
        elif notice.unsent == Unsent.NO_ADDRESS and not approval_notices.missed_before(
            self.tx, person_id, Unsent.NO_ADDRESS
        ):
            alert("approval.no_address", realm=self.order.realm, person=person.login, order=self.order.number)
        self.tx.add(notice)


def _unsent(gateway: Gateway, person: PersonRow) -> Unsent | None:
    if not person.may_sign_in(demo=gateway.settings.demo):
        return Unsent.GONE
    if gateway.settings.smtp_host is None:
        return Unsent.NO_SERVER
    return None if is_address(people.folded(person.email or "")) else Unsent.NO_ADDRESS


def tell(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    row: RunRow,
    run: Run,
    effects: Iterable[tuple[Event | None, Effect]],
    at: datetime,
) -> None:
    telling = Telling(tx, gateway, order, row, at)
    effects = tuple(effects)
    asked = {person for _, effect in effects if isinstance(effect, Asked) for person in _asked(run, effect)}
    for cause, effect in effects:
        match effect:
            case Asked(tasks=tasks):
                said = {**_because(telling, cause), **_differences(row)}
                for task in _tasks(run, tasks):
                    telling.owners(task, NoticeKind.ASKED, **said)
            case Reminded(task=task_id):
                for task in _tasks(run, (task_id,)):
                    telling.owners(task, NoticeKind.REMINDED)
            case Overdue(task=task_id):
                for task in _tasks(run, (task_id,)):
                    _overdue(telling, run, task)
            case Informed(people=informed, task=task_id):
                for person in informed:
                    _inform(telling, run, cause, person, task_id, asked)
            case Ended() if isinstance(cause, Withdrawn):
                for person in _involved(run):
                    telling.notice(person, NoticeKind.WITHDRAWN)
            case Ended() if isinstance(cause, SentBack):
                _sent_back(telling, cause)
            case _:
                pass


def _overdue(telling: Telling, run: Run, task: Task) -> None:
    if run.state is not State.SENT_BACK:
        telling.owners(task, NoticeKind.OVERDUE)
    elif task.decided_by is not None:
        telling.notice(task.decided_by, NoticeKind.UNCHANGED, task_id=task.id)


def _sent_back(telling: Telling, cause: SentBack) -> None:
    """Whoever asked for the goods is told what to change: people of ours, else at the address that the order gives."""
    said = telling.tx.get_one(RunTaskRow, cause.task).reason
    by = telling.name(cause.by)
    for person in telling.row.requesters or ():
        telling.notice(person, NoticeKind.SENT_BACK, text=said, by=by)
    if not telling.row.requesters:
        approval_mails.to_requester(telling.tx, telling.gateway, Kind.SENT_BACK, telling.order, text=said, by=by)


def _inform(telling: Telling, run: Run, cause: Event | None, person: str, task_id: str | None, asked: set[str]) -> None:
    match cause:
        case Questioned(by=by, text=text):
            telling.notice(person, NoticeKind.QUESTION, task_id=task_id, text=text, by=telling.name(by))
        case Delegated():
            for task in _tasks(run, (task_id,)):
                telling.stand_in(task, person, NoticeKind.DELEGATED)
        case StageOpened() if person not in asked:
            telling.notice(person, NoticeKind.WATCHING)
        case _:
            pass


def _tasks(run: Run, ids: Iterable[str | None]) -> Iterator[Task]:
    wanted = set(ids)
    return (task for task in run.tasks if task.id in wanted)


def _asked(run: Run, effect: Asked) -> Iterator[str]:
    for task in _tasks(run, effect.tasks):
        yield from filter(None, (task.assignee, task.delegate))


def _because(telling: Telling, cause: Event | None) -> dict[str, str | None]:
    """What besides the rules has brought the task to its person."""
    match cause:
        case Forwarded(by=by):
            return {"because": "handed_on", "by": telling.name(by)}
        case Due():
            return {"because": "escalated"}
        case _:
            return {}


def _differences(row: RunRow) -> dict[str, Any]:
    found = row.explanation.get("differences")
    return {"differences": found} if found else {}


def _involved(run: Run) -> list[str]:
    """Who has approved, or was asked when the run ended."""
    found = []
    for task in run.tasks:
        if task.state is TaskState.APPROVED:
            found.append(task.decided_by)
        elif task.state in (TaskState.CANCELLED, TaskState.OPEN):
            found += [task.assignee, task.delegate]
    return list(dict.fromkeys(filter(None, found)))


def superseded(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    row: RunRow,
    differences: Sequence[Any],
    at: datetime,
    editor: PersonRow | None,
    said: Mapping[str, Any],
) -> None:
    """Those who approved what is now changed, or were asked about it, and are not asked about it anew: with the
    differences. `row` is the superseded run; whoever changed the order knows it, and `said` says who that was."""
    newest = approvals.newest_run(tx, order.id)
    again: set[str] = set()
    if newest is not None and newest.id != row.id:
        for task in approvals.tasks_of(tx, newest.id):
            again.update(filter(None, (task.assignee_id, task.delegate_id)))
    telling = Telling(tx, gateway, order, row, at)
    for person in _involved(run_rows.read(tx, row)):
        if person not in again and (editor is None or person != editor.id):
            telling.notice(person, NoticeKind.SUPERSEDED, differences=list(differences), **said)

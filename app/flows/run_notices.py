"""Writes down whom to tell what about a run; `jobs` send it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlmodel import Session

from app.approval.moves import Asked, Delegated, Effect, Event, Informed, Overdue, Questioned, Reminded, StageOpened
from app.approval.steps import Run
from app.gateway import Gateway
from app.storage.approval_notices import NoticeKind, NoticeRow
from app.storage.approvals import RunRow
from app.storage.orders import OrderRow

_INFORMED: Final[dict[type, NoticeKind]] = {
    StageOpened: NoticeKind.WATCHING,
    Delegated: NoticeKind.DELEGATED,
    Questioned: NoticeKind.QUESTION,
}


def tell(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    row: RunRow,
    run: Run,
    effects: Iterable[tuple[Event | None, Effect]],
    at: datetime,
) -> None:
    for cause, effect in effects:
        match effect:
            case Asked(tasks=tasks):
                for task_id in tasks:
                    _owners(tx, gateway, order, row, run, task_id, NoticeKind.ASKED, at)
            case Reminded(task=task_id):
                _owners(tx, gateway, order, row, run, task_id, NoticeKind.REMINDED, at)
            case Overdue(task=task_id):
                _owners(tx, gateway, order, row, run, task_id, NoticeKind.OVERDUE, at)
            case Informed(people=people, task=informed_of):
                text = cause.text if isinstance(cause, Questioned) else None
                for person in people:
                    kind = _INFORMED[type(cause)]
                    notice(tx, gateway, order, row, person, kind, at, task_id=informed_of, text=text)
            case _:
                pass


def _owners(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    row: RunRow,
    run: Run,
    task_id: str,
    kind: NoticeKind,
    at: datetime,
) -> None:
    """The one who is asked, and who stands in."""
    task = run.task(task_id)
    assert task is not None
    notice(tx, gateway, order, row, task.assignee, kind, at, task_id=task_id)
    if task.delegate is not None:
        instead = NoticeKind.DELEGATED if kind is NoticeKind.ASKED else kind
        notice(tx, gateway, order, row, task.delegate, instead, at, task_id=task_id)


def notice(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    row: RunRow,
    person_id: str,
    kind: NoticeKind,
    at: datetime,
    *,
    task_id: str | None = None,
    text: str | None = None,
) -> None:
    tx.add(
        NoticeRow(
            id=gateway.ids(),
            realm=order.realm,
            kind=kind,
            person_id=person_id,
            order_id=order.id,
            run_id=row.id,
            task_id=task_id,
            order_hash=row.order_hash,
            text=text[:1_000] if text else None,
            at=at,
        )
    )

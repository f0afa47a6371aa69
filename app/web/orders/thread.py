"""What people ask and answer about an order, and remark on it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session

from app.storage import people
from app.storage.audit import AuditRow
from app.storage.orders import OrderRow
from app.storage.people import PersonRow

SAID: Final = ("questioned", "answered", "commented")


@dataclass(frozen=True, slots=True)
class Said:
    """`to` is a name; a remark is to everybody."""

    at: datetime
    event: str
    who: str
    to: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Thread:
    """
    said      in the order of time.
    to_answer  ids of the tasks about which the reader was asked and has not answered since.
    """

    said: tuple[Said, ...]
    to_answer: tuple[str, ...]


def thread_of(session: Session, reader: PersonRow, order: OrderRow, entries: Iterable[AuditRow]) -> Thread:
    """`entries` are those of the record about the order, oldest first."""
    found = [(entry, _by(entry), _to(entry)) for entry in entries if entry.event in SAID]
    names = people.named(session, order.realm, [one for _, by, to in found for one in (by, to)])
    asked: dict[str, None] = {}
    for entry, by, to in found:
        if entry.event == "questioned" and to == reader.id and entry.task_id:
            asked[entry.task_id] = None
        elif entry.event == "answered" and by == reader.id and entry.task_id:
            asked.pop(entry.task_id, None)
    said = (Said(e.at, e.event, names.get(by, ""), names.get(to or ""), e.reason or "") for e, by, to in found)
    return Thread(tuple(said), tuple(asked))


def _by(entry: AuditRow) -> str:
    return entry.actor.partition(":")[2]


def _to(entry: AuditRow) -> str | None:
    to = entry.data["event"]["to"] if entry.event == "questioned" else entry.data.get("to")
    return str(to) if to else None

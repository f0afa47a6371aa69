"""Work by a timetable: its next round is always a work item already.

The item is durable, so a round that fell into a standstill runs when workers are back, once. Its id is made of kind and
time: whoever plans it again changes nothing, and of many workers one runs it."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.gateway import Gateway
from app.timetable import Timetable
from app.work import Kind, Nothing


@dataclass(frozen=True, slots=True)
class Planned:
    kind: Kind[Nothing]
    timetable: Timetable


def plan(tx: Session, gateway: Gateway, rounds: tuple[Planned, ...], now: datetime) -> None:
    for planned in rounds:
        due = planned.timetable.next_run(now)
        work_id = f"round:{planned.kind.name}:{due.isoformat()}"
        gateway.engine.enqueue(tx, planned.kind, Nothing(), at=due, work_id=work_id)

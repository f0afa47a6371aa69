"""The processes that share this database, by their stable ids."""

from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime

BEAT: Final = timedelta(seconds=15)
SILENT: Final = timedelta(minutes=1)
"""A process that has not been seen for this long is taken for gone."""


class ProcessRow(Row, table=True):
    """`seen_at` moves whenever the process proves that it can write; `works` tells a worker from a server. `worked_at`
    is when the engine last ran a round in it: a process may live and its engine stand still."""

    __tablename__ = "cd_processes"

    id: str = Field(primary_key=True, max_length=60)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    works: bool | None = None
    worked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    began_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def began(session: Session, process_id: str, at: datetime, *, works: bool) -> None:
    session.merge(ProcessRow(id=process_id, seen_at=at, works=works, began_at=at))


def seen(session: Session, process_id: str, at: datetime) -> None:
    row = session.get(ProcessRow, process_id)
    if row is None:
        session.add(ProcessRow(id=process_id, seen_at=at))
    else:
        row.seen_at = at


def worked(session: Session, process_id: str, at: datetime) -> None:
    row = session.get(ProcessRow, process_id)
    if row is not None:
        row.worked_at = at


def ended(session: Session, process_id: str) -> None:
    row = session.get(ProcessRow, process_id)
    if row is not None:
        session.delete(row)


def workers(session: Session, since: datetime) -> list[str]:
    """The ids of those that work and were seen since then."""
    lives = select(ProcessRow.id).where(col(ProcessRow.works).is_(True), ProcessRow.seen_at >= since)
    return list(session.exec(lives.order_by(ProcessRow.id)))


def known(session: Session) -> list[ProcessRow]:
    return list(session.exec(select(ProcessRow).order_by(ProcessRow.id)))

"""The processes that share this database, by their stable ids."""

from datetime import datetime

from sqlmodel import Field, Session

from app.storage.base import Row, UtcDateTime


class ProcessRow(Row, table=True):
    """`seen_at` moves whenever the process proves that it can write."""

    __tablename__ = "cd_processes"

    id: str = Field(primary_key=True, max_length=60)
    seen_at: datetime = Field(sa_type=UtcDateTime)


def seen(session: Session, process_id: str, at: datetime) -> None:
    session.merge(ProcessRow(id=process_id, seen_at=at))

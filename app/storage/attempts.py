"""What was tried and what came of it, for every delivery and dispatch: the evidence that a page shows."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from app.storage.base import Row, UtcDateTime, new_id


class AttemptRow(Row, table=True):
    """
    subject_id  the delivery or dispatch.
    act         `submit`, `find` or `post`.
    outcome     in the words of the outcome types: accepted, rejected, retry, uncertain; one, none, several, unknown;
                done, refused. Absent while it runs, and for good when its worker died.
    late        the result came when the claim had been given up; it was recorded and not acted upon.
    said        the beginning of the peer's answer.
    """

    __tablename__ = "cd_attempts"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    subject_id: str = Field(max_length=36)
    number: int
    act: str = Field(max_length=10)
    worker: str = Field(max_length=60)
    started_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = Field(default=None, max_length=20)
    late: bool = False
    status: int | None = None
    reason: str | None = Field(default=None, max_length=2_000)
    said: str | None = Field(default=None, max_length=500)

    __table_args__ = (
        Index("ix_cd_attempts_subject_id_id", "subject_id", "id"),
        Index("ix_cd_attempts_ended_at", "ended_at"),
    )

"""What people are to be told about approvals: written with what happened, sent by a job."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from app.storage.base import Row, UtcDateTime, new_id


class NoticeKind(StrEnum):
    """
    ASKED      they have a task.
    DELEGATED  they may decide in somebody's place.
    WATCHING   an order is up for approval that they watch.
    QUESTION   somebody asks them about an order; ANSWER: their question was answered.
    REMINDED   their task waits.
    OVERDUE    their task was not decided in time.
    CHANGED    the order changed, without a new round of approval.
    """

    ASKED = "asked"
    DELEGATED = "delegated"
    WATCHING = "watching"
    QUESTION = "question"
    ANSWER = "answer"
    REMINDED = "reminded"
    OVERDUE = "overdue"
    CHANGED = "changed"


class NoticeRow(Row, table=True):
    """
    order_hash  of the content that was up for approval then.
    text        of a question or its answer.
    settled_at  when it was sent, or found to be needless.
    """

    __tablename__ = "cd_approval_notices"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    kind: str = Field(max_length=10)
    person_id: str = Field(foreign_key="cd_people.id", ondelete="CASCADE", max_length=36)
    order_id: str = Field(foreign_key="cd_orders.id", ondelete="CASCADE", index=True, max_length=36)
    run_id: str = Field(foreign_key="cd_runs.id", ondelete="CASCADE", max_length=36)
    task_id: str | None = Field(default=None, max_length=36)
    order_hash: str = Field(max_length=64)
    text: str | None = Field(default=None, max_length=1_000)
    at: datetime = Field(sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (Index("ix_cd_approval_notices_settled_at_id", "settled_at", "id"),)

"""What people are told about approvals: written with what happened, and with the mail that says it to them.

A notice without a mail says why there is none, so that nobody is left out unseen."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, func
from sqlmodel import Field, Session, col, select

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
    SUPERSEDED the order changed so that others decide now; they had approved it or were asked.
    WITHDRAWN  the order was taken back or cancelled before it was decided.
    SENT_BACK  an approver wants the order changed, which they asked for.
    UNCHANGED  the buyer has not changed in time what they sent back.
    """

    ASKED = "asked"
    DELEGATED = "delegated"
    WATCHING = "watching"
    QUESTION = "question"
    ANSWER = "answer"
    REMINDED = "reminded"
    OVERDUE = "overdue"
    CHANGED = "changed"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    SENT_BACK = "sent_back"
    UNCHANGED = "unchanged"


class Unsent(StrEnum):
    """
    NO_SERVER   no mail server is set.
    NO_ADDRESS  the person has no mail address.
    GONE        they cannot sign in any more.
    """

    NO_SERVER = "no_server"
    NO_ADDRESS = "no_address"
    GONE = "gone"


class NoticeRow(Row, table=True):
    """
    order_hash  of the content that was up for approval then.
    text        of a question or its answer.
    mail_id     of the mail that tells it; without one, `unsent` says why.
    settled_at  when that was settled.
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
    mail_id: str | None = Field(default=None, max_length=36)
    unsent: str | None = Field(default=None, max_length=20)

    __table_args__ = (
        Index("ix_cd_approval_notices_settled_at_id", "settled_at", "id"),
        Index("ix_cd_approval_notices_unsent_person_id", "unsent", "person_id"),
    )


def is_told(tx: Session, notice: NoticeRow) -> bool:
    """Whether the same was told to the same person about the same run before."""
    query = select(NoticeRow.id).where(
        NoticeRow.order_id == notice.order_id,
        NoticeRow.run_id == notice.run_id,
        NoticeRow.person_id == notice.person_id,
        NoticeRow.kind == notice.kind,
        col(NoticeRow.task_id).is_not_distinct_from(notice.task_id),
        col(NoticeRow.text).is_not_distinct_from(notice.text),
    )
    return tx.exec(query.limit(1)).first() is not None


def missed_before(tx: Session, person_id: str, unsent: Unsent) -> bool:
    """Whether something could not be told to this person for this reason before."""
    query = select(NoticeRow.id).where(NoticeRow.unsent == unsent, NoticeRow.person_id == person_id)
    return tx.exec(query.limit(1)).first() is not None


def without_address(session: Session, realm: str) -> dict[str, datetime]:
    """Ids of the people to whom something could not be told as they have no address, with when it was last."""
    query = (
        select(NoticeRow.person_id, func.max(NoticeRow.at))
        .where(NoticeRow.unsent == Unsent.NO_ADDRESS, NoticeRow.realm == realm)
        .group_by(NoticeRow.person_id)
    )
    return dict(session.exec(query).all())

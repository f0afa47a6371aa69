"""What needed a person and when: each kind of alert about each subject, counted until it is told by mail."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, Column, Index, func
from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime, new_id

TOGETHER: Final = timedelta(hours=1)
"""The same is told by one mail in this time, and stands in one row where nobody is told."""
UNMAILED: Final = "mail."
"""So begin alerts about mails, and the work that sends them: they are on the books and never told by mail."""


class AlertRow(Row, table=True):
    """
    what       as `alert` says it, `subject` the ERP, partner or worker that it is about.
    facts      of the last time: names, ids and states.
    mailed_at  when a mail about it was written; what comes later is another row.
    """

    __tablename__ = "cd_alerts"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    what: str = Field(max_length=60)
    subject: str = Field(max_length=200)
    count: int
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    mailed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (
        Index("ix_cd_alerts_realm_what_subject_last_at", "realm", "what", "subject", "last_at"),
        Index("ix_cd_alerts_last_at", "last_at"),
        Index("ix_cd_alerts_mailed_at", "mailed_at"),
    )


def note(tx: Session, realm: str, what: str, subject: str, facts: Mapping[str, str], count: int, now: datetime) -> None:
    """Counts on in the row that is still to be told, or that nobody is told of and is fresh; else begins one."""
    query = (
        select(AlertRow)
        .where(
            AlertRow.realm == realm,
            AlertRow.what == what[:60],
            AlertRow.subject == subject[:200],
            col(AlertRow.mailed_at).is_(None),
            col(AlertRow.last_at) > now - TOGETHER,
        )
        .order_by(col(AlertRow.last_at).desc())
        .limit(1)
        .with_for_update()
    )
    row = tx.exec(query).one_or_none()
    if row is None:
        row = AlertRow(realm=realm, what=what[:60], subject=subject[:200], count=0, facts={}, first_at=now, last_at=now)
    row.count += count
    row.facts, row.last_at = dict(facts), now
    tx.add(row)
    tx.flush()


def untold(session: Session, realm: str, now: datetime, limit: int) -> Sequence[AlertRow]:
    """What a mail should tell now, oldest first: not of mails, and nothing that was told within the hour."""
    told = (
        select(AlertRow.what, AlertRow.subject)
        .where(AlertRow.realm == realm, col(AlertRow.mailed_at) > now - TOGETHER)
        .distinct()
    )
    lately = set(session.exec(told))
    query = (
        select(AlertRow)
        .where(
            AlertRow.realm == realm,
            col(AlertRow.mailed_at).is_(None),
            col(AlertRow.last_at) > now - 2 * TOGETHER,
            col(AlertRow.what).not_like(f"{UNMAILED}%"),
            col(AlertRow.subject).not_like(f"{UNMAILED}%"),
        )
        .order_by(col(AlertRow.first_at))
        .limit(limit)
    )
    return [row for row in session.exec(query) if (row.what, row.subject) not in lately]


def last_mailed(session: Session, realm: str) -> datetime | None:
    return session.exec(select(func.max(AlertRow.mailed_at)).where(AlertRow.realm == realm)).one()


def newest(session: Session, realm: str, limit: int) -> Sequence[AlertRow]:
    query = select(AlertRow).where(AlertRow.realm == realm).order_by(col(AlertRow.last_at).desc()).limit(limit)
    return session.exec(query).all()

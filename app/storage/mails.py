"""Mails that we owe to people: each is written with what it tells of and kept until a mail server has taken it.

A mail server cannot be asked what it has. So a worker that dies between handing a mail over and writing that down
costs one repeat, under the same Message-ID, by which mail programs know it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, Session, col, or_, select

from app.storage.in_hand import InHand


class State(StrEnum):
    """
    pending    to be sent now.
    sending    a worker hands it over now, or has died over it: `due_at` is the end of its lease.
    waiting    not taken yet, or nobody knows; the next attempt is at `due_at`.
    sent       the mail server took it, which does not say that it arrived.
    refused    the server refused the address or the mail for good, or it cannot be written.
    dead       given up after the schedule's end.
    needless   what it was about was over before it left.
    """

    PENDING = "pending"
    SENDING = "sending"
    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    DEAD = "dead"
    NEEDLESS = "needless"


class Event(StrEnum):
    """`lose`: the worker is gone; `again`: a person wants it sent after all."""

    SEND = "send"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    PUT_OFF = "put_off"
    LOSE = "lose"
    GIVE_UP = "give_up"
    DROP = "drop"
    AGAIN = "again"


TRANSITIONS: Final[dict[tuple[str, str], State]] = {
    (State.PENDING, Event.SEND): State.SENDING,
    (State.PENDING, Event.REFUSE): State.REFUSED,
    (State.PENDING, Event.DROP): State.NEEDLESS,
    (State.WAITING, Event.SEND): State.SENDING,
    (State.WAITING, Event.REFUSE): State.REFUSED,
    (State.WAITING, Event.DROP): State.NEEDLESS,
    (State.SENDING, Event.CONFIRM): State.SENT,
    (State.SENDING, Event.REFUSE): State.REFUSED,
    (State.SENDING, Event.PUT_OFF): State.WAITING,
    (State.SENDING, Event.GIVE_UP): State.DEAD,
    (State.SENDING, Event.LOSE): State.WAITING,
    (State.SENDING, Event.DROP): State.NEEDLESS,
    (State.REFUSED, Event.AGAIN): State.PENDING,
    (State.DEAD, Event.AGAIN): State.PENDING,
}

OPEN: Final[frozenset[str]] = frozenset({State.PENDING, State.SENDING, State.WAITING})
FAILED: Final = frozenset({State.REFUSED, State.DEAD})
FOR_A_PERSON: Final = text("state IN ('refused', 'dead')")
"""The same in the words of its index: with bound values SQLite would not use it."""

ERASED: Final = "erased"


class MailRow(InHand, table=True):
    """
    kind        which letter it is (`app.letters`), `data` what it says; erased with the person or the order.
    person_id   whom it goes to, where that is one of our people.
    doubts      how often it was perhaps taken: the connection was lost after it had gone out, or the worker was.
    said        what the mail server answered when it took it.
    """

    __tablename__ = "cd_mails"

    transitions: ClassVar = TRANSITIONS
    open_states: ClassVar = OPEN

    kind: str = Field(max_length=30)
    recipient: str = Field(max_length=320)
    language: str = Field(max_length=10)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    person_id: str | None = Field(default=None, foreign_key="cd_people.id", max_length=36)
    order_id: str | None = Field(default=None, foreign_key="cd_orders.id", ondelete="CASCADE", max_length=36)
    request_id: str | None = Field(default=None, max_length=64)
    doubts: int = 0
    said: str | None = Field(default=None, max_length=500)

    __table_args__ = (
        Index("ix_cd_mails_open_due_at", "open", "due_at"),
        Index("ix_cd_mails_order_id", "order_id"),
        Index("ix_cd_mails_recipient", "recipient"),
        Index("ix_cd_mails_stopped", "realm", "state", sqlite_where=FOR_A_PERSON, postgresql_where=FOR_A_PERSON),
        {"sqlite_autoincrement": True},
    )


def due(tx: Session, now: datetime, quiet_since: datetime, limit: int) -> list[tuple[str, str]]:
    """Realm and id of what should be sent now and that nobody has touched since `quiet_since`, oldest first."""
    query = (
        select(MailRow.realm, MailRow.id)
        .where(
            col(MailRow.open).is_(True),
            col(MailRow.touched_at) <= quiet_since,
            or_(col(MailRow.due_at).is_(None), col(MailRow.due_at) <= now),
        )
        .order_by(col(MailRow.sequence))
        .limit(limit)
    )
    return list(tx.exec(query))


def newest(session: Session, realm: str, *, state: str = "", kind: str = "", limit: int = 200) -> Sequence[MailRow]:
    query = select(MailRow).where(MailRow.realm == realm).order_by(col(MailRow.sequence).desc()).limit(limit)
    if state:
        query = query.where(MailRow.state == state)
    if kind:
        query = query.where(MailRow.kind == kind)
    return session.exec(query).all()


def drop_unsent(tx: Session, recipient: str, kinds: Collection[str], now: datetime) -> None:
    """What of these kinds waits for this address is not sent any more."""
    query = select(MailRow).where(
        MailRow.recipient == recipient,
        col(MailRow.kind).in_(kinds),
        col(MailRow.state).in_((State.PENDING, State.WAITING)),
    )
    for row in tx.exec(query.with_for_update()):
        row.move(Event.DROP, now)
        tx.add(row)


def newest_of(session: Session, person_id: str, recipient: str, kinds: Collection[str]) -> MailRow | None:
    query = select(MailRow).where(
        MailRow.recipient == recipient, MailRow.person_id == person_id, col(MailRow.kind).in_(kinds)
    )
    return session.exec(query.order_by(col(MailRow.sequence).desc()).limit(1)).first()


def erase_of_order(session: Session, order_id: str, now: datetime) -> None:
    """What mails said about an order."""
    for row in session.exec(select(MailRow).where(MailRow.order_id == order_id).with_for_update()):
        _erase(session, row, now)


def erase_of_person(session: Session, address: str, now: datetime) -> None:
    """Whom mails went to, and what they said."""
    for row in session.exec(select(MailRow).where(MailRow.recipient == address).with_for_update()):
        _erase(session, row, now)
        row.recipient = ERASED


def _erase(session: Session, row: MailRow, now: datetime) -> None:
    """What has not left yet is not sent any more."""
    if row.open:
        row.move(Event.DROP, now)
    row.data, row.reason, row.said = {}, None, None
    session.add(row)

"""What is owed to buyers: documents that we send by ourselves, each until the buyer's system has said yes or no.

The bytes are fixed at the first attempt and lie in the ledger; every attempt repeats them. Documents of one order go
in their order, documents of different orders do not wait for each other.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from sqlalchemy import Index, Text, text
from sqlalchemy.orm import aliased
from sqlmodel import Field, Session, col, exists, select

from app.storage.in_hand import OfOrder


class State(StrEnum):
    """
    pending   to be sent now.
    sending   a worker posts it now, or has died over it: `due_at` is the end of its lease.
    waiting   no proper answer yet; the next attempt is at `due_at`.
    done      the buyer's system said yes.
    refused   it said no for good, or the document cannot be written.
    dead      given up after the schedule's end.
    nowhere   the partner's settings name no address to send it to, or one that must not be connected to.
    """

    PENDING = "pending"
    SENDING = "sending"
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    DEAD = "dead"
    NOWHERE = "nowhere"


class Event(StrEnum):
    """`lose`: the worker is gone, which costs a buyer nothing, as the same bytes go again."""

    SEND = "send"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    PUT_OFF = "put_off"
    LOSE = "lose"
    GIVE_UP = "give_up"
    NOT_REACHABLE = "not_reachable"
    REPLAY = "replay"


TRANSITIONS: Final[dict[tuple[str, str], State]] = {
    (State.PENDING, Event.SEND): State.SENDING,
    (State.PENDING, Event.NOT_REACHABLE): State.NOWHERE,
    (State.PENDING, Event.REFUSE): State.REFUSED,
    (State.WAITING, Event.SEND): State.SENDING,
    (State.WAITING, Event.NOT_REACHABLE): State.NOWHERE,
    (State.WAITING, Event.REFUSE): State.REFUSED,
    (State.SENDING, Event.CONFIRM): State.DONE,
    (State.SENDING, Event.REFUSE): State.REFUSED,
    (State.SENDING, Event.PUT_OFF): State.WAITING,
    (State.SENDING, Event.GIVE_UP): State.DEAD,
    (State.SENDING, Event.NOT_REACHABLE): State.NOWHERE,
    (State.SENDING, Event.LOSE): State.WAITING,
    (State.REFUSED, Event.REPLAY): State.PENDING,
    (State.DEAD, Event.REPLAY): State.PENDING,
    (State.NOWHERE, Event.REPLAY): State.PENDING,
}

OPEN: Final[frozenset[str]] = frozenset({State.PENDING, State.SENDING, State.WAITING})
FAILED: Final = frozenset({State.REFUSED, State.DEAD, State.NOWHERE})
"""What a person may have sent again."""
FOR_A_PERSON: Final = text("state IN ('refused', 'dead', 'nowhere')")
"""The same in the words of its index: with bound values SQLite would not use it."""


class DispatchRow(OfOrder, table=True):
    """
    kind         the document in the protocol's own words (`StatusUpdateRequest`).
    document     its canonical JSON, from which the bytes are written once.
    control_id   the document's own id (cXML payloadID), fixed from the beginning.
    exchange_id  the ledger's row with the bytes, once they are fixed.
    answer_code  the Status that the buyer's system answered last.
    """

    __tablename__ = "cd_dispatches"

    transitions: ClassVar = TRANSITIONS
    open_states: ClassVar = OPEN

    partner_id: str = Field(foreign_key="cd_partners.id", max_length=36)
    protocol: str = Field(max_length=20)
    kind: str = Field(max_length=100)
    document: str = Field(sa_type=Text)
    control_id: str = Field(max_length=200)
    url: str | None = Field(default=None, max_length=2_000)
    exchange_id: str | None = Field(default=None, foreign_key="cd_exchanges.id", max_length=36)
    answer_code: int | None = None

    __table_args__ = (
        Index("ix_cd_dispatches_open_due_at", "open", "due_at"),
        Index("ix_cd_dispatches_order_id_sequence", "order_id", "sequence"),
        Index("ix_cd_dispatches_stopped", "realm", "state", sqlite_where=FOR_A_PERSON, postgresql_where=FOR_A_PERSON),
        {"sqlite_autoincrement": True},
    )


def waits_for_another(tx: Session, row: DispatchRow) -> bool:
    """Whether an earlier document of the same order is still on its way."""
    query = select(DispatchRow.sequence).where(
        DispatchRow.order_id == row.order_id, col(DispatchRow.open).is_(True), col(DispatchRow.sequence) < row.sequence
    )
    return tx.exec(query.limit(1)).first() is not None


def next_of_order(tx: Session, row: DispatchRow) -> DispatchRow | None:
    """The oldest open document of the same order."""
    query = select(DispatchRow).where(DispatchRow.order_id == row.order_id, col(DispatchRow.open).is_(True))
    return tx.exec(query.order_by(col(DispatchRow.sequence)).limit(1)).first()


def due(tx: Session, now: datetime, quiet_since: datetime, limit: int) -> list[tuple[str, str]]:
    """Realm and id of what should be sent now and that nobody has touched since `quiet_since`, the longest untouched
    first: the oldest open document of each order."""
    earlier = aliased(DispatchRow)
    first = ~exists().where(
        col(earlier.order_id) == DispatchRow.order_id,
        col(earlier.open).is_(True),
        col(earlier.sequence) < DispatchRow.sequence,
    )
    query = select(DispatchRow.realm, DispatchRow.id).where(
        col(DispatchRow.open).is_(True),
        col(DispatchRow.touched_at) <= quiet_since,
        first,
        (col(DispatchRow.due_at).is_(None)) | (col(DispatchRow.due_at) <= now),
    )
    return list(tx.exec(query.order_by(col(DispatchRow.touched_at)).limit(limit)))


def late(tx: Session, before: datetime, limit: int) -> list[DispatchRow]:
    """Tried, not closed, created before then, and nobody was told yet."""
    query = (
        select(DispatchRow)
        .where(
            col(DispatchRow.open).is_(True),
            col(DispatchRow.created_at) <= before,
            col(DispatchRow.warned_at).is_(None),
            col(DispatchRow.attempts) > 0,
        )
        .limit(limit)
    )
    return list(tx.exec(query))

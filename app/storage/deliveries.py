"""Orders on their way to an ERP: one row for each create, change or cancellation that the ERP must learn of.

The rows are the truth; the engine's work items only say "look at this lane". Within a lane (one customer's orders to
one ERP) the oldest row that is still open goes first. A row that can go no further without a person (held, dead,
rejected) is closed: it stops later rows of the same order and nobody else.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar

from sqlalchemy import Index, UniqueConstraint, bindparam, func, or_, text
from sqlalchemy.orm import aliased
from sqlmodel import Field, Session, col, exists, select
from sqlmodel.sql.expression import SelectOfScalar

from app.storage.base import UtcDateTime, table_of
from app.storage.in_hand import OfOrder
from app.storage.prepared import PreparedInsert

T = TypeVar("T", bound=SelectOfScalar[Any])


class State(StrEnum):
    """
    pending    to be sent as soon as its turn comes.
    sending    a worker sends it now, or has died over it: `due_at` is the end of its lease.
    waiting    surely not done; the next attempt is at `due_at`.
    uncertain  perhaps done; the next look-up is at `due_at`.
    held       a person must decide: the ERP shows something else than what was sent, or nothing can be told.
    accepted   the ERP has it, `erp_id` is its own key.
    rejected   the ERP refused it, in its own words.
    dead       given up after the schedule's end.
    """

    PENDING = "pending"
    SENDING = "sending"
    WAITING = "waiting"
    UNCERTAIN = "uncertain"
    HELD = "held"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DEAD = "dead"


class Event(StrEnum):
    """
    send      a worker takes it up; committed before the first byte leaves.
    accept    the ERP's id was read back, at once or by a look-up.
    refuse    the ERP refused it, a person gave it up, or the buyer took it back before it was sent.
    put_off   surely not done, try later.
    lose      perhaps done: no readable answer, or the worker is gone.
    absent    looked up after the settle time and not there: may be sent again.
    hold      a person must decide.
    give_up   the schedule is over.
    replay    a person wants it tried again; never blindly, so it begins with a look-up.
    """

    SEND = "send"
    ACCEPT = "accept"
    REFUSE = "refuse"
    PUT_OFF = "put_off"
    LOSE = "lose"
    ABSENT = "absent"
    HOLD = "hold"
    GIVE_UP = "give_up"
    REPLAY = "replay"


TRANSITIONS: Final[dict[tuple[str, str], State]] = {
    (State.PENDING, Event.SEND): State.SENDING,
    (State.PENDING, Event.HOLD): State.HELD,
    (State.PENDING, Event.REFUSE): State.REJECTED,
    (State.WAITING, Event.SEND): State.SENDING,
    (State.WAITING, Event.HOLD): State.HELD,
    (State.WAITING, Event.REFUSE): State.REJECTED,
    (State.SENDING, Event.ACCEPT): State.ACCEPTED,
    (State.SENDING, Event.REFUSE): State.REJECTED,
    (State.SENDING, Event.PUT_OFF): State.WAITING,
    (State.SENDING, Event.LOSE): State.UNCERTAIN,
    (State.SENDING, Event.GIVE_UP): State.DEAD,
    (State.UNCERTAIN, Event.ACCEPT): State.ACCEPTED,
    (State.UNCERTAIN, Event.ABSENT): State.PENDING,
    (State.UNCERTAIN, Event.HOLD): State.HELD,
    (State.HELD, Event.ACCEPT): State.ACCEPTED,
    (State.HELD, Event.REFUSE): State.REJECTED,
    (State.HELD, Event.REPLAY): State.UNCERTAIN,
    (State.DEAD, Event.REFUSE): State.REJECTED,
    (State.DEAD, Event.REPLAY): State.UNCERTAIN,
    (State.REJECTED, Event.REPLAY): State.UNCERTAIN,
}

OPEN: Final[frozenset[str]] = frozenset({State.PENDING, State.SENDING, State.WAITING, State.UNCERTAIN})
"""What a worker still has to do, and what blocks the lane behind it."""

STOPPED: Final = frozenset({State.HELD, State.DEAD, State.REJECTED})
"""What blocks later rows of the same order only."""
FOR_A_PERSON: Final = text("state IN ('held', 'dead')")
"""What a person must decide, in the words of its index: with bound values SQLite would not use it."""


class DeliveryRow(OfOrder, table=True):
    """
    kind             `create`, `change` or `cancel`.
    resends          how often it was sent after having been uncertain.
    superseded       a later revision took the place of this one, which therefore stops nothing any more.
    uncertain_since  since when its outcome is unknown; the settle time counts from here.
    """

    __tablename__ = "cd_deliveries"

    transitions: ClassVar = TRANSITIONS
    open_states: ClassVar = OPEN

    erp: str = Field(max_length=50)
    lane: str = Field(max_length=100)
    revision: int
    kind: str = Field(max_length=10)
    superseded: bool = False
    resends: int = 0
    lookups: int = 0
    uncertain_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    erp_id: str | None = Field(default=None, max_length=200)
    erp_number: str | None = Field(default=None, max_length=200)
    code: str | None = Field(default=None, max_length=100)
    at: str | None = Field(default=None, max_length=500)

    __table_args__ = (
        UniqueConstraint("order_id", "revision", "kind"),
        Index("ix_cd_deliveries_lane_open_sequence", "lane", "open", "sequence"),
        Index("ix_cd_deliveries_open_lane_due_at", "open", "lane", "due_at"),
        Index("ix_cd_deliveries_order_id_sequence", "order_id", "sequence"),
        Index("ix_cd_deliveries_erp_state", "erp", "state"),
        Index("ix_cd_deliveries_realm_closed_at", "realm", "closed_at"),
        Index("ix_cd_deliveries_stopped", "realm", "state", sqlite_where=FOR_A_PERSON, postgresql_where=FOR_A_PERSON),
        {"sqlite_autoincrement": True},
    )


put = PreparedInsert(table_of(DeliveryRow))


def _head(what: T) -> T:
    """Built once for each use, as building the query takes longer than running it."""
    before = aliased(DeliveryRow)
    stopped = exists().where(
        col(before.order_id) == DeliveryRow.order_id,
        col(before.sequence) < DeliveryRow.sequence,
        col(before.state).in_(STOPPED),
        col(before.superseded).is_(False),
    )
    return (
        what.where(
            DeliveryRow.realm == bindparam("realm"),
            DeliveryRow.lane == bindparam("lane"),
            col(DeliveryRow.open).is_(True),
            ~stopped,
        )
        .order_by(col(DeliveryRow.sequence))
        .limit(1)
        .execution_options(populate_existing=True)
    )


_HEAD: Final = _head(select(DeliveryRow))


def lane_of(customer_id: str, erp: str) -> str:
    return f"{customer_id}:{erp}"


def locked(tx: Session, sequence: int | None) -> DeliveryRow | None:
    """The row as it is now, kept from others until the transaction ends."""
    query = select(DeliveryRow).where(DeliveryRow.sequence == sequence).with_for_update()
    return tx.exec(query.execution_options(populate_existing=True)).one_or_none()


def by_id(tx: Session, delivery_id: str) -> DeliveryRow | None:
    """Kept from others until the transaction ends."""
    query = select(DeliveryRow).where(DeliveryRow.id == delivery_id).with_for_update()
    return tx.exec(query.execution_options(populate_existing=True)).one_or_none()


def of_order(session: Session, order_id: str, *, lock: bool = False) -> list[DeliveryRow]:
    """All rows of the order, the oldest first; with `lock` as they are now, kept from others until the transaction
    ends."""
    query = select(DeliveryRow).where(DeliveryRow.order_id == order_id).order_by(col(DeliveryRow.sequence))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return list(session.exec(query))


def head(tx: Session, realm: str, lane: str) -> DeliveryRow | None:
    """The row whose turn it is: the oldest open one that no stopped row of its own order stands before."""
    row = tx.exec(_HEAD, params={"realm": realm, "lane": lane}).one_or_none()
    if row is None or tx.get_bind().dialect.name == "sqlite":
        return row
    # Not locked in one go: SKIP LOCKED would pass over the head and return the row behind it. Waited for, since it may
    # be who puts a row behind it that has it in hand, and counts on this look (`idle`).
    row = locked(tx, row.sequence)
    return row if row is not None and row.open else None


def idle(tx: Session, lanes: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the lanes (realm, name) that nobody will look at by himself: whoever works off what stands in one goes
    on with what is put behind it. Where a worker has the head in hand at this moment, that counts as nobody: it may be
    closing it, and have looked for the next one already. Else the head stays as it is until this transaction has
    ended, and the look for the next one finds its row."""
    if not lanes:
        return set()
    dialect = tx.get_bind().dialect.name
    heads = tx.connection().execute(_HEADS[dialect], {"lanes": json.dumps(lanes)}).all()
    sequences = [sequence for _, _, sequence in heads if sequence is not None]
    if sequences and dialect == "postgresql":
        kept = tx.connection().execute(_KEPT, {"sequences": sequences}).scalars()
        sequences = list(kept)
    busy = frozenset(sequences)
    return {(realm, lane) for realm, lane, sequence in heads if sequence not in busy}


_HEADS: Final = {
    dialect: text(
        # As `_head`, for several lanes in one look.
        f"""
        SELECT lanes.realm, lanes.lane, (
            SELECT sequence FROM cd_deliveries AS head
            WHERE head.realm = lanes.realm AND head.lane = lanes.lane AND head.open AND NOT EXISTS (
                SELECT 1 FROM cd_deliveries AS before
                WHERE before.order_id = head.order_id AND before.sequence < head.sequence
                  AND before.state IN ('held', 'dead', 'rejected') AND NOT before.superseded
            )
            ORDER BY sequence LIMIT 1
        ) FROM ({lanes}) AS lanes"""  # noqa: S608 - put together from what stands below
    )
    for dialect, lanes in {
        "sqlite": "SELECT json_extract(value, '$[0]') AS realm, json_extract(value, '$[1]') AS lane "
        "FROM json_each(:lanes)",
        "postgresql": "SELECT value ->> 0 AS realm, value ->> 1 AS lane "
        "FROM json_array_elements(CAST(:lanes AS json)) AS each_lane(value)",
    }.items()
}
_KEPT: Final = text(
    "SELECT sequence FROM cd_deliveries WHERE sequence = ANY(:sequences) AND open FOR SHARE SKIP LOCKED"
)


def sending(tx: Session, realm: str, erp: str) -> int:
    """How many deliveries are at the ERP at this moment."""
    query = select(func.count()).where(
        DeliveryRow.erp == erp, DeliveryRow.state == State.SENDING, DeliveryRow.realm == realm
    )
    return tx.exec(query).one()


def due_lanes(tx: Session, now: datetime, quiet_since: datetime) -> list[tuple[str, str]]:
    """Realm and name of every lane that has something to do now, where a row stands untouched since `quiet_since` and
    none is being worked on: a work item was lost, or its worker. Waking a lane that needs none is harmless."""
    query = (
        select(DeliveryRow.realm, DeliveryRow.lane)
        .where(col(DeliveryRow.open).is_(True))
        .group_by(col(DeliveryRow.realm), col(DeliveryRow.lane))
        .having(func.min(DeliveryRow.touched_at) <= quiet_since)
        .having(or_(func.max(DeliveryRow.due_at).is_(None), func.max(DeliveryRow.due_at) <= now))
    )
    return list(tx.exec(query))


def late(tx: Session, before: datetime, limit: int) -> list[DeliveryRow]:
    """Begun or held up, not closed, created before then, and nobody was told yet. What merely stands behind another is
    left out."""
    query = (
        select(DeliveryRow)
        .where(
            col(DeliveryRow.open).is_(True),
            col(DeliveryRow.created_at) <= before,
            col(DeliveryRow.warned_at).is_(None),
            or_(col(DeliveryRow.due_at).is_not(None), col(DeliveryRow.state) == State.UNCERTAIN),
        )
        .limit(limit)
    )
    return list(tx.exec(query))


def in_doubt(session: Session, limit: int) -> list[DeliveryRow]:
    """What is at an ERP now or may be."""
    query = select(DeliveryRow).where(
        col(DeliveryRow.open).is_(True), col(DeliveryRow.state).in_((State.SENDING, State.UNCERTAIN))
    )
    return list(session.exec(query.limit(limit)))


def lane_exists(tx: Session, realm: str, lane: str) -> bool:
    query = select(DeliveryRow.sequence).where(DeliveryRow.lane == lane, DeliveryRow.realm == realm).limit(1)
    return tx.exec(query).first() is not None

"""Orders on their way to an ERP: one row for each create, change or cancellation that the ERP must learn of.

The rows are the truth; the engine's work items only say "look at this lane". Within a lane (one customer's orders to
one ERP) the oldest row that is still open goes first. A row that can go no further without a person (held, dead,
rejected) is closed: it stops later rows of the same order and nobody else.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from sqlalchemy import Index, UniqueConstraint, bindparam, func, or_, text
from sqlmodel import Field, Session, col, select

from app.storage.base import UtcDateTime, table_of
from app.storage.in_hand import OfOrder
from app.storage.prepared import PreparedInsert


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


def lane_of(customer_id: str, erp: str) -> str:
    return f"{customer_id}:{erp}"


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


def heads(tx: Session, lanes: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """For each of the lanes (realm, name) the sequence of the row whose turn it is, as this transaction sees it: the
    oldest open one that no stopped row of its own order stands before."""
    found = tx.connection().execute(_HEADS[tx.get_bind().dialect.name], {"lanes": json.dumps(lanes)}).all()
    return {(realm, lane): sequence for realm, lane, sequence in found if sequence is not None}


def idle(tx: Session, lanes: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the lanes (realm, name) that nobody will look at by himself: whoever works off what stands in one goes
    on with what is put behind it. Where a worker has the head in hand at this moment, that counts as nobody: it may be
    closing it, and have looked for the next one already. Else the head stays as it is until this transaction has
    ended, and the look for the next one finds its row."""
    if not lanes:
        return set()
    busy = heads(tx, lanes)
    if busy and tx.get_bind().dialect.name == "postgresql":
        kept = set(tx.connection().execute(_KEPT, {"sequences": list(busy.values())}).scalars())
        busy = {lane: sequence for lane, sequence in busy.items() if sequence in kept}
    return {(realm, lane) for realm, lane in lanes} - busy.keys()


_HEAD: Final = """(
    SELECT sequence FROM cd_deliveries AS head
    WHERE head.realm = lanes.realm AND head.lane = lanes.lane AND head.open = TRUE AND NOT EXISTS (
        SELECT 1 FROM cd_deliveries AS before
        WHERE before.order_id = head.order_id AND before.sequence < head.sequence
          AND before.state IN ('held', 'dead', 'rejected') AND NOT before.superseded
    )
    ORDER BY sequence LIMIT 1
)"""
"""Of each row of `lanes`. Compared with TRUE, as SQLite looks up nothing by a column that merely stands there."""

_HEADS: Final = {
    dialect: text(f"SELECT lanes.realm, lanes.lane, {_HEAD} FROM ({lanes}) AS lanes")  # noqa: S608 - of what stands here
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


def sending(tx: Session, erps: Collection[str]) -> dict[tuple[str, str], int]:
    """How many deliveries are at these ERPs at this moment, by realm and name."""
    found = tx.exec(_SENDING, params={"erps": list(erps)})
    return {(realm, erp): count for realm, erp, count in found}


_SENDING: Final = (
    select(DeliveryRow.realm, DeliveryRow.erp, func.count())
    .where(col(DeliveryRow.erp).in_(bindparam("erps", expanding=True)), DeliveryRow.state == State.SENDING)
    .group_by(col(DeliveryRow.realm), col(DeliveryRow.erp))
)


def due_lanes(tx: Session, now: datetime, quiet_since: datetime) -> list[tuple[str, str]]:
    """Realm and name of every lane whose head is due now and untouched since `quiet_since`: a work item was lost, or
    its worker. Waking a lane that needs none is harmless."""
    return [(realm, lane) for realm, lane in tx.exec(_DUE, params={"now": now, "quiet_since": quiet_since})]


_DUE: Final = select(DeliveryRow.realm, DeliveryRow.lane).where(
    col(DeliveryRow.sequence).in_(
        select(text(_HEAD)).select_from(
            text("(SELECT DISTINCT realm, lane FROM cd_deliveries WHERE open = TRUE) AS lanes")
        )
    ),
    col(DeliveryRow.touched_at) <= bindparam("quiet_since", type_=UtcDateTime),
    or_(col(DeliveryRow.due_at).is_(None), col(DeliveryRow.due_at) <= bindparam("now", type_=UtcDateTime)),
)


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

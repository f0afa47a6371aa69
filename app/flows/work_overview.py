"""What people ask of the work: what waits, who works, what is stuck, what has come to a stop."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, TextClause, case, func, select, union_all
from sqlmodel import Session, col

from app.bridge import schedule
from app.engine import QueueCount
from app.gateway import Gateway
from app.storage import audit, deliveries, dispatches, lane_stops, mails, processes
from app.storage.base import table_of
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow, State
from app.storage.dispatches import DispatchRow
from app.storage.in_hand import InHand
from app.storage.lane_stops import EVERYTHING, LaneStopRow
from app.storage.mails import MailRow
from app.work import WAKE_LANE, Lane

LANES: Final = 500
"""Lanes that are told about; the ones with the oldest open orders first."""


@dataclass(frozen=True, slots=True)
class Process:
    id: str
    works: bool
    began_at: datetime | None
    seen_at: datetime
    silent: bool


@dataclass(frozen=True, slots=True)
class LaneLoad:
    """
    open    orders that are still to be delivered; `due` of them could be sent or looked up now.
    stuck   of the open ones: begun, and older than a person should have to wait.
    ended   held, dead: a person must decide. Of answers also what the buyer refused.
    stop    `paused`, `draining` or nothing.
    """

    realm: str
    lane: str
    customer: str
    erp: str
    open: int
    due: int
    stuck: int
    ended: int
    oldest_at: datetime | None
    stop: str | None


@dataclass(frozen=True, slots=True)
class Answers:
    """Documents on their way to buyers, or mails to people, as `LaneLoad` counts orders."""

    open: int
    due: int
    stuck: int
    ended: int


@dataclass(frozen=True, slots=True)
class Overview:
    at: datetime
    queues: Sequence[QueueCount]
    processes: Sequence[Process]
    lanes: Sequence[LaneLoad]
    answers: Answers
    mails: Answers


def overview(gateway: Gateway, realm: str) -> Overview:
    now = gateway.clock.now()
    with gateway.database.read() as session:
        listed = tuple(
            Process(row.id, bool(row.works), row.began_at, row.seen_at, now - row.seen_at > processes.SILENT)
            for row in processes.known(session)
        )
        lanes = _lanes(session, realm, now)
        answers = _answers(session, realm, now, DispatchRow, dispatches.FAILED, dispatches.FOR_A_PERSON)
        letters = _answers(session, realm, now, MailRow, mails.FAILED, mails.FOR_A_PERSON)
    return Overview(now, gateway.engine.queues(), listed, lanes, answers, letters)


def _number(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _open_or(row: type[InHand], realm: str, ended: TextClause) -> ColumnElement[bool]:
    """By two indexes: one OR over both would read every row there ever was."""
    of = table_of(row)
    wanted = union_all(
        select(of.c.sequence).where(of.c.open.is_(True)), select(of.c.sequence).where(of.c.realm == realm, ended)
    )
    return col(row.sequence).in_(wanted)


def _counts(row: type[InHand], ended: Collection[str], now: datetime) -> tuple[Any, ...]:
    is_open = col(row.open).is_(True)
    due = is_open & (col(row.due_at).is_(None) | (col(row.due_at) <= now))
    begun = is_open & col(row.first_sent_at).is_not(None) & (col(row.created_at) <= now - schedule.LATE)
    return _number(is_open), _number(due), _number(begun), _number(col(row.state).in_(ended))


def _lanes(session: Session, realm: str, now: datetime) -> tuple[LaneLoad, ...]:
    oldest = func.min(case((col(DeliveryRow.open).is_(True), col(DeliveryRow.created_at))))
    query = (
        select(
            col(DeliveryRow.lane), col(DeliveryRow.customer_id), col(DeliveryRow.erp),
            *_counts(DeliveryRow, (State.HELD, State.DEAD), now), oldest,
        )
        .where(
            col(DeliveryRow.realm) == realm,
            _open_or(DeliveryRow, realm, deliveries.FOR_A_PERSON),
        )
        .group_by(col(DeliveryRow.lane), col(DeliveryRow.customer_id), col(DeliveryRow.erp))
        .order_by(oldest)
        .limit(LANES)
    )  # fmt: skip
    found = list(session.execute(query))
    stops = {
        stop.lane: stop.after for stop in session.scalars(select(LaneStopRow).where(col(LaneStopRow.realm) == realm))
    }
    customers = select(CustomerRow).where(col(CustomerRow.realm) == realm)
    names = {customer.id: customer.name for customer in session.scalars(customers)}
    loads = [
        LaneLoad(
            realm,
            lane,
            names.get(customer, customer),
            erp,
            is_open,
            due,
            stuck,
            ended,
            since,
            _stop(stops.pop(lane, None)),
        )
        for lane, customer, erp, is_open, due, stuck, ended, since in found
    ]
    # A stopped lane with nothing in it must still be seen, or nobody lets it go on.
    for lane, after in sorted(stops.items()):
        customer, _, erp = lane.rpartition(":")
        loads.append(LaneLoad(realm, lane, names.get(customer, customer), erp, 0, 0, 0, 0, None, _stop(after)))
    return tuple(loads)


def _stop(after: int | None) -> str | None:
    return None if after is None else "paused" if after == EVERYTHING else "draining"


def _answers(
    session: Session,
    realm: str,
    now: datetime,
    row: type[DispatchRow] | type[MailRow],
    failed: Collection[str],
    for_a_person: TextClause,
) -> Answers:
    query = select(*_counts(row, failed, now)).where(col(row.realm) == realm, _open_or(row, realm, for_a_person))
    return Answers(*session.execute(query).one())


class NoSuchLane(LookupError):
    """No order has ever been in it."""


_EVENTS: Final = {"pause": "lane_paused", "drain": "lane_drained", "resume": "lane_resumed"}


def hold_back(tx: Session, gateway: Gateway, lane: Lane, act: str, *, actor: str, channel: str) -> None:
    """`pause`, `drain` or `resume` a lane, and put it on record; `actor` as the record names people, by id. Raises
    NoSuchLane."""
    if not deliveries.lane_exists(tx, lane.realm, lane.lane):
        raise NoSuchLane(lane.lane)
    now = gateway.clock.now()
    if act == "resume":
        lane_stops.resume(tx, lane.realm, lane.lane)
    else:
        stop = lane_stops.pause if act == "pause" else lane_stops.drain
        stop(tx, lane.realm, lane.lane, at=now, by=actor)
    audit.record(
        tx, realm=lane.realm, at=now, actor=actor, channel=channel, event=_EVENTS[act], data={"lane": lane.lane}
    )
    if act != "pause":
        gateway.engine.enqueue(tx, WAKE_LANE, lane)

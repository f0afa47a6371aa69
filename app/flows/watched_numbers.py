"""Everything that is scraped, from whichever process is asked: its own counters and what the database says now."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client.metrics_core import Metric
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app import metrics
from app.bridge import registry
from app.gateway import Gateway
from app.metrics import OTHER
from app.storage import numbers, processes
from app.storage.breakers import Breaker
from app.storage.disk import free_below

PROCESSES = 200


def exposition(gateway: Gateway) -> bytes:
    """Without the database, what this process knows by itself."""
    return metrics.exposition([*_own(gateway), *_shared(gateway)])


def _own(gateway: Gateway) -> Iterator[Metric]:
    database = gateway.database
    files = Path(database.url.database or "") if database.sqlite else gateway.settings.data
    yield metrics.DISK_FREE.of([((), free_below(files))])
    yield metrics.CONNECTIONS.of(((name,), used) for name, used in database.connections_in_use().items())


def _shared(gateway: Gateway) -> list[Metric]:
    try:
        with gateway.database.read() as session:
            found = [*_told_by_rows(session, gateway.clock.now())]
        found.append(_queues(gateway))
    except SQLAlchemyError:
        return [metrics.DATABASE_ANSWERS.of([((), 0)])]
    return [metrics.DATABASE_ANSWERS.of([((), 1)]), *found]


def _told_by_rows(session: Session, now: datetime) -> Iterator[Metric]:
    waiting = numbers.waiting(session)
    yield metrics.OPEN_WORK.of(((row.what, row.state), row.number) for row in waiting)
    yield metrics.OPEN_WORK_OLDEST.of(((row.what, row.state), _age(row.oldest, now)) for row in waiting)
    yield from _lanes(numbers.oldest_lanes(session), waiting, now)
    yield metrics.PARTNER_SEEN.of(((partner,), at.timestamp()) for partner, at in numbers.last_seen(session))
    yield from _processes(session, now)
    yield metrics.BREAKER.of(
        ((erp, state), float(state == found)) for erp, found in numbers.breaker_states(session) for state in Breaker
    )


def _age(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())


def _lanes(lanes: list[numbers.LaneNumbers], waiting: list[numbers.Waiting], now: datetime) -> Iterator[Metric]:
    counts = [
        ((registry.key(lane.realm, lane.lane), state), float(number))
        for lane in lanes
        for state, number in zip(numbers.OPEN_STATES, lane.by_state, strict=True)
        if number
    ]
    if len(lanes) == numbers.LANES:
        everywhere = {row.state: row.number for row in waiting if row.what == "delivery"}
        for position, state in enumerate(numbers.OPEN_STATES):
            listed = sum(lane.by_state[position] for lane in lanes)
            counts.append(((OTHER, state), float(max(0, everywhere.get(state, 0) - listed))))
    yield metrics.LANE_OPEN.of(counts)
    yield metrics.LANE_OLDEST.of(((registry.key(lane.realm, lane.lane),), _age(lane.oldest, now)) for lane in lanes)


def _processes(session: Session, now: datetime) -> Iterator[Metric]:
    known = sorted(processes.known(session), key=lambda row: row.seen_at, reverse=True)[:PROCESSES]
    yield metrics.HEARTBEAT_AGE.of(((row.id, str(bool(row.works)).lower()), _age(row.seen_at, now)) for row in known)
    yield metrics.ROUND_AGE.of(((row.id,), _age(row.worked_at, now)) for row in known if row.worked_at is not None)


def _queues(gateway: Gateway) -> Metric:
    return metrics.QUEUE_ITEMS.of(
        ((count.queue, state), float(number))
        for count in gateway.engine.queues()
        for state, number in (("waiting", count.waiting), ("later", count.later), ("running", count.running))
    )

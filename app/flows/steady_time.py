"""What is or may be at an ERP, counted by this process's steady clock.

Rows hold leases and settle times as times of day. A wall clock that is set forward, and perhaps back again, would let
both run out while one request is at the ERP, and the order would be sent twice. So a lease ends and a settle time is
over when the row says so and as much time has really gone by.
"""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlmodel import Session

from app.bridge.adapter import ErpAdapter
from app.gateway import Gateway
from app.storage.deliveries import DeliveryRow, State
from app.storage.worker_ids import is_held

MARGIN: Final = timedelta(seconds=60)
"""How much longer than the longest call a worker may be silent before its row is taken from it."""


def begun(gateway: Gateway, claim: str, erp: ErpAdapter) -> None:
    gateway.claims.hold(claim, gateway.clock.elapsed() + (erp.longest + MARGIN).total_seconds())


def still_there(tx: Session, gateway: Gateway, row: DeliveryRow, erp: ErpAdapter | None) -> bool:
    """Whether the lease ran out by a clock that jumped only: our own call goes on, or that of a worker which lives and
    has not been watched for as long as a call can take. The sweep comes again."""
    claim, elapsed = row.claim or "", gateway.clock.elapsed()
    if gateway.claims.holds(claim, elapsed):
        return True
    if row.worker == gateway.settings.worker_id:
        return False
    watched = gateway.claims.seen_for(row.id, claim, elapsed)
    longest = (erp.longest if erp is not None else timedelta(0)) + MARGIN / 2
    return watched < longest.total_seconds() and is_held(tx.connection(), row.worker or "")


def watch(gateway: Gateway, rows: Sequence[DeliveryRow]) -> None:
    """Begins to count, by this process's steady clock, for all that is or may be at an ERP."""
    for row in rows:
        if row.state == State.SENDING:
            gateway.claims.seen_for(row.id, row.claim or "", gateway.clock.elapsed())
        else:
            uncertain_for(gateway, row)
    gateway.claims.forget_others({row.id for row in rows})


def uncertain_for(gateway: Gateway, row: DeliveryRow) -> timedelta:
    """For how long this process has known that the row is uncertain; without end where no request of ours can be at
    the ERP, as no worker has had the row since it was restored from a backup or replayed."""
    elapsed = gateway.clock.elapsed()
    if row.worker is None:
        gateway.claims.settled(row.id, row.uncertain_since)
    known_for = gateway.claims.seen_for(row.id, row.uncertain_since, elapsed)
    return timedelta.max if math.isinf(known_for) else timedelta(seconds=known_for)

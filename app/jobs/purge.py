"""Once a day: erases the bytes of exchanges that are past their time (`app.storage.retention`).

A batch at a time and with a pause behind each, so that documents that come in meanwhile wait for one small transaction
at most. A night's work that takes longer than its share goes on as a new work item."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlmodel import Session, col, select

from app.gateway import Gateway
from app.storage.base import LIVE
from app.storage.erasure import erase_bodies, erase_traces, erase_visit
from app.storage.erasures import Cause, ErasureRow
from app.storage.exchanges import ExchangeRow
from app.storage.partners import PartnerRow
from app.storage.retention import drop_quarantined, due, terms_of
from app.storage.sessions import PunchoutSessionRow
from app.work import PURGE, Nothing

BATCH: Final = 100
PAUSE: Final = 0.02
SHARE: Final = 60.0
"""Seconds after which a run hands on to the next one."""

_log = structlog.get_logger(__name__)


def run(gateway: Gateway) -> None:
    """For the engine."""
    purge(gateway)


def purge(gateway: Gateway) -> int:
    """How many bodies were erased."""
    now, deadline = gateway.clock.now(), time.monotonic() + SHARE
    erased = 0
    for realm, partner_id in _partners(gateway):
        erased += _purge(gateway, realm, partner_id, now, deadline)
        if time.monotonic() > deadline:
            gateway.database.write(lambda tx: gateway.engine.enqueue(tx, PURGE, Nothing()))
            return erased
    before = now - timedelta(days=gateway.settings.retention_days)
    dropped = gateway.database.write(lambda tx: drop_quarantined(tx, before))
    _log.info("purged", bodies=erased, quarantined=dropped)
    return erased


def _partners(gateway: Gateway) -> list[tuple[str, str | None]]:
    with gateway.database.read() as session:
        known = session.exec(select(PartnerRow.realm, PartnerRow.id).order_by(PartnerRow.id)).all()
        realms = {realm for realm, _ in known} | {LIVE}
    return [*known, *((realm, None) for realm in sorted(realms))]


def _purge(gateway: Gateway, realm: str, partner_id: str | None, now: datetime, deadline: float) -> int:
    with gateway.database.read() as session:
        terms = terms_of(session, realm, partner_id, gateway.settings.retention_days)
    erasure_id, after, erased = gateway.ids(), "", 0
    while time.monotonic() <= deadline:
        # Looked for beside the writer: the way to what is due leads over all that was erased in earlier years.
        with gateway.database.read() as session:
            found = due(session, realm, partner_id, terms, now, after=after, most=BATCH)
        if not found:
            break
        batch = partial(_batch, erasure_id=erasure_id, realm=realm, partner_id=partner_id, found=found, now=now)
        erased += gateway.database.write(batch)
        after = found[-1]
        time.sleep(PAUSE)
    return erased


def _batch(
    tx: Session, *, erasure_id: str, realm: str, partner_id: str | None, found: Sequence[str], now: datetime
) -> int:
    """How many bodies were erased."""
    rows = tx.exec(select(ExchangeRow).where(col(ExchangeRow.id).in_(found))).all()
    erasure = tx.get(ErasureRow, erasure_id) or ErasureRow(
        id=erasure_id, realm=realm, cause=Cause.RETENTION, subject=partner_id, began_at=now
    )
    erasure.ended_at = now
    tx.add(erasure)
    bodies = erase_bodies(
        tx, erasure, [row.id for row in rows] + [row.answered_by for row in rows if row.answered_by is not None]
    )
    for row in rows:
        erase_traces(row)
        visit = tx.get(PunchoutSessionRow, row.caused_id) if row.caused_kind == "punchout_session" else None
        if visit is not None:
            erase_visit(tx, erasure, visit)
    return bodies

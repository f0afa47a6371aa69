"""A simulation that somebody asked for: begun, told about while it runs, kept as a report for a while.

It runs in a thread of its own and reads in short looks; the row of its report is all that it writes."""

from datetime import timedelta
from typing import Final

import msgspec
from sqlmodel import Session

from app.approval import definition as definitions
from app.errors import No, Refusal
from app.flows import own_fields
from app.flows.simulate_flow import MOST_DAYS, MOST_ORDERS, Choice, simulate
from app.gateway import Gateway
from app.storage import simulations
from app.storage.approvals import FlowRow
from app.storage.people import PersonRow
from app.storage.simulations import SimulationRow, SimulationState

AT_ONCE: Final = 2
KEPT: Final = 20
KEPT_FOR: Final = timedelta(days=30)
TOLD_EACH: Final = 1.0
"""Seconds between two entries of how far it is."""


def begin(
    tx: Session, gateway: Gateway, by: PersonRow, row: FlowRow, *, source: str, definition: str, choice: Choice
) -> SimulationRow:
    """To be run by `run`. Raises schemas.faults.Rejected for a definition that cannot be read, and Refusal."""
    days = 1 if choice.days is None else choice.days
    if not 1 <= choice.orders <= MOST_ORDERS or not 1 <= days <= MOST_DAYS:
        message = f"Choose 1 to {MOST_ORDERS} orders, of 1 to {MOST_DAYS} days."
        raise Refusal(No.UNACCEPTABLE, message)
    definitions.read(definition, own_fields.fields_for(tx, row))
    now = gateway.clock.now()
    if simulations.running(tx, row.realm, now) >= AT_ONCE:
        raise Refusal(No.TOO_MANY, "Other simulations are running: wait until one has ended.", retry_after=10)
    simulations.forget(tx, row.id, keep=KEPT - 1, before=now - KEPT_FOR)
    kept = SimulationRow(
        id=gateway.ids(),
        realm=row.realm,
        flow_id=row.id,
        source=source,
        definition=definition,
        orders=choice.orders,
        days=choice.days,
        asked_by=by.id,
        state=SimulationState.RUNNING,
        began_at=now,
        seen_at=now,
    )
    tx.add(kept)
    tx.flush()
    return kept


def run(gateway: Gateway, simulation_id: str) -> None:
    """To the end; also a bad one is told to whoever waits for it."""
    database, clock = gateway.database, gateway.clock
    with database.read() as session:
        kept = session.get(SimulationRow, simulation_id)
        row = session.get_one(FlowRow, kept.flow_id) if kept is not None else None
    if kept is None or row is None:
        return
    told_at = clock.elapsed()

    def tell(done: int, total: int) -> None:
        nonlocal told_at
        if done == 0 or clock.elapsed() - told_at >= TOLD_EACH:
            told_at = clock.elapsed()
            seen = {"done": done, "total": total, "seen_at": clock.now()}
            database.write(lambda tx: simulations.told(tx, simulation_id, **seen))

    try:
        with database.read() as session:
            flow = definitions.read(kept.definition, own_fields.fields_for(session, row))
        report = simulate(database, row, flow, Choice(kept.orders, kept.days), clock.now(), tell)
    except BaseException:
        database.write(lambda tx: simulations.told(tx, simulation_id, state=SimulationState.FAILED))
        raise
    ended = {
        "state": SimulationState.DONE,
        "report": msgspec.json.encode(report).decode(),
        "done": report.before.orders + report.unreadable,
        "total": report.before.orders + report.unreadable,
        "seen_at": clock.now(),
    }
    database.write(lambda tx: simulations.told(tx, simulation_id, **ended))

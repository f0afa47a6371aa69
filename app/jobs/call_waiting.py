"""Calls lanes that wait for a place at their ERP when another process has given one back. Whoever gives one back in
this process calls the next lane itself (`flows.deliver_order`)."""

from contextlib import AbstractContextManager, suppress
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.flows.erp_room import ErpRoom
from app.gateway import Gateway
from app.jobs.repeating import repeating
from app.storage.intake_writer import Busy, Unwritten
from app.work import WAKE_LANE

TICK: Final = 0.5


def calling(gateway: Gateway) -> AbstractContextManager[None]:
    """For as long as the block runs."""
    return repeating("waiting-lanes", TICK, lambda: call(gateway))


def call(gateway: Gateway) -> None:
    waited_for = gateway.waiting.erps()
    if not waited_for:
        return

    def wake(tx: Session) -> None:
        for lane in ErpRoom(tx, gateway).call(waited_for):
            gateway.engine.enqueue(tx, WAKE_LANE, lane)

    # While the database is gone nothing gets a place; the next look is soon.
    with suppress(SQLAlchemyError, Busy, Unwritten):
        gateway.database.write(wake)

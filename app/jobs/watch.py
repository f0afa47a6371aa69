"""A worker's second pair of eyes: finds what is due when the engine does not.

An engine that loses its database may have taken a work item and forgotten it, and after a long outage its threads pause
for up to a minute and a half before they try again. So a worker sweeps by itself as soon as the database is back, and
whenever the engine has brought no round for too long.
"""

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.engine import Engine
from app.gateway import Gateway, alert
from app.jobs import registry, sweep
from app.jobs.repeating import repeating
from app.storage.intake_writer import Busy, Unwritten
from app.work import SWEEP

TICK: Final = 1.0
OVERDUE: Final = 60.0
"""Seconds without a round of the engine's in this worker; other workers may have had them all, which costs a look."""

_log = structlog.get_logger(__name__)


def watching(gateway: Gateway, engine: Engine) -> AbstractContextManager[None]:
    """For as long as the block runs."""
    return repeating("watch", TICK, Watch(gateway, engine).look)


class Watch:
    def __init__(self, gateway: Gateway, engine: Engine) -> None:
        self._gateway = gateway
        self._engine = engine
        self._returned = False

    def look(self) -> None:
        gateway, lost = self._gateway, self._gateway.database.lost
        if lost.is_set():
            # Cleared first: what is lost from here on is another outage.
            lost.clear()
            self._returned = True
        try:
            if self._returned:
                woken = sweep.sweep(
                    self._gateway, self._gateway.clock.now(), quiet=timedelta(0), of=self._gateway.ids()
                )
                self._returned = False
                _log.info("database.back", woken=woken)
            elif self._engine.quiet_for(SWEEP) > OVERDUE:
                _log.warning("rounds.overdue", seconds=round(self._engine.quiet_for(SWEEP)))
                sweep.run(gateway, registry.planned(gateway.settings.time_zone))
                self._engine.ran(SWEEP)
        except (SQLAlchemyError, Busy, Unwritten):
            # Still gone; the next look is soon.
            return
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one look, the next must come
            _log.exception("watch.failed")
            alert("watch.failed", error=type(error).__name__)

"""Each process says that it lives, so that people can see which are there, and writes down the alerts it has raised."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from app.alarms import ALARMS
from app.flows import tell_operators
from app.gateway import Gateway
from app.jobs.repeating import repeating
from app.storage import processes
from app.storage.intake_writer import Busy, Unwritten


@contextmanager
def beating(gateway: Gateway, *, works: bool) -> Iterator[None]:
    """For as long as the block runs; a process that ends in order is not listed any more."""
    name = gateway.settings.process_id
    gateway.database.write(lambda tx: processes.began(tx, name, gateway.clock.now(), works=works))

    def beat() -> None:
        # It is missed while the database is gone, and goes on when it is back.
        with suppress(Busy, Unwritten, SQLAlchemyError):
            gateway.database.write(lambda tx: processes.seen(tx, name, gateway.clock.now()), patience=1)
            write_down_alerts(gateway)

    try:
        with repeating("heartbeat", processes.BEAT.total_seconds(), beat):
            yield
    finally:
        with suppress(Busy, Unwritten, SQLAlchemyError):
            write_down_alerts(gateway)
            gateway.database.write(lambda tx: processes.ended(tx, name), patience=1)


def write_down_alerts(gateway: Gateway) -> None:
    """What cannot be written now stays for the next time. Raises Busy, Unwritten, SQLAlchemyError."""
    raised = ALARMS.take()
    if not raised:
        return
    try:
        gateway.database.write(lambda tx: tell_operators.write_down(tx, gateway, raised), patience=1)
    except (Busy, Unwritten, SQLAlchemyError):
        ALARMS.give_back(raised)
        raise

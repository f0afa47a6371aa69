"""A process of ours, put together, run and ended cleanly: a worker, a command, or what a server stands on.

Web pages are not among it (`app.main` adds them), so that a worker does not load them."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app import logs
from app.bridge.registry import Erps
from app.clock import SystemClock
from app.engine import Engine
from app.gateway import Gateway, alert, keys_of
from app.jobs import registry, sweep
from app.jobs.call_waiting import calling
from app.jobs.heartbeat import beating
from app.jobs.watch import watching
from app.seal import live_secrets
from app.settings import Settings
from app.storage.database import OF_ITS_OWN, SILENCE, Database
from app.storage.worker_ids import WorkerId


def wired(settings: Settings, *, silence: float | None = SILENCE) -> tuple[Gateway, Engine]:
    """Everything put together and nothing started. Raises ValueError, with a sentence for the operator, when there is
    no key ring or the database is not supported."""
    keys = keys_of(settings)
    pool = settings.database_pool - OF_ITS_OWN
    database = Database(settings.url_of_database, pool=pool, write_queue=settings.write_queue, silence=silence)
    engine = Engine(database, worker_id=settings.worker_id, threads=settings.worker_threads, poll=settings.poll_seconds)
    clock = SystemClock()
    erps = Erps(database, keys, clock, private_networks=settings.erp_private_networks)
    return Gateway(settings=settings, clock=clock, database=database, engine=engine, keys=keys, erps=erps), engine


@contextmanager
def running(gateway: Gateway, worker: Engine | None) -> Iterator[None]:
    """The database's writer, and the engine where this process works; both stop cleanly at the end. Raises Taken when
    another process works under this one's id."""
    with ExitStack() as stack:
        stack.callback(gateway.database.stop)
        if worker is not None:
            stack.enter_context(WorkerId(gateway.database, gateway.settings.worker_id, _end))
        gateway.database.start()
        if worker is not None:
            stack.callback(worker.stop)
            sweep.recover(gateway)
            worker.start(registry.handlers(gateway), registry.SCHEDULES)
        yield


def _end(reason: str) -> None:
    """Another process has this worker's id now and takes its work for its own."""
    alert("worker.same_id", reason=reason)
    os.kill(os.getpid(), signal.SIGTERM)


def refuse_taken(settings: Settings) -> None:
    """Raises Taken when another process works under this one's id."""
    database = Database(settings.url_of_database, pool=1)
    try:
        with WorkerId(database, settings.worker_id, lambda _: None):
            return
    finally:
        database.stop()


@contextmanager
def listed(gateway: Gateway, worker: Engine | None) -> Iterator[None]:
    """As `running`, for a server or a worker: it is shown among the processes."""
    with running(gateway, worker), beating(gateway, works=worker is not None), ExitStack() as stack:
        if worker is not None:
            stack.enter_context(watching(gateway, worker))
            stack.enter_context(calling(gateway))
        yield


@contextmanager
def opened(settings: Settings) -> Iterator[Gateway]:
    """A gateway for a command that reads or writes and ends; it works nothing off."""
    gateway, engine = wired(settings, silence=None)
    try:
        with running(gateway, None):
            yield gateway
    finally:
        engine.stop()


def configure_logs(settings: Settings) -> None:
    logs.configure(form=settings.log_format, level=settings.log_level, hidden=live_secrets)

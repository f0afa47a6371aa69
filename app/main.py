"""The only wiring: settings become a gateway, a gateway becomes a server or a worker."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.applications import Starlette

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
from app.web.routes import assemble


def build(settings: Settings) -> Starlette:
    """The server for these settings. With `embedded` it works as well as serves.

    Raises ValueError, with a sentence for the operator, when there is no key ring or the database is not supported."""
    gateway, engine = wired(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        running_ = listed(gateway, engine if settings.embedded else None)
        # The engine must not meet the event loop: it starts and stops in a thread.
        await to_thread.run_sync(running_.__enter__)
        try:
            yield
        finally:
            await to_thread.run_sync(running_.__exit__, None, None, None)

    return assemble(gateway, allowed_hosts=_hosts(settings), lifespan=lifespan)


def wired(settings: Settings, *, silence: float | None = SILENCE) -> tuple[Gateway, Engine]:
    """Everything put together and nothing started. Raises ValueError as `build` does."""
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


def _hosts(settings: Settings) -> list[str]:
    """Host headers that are ours: that of the public address, and this machine's names for those who look after it."""
    public = urlsplit(settings.url).hostname
    return sorted({public or "", "localhost", "127.0.0.1", "::1"} - {""})

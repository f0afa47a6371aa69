"""A worker of its own process; as many as are needed."""

import signal
import threading
from contextlib import ExitStack

import structlog

from app import process
from app.cli.options import Data, settings_from, stop
from app.cli.site import refuse_taken, refuse_unready
from app.jobs import served_numbers

_log = structlog.get_logger(__name__)


def worker(data: Data = None) -> None:
    """Run a worker: deliveries to ERPs, answers to buyers, upkeep. CROSSDOCK_WORKER_ID tells workers apart."""
    settings = settings_from(data)
    refuse_unready(settings)
    refuse_taken(settings)
    process.configure_logs(settings)
    ended = threading.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, lambda *_: ended.set())
    gateway, engine = process.wired(settings)
    with ExitStack() as stack:
        try:
            stack.enter_context(served_numbers.served(gateway, settings.metrics_port))
        except OSError as error:
            stop(f"CROSSDOCK_METRICS_PORT: port {settings.metrics_port} cannot be used: {error.strerror}")
        stack.enter_context(process.listed(gateway, engine))
        _log.info("worker.ready", worker=settings.worker_id)
        ended.wait()

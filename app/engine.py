"""The engine that runs work later and elsewhere: DBOS behind a handful of verbs, and the only file that imports it.

A work item says where to look, never what to do; the rows are the truth. Work that fails is not retried here: whoever
keeps the row decides when to enqueue the next attempt, since a retry inside the engine would hold a slot that others
need. Items are at least once: a worker that dies is succeeded by itself (a stable worker id), and beyond that by the
sweep over our own rows.

What is due at once does not wait for the engine's next look: it begins right after its commit (`app.prompt_work`), here
where this process works, else in a worker that hears of it. The engine gives it a head start and is there for whatever
is not begun by then.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID
from zlib import crc32

import msgspec
import structlog
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app import metrics, trace
from app.alarms import ALARMS
from app.prompt_work import Item, PromptWork
from app.storage import announcements, processes
from app.storage.announcements import Announcer
from app.storage.base import new_id
from app.storage.database import Database
from app.storage.intake_writer import after_commit
from app.work import ALL, Argument, Kind

A = TypeVar("A", bound=Argument)

NAME: Final = "crossdock"
VERSION: Final = "1"
"""Of the work items, not of the product: work in flight survives an upgrade because this does not change with it."""

HEAD_START: Final = 2.0
"""Seconds that the engine leaves an item to those who may begin it at once."""

SHORTLY: Final = timedelta(milliseconds=50)
"""After the moment that was asked for: a handler that came too early would find nothing to do yet."""

CHANNEL: Final = "crossdock_work"
PEERS_KNOWN: Final = 5.0
"""Seconds for which a worker goes by the list of workers that it has read."""

UNHURRIED: Final = 3.0
"""Seconds between looks at the queues of work that comes round by itself."""

MISSED: Final = timedelta(minutes=1)
"""A round that runs later than this is passed over. When the clock goes ahead, or the machine has slept, the engine
makes up for each round that fell into it, and there may be thousands; the next one is soon."""

COUNTED: Final = 1_000
FINISHED: Final = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
UNFINISHED: Final = ("ENQUEUED", "DELAYED", "PENDING")
"""In the order of QueueCount."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Handler(Generic[A]):
    """What runs for a kind of work. It may run more than once for one item and must look at its rows first."""

    kind: Kind[A]
    run: Callable[[A], object]


@dataclass(frozen=True, slots=True)
class Schedule(Generic[A]):
    """Work that comes round: `cron` has six fields, seconds first, in UTC. One worker of all runs each round."""

    kind: Kind[A]
    argument: A
    cron: str


@dataclass(frozen=True, slots=True)
class QueueCount:
    """Work items of one queue; each number stops at COUNTED. `later` are not due yet."""

    queue: str
    waiting: int
    later: int
    running: int


class WorkQueue(Protocol):
    """What flows need of the engine."""

    def enqueue(
        self, session: Session, kind: Kind[A], argument: A, *, at: datetime | None = None, work_id: str | None = None
    ) -> str:
        """Puts a work item into the transaction of `session` and returns its id; it exists when that commits.
        An id that was used before changes nothing. Without `at` it is due at once, else shortly after `at`."""
        ...

    def cancel(self, session: Session, work_id: str) -> None:
        """Takes an item back once the transaction commits. It may already run: handlers look at their rows."""
        ...

    def forget_finished(self, before: datetime, most: int) -> int:
        """Drops items that ended before then, up to `most`; how many."""
        ...

    def queues(self) -> list[QueueCount]:
        """What waits and runs now, by queue."""
        ...


class Peers:
    """Which of the workers takes what all of them hear: one that lives, and the same one in the eyes of each."""

    def __init__(self, database: Database, worker_id: str) -> None:
        self._database = database
        self._worker_id = worker_id
        self._known: list[str] = []
        self._known_until = 0.0

    def mine(self, word: str) -> bool:
        if time.monotonic() >= self._known_until:
            with suppress(SQLAlchemyError), self._database.read() as session:
                self._known = processes.workers(session, datetime.now(UTC) - processes.SILENT)
            self._known_until = time.monotonic() + PEERS_KNOWN
        known = self._known or [self._worker_id]
        return max(known, key=lambda name: crc32(f"{name} {word}".encode())) == self._worker_id


class Engine:
    """A WorkQueue, and with `start` a worker.

    worker_id  stable over restarts and unique among the workers of one database."""

    def __init__(
        self, database: Database, *, worker_id: str = "worker-1", threads: int = 16, poll: float = 0.1
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self._threads = threads
        self._poll = poll
        self._running = False
        self._began = time.monotonic()
        self._ran: dict[str, float] = {}
        self._serializer = DBOSPortableJSONSerializer()
        logging.getLogger("dbos").setLevel(logging.WARNING)
        self._client = DBOSClient(
            system_database_engine=database.work_engine,
            serializer=self._serializer,
            application_name=NAME,
            lazy=True,
        )
        self._by_name: dict[str, Handler[Any]] = {}
        self._prompt = PromptWork(self._begin, self._client.delete_workflows, max(1, threads // 2))
        self._announcer = None if database.sqlite else Announcer(database, CHANNEL)
        self._listening: threading.Thread | None = None
        self._deaf = threading.Event()
        self._peers = Peers(database, worker_id)

    def migrate(self) -> None:
        """Makes or updates the engine's own tables; in `init` and `demo` only."""
        url = self._database.url.render_as_string(hide_password=False)
        DBOS.migrate(url)

    def enqueue(
        self, session: Session, kind: Kind[A], argument: A, *, at: datetime | None = None, work_id: str | None = None
    ) -> str:
        at = at + SHORTLY if at is not None else None
        # An id that was given may be of an item that exists already.
        offered = at is None and work_id is None and (self._prompt.open or self._announcer is not None)
        work_id = work_id or _work_id(at)
        options: EnqueueOptions = {"workflow_name": kind.name, "queue_name": kind.queue, "workflow_id": work_id}
        if at is not None:
            options["delay_seconds"] = max(0.0, (at - datetime.now(UTC)).total_seconds())
        elif offered:
            options["delay_seconds"] = HEAD_START
        kept = msgspec.to_builtins(argument)
        session.flush()
        self._client.enqueue_in_transaction(session, options, kept)
        if offered:
            item = Item(work_id=work_id, kind=kind.name, argument=kept)
            after_commit(session, lambda: self._offer(item))
        return work_id

    def _offer(self, item: Item) -> None:
        if self._prompt.open:
            self._prompt.offer(item)
        elif self._announcer is not None:
            self._announcer.say(msgspec.json.encode(item).decode())

    def _hear(self, word: str) -> None:
        """Of work that a process without a worker has committed. One of the workers takes it."""
        try:
            item = msgspec.json.decode(word, type=Item)
        except msgspec.DecodeError:
            # Another release may say it in other words; the item itself is in the queue.
            return
        if item.kind in self._by_name and self._peers.mine(word):
            self._prompt.offer(item)

    def _begin(self, item: Item) -> None:
        self._do(self._by_name[item.kind], item.argument, item.work_id)

    def cancel(self, session: Session, work_id: str) -> None:
        after_commit(session, lambda: self._cancel(work_id))

    def _cancel(self, work_id: str) -> None:
        # In a thread of its own: it waits for the write lock that the writer may already hold again.
        threading.Thread(target=self._client.cancel_workflow, args=(work_id,), name="work-cancel", daemon=True).start()

    def forget_finished(self, before: datetime, most: int) -> int:
        items = self._client.list_workflows(
            status=FINISHED, completed_before=before.isoformat(), limit=most, load_input=False, load_output=False
        )
        if items:
            self._client.delete_workflows([item.workflow_id for item in items])
        return len(items)

    def queues(self) -> list[QueueCount]:
        names = sorted({kind.queue for kind in ALL})
        return [QueueCount(name, *(self._count(name, state) for state in UNFINISHED)) for name in names]

    def _count(self, queue: str, state: str) -> int:
        return len(
            self._client.list_workflows(
                status=state, queue_name=queue, limit=COUNTED, load_input=False, load_output=False
            )
        )

    def start(self, handlers: Iterable[Handler[Any]], schedules: Iterable[Schedule[Any]] = ()) -> None:
        """Begins to work, before an event loop runs or in a thread beside it. One engine a process works at a time."""
        if self._running:
            raise RuntimeError("the engine works already")
        DBOS(
            config={
                "name": NAME,
                "system_database_engine": self._database.work_engine,
                "serializer": self._serializer,
                "application_version": VERSION,
                "executor_id": self._worker_id,
                "max_executor_threads": self._threads,
                "run_migrations": False,
                # Nothing here waits for the engine's own notifications, and gathering them every 10 ms costs.
                "notification_coalesce_sec": 1.0,
                "log_level": "WARNING",
            }
        )
        _take_over_its_log()
        self._began = time.monotonic()
        by_name = self._by_name = {handler.kind.name: handler for handler in handlers}
        for handler in by_name.values():
            DBOS.workflow(name=handler.kind.name)(self._workflow(handler))
        rounds = [
            (schedule, DBOS.workflow(name=_round_name(schedule))(self._round(by_name[schedule.kind.name], schedule)))
            for schedule in schedules
        ]
        queues = {handler.kind.queue for handler in by_name.values()}
        DBOS.listen_queues(sorted(queues))
        DBOS.launch()
        unhurried = {schedule.kind.queue for schedule, _ in rounds}
        for queue in queues:
            poll = max(self._poll, UNHURRIED) if queue in unhurried else self._poll
            DBOS.register_queue(queue, worker_concurrency=self._threads, polling_interval_sec=poll)
        DBOS.apply_schedules(
            [
                {
                    "schedule_name": schedule.kind.name,
                    "workflow_fn": workflow,
                    "schedule": schedule.cron,
                    "queue_name": schedule.kind.queue,
                }
                for schedule, workflow in rounds
            ]
        )
        # Schedules that this release does not know stay: a newer one may work beside it, and this one start again.
        self._running = True
        self._prompt.start()
        if self._announcer is not None:
            self._deaf.clear()
            listening = (self._database, CHANNEL, self._hear, self._deaf)
            self._listening = threading.Thread(
                target=announcements.listen, args=listening, name="work-heard", daemon=True
            )
            self._listening.start()

    def stop(self, *, drain: int = 10) -> None:
        """Takes no more work, waits up to `drain` seconds for what runs; the rest is taken up at the next start."""
        until = time.monotonic() + drain
        if self._running:
            self._running = False
            self._deaf.set()
            self._prompt.stop(drain)
            if self._listening is not None:
                # While the database is gone, it may be about to connect.
                self._listening.join(2 * announcements.AGAIN)
            drain = int(max(0.0, until - time.monotonic()))
            DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=drain)
            _let_go(seconds=1)
        if self._announcer is not None:
            self._announcer.stop()
        self._client.destroy()

    @property
    def working(self) -> bool:
        return self._running

    def quiet_for(self, kind: Kind[Any]) -> float:
        """Seconds since work of this kind ran here, or since the engine started."""
        return time.monotonic() - self._ran.get(kind.name, self._began)

    def ran(self, kind: Kind[Any]) -> None:
        self._ran[kind.name] = time.monotonic()

    def _workflow(self, handler: Handler[A]) -> Callable[[dict[str, Any]], None]:
        def work(argument: dict[str, Any]) -> None:
            work_id = DBOS.workflow_id or ""
            begun = self._prompt.taken(work_id)
            if begun is None:
                self._do(handler, argument, work_id)
            else:
                begun.result()

        return work

    def _round(self, handler: Handler[A], schedule: Schedule[A]) -> Callable[[datetime | str, Any], None]:
        argument = msgspec.to_builtins(schedule.argument)

        def come_round(due: datetime | str, _context: Any) -> None:
            # As the engine keeps arguments, a moment may come back as text.
            since = due if isinstance(due, datetime) else datetime.fromisoformat(due)
            if datetime.now(UTC) - since <= MISSED:
                self._do(handler, argument, DBOS.workflow_id or "")

        return come_round

    def _do(self, handler: Handler[A], argument: dict[str, Any], work_id: str) -> None:
        trace.forget()
        _count_wait(handler.kind, work_id)
        try:
            handler.run(msgspec.convert(argument, handler.kind.argument))
            self.ran(handler.kind)
        except Exception:
            metrics.ALERTS.labels(what="work.failed").inc()
            _log.exception("alert", what="work.failed", kind=handler.kind.name, argument=argument)
            ALARMS.add("work.failed", {"kind": handler.kind.name})
            raise


def _work_id(at: datetime | None) -> str:
    """Says since when the item is due: by the time in the id itself (UUIDv7), or behind it in milliseconds."""
    return new_id() if at is None else f"{new_id()}@{round(at.timestamp() * 1000)}"


def _due(work_id: str) -> float | None:
    """Seconds since the epoch; nothing for ids that their makers chose."""
    own, _, at = work_id.partition("@")
    try:
        made = UUID(own)
        milliseconds = int(at) if at else made.int >> 80
    except ValueError:
        return None
    return milliseconds / 1000 if made.version == 7 else None


def _count_wait(kind: Kind[Any], work_id: str) -> None:
    due = _due(work_id)
    if due is not None:
        metrics.ENGINE_WAIT.labels(kind.queue).observe(max(0.0, time.time() - due))


def _let_go(seconds: float) -> None:
    """Waits for the engine's threads to give back their connections, which are closed next."""
    until = time.monotonic() + seconds
    for thread in threading.enumerate():
        if thread.name.startswith("dbos-executor"):
            thread.join(max(0.0, until - time.monotonic()))


def _take_over_its_log() -> None:
    """The engine gives its logger a handler of its own; what it says goes where everything goes, masked like it."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True


def _round_name(schedule: Schedule[Any]) -> str:
    return f"{schedule.kind.name}.round"

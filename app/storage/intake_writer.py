"""The group-commit writer: many small pieces of work, one COMMIT.

One thread takes whatever work is waiting, runs each piece in a savepoint of its own within one transaction, commits,
and only then answers the waiters. Nothing is delayed to make a group larger: while one COMMIT waits for the disk, the
next group gathers by itself, so a lone piece of work costs one transaction and a crowd shares one. The alternative, one
transaction for each piece, was measured at a third of the rate for whole orders and at a twentieth for single rows.

Work that only puts rows (`batch`) needs no savepoint, nor the transaction itself until its group is complete: its rows
are written with those of its neighbours, table by table.

What waits is served by owner in turn (`fair_queue`), and when the queue is full it is the longest backlog that loses
its newest piece: one partner's flood costs another partner nothing but a round.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from app import metrics
from app.storage.batch import Batch
from app.storage.fair_queue import FairQueue
from app.storage.group_connection import Groups, groups_of

T = TypeVar("T")

LARGEST_GROUP: Final = 200
"""The sum of the weights in it."""
LONGEST_GROUP: Final = 0.025
"""Seconds after which a group is closed, so that the first waiter never pays for two hundred slow ones."""

AGAIN: Final = frozenset({"40001", "40P01"})
"""SQLSTATEs of a transaction that lost against another process and may simply be run again (PostgreSQL)."""

_AFTER_COMMIT: Final = "crossdock.after_commit"
_log = structlog.get_logger(__name__)


OURS: Final = ""
"""The owner of work that belongs to no partner."""


class Busy(Exception):
    """The writer's queue is full: the caller should be asked to come back later, nothing was written."""


class Ended(Busy):
    """The writer was stopped, as this process ends: coming back later helps nobody here."""


class Unwritten(Exception):
    """The group's transaction could not begin or commit (database gone, disk full). None of the work is in the
    database as far as is known here; the caller must not answer that it is."""


def after_commit(session: Session, act: Callable[[], None]) -> None:
    """Runs `act` in the writer's thread once this piece of work is durable; not at all when it is rolled back.
    For short acts that may be lost in a crash, such as telling another thread to look."""
    session.info.setdefault(_AFTER_COMMIT, []).append(act)


@dataclass(slots=True)
class _Piece:
    """`answer` is for a thread that waits, or for a task on its event loop. `batched` work takes a Batch as well; its
    `weight` says what it leaves for the end of the group, where a single row is 1.
    `context` is of whoever asked for the work: the log and what is kept of the request (`app.trace`) speak of that."""

    work: Callable[[Any], Any]
    answer: Future[Any] | asyncio.Future[Any]
    batched: bool = False
    weight: int = 1
    result: Any = None
    failure: BaseException | None = None
    acts: Sequence[Callable[[], None]] = ()
    context: Context = field(default_factory=copy_context)
    put_at: float = field(default_factory=time.monotonic)

    def settle(self) -> None:
        if self.answer.done():
            # A task that was cancelled while it waited; its work may be committed all the same.
            return
        if self.failure is not None:
            self.answer.set_exception(self.failure)
        else:
            self.answer.set_result(self.result)


class GroupCommitWriter:
    """Over an engine of `group_connection.group_engine`. Work is a function of a Session. It must not commit or roll
    back, must not wait for anything but the database, and must be fit to be run again from the start (a deadlock with
    another process repeats it)."""

    def __init__(self, engine: Engine, *, limit: int) -> None:
        self._engine = engine
        self._limit = limit
        self._waiting: FairQueue[_Piece] = FairQueue()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._group_began: float | None = None

    def start(self) -> None:
        self._stopping = False
        metrics.WRITER_DEPTH.set_function(lambda: self.depth)
        self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finishes what is waiting, then ends; later work is refused as Ended."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def depth(self) -> int:
        """How many pieces of work wait now."""
        return len(self._waiting)

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def busy(self) -> float:
        """For how many seconds the group that is being written has been under way; 0 when there is none."""
        began = self._group_began
        return time.monotonic() - began if began is not None else 0.0

    def write(self, work: Callable[[Any], T], *, patience: float = 30.0, batched: bool = False, weight: int = 1) -> T:
        """Runs `work` and returns what it returns once that is committed; raises what it raised. Waits up to
        `patience` seconds for room in the queue, then raises Busy. `batched` work takes a Batch as well, and what it
        leaves there is as much as `weight` single rows."""
        piece = _Piece(work, Future(), batched, weight)
        deadline = time.monotonic() + patience
        with self._changed:
            while len(self._waiting) >= self._limit and not self._stopping:
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._changed.wait(remaining):
                    raise Busy
            self._put(OURS, piece)
        result: T = piece.answer.result()
        return result

    async def awrite(self, work: Callable[[Session], T], *, owner: str = OURS, batched: bool = False) -> T:
        """The same from the event loop, at once Busy when the queue is full and `owner` has no less in it than anybody
        else. What is waiting may become Busy later, when others have less. `batched` work takes a Batch as well."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._changed:
            self._put(owner, _Piece(work, answer, batched))
        return await answer

    def _put(self, owner: str, piece: _Piece) -> None:
        if self._stopping or not self.alive:
            raise Ended
        if len(self._waiting) >= self._limit:
            beaten = self._waiting.make_room(owner)
            if beaten is None:
                raise Busy
            beaten.failure = Busy()
            _settle([beaten])
        self._waiting.put(owner, piece)
        self._changed.notify_all()

    def _take(self) -> _Piece | None:
        with self._changed:
            if not len(self._waiting):
                return None
            self._changed.notify_all()
            return self._waiting.take()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not len(self._waiting) and not self._stopping:
                    self._changed.wait()
                if not len(self._waiting):
                    return
            again, beaten = self._group(self._take, LARGEST_GROUP)
            while again:
                _, more = self._group(_taken_from(again), len(again), batching=False)
                beaten.extend(more)
            for piece in beaten:
                self._group(_taken_from(deque([piece])), 1, batching=False)

    def _group(
        self, take: Callable[[], _Piece | None], largest: int, *, batching: bool = True
    ) -> tuple[deque[_Piece], list[_Piece]]:
        """Runs pieces until none waits, commits and answers them. Returns those that are to be run again: in
        savepoints, since a key was taken that a batch counted on; and each alone, having lost against another
        process."""
        done: list[_Piece] = []
        beaten: list[_Piece] = []
        self._group_began = time.monotonic()
        group = _Group(batching)
        try:
            with self._engine.connect() as connection:
                try:
                    self._run_pieces(group, connection, take, largest, done, beaten)
                    if group.batch and not _written(group, connection):
                        group.begun(connection).undo_group()
                        return deque([*done, *beaten]), []
                    if group.groups is not None:
                        with metrics.WRITER_COMMIT.time():
                            group.groups.commit_group()
                except BaseException:
                    # Closing it rolls back whatever is left of the transaction.
                    connection.invalidate()
                    raise
        except Exception as error:  # noqa: BLE001 - whatever broke the transaction, every waiter must hear of it
            _log.warning("group.unwritten", pieces=len(done), error=str(error))
            self._refuse(done, error, begun=group.groups is not None)
        self._group_began = None
        metrics.WRITER_GROUP.observe(len(done))
        for piece in done:
            if piece.failure is None:
                for act in piece.acts:
                    piece.context.run(_run_after_commit, act)
        for act in group.acts:
            _run_after_commit(act)
        _settle(done)
        return deque(), beaten

    def _run_pieces(
        self,
        group: "_Group",
        connection: Connection,
        take: Callable[[], _Piece | None],
        largest: int,
        done: list[_Piece],
        beaten: list[_Piece],
    ) -> None:
        ends = time.monotonic() + LONGEST_GROUP
        session = Session(connection, expire_on_commit=False)
        weight = 0
        while weight < largest and (not done or time.monotonic() < ends):
            piece = take()
            if piece is None:
                return
            done.append(piece)
            weight += piece.weight if group.batching else 1
            metrics.WRITER_WAITED.observe(time.monotonic() - piece.put_at)
            if piece.batched and group.batching:
                piece.context.run(_leave_rows, group.batch, piece)
                continue
            groups = group.begun(connection)
            piece.context.run(_run_piece, session, piece)
            if piece.failure is not None:
                groups.check_group()
                if largest > 1 and _may_be_repeated(piece.failure):
                    piece.failure = None
                    beaten.append(done.pop())

    def _refuse(self, done: list[_Piece], error: Exception, *, begun: bool) -> None:
        """The transaction is lost, and with it all of its pieces. When it could not even begin, the database is gone:
        all who wait are told at once, since each would otherwise wait for a connection attempt of its own."""
        if not begun:
            while (waiting := self._take()) is not None:
                done.append(waiting)
        for piece in done:
            if piece.failure is None or piece is done[-1]:
                piece.failure = Unwritten(str(error))


class _Group:
    """One transaction, which begins when something is first to be written. `batching`: whether pieces may leave rows
    for the end of it."""

    __slots__ = ("acts", "batch", "batching", "groups")

    def __init__(self, batching: bool) -> None:
        self.batching = batching
        self.batch = Batch()
        self.acts: list[Callable[[], None]] = []
        self.groups: Groups | None = None

    def begun(self, connection: Connection) -> Groups:
        if self.groups is None:
            self.groups = _begun(connection)
        return self.groups


def _taken_from(pieces: deque[_Piece]) -> Callable[[], _Piece | None]:
    return lambda: pieces.popleft() if pieces else None


def _leave_rows(batch: Batch, piece: _Piece) -> None:
    """Runs one piece that only puts rows; they join the group's when it succeeds."""
    rows = Batch()
    try:
        piece.result = piece.work(rows)
    except BaseException as error:  # noqa: BLE001 - whatever the work raised belongs to its caller
        piece.failure = _for_the_waiter(error)
    else:
        batch.take_in(rows)


def _written(group: _Group, connection: Connection) -> bool:
    """Writes the group's batch. False when that failed in a way in which its pieces may do better one by one."""
    group.begun(connection)
    with Session(connection, expire_on_commit=False) as session:
        try:
            group.batch.write(session)
            session.commit()
            group.acts.extend(session.info.pop(_AFTER_COMMIT, ()))
        except Exception as error:  # noqa: BLE001 - run one by one, each piece hears of what is wrong with it
            _log.info("group.again", error=type(error).__name__)
            return False
    return True


def _begun(connection: Connection) -> Groups:
    """Begins the group; on a connection that died while it was idle, on a new one."""
    groups = groups_of(connection)
    try:
        groups.begin_group()
    except connection.dialect.loaded_dbapi.Error:
        connection.invalidate()
        groups = groups_of(connection)
        groups.begin_group()
    return groups


def _run_piece(session: Session, piece: _Piece) -> None:
    """Runs one piece in a session that is as new to it, and puts down what came of it."""
    piece.failure = None
    try:
        piece.result = piece.work(session)
        session.commit()
    except BaseException as error:  # noqa: BLE001 - whatever the work raised belongs to its caller
        piece.failure = _for_the_waiter(error)
        session.rollback()
    piece.acts = session.info.pop(_AFTER_COMMIT, ())
    session.expunge_all()


def _for_the_waiter(error: BaseException) -> BaseException:
    # A future takes no StopIteration, and its waiter would wait for ever.
    return RuntimeError("the work raised StopIteration") if isinstance(error, StopIteration) else error


def _settle(pieces: list[_Piece]) -> None:
    """Answers all waiters; each event loop is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Piece]] = {}
    for piece in pieces:
        if isinstance(piece.answer, asyncio.Future):
            by_loop.setdefault(piece.answer.get_loop(), []).append(piece)
        else:
            piece.settle()
    for loop, waiting in by_loop.items():
        # The loop may have ended with its tasks.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle_here, waiting)


def _settle_here(pieces: list[_Piece]) -> None:
    for piece in pieces:
        piece.settle()


def _may_be_repeated(failure: BaseException) -> bool:
    return isinstance(failure, DBAPIError) and getattr(failure.orig, "sqlstate", None) in AGAIN


def _run_after_commit(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception:  # noqa: BLE001 - the work is committed; its waiter is answered whatever the act does
        _log.exception("after_commit.failed")

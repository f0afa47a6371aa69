"""Work begins as soon as it is committed, in threads of the process that runs it.

The engine finds work by looking every so often: looking often costs an idle machine, looking seldom costs time. So an
item is offered here when it is committed, and the engine, which has it in its queue, gives it a head start. Whoever
takes it first runs it, and the other does not; what is not begun here (too much waits, the process dies) the engine
finds.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

import structlog

MOST_WAITING: Final = 5_000
"""Beyond it, items are left to the engine."""

GATHERING: Final = 0.25
"""Seconds in which ended items gather, so that the engine forgets them together."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """`kind` is the name of it, `argument` as it is kept."""

    work_id: str
    kind: str
    argument: dict[str, Any]


class PromptWork:
    """
    run      does the work of an item, and reports what goes wrong.
    forget   drops items from the engine's queue that are over.
    threads  items at once; a thread is made when it is needed.
    """

    def __init__(self, run: Callable[[Item], None], forget: Callable[[list[str]], None], threads: int) -> None:
        self._run = run
        self._forget = forget
        self._most_threads = threads
        lock = threading.Lock()
        self._to_do = threading.Condition(lock)
        self._done = threading.Condition(lock)
        self._waiting: dict[str, Item] = {}
        self._begun: dict[str, Future[None]] = {}
        self._over: list[str] = []
        self._threads = 0
        self._idle = 0
        self._open = False
        self._ended = False
        self._forgetting: threading.Thread | None = None

    def start(self) -> None:
        self._open, self._ended = True, False
        self._forgetting = threading.Thread(target=self._forget_ended, name="prompt-ended", daemon=True)
        self._forgetting.start()

    @property
    def open(self) -> bool:
        return self._open

    @property
    def begun(self) -> int:
        """How many have begun and are not yet forgotten."""
        return len(self._begun)

    def offer(self, item: Item) -> None:
        """Never waits: it is called by the thread that commits."""
        with self._to_do:
            if not self._open or len(self._waiting) >= MOST_WAITING:
                return
            self._waiting[item.work_id] = item
            if len(self._waiting) > self._idle and self._threads < self._most_threads:
                self._threads += 1
                threading.Thread(target=self._work, name=f"prompt-{self._threads}", daemon=True).start()
            else:
                self._to_do.notify()

    def taken(self, work_id: str) -> "Future[None] | None":
        """For the engine, which has come to this item and will write down its end: its run, when that was begun here.
        None: the engine is to run it, and here it is not begun any more."""
        with self._to_do:
            self._waiting.pop(work_id, None)
            return self._begun.pop(work_id, None)

    def stop(self, seconds: float) -> None:
        """Begins nothing more, and waits that long for what runs; the rest is the engine's."""
        until = time.monotonic() + seconds
        with self._to_do:
            self._open = False
            self._waiting.clear()
            self._to_do.notify_all()
            while self._threads and (left := until - time.monotonic()) > 0:
                self._done.wait(left)
            self._ended = True
            self._done.notify_all()
        if self._forgetting is not None:
            self._forgetting.join()
            self._forgetting = None

    def _work(self) -> None:
        while (begun := self._begin()) is not None:
            item, run = begun
            try:
                self._run(item)
            except BaseException as error:  # noqa: BLE001 - it was reported where it was raised
                run.set_exception(error)
            else:
                run.set_result(None)
            with self._to_do:
                # Not there any more: the engine has asked, and writes down the end.
                if item.work_id in self._begun:
                    self._over.append(item.work_id)
                    self._done.notify_all()

    def _begin(self) -> "tuple[Item, Future[None]] | None":
        with self._to_do:
            self._idle += 1
            while self._open and not self._waiting:
                self._to_do.wait()
            self._idle -= 1
            if not self._open:
                self._threads -= 1
                self._done.notify_all()
                return None
            item = self._waiting.pop(next(iter(self._waiting)))
            run = self._begun[item.work_id] = Future()
            return item, run

    def _forget_ended(self) -> None:
        while True:
            with self._done:
                while not self._over and not self._ended:
                    self._done.wait()
                ending = self._ended
            if not ending:
                time.sleep(GATHERING)
            with self._done:
                over, self._over = [work_id for work_id in self._over if work_id in self._begun], []
            if over:
                try:
                    self._forget(over)
                except Exception as error:  # noqa: BLE001 - the engine will look at them once more and find nothing to do
                    _log.warning("prompt_work.not_forgotten", items=len(over), error=type(error).__name__)
            with self._done:
                for work_id in over:
                    self._begun.pop(work_id, None)
            if ending:
                return

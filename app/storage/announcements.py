"""Words between processes on one PostgreSQL database, heard at once by those who listen and kept for nobody.

For what may be lost, since whoever listens also looks by itself: that there is work. SQLite has no such thing; there
one process does everything.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import psycopg
import structlog
from psycopg.conninfo import make_conninfo
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.storage.database import Database

LONGEST: Final = 4_000
"""Bytes of one announcement; PostgreSQL takes just under 8,000."""

MOST_WAITING: Final = 5_000
AGAIN: Final = 1.0
"""Seconds between two looks whether to end, and before a lost connection is tried again."""

_SAY: Final = text("SELECT pg_notify(:channel, said) FROM unnest(CAST(:said AS text[])) AS said")
_log = structlog.get_logger(__name__)


class Announcer:
    """Says what it is given in a thread of its own, many at a time; it begins with the first word."""

    def __init__(self, database: Database, channel: str) -> None:
        self._database = database
        self._channel = channel
        self._changed = threading.Condition()
        self._waiting: list[str] = []
        self._ended = False
        self._thread: threading.Thread | None = None

    def say(self, word: str) -> None:
        """Never waits; beyond MOST_WAITING words are dropped."""
        with self._changed:
            if self._ended or len(self._waiting) >= MOST_WAITING or len(word) > LONGEST:
                return
            self._waiting.append(word)
            if self._thread is None:
                self._thread = threading.Thread(target=self._speak, name="announcer", daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _speak(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._ended:
                    self._changed.wait()
                words, self._waiting = self._waiting, []
            if not words:
                return
            # Nobody is told while the database is gone, and nobody needs to be.
            with suppress(SQLAlchemyError), self._database.engine.begin() as connection:
                connection.execute(_SAY, {"channel": self._channel, "said": words})


def listen(database: Database, channel: str, hear: Callable[[str], None], ended: threading.Event) -> None:
    """Hands on what is said until `ended`, on a connection of its own that is made anew whenever it is lost."""
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    reachable = make_conninfo(url, **database.patience)
    while not ended.is_set():
        try:
            with psycopg.connect(reachable, autocommit=True) as connection:
                connection.execute(f'LISTEN "{channel}"')
                while not ended.is_set():
                    for said in connection.notifies(timeout=AGAIN):
                        hear(said.payload)
        except psycopg.Error as error:
            _log.warning("announcements.lost", error=type(error).__name__)
            ended.wait(AGAIN)

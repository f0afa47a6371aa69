"""PostgreSQL connections that do not wait for ever: a server that takes them and says nothing is as good as gone.

libpq bounds the making of a connection, and TCP notices a machine that has vanished. Neither notices a server that
stands still while its kernel goes on acknowledging, and `statement_timeout` is the server's own to keep.
"""

import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg import Notify
from psycopg.abc import RV, PQGen


class AnsweringConnection(psycopg.Connection[Any]):
    """`silence`: seconds after which a statement without an answer means that the connection is lost; None: never."""

    silence: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        if self.silence is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        until = time.monotonic() + self.silence
        try:
            return super().wait(gen, interval, self.silence)
        except psycopg.OperationalError as error:
            if time.monotonic() < until:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the server has not answered for {self.silence:g} s") from error

    def notifies(self, *, timeout: float | None = None, stop_after: int | None = None) -> Generator[Notify, None, None]:
        """While no statement is under way, a server that has nothing to say is not silent."""
        silence, self.silence = self.silence, None
        try:
            yield from super().notifies(timeout=timeout, stop_after=stop_after)
        finally:
            self.silence = silence

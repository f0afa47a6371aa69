"""The time, passed explicitly so that tests and long runs can set it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...

    def elapsed(self) -> float:
        """Seconds of a clock that never jumps; only the difference of two readings in one process means something."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.monotonic()


class SetClock:
    """A clock that stands still until it is moved. To jump is to be set wrong: no time goes by."""

    def __init__(self, at: datetime) -> None:
        self.at = at.astimezone(UTC)
        self._jumped = timedelta(0)

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by

    def elapsed(self) -> float:
        return (self.at - self._jumped).timestamp()

    def jump(self, by: timedelta) -> None:
        self.at += by
        self._jumped += by

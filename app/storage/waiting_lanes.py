"""Lanes that found no place at their ERP, as it takes only so many orders at the same time. Whoever gives a place back
calls the one that has waited longest.

In memory, as it is about this process's threads: what a process forgets when it ends the sweep finds by the rows. That
another process has given a place back is found by looking (`jobs.call_waiting`).
"""

import threading
from typing import Final, TypeAlias

from app.work import Lane

Erp: TypeAlias = tuple[str, str]
"""Realm and name."""

CALLED: Final = 2.0
"""Seconds for which a place is kept for a lane that was called; then it is called again."""


class WaitingLanes:
    """All times are seconds of `Clock.elapsed`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Erp, list[Lane]] = {}
        self._called: dict[Erp, dict[Lane, float]] = {}
        self._erps: dict[Lane, Erp] = {}

    def wait(self, erp: Erp, lane: Lane) -> None:
        """At the end; a lane that was called and found its place taken is the first again."""
        with self._lock:
            self._erps[lane] = erp
            waiting = self._waiting.setdefault(erp, [])
            if self._called.get(erp, {}).pop(lane, None) is not None:
                waiting.insert(0, lane)
            elif lane not in waiting:
                waiting.append(lane)

    def waits(self, lane: Lane) -> bool:
        return lane in self._erps

    def came(self, lane: Lane) -> None:
        """It has a place, or needs none any more."""
        with self._lock:
            erp = self._erps.pop(lane, None)
            if erp is None:
                return
            self._called.get(erp, {}).pop(lane, None)
            if lane in self._waiting.get(erp, ()):
                self._waiting[erp].remove(lane)

    def call(self, erp: Erp, free: int, now: float) -> list[Lane]:
        """Those whose turn it is when so many places are free, but for places that are kept for others."""
        with self._lock:
            waiting, called = self._waiting.get(erp, []), self._called.setdefault(erp, {})
            late = [lane for lane, until in called.items() if until <= now]
            for lane in late:
                del called[lane]
            waiting[:0] = late
            count = max(0, free - len(called))
            first, waiting[:count] = waiting[:count], []
            called.update(dict.fromkeys(first, now + CALLED))
            return first

    def kept(self, erp: Erp, lane: Lane, now: float) -> int:
        """How many places are kept for others than this lane."""
        with self._lock:
            called = self._called.get(erp, {})
            return 0 if lane in called else sum(until > now for until in called.values())

    def erps(self) -> list[Erp]:
        """Those at which lanes wait."""
        with self._lock:
            return list(dict.fromkeys(self._erps.values()))

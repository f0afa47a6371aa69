"""How often one sender may come, counted in this process's memory.

A token bucket each: the fixed windows of `limits` let twice the rate through at a window's edge, its moving windows
keep every hit, and its memory store starts a thread for its housekeeping.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_SENDERS: Final = 20_000
"""Buckets that are kept; the one that was quiet for longest is forgotten, and begins full when it comes again."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """`per_minute` on average, as much at once as a minute brings. For the event loop's thread alone."""

    def __init__(self, per_minute: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_second = per_minute / 60
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, sender: str, *, take: bool = True) -> int:
        """0 when the sender may come now, else the seconds after which it may. `take=False` only looks."""
        now = self._monotonic()
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = _Bucket(self._most, now)
            if len(self._buckets) > MOST_SENDERS:
                self._buckets.popitem(last=False)
        bucket.tokens = min(self._most, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets.move_to_end(sender)
        if bucket.tokens < 1:
            return int((1 - bucket.tokens) / self._per_second) + 1
        if take:
            bucket.tokens -= 1
        return 0

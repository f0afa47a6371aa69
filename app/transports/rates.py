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
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, sender: str, *, per_minute: int | None = None, take: bool = True) -> int:
        """0 when the sender may come now, else the seconds after which it may. `per_minute`: of this sender, where it
        is another than everybody's. `take=False` only looks."""
        now, most = self._monotonic(), float(per_minute or self._per_minute)
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = _Bucket(most, now)
            if len(self._buckets) > MOST_SENDERS:
                self._buckets.popitem(last=False)
        bucket.tokens = min(most, bucket.tokens + (now - bucket.at) * most / 60)
        bucket.at = now
        self._buckets.move_to_end(sender)
        if bucket.tokens < 1:
            return int((1 - bucket.tokens) * 60 / most) + 1
        if take:
            bucket.tokens -= 1
        return 0

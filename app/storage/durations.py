"""Durations as a distribution that can be added up: how many fell into which bucket.

A bucket is named by its lower end in milliseconds. Up to 8 ms each has its own; above, every doubling has four, so
that a bucket is at most a quarter as wide as its lower end, and a percentile that is read from them is at most that
far off.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, case, cast, func
from sqlmodel import Session

FINE: Final = 8
_ROUNDED: Final = ((1 << 6, 1), (1 << 10, 1 << 4), (1 << 14, 1 << 8), (1 << 18, 1 << 12), (1 << 22, 1 << 16))
"""Below the first number, to a multiple of the second: enough that few values are left, and no bucket is cut."""
_COARSEST: Final = 1 << 20


def rounded(session: Session, begin: Any, end: Any) -> ColumnElement[Any]:
    """The milliseconds between two columns, in SQL, rounded down so far that `bucket_of` is still right. Not the bucket
    itself: a case for each bucket costs more than what it saves."""
    taken = _milliseconds(session, begin, end)
    steps = [(taken < 1, 0), *((taken < below, taken - taken % width) for below, width in _ROUNDED)]
    return case(*steps, else_=taken - taken % _COARSEST)


def bucket_of(milliseconds: int) -> int:
    """The lower end of the bucket that it falls into."""
    return milliseconds - milliseconds % width_of(milliseconds)


def _milliseconds(session: Session, begin: Any, end: Any) -> ColumnElement[Any]:
    """Whole ones."""
    if session.get_bind().dialect.name == "sqlite":
        days = func.julianday(end) - func.julianday(begin)
        return cast(func.round(days * 86_400_000), BigInteger)
    return cast(func.round(func.extract("epoch", end - begin) * 1_000), BigInteger)


def width_of(lower: int) -> int:
    """Of the bucket with this lower end, or with this in it."""
    return 1 if lower < FINE else 1 << (lower.bit_length() - 3)


def percentile(buckets: Mapping[int, int], share: float) -> float | None:
    """Milliseconds that `share` (0 to 1) of what was counted did not exceed, as if each bucket were filled evenly; None
    of nothing."""
    total = sum(buckets.values())
    if total <= 0:
        return None
    wanted, seen = share * total, 0
    lower = 0
    for lower in sorted(buckets):
        number = buckets[lower]
        if number and seen + number >= wanted:
            return lower + width_of(lower) * max(0.0, wanted - seen) / number
        seen += number
    return float(lower)

"""When to try again. Pure: the caller brings the chance, so that a test can hold it.

Waits grow so that a short hiccup costs seconds and a long outage costs little traffic; the jitter keeps a thousand
waiting rows from coming back in the same second.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

ERP: Final = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1_800, 3_600))
"""After the first failed attempt, the second, ...; the last one repeats."""
BUYER: Final = tuple(timedelta(seconds=s) for s in (60, 600, 1_800, 3_600))
"""The same for documents to buyers: procurement networks expect about ten tries, hourly, over at least six hours."""
MAIL: Final = tuple(timedelta(seconds=s) for s in (30, 120, 600, 1_800, 3_600))
"""The same for mails."""
LOOK_UP: Final = tuple(timedelta(seconds=s) for s in (2, 5, 15, 60, 300, 900, 3_600))

GIVE_UP_BUYER: Final = 12
"""Attempts, which is nine hours."""
GIVE_UP_MAIL: Final = timedelta(days=2)
"""After the first attempt."""
LATE: Final = timedelta(minutes=15)
"""After this people are told."""
JITTER: Final = 0.2


def wait(plan: Sequence[timedelta], failures: int, chance: float, wish: timedelta | None = None) -> timedelta:
    """How long after the `failures`-th failure (from 1). `chance` lies between 0 and 1 and moves the wait by up to 20 %
    either way; the peer's own wish is met, by up to 20 % more and never less."""
    if wish is not None:
        return wish * (1 + JITTER * chance)
    planned = plan[min(max(failures, 1), len(plan)) - 1]
    return planned * (1 + JITTER * (2 * chance - 1))

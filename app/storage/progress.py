"""How long work tells how far it is."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Told how much is done, and of how much; both in the same unit, the total as it is known by then."""


def unwatched(_done: int, _total: int) -> None:
    """For work that nobody watches."""

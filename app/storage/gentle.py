"""Long work beside a running server, a transaction at a time.

SQLite has one writer in all processes, and who waits for it looks again at intervals: work that begins its next
transaction at once would keep the others out although it lets go each time. So it rests for as long as it wrote."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlmodel import Session

from app.storage.database import Database

T = TypeVar("T")

PATIENCE: Final = 600.0
"""Seconds that one piece waits for its turn."""
LONGEST_REST: Final = 1.0


def write_gently(database: Database, piece: Callable[[Session], T]) -> T:
    """One piece of long work: written, and then the pause that it owes the others."""
    began = time.monotonic()
    result = database.write(piece, patience=PATIENCE)
    if database.sqlite:
        time.sleep(min(LONGEST_REST, time.monotonic() - began))
    return result

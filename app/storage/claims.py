"""What a process knows of work in hand by its own steady clock, which no step of the wall clock moves.

Leases and settle times stand in rows as times of day. A clock that is set forward would let both run out at once while
a request is still at the ERP; so what the rows say is believed only when as much time has really gone by here.
"""

import math
import threading
from collections.abc import Collection
from datetime import datetime


class Claims:
    """All times are seconds of `Clock.elapsed`. Kept in memory: after a restart every wait begins anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, float] = {}
        self._seen: dict[tuple[str, str], float] = {}

    def hold(self, claim: str, until: float) -> None:
        """This process calls the ERP under the claim, until then at the longest."""
        with self._lock:
            self._held[claim] = until

    def drop(self, claim: str) -> None:
        with self._lock:
            self._held.pop(claim, None)

    def holds(self, claim: str, now: float) -> bool:
        with self._lock:
            return self._held.get(claim, now) > now

    def seen_for(self, subject_id: str, claim_or_since: str | datetime | None, now: float) -> float:
        """For how long this process has known of the claim on the subject, or of its uncertainty since then. The first
        time it asks, that is 0."""
        with self._lock:
            return now - self._seen.setdefault((subject_id, str(claim_or_since)), now)

    def settled(self, subject_id: str, since: datetime | None) -> None:
        """Its uncertainty since then is old enough, whenever this process is asked."""
        with self._lock:
            self._seen[subject_id, str(since)] = -math.inf

    def forget_others(self, subject_ids: Collection[str]) -> None:
        """Of what is not among these, nobody will ask again."""
        with self._lock:
            for subject_id, what in list(self._seen):
                if subject_id not in subject_ids:
                    del self._seen[subject_id, what]

"""What was raised as an alert in this process and is not yet on the books.

Alerts are raised anywhere, in the middle of transactions and while the database is gone, so they wait here until the
process writes its next sign of life. Bounded, and the same counts up instead of standing twice. A process that is
killed takes with it what it has not written down yet; its log has it.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

MOST: Final = 1_000
SUBJECTS: Final = ("erp", "partner", "worker", "person", "kind")
"""What an alert is about, by the first of these that its facts name: orders would be too many to tell apart."""
TOLD: Final = (
    "order",
    "erp",
    "partner",
    "person",
    "kind",
    "state",
    "lane",
    "delivery",
    "dispatch",
    "mail",
    "error",
    "since",
)
"""Facts that are kept: names, ids and states, never what somebody wrote."""
LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Alarm:
    """`facts` are those of the last time."""

    realm: str
    what: str
    subject: str
    facts: Mapping[str, str]
    count: int = 1

    @property
    def key(self) -> tuple[str, str, str]:
        return self.realm, self.what, self.subject


class Alarms:
    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str, str], Alarm] = {}
        self._lock = threading.Lock()

    def add(self, what: str, facts: Mapping[str, object]) -> None:
        told = {name: _shown(facts[name]) for name in TOLD if facts.get(name) is not None}
        subject = next((told[name] for name in SUBJECTS if name in told), "")
        self._put(Alarm(_shown(facts.get("realm") or "live"), what, subject, told))

    def take(self) -> list[Alarm]:
        with self._lock:
            taken, self._waiting = list(self._waiting.values()), {}
        return taken

    def give_back(self, alarms: Iterable[Alarm]) -> None:
        """They could not be written down."""
        for alarm in alarms:
            self._put(alarm)

    def _put(self, alarm: Alarm) -> None:
        with self._lock:
            known = self._waiting.get(alarm.key)
            if known is not None:
                self._waiting[alarm.key] = replace(alarm, count=known.count + alarm.count)
            elif len(self._waiting) < MOST:
                self._waiting[alarm.key] = alarm


def _shown(value: object) -> str:
    text = str(value)[:LONGEST]
    return "".join(character if character.isprintable() else " " for character in text)


ALARMS: Final = Alarms()

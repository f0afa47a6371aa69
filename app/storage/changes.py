"""Knowing without asking: what a process has read of the slow data (partners, catalog, rules) holds until it changes.

The database counts the changes of each subject (triggers, migration 0006), so one small query tells whether anything
that is remembered is old, whoever changed it and in whichever process. A change works with the first transaction that
begins after its COMMIT. The alternative, to forget after some seconds, lets a revoked secret in for as long."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import text
from sqlmodel import Session

K = TypeVar("K")
V = TypeVar("V")


class Subject(StrEnum):
    PARTNERS = "partners"
    CATALOG = "catalog"
    RULES = "rules"


WATCHED: Final[Mapping[Subject, tuple[str, ...]]] = {
    Subject.PARTNERS: (
        "cd_partners",
        "cd_partner_identities",
        "cd_partner_secrets",
        "cd_customers",
        "cd_customer_addresses",
    ),
    Subject.CATALOG: ("cd_price_lists", "cd_items", "cd_item_texts", "cd_prices"),
    Subject.RULES: ("cd_flows", "cd_flow_versions"),
}
"""The tables whose changes count."""

_COUNTS: Final = text("SELECT subject, number FROM changes_cd")
_SEEN: Final = "crossdock.changes"


def counts(session: Session) -> Mapping[str, int]:
    """How often each subject was changed, as of this session's first look: a session for reading sees one moment, or
    on PostgreSQL what was committed since, which is then read once more than needed."""
    seen: Mapping[str, int] | None = session.info.get(_SEEN)
    if seen is None:
        rows: Any = session.connection().execute(_COUNTS).all()
        seen = session.info[_SEEN] = dict(rows)
    return seen


class Memory(Generic[K, V]):
    """What was read about a subject, by key; of the keys that are over `most`, the longest unused are forgotten. That
    something is not there (None) is not kept: strangers ask for no end of things.

    For sessions of `Database.read` alone: one that writes sees changes of its own that may never be committed."""

    def __init__(self, subject: Subject, *, most: int) -> None:
        self._subject = subject
        self._most = most
        self._lock = threading.Lock()
        self._number = -1
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, session: Session, key: K, read: Callable[[], V]) -> V:
        """What is remembered under the key, else what `read` gives."""
        return self.get_all(session, (key,), lambda _: {key: read()})[key]

    def get_all(self, session: Session, keys: Iterable[K], read: Callable[[list[K]], Mapping[K, V]]) -> dict[K, V]:
        """The same for several; `read` is given those that are missing, and must give a value for each."""
        number = counts(session).get(self._subject, 0)
        found: dict[K, V] = {}
        missing: list[K] = []
        with self._lock:
            self._catch_up(number)
            for key in keys:
                if number == self._number and key in self._kept:
                    self._kept.move_to_end(key)
                    found[key] = self._kept[key]
                else:
                    missing.append(key)
        if missing:
            new = read(missing)
            found.update(new)
            with self._lock:
                # Another thread may have seen a later moment meanwhile; what was read here is not of that.
                if number == self._number:
                    self._kept.update((key, value) for key, value in new.items() if value is not None)
                    while len(self._kept) > self._most:
                        self._kept.popitem(last=False)
        return found

    def _catch_up(self, number: int) -> None:
        if number > self._number:
            self._number = number
            self._kept.clear()


@dataclass(frozen=True, slots=True)
class Memories:
    """What one process remembers. Keys begin with the name of the question; who asks knows the type of its answer."""

    partners: Memory[tuple[Any, ...], Any] = field(default_factory=lambda: Memory(Subject.PARTNERS, most=50_000))
    catalog: Memory[tuple[Any, ...], Any] = field(default_factory=lambda: Memory(Subject.CATALOG, most=50_000))
    rules: Memory[tuple[Any, ...], Any] = field(default_factory=lambda: Memory(Subject.RULES, most=5_000))

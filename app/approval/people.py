"""The people whom rules can ask, as far as rules need to know them. Storage fills a Directory; nothing here looks
anything up."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from app.approval.working_hours import WorkingHours
from schemas.base import Canonical
from schemas.money import Money

MOST_HOPS: Final = 3
"""How often a task may be passed on because the delegate is away too."""

MOST_LEVELS: Final = 10
"""How far a hierarchy is climbed."""


class Absence(Canonical, frozen=True, kw_only=True):
    """From `begins` until before `ends`, both local times of the person, without a zone. `delegate` is an id."""

    begins: datetime
    ends: datetime
    delegate: str | None = None

    def __post_init__(self) -> None:
        if self.begins.tzinfo or self.ends.tzinfo or self.begins >= self.ends:
            raise ValueError("an absence begins before it ends, in local time")


class Person(Canonical, frozen=True, kw_only=True):
    """
    limits   what they may approve, one amount a currency; without a row for a currency they have no authority in it.
    manager  an id.
    """

    id: str
    login: str
    name: str
    active: bool = True
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    manager: str | None = None
    limits: tuple[Money, ...] = ()
    absences: tuple[Absence, ...] = ()
    hours: WorkingHours = WorkingHours()
    language: str | None = None

    def covers(self, amount: Money | None) -> bool:
        """Whether a limit in the same currency is at least as high; an unknown amount is covered by nobody."""
        return amount is not None and any(
            limit.currency == amount.currency and limit.amount >= amount.amount for limit in self.limits
        )

    def absence_at(self, at: datetime) -> Absence | None:
        return next((a for a in self.absences if self.hours.instant(a.begins) <= at < self.hours.instant(a.ends)), None)


class Directory:
    """Everybody who may be asked about one customer's orders."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._people = {person.id: person for person in people}
        self._logins = {person.login.strip().casefold(): person for person in self._people.values()}

    def __iter__(self) -> Iterator[Person]:
        return iter(self._people.values())

    def by_id(self, person_id: str | None) -> Person | None:
        return self._people.get(person_id or "")

    def by_login(self, login: str) -> Person | None:
        return self._logins.get(login.strip().casefold())

    def in_group(self, group: str) -> tuple[Person, ...]:
        return tuple(person for person in self if group in person.groups)

    def with_role(self, role: str) -> tuple[Person, ...]:
        return tuple(person for person in self if role in person.roles)

"""People whom rules ask, for the tests of who is asked and when."""

from collections.abc import Iterator
from datetime import datetime
from itertools import count

from app.approval.people import Absence, Person
from app.approval.working_hours import WorkingHours
from schemas.money import Money


def person(name: str, *limits: Money, **more: object) -> Person:
    """`id`, login and name are alike."""
    return Person(id=name, login=name, name=name, limits=limits, **more)  # type: ignore[arg-type]


def away(begins: str, ends: str, delegate: str | None = None) -> tuple[Absence, ...]:
    return (Absence(begins=datetime.fromisoformat(begins), ends=datetime.fromisoformat(ends), delegate=delegate),)


def in_zone(zone: str) -> WorkingHours:
    return WorkingHours(zone=zone)


def ids() -> Iterator[str]:
    return (f"t{number}" for number in count(1))

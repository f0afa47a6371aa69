"""What a query of the API may say: one table that reads it and from which the document tells of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from starlette.datastructures import QueryParams

from schemas.faults import Fault

LARGEST_PAGE: Final = 200
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    schema  JSON Schema of the text; `what` says the same in a fault.
    read    raises ValueError for a text that it does not take.
    """

    name: str
    means: str
    what: str
    schema: dict[str, Any]
    read: Callable[[str], Any] = str


def choice(name: str, kind: type[StrEnum], means: str) -> Parameter:
    values = [str(one) for one in kind]
    return Parameter(name, means, f"one of {', '.join(values)}", {"type": "string", "enum": values}, kind)


def day(name: str, means: str) -> Parameter:
    return Parameter(name, means, "a day, YYYY-MM-DD", {"type": "string", "format": "date"}, _day)


def _day(text: str) -> date:
    if len(text) != 10:
        raise ValueError
    return date.fromisoformat(text)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= LARGEST_PAGE):
        raise ValueError
    return int(text)


def _id(text: str) -> str:
    if len(text) != 36 or set(text) - set("0123456789abcdef-"):
        raise ValueError
    return text


CUSTOMER: Final = Parameter("customer", "The number of a customer.", "a customer's number", {"type": "string"})
LIMIT: Final = Parameter(
    "limit",
    f"How many a page holds at most; {PAGE} unless it is said.",
    f"a number from 1 to {LARGEST_PAGE}",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE},
    _limit,
)
CURSOR: Final = Parameter(
    "cursor",
    "The `next` of the page before.",
    "the `next` of the page before",
    {"type": "string", "pattern": "^[0-9a-f-]{36}$"},
    _id,
)


def asked(query: QueryParams, known: Sequence[Parameter], faults: list[Fault]) -> dict[str, Any]:
    """What is said, by name; everything that is wrong with it goes to `faults`."""
    by_name = {one.name: one for one in known}
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for name, _ in query.multi_items()):
        parameter = by_name.get(name)
        if parameter is None:
            only = f", only {', '.join(by_name)}" if by_name else ""
            faults.append(Fault(code="query.unknown", at=name[:100], message=f"there is no such parameter{only}"))
            continue
        if len(query.getlist(name)) > 1:
            faults.append(Fault(code="query.repeated", at=name, message="may be given once"))
            continue
        text = query.get(name, "")
        try:
            found[name] = parameter.read(text)
        except ValueError:
            message = f"must be {parameter.what}"
            faults.append(Fault(code="query.unreadable", at=name, message=message, found=text[:100]))
    return found

"""What distinguishes two definitions, place by place: what an import would change is listed before it is taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

CONDITIONS: Final = ("match", "when", "condition")
"""These are compared as a whole: their sentences say what is new."""


@dataclass(frozen=True, slots=True)
class Difference:
    """None on one side: it is not there."""

    at: str
    before: Any
    after: Any


def differences(before: Any, after: Any, at: str = "") -> Iterator[Difference]:
    """Rules and steps are known by their keys, whatever their place; another order of them is a difference too."""
    if before == after:
        return
    if at.rpartition(".")[2] not in CONDITIONS:
        if isinstance(before, dict) and isinstance(after, dict):
            for name in (*before, *(name for name in after if name not in before)):
                yield from differences(before.get(name), after.get(name), f"{at}.{name}" if at else name)
            return
        if isinstance(before, list) and isinstance(after, list):
            yield from _of_lists(before, after, at)
            return
    yield Difference(at, before, after)


def _of_lists(before: list[Any], after: list[Any], at: str) -> Iterator[Difference]:
    was, is_ = ({_name(part, place): part for place, part in enumerate(side)} for side in (before, after))
    for name in (*was, *(name for name in is_ if name not in was)):
        yield from differences(was.get(name), is_.get(name), f"{at}[{name}]")
    if list(was) != list(is_) and set(was) == set(is_):
        yield Difference(at, list(was), list(is_))


def _name(part: Any, place: int) -> str:
    return str(part["key"]) if isinstance(part, dict) and "key" in part else str(place)

"""Conditions that cannot change their mind: such as no order can fulfil, and such as every order does.

Only what is plain is found: comparisons of one field with constants, side by side. What is found is certain."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from app.approval.conditions import AllOf, AnyLine, AnyOf, Condition, EveryLine, Leaf, Not
from app.approval.operators import Operator, folded
from schemas.money import Money


def never(condition: Condition) -> bool:
    """Whether it is plain that no order fulfils it; False when it is not plain."""
    match condition:
        case AllOf(of=of):
            return any(map(never, of)) or _conflict([part for part in of if isinstance(part, Leaf)])
        case AnyOf(of=of):
            return all(map(never, of))
        case Not(of=inner):
            return always(inner)
        case AnyLine(of=inner) | EveryLine(of=inner):
            return never(inner)
        case _:
            return False


def always(condition: Condition) -> bool:
    """Whether it is plain that every order fulfils it that says what it asks about."""
    match condition:
        case AllOf(of=of):
            return all(map(always, of))
        case AnyOf(of=of):
            leaves = [part for part in of if isinstance(part, Leaf)]
            opposite = [Leaf(leaf.field, _OPPOSITE[leaf.operator], leaf.wanted) for leaf in leaves if _can_turn(leaf)]
            return any(map(always, of)) or _conflict(opposite)
        case Not(of=inner):
            return never(inner)
        case AnyLine(of=inner) | EveryLine(of=inner):
            return always(inner)
        case _:
            return False


_OPPOSITE: Final = {
    Operator.ABOVE: Operator.AT_MOST,
    Operator.AT_MOST: Operator.ABOVE,
    Operator.BELOW: Operator.AT_LEAST,
    Operator.AT_LEAST: Operator.BELOW,
    Operator.EQUAL: Operator.UNEQUAL,
    Operator.UNEQUAL: Operator.EQUAL,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
    Operator.IS_TRUE: Operator.IS_FALSE,
    Operator.IS_FALSE: Operator.IS_TRUE,
}


def _can_turn(leaf: Leaf) -> bool:
    return leaf.operator in _OPPOSITE and leaf.other is None


@dataclass
class _Room:
    """What values one field may still have."""

    low: Any = None
    low_open: bool = False
    high: Any = None
    high_open: bool = False
    only: frozenset[Any] | None = None
    never: frozenset[Any] = frozenset()

    def from_(self, value: Any, *, open_: bool) -> None:
        if self.low is None or value > self.low or (value == self.low and open_):
            self.low, self.low_open = value, open_

    def to(self, value: Any, *, open_: bool) -> None:
        if self.high is None or value < self.high or (value == self.high and open_):
            self.high, self.high_open = value, open_

    def one_of(self, values: frozenset[Any]) -> None:
        self.only = values if self.only is None else self.only & values

    @property
    def empty(self) -> bool:
        if self.only is None:
            return self.low is not None and not self._fits(self.low, touches=True)
        return not any(self._fits(value) for value in self.only - self.never)

    def _fits(self, value: Any, *, touches: bool = False) -> bool:
        """`touches`: of the lower end itself, which an open end lets a value come as near as it likes."""
        if self.low is not None and (value < self.low or (value == self.low and self.low_open and not touches)):
            return False
        if self.high is None or value < self.high:
            return True
        return value == self.high and not self.high_open and not (touches and self.low_open)


def _conflict(leaves: Iterable[Leaf]) -> bool:
    rooms: dict[tuple[str, str | None], _Room] = {}
    for leaf in leaves:
        if leaf.other is not None:
            continue
        values = leaf.wanted if isinstance(leaf.wanted, tuple) else () if leaf.wanted is None else (leaf.wanted,)
        currency = next((value.currency for value in values if isinstance(value, Money)), None)
        room = rooms.setdefault((leaf.field.key, currency), _Room())
        _narrow(room, leaf.operator, [_plain(value) for value in values])
    return any(room.empty for room in rooms.values())


def _plain(value: Any) -> Any:
    return value.amount if isinstance(value, Money) else folded(value) if isinstance(value, str) else value


def _narrow(room: _Room, operator: Operator, values: list[Any]) -> None:
    match operator:
        case Operator.ABOVE | Operator.AT_LEAST:
            room.from_(values[0], open_=operator is Operator.ABOVE)
        case Operator.BELOW | Operator.AT_MOST:
            room.to(values[0], open_=operator is Operator.BELOW)
        case Operator.BETWEEN:
            room.from_(values[0], open_=False)
            room.to(values[1], open_=False)
        case Operator.EQUAL | Operator.IN:
            room.one_of(frozenset(values))
        case Operator.UNEQUAL | Operator.NOT_IN:
            room.never |= frozenset(values)
        case Operator.IS_TRUE | Operator.IS_FALSE:
            room.one_of(frozenset({operator is Operator.IS_TRUE}))
        case _:
            pass

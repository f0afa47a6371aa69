"""Bars over time, one number each or several on top of one another, and bars that lie, one below the other."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from app.web.charts.frame import WIDTH, Plane, Times, plane
from app.web.charts.scale import GLYPH, Tick, Words, fitted, steps

GAP: Final = 0.22
"""The share of a place that stays free between two bars."""
COLOURS: Final = 8
PATTERNS: Final = 5
"""How many of each the style sheet knows; the first pattern is none."""


@dataclass(frozen=True, slots=True)
class Series:
    """One row of numbers with a name. `colour` and `pattern` tell it apart, each for itself."""

    label: str
    values: Sequence[float]
    colour: int = 0
    pattern: int = 0

    @property
    def total(self) -> float:
        return sum(sound(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Bar:
    """`says` is what a reader hears or sees of it alone."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    pattern: int
    says: str


@dataclass(frozen=True, slots=True)
class BarChart:
    plane: Plane
    bars: tuple[Bar, ...]
    series: tuple[Series, ...]

    @property
    def empty(self) -> bool:
        return not self.bars


def sound(value: float) -> float:
    """As it can be drawn: what is not a number, or below 0, is 0."""
    return value if math.isfinite(value) and value > 0 else 0.0


def stacked(times: Times, series: Sequence[Series], words: Words, *, whole: bool = True) -> BarChart:
    """One bar for each place, the first series at the bottom. Every series has a number for each place; those without
    any are left out of the key. A plain bar chart is one series."""
    shown = tuple(one for one in series if one.total > 0)
    sums = [sum(sound(one.values[place]) for one in shown) for place in range(len(times.labels))]
    drawn = plane(times, steps(max(sums, default=0.0), whole=whole), words)
    bars = []
    for place, label in enumerate(times.labels):
        below = 0.0
        for one in shown:
            value = sound(one.values[place])
            if not value:
                continue
            low, high = drawn.level(below), drawn.level(below + value)
            below += value
            x = drawn.left + drawn.slot * (place + GAP / 2)
            says = f"{label} · {one.label}: {words(value)}"
            bars.append(Bar(x, high, drawn.slot * (1 - GAP), low - high, one.colour, one.pattern, says))
    return BarChart(drawn, tuple(bars), shown)


@dataclass(frozen=True, slots=True)
class Lying:
    """A bar with its name above it, and its number behind the name."""

    bar: Bar
    name: Tick
    number: str
    whole_name: str


@dataclass(frozen=True, slots=True)
class LyingChart:
    width: float
    height: float
    rows: tuple[Lying, ...]

    @property
    def empty(self) -> bool:
        return not self.rows


ROW: Final = 34.0
THICK: Final = 11.0


def lying(
    items: Sequence[tuple[str, float]],
    words: Words,
    *,
    colour: int = 0,
    pattern: Callable[[int], int] = lambda _: 0,
    width: float = WIDTH,
) -> LyingChart:
    """One bar below the other, in the order given; the longest fills the width. `pattern` says which one the n-th bar
    has. A name is cut to the room that its number leaves."""
    longest = max((sound(value) for _, value in items), default=0.0) or 1.0
    rows = []
    for place, (name, value) in enumerate(items):
        number, top = words(value), place * ROW
        room = int((width - (len(number) + 2) * GLYPH) / GLYPH)
        says = f"{name}: {number}"
        bar = Bar(0.0, top + 18, width * min(1.0, sound(value) / longest), THICK, colour, pattern(place), says)
        rows.append(Lying(bar, Tick(top + 13, fitted(name, room)), number, name))
    return LyingChart(width, max(ROW, len(items) * ROW), tuple(rows))

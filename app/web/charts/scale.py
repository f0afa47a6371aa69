"""Axes with round numbers, and the texts beside them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

GLYPH: Final = 6.6
"""How wide a character of a label is taken to be, in units of the drawing."""
LARGEST: Final = 1e300
SMALLEST: Final = 1e-300

Words = Callable[[float], str]
"""A number as a reader of some language writes it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """`at` is where it stands, from the top or from the left."""

    at: float
    label: str


def steps(
    top: float, *, most: int = 4, whole: bool = False, ladder: Sequence[float] | None = None
) -> tuple[float, ...]:
    """Round numbers from 0 to the first that is not below `top`, in steps of 1, 2 or 5 times a power of ten, at most
    `most` of them where that is possible. What is not a number, or not above 0, counts as 1.

    whole   no fractions.
    ladder  rising steps to choose from instead, as long as one of them is large enough (durations)."""
    top = min(top, LARGEST) if top > 0 else 1.0
    raw = max(top / most, SMALLEST)
    step = next((step for step in ladder or () if step * most >= top), None)
    if step is None:
        power = 10.0 ** math.floor(math.log10(raw))
        step = next((factor * power for factor in (1, 2, 5) if factor * power >= raw), 10 * power)
        step = max(step, 1.0) if whole else step
    count = max(1, math.ceil(top / step * (1 - 1e-9)))
    return tuple(step * number for number in range(count + 1))


def fitted(text: str, characters: int) -> str:
    """The text on one line without what cannot be printed (marks that turn the direction among it), cut to so many
    characters."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= characters else plain[: max(1, characters - 1)].rstrip() + "…"


def every(labels: Sequence[str], room: float) -> int:
    """Each how many-th label is written so that they do not run into one another over `room` units."""
    if not labels:
        return 1
    widest = (max(len(label) for label in labels) + 2) * GLYPH
    return max(1, math.ceil(len(labels) * widest / max(room, 1.0)))


def margin(labels: Sequence[str]) -> float:
    """Room for these beside an axis."""
    return min(110.0, max((len(label) for label in labels), default=1) * GLYPH + 10)

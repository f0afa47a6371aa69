"""The plane that a chart over time is drawn on: a viewBox, an axis with numbers, and a place for each moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.web.charts.scale import Tick, Words, every, margin

WIDTH: Final = 560.0
HEIGHT: Final = 230.0
TOP: Final = 10.0
BELOW: Final = 26.0
RIGHT: Final = 8.0


@dataclass(frozen=True, slots=True)
class Plane:
    """
    left, right, top, bottom  of the area of the numbers, in units of the viewBox.
    peak                      the number at `top`; 0 stands at `bottom`.
    """

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    peak: float
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    slot: float

    def level(self, value: float) -> float:
        """Where a number stands, from the top."""
        share = min(1.0, max(0.0, value / self.peak))
        return self.bottom - share * (self.bottom - self.top)

    def middle(self, place: int) -> float:
        """The middle of a place, from the left."""
        return self.left + self.slot * (place + 0.5)


@dataclass(frozen=True, slots=True)
class Times:
    """The places of a chart, in their order.

    labels  what each is called.
    axis    what is written below it, nothing ("") where it goes without."""

    labels: Sequence[str]
    axis: Sequence[str]

    @staticmethod
    def plain(labels: Sequence[str]) -> "Times":
        return Times(labels, labels)


def plane(times: Times, levels: Sequence[float], words: Words) -> Plane:
    """For the given levels, 0 first; as many are written below as have room."""
    texts = [words(level) for level in levels]
    left, right, bottom = margin(texts), WIDTH - RIGHT, HEIGHT - BELOW
    peak = levels[-1]
    slot = (right - left) / max(1, len(times.labels))
    rows = tuple(Tick(bottom - level / peak * (bottom - TOP), text) for level, text in zip(levels, texts, strict=True))
    written = [(place, text) for place, text in enumerate(times.axis) if text]
    thin = every([text for _, text in written], right - left)
    columns = tuple(Tick(left + slot * (place + 0.5), text) for place, text in written[::thin])
    return Plane(WIDTH, HEIGHT, left, right, TOP, bottom, peak, rows, columns, slot)

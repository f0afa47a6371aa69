"""Lines over time, with gaps where nothing was counted, and the small line that stands in a table."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from app.web.charts.frame import Plane, Times, plane
from app.web.charts.scale import Words, steps

SHAPES: Final = 4
"""Kinds of points: circle, square, triangle, diamond."""
SPARK_WIDTH: Final = 96.0
SPARK_HEIGHT: Final = 22.0
INSET: Final = 2.0


@dataclass(frozen=True, slots=True)
class Line:
    """None: nothing was counted there."""

    label: str
    values: Sequence[float | None]
    colour: int = 0
    shape: int = 0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    says: str


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """`paths` are the unbroken pieces, each as the `points` of a polyline; a point without neighbours has none."""

    line: Line
    paths: tuple[str, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class LineChart:
    plane: Plane
    lines: tuple[DrawnLine, ...]

    @property
    def empty(self) -> bool:
        return not self.lines


def lines(times: Times, of: Sequence[Line], words: Words, *, ladder: Sequence[float] | None = None) -> LineChart:
    """Every line has a value for each place; those without any are left out. `ladder`: as `scale.steps` has it."""
    shown = [one for one in of if any(_known(value) for value in one.values)]
    top = max((value for one in shown for value in one.values if value is not None and _known(value)), default=0.0)
    drawn = plane(times, steps(top, ladder=ladder), words)
    return LineChart(drawn, tuple(_drawn(drawn, times.labels, one, words) for one in shown))


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _drawn(on: Plane, labels: Sequence[str], line: Line, words: Words) -> DrawnLine:
    pieces: list[list[Point]] = [[]]
    for place, value in enumerate(line.values):
        if value is None or not math.isfinite(value):
            pieces.append([])
            continue
        says = f"{labels[place]} · {line.label}: {words(value)}"
        pieces[-1].append(Point(on.middle(place), on.level(value), says))
    paths = tuple(_path(piece) for piece in pieces if len(piece) > 1)
    return DrawnLine(line, paths, tuple(point for piece in pieces for point in piece))


def _path(points: Iterable[Point]) -> str:
    return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in points)


@dataclass(frozen=True, slots=True)
class Spark:
    """`end` is the last point."""

    width: float
    height: float
    path: str
    end: Point


def spark(values: Sequence[float]) -> Spark | None:
    """A line without axes, from 0 to the highest value; None of nothing."""
    if not values:
        return None
    peak = max((value for value in values if math.isfinite(value)), default=0.0) or 1.0
    room = (SPARK_WIDTH - 2 * INSET) / max(1, len(values) - 1)
    points = []
    for place, value in enumerate(values):
        share = min(1.0, max(0.0, value / peak)) if math.isfinite(value) and peak > 0 else 0.0
        x = INSET + room * place if len(values) > 1 else SPARK_WIDTH / 2
        points.append(Point(x, SPARK_HEIGHT - INSET - share * (SPARK_HEIGHT - 2 * INSET), ""))
    return Spark(SPARK_WIDTH, SPARK_HEIGHT, _path(points), points[-1])

"""Every chart of any numbers lies inside its viewBox, and what it shows adds up."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.charts.bars import COLOURS, Series, lying, stacked
from app.web.charts.frame import Plane, Times
from app.web.charts.lines import Line, lines, spark
from app.web.charts.scale import every, fitted, steps

ANYTHING = st.floats(allow_nan=True, allow_infinity=True)
COUNTS = st.integers(0, 10**18).map(float)
LABELS = st.text(max_size=30)
NEAR = 1e-6


def words(value: float) -> str:
    return f"{value:g}"


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[float]) -> tuple[Times, list[Series]]:
    labels = draw(st.lists(LABELS, max_size=40))
    row = st.lists(values, min_size=len(labels), max_size=len(labels))
    names = draw(st.lists(LABELS, max_size=6))
    return Times.plain(labels), [Series(name, draw(row), i % COLOURS) for i, name in enumerate(names)]


def inside(plane: Plane, x: float, y: float) -> bool:
    return (
        plane.left - NEAR <= x <= plane.right + NEAR
        and plane.top - NEAR <= y <= plane.bottom + NEAR
        and plane.right <= plane.width
        and plane.bottom <= plane.height
    )


@given(tables(ANYTHING))
def test_bars_of_whatever_numbers_stand_inside_the_plane(table: tuple[Times, list[Series]]) -> None:
    chart = stacked(*table, words)
    for bar in chart.bars:
        assert all(math.isfinite(value) for value in (bar.x, bar.y, bar.width, bar.height))
        assert bar.height >= 0
        assert bar.width >= 0
        assert inside(chart.plane, bar.x, bar.y)
        assert inside(chart.plane, bar.x + bar.width, bar.y + bar.height)
    for tick in (*chart.plane.rows, *chart.plane.columns):
        assert math.isfinite(tick.at)


@given(tables(COUNTS))
def test_stacked_heights_add_up_to_the_sum(table: tuple[Times, list[Series]]) -> None:
    times, series = table
    chart = stacked(times, series, words)
    plane = chart.plane
    scale = (plane.bottom - plane.top) / plane.peak
    drawn = sum(bar.height for bar in chart.bars)
    assert drawn == pytest.approx(sum(one.total for one in series) * scale, rel=1e-6, abs=1e-6)
    for place in range(len(times.labels)):
        assert sum(one.values[place] for one in series) <= plane.peak * (1 + 1e-9)


@given(tables(ANYTHING))
def test_lines_of_whatever_numbers_stay_inside_and_break_at_gaps(table: tuple[Times, list[Series]]) -> None:
    times, series = table
    gapped = [
        Line(one.label, [None if value != value or value < 0 else value for value in one.values]) for one in series
    ]
    chart = lines(times, gapped, words)
    for drawn in chart.lines:
        assert all(inside(chart.plane, point.x, point.y) for point in drawn.points)
        assert len(drawn.points) == sum(value is not None and math.isfinite(value) for value in drawn.line.values)
        assert "nan" not in "".join(drawn.paths)


@given(st.lists(st.tuples(LABELS, ANYTHING), max_size=15))
def test_lying_bars_stay_inside_and_keep_their_order(items: list[tuple[str, float]]) -> None:
    chart = lying(items, words)
    assert [row.whole_name for row in chart.rows] == [name for name, _ in items]
    for row in chart.rows:
        assert 0 <= row.bar.width <= chart.width
        assert row.bar.y + row.bar.height <= chart.height


@given(st.lists(ANYTHING, max_size=40))
def test_a_spark_stays_inside(values: list[float]) -> None:
    drawn = spark(values)
    if drawn is None:
        assert values == []
        return
    for pair in drawn.path.split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= drawn.width
        assert 0 <= y <= drawn.height


@given(ANYTHING, st.booleans())
def test_an_axis_has_few_round_rising_steps_and_reaches_the_top(top: float, whole: bool) -> None:
    levels = steps(top, whole=whole)
    assert levels[0] == 0
    assert 2 <= len(levels) <= 6
    assert all(math.isfinite(level) for level in levels)
    assert list(levels) == sorted(set(levels))
    if 0 < top <= 1e300:
        assert levels[-1] >= top * (1 - 1e-6)
    if whole:
        assert all(level == int(level) for level in levels)


@pytest.mark.parametrize(
    ("top", "levels"),
    [(0, (0, 1)), (1, (0, 1)), (3, (0, 1, 2, 3)), (7, (0, 2, 4, 6, 8)), (4_100, (0, 2_000, 4_000, 6_000))],
)
def test_steps_are_what_a_person_would_choose(top: float, levels: tuple[float, ...]) -> None:
    assert steps(top, whole=True) == levels


def test_durations_have_steps_of_their_own() -> None:
    assert steps(50_000, ladder=(1_000, 15_000, 60_000)) == (0, 15_000, 30_000, 45_000, 60_000)


def test_one_moment_is_a_bar_and_a_point() -> None:
    times = Times.plain(["now"])
    assert len(stacked(times, [Series("a", [5])], words).bars) == 1
    drawn = lines(times, [Line("a", [5.0])], words).lines[0]
    assert (len(drawn.points), drawn.paths) == (1, ())


def test_nothing_is_an_empty_chart() -> None:
    assert stacked(Times.plain(["a", "b"]), [Series("x", [0, 0])], words).empty
    assert lines(Times.plain(["a"]), [Line("x", [None])], words).empty
    assert lying([], words).empty


def test_labels_that_would_collide_are_thinned() -> None:
    chart = stacked(Times.plain([f"{hour}:00 o'clock" for hour in range(24)]), [Series("a", [1] * 24)], words)
    assert 1 < len(chart.plane.columns) < 24
    assert every([], 100) == 1


def test_a_label_is_cut_and_cannot_turn_the_direction() -> None:
    assert fitted("a very long name", 8) == "a very…"
    assert fitted("abc\u202edef\n\tghi", 50) == "abc def ghi"
    assert fitted("short", 5) == "short"

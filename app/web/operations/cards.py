"""Figures as charts with their tables, in the reader's words."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.flows.attention import OpenLane
from app.flows.figures import Figures
from app.formats import Formats
from app.storage.durations import percentile
from app.storage.hourly import begin_of
from app.storage.measures import Measure
from app.web.charts.bars import COLOURS, PATTERNS, BarChart, LyingChart, Series, lying, stacked
from app.web.charts.frame import Times
from app.web.charts.lines import SHAPES, Line, LineChart, lines
from app.web.language import msgid
from app.web.operations.period import Span
from app.web.operations.tables import Cell, Column, Kind, Table
from app.web.operations.words import AGES, DELIVERED, OUTCOMES, PROTOCOLS

MOST_FAULTS: Final = 10
SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
LADDER: Final = tuple(
    unit * step
    for unit, steps in (
        (1, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (SECOND, (1, 2, 5, 10, 15, 30)),
        (MINUTE, (1, 2, 5, 10, 15, 30)),
        (HOUR, (1, 2, 4, 8, 12)),
        (24 * HOUR, (1, 2, 5, 10, 20, 50)),
    )
    for step in steps
)
"""Steps of an axis of durations, in milliseconds."""

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Card:
    """
    kind    which macro draws it: `stacked`, `lines`, `lying`.
    title   its heading; `says` what a reader who cannot see it hears of it.
    """

    id: str
    kind: str
    title: str
    says: str
    chart: BarChart | LineChart | LyingChart
    table: Table


@dataclass(frozen=True, slots=True)
class Drawer:
    """Draws the figures of one span for one reader."""

    figures: Figures
    span: Span
    times: Times
    formats: Formats
    translate: Translate

    def cards(self, lanes: Sequence[OpenLane], names: Mapping[str, str], now: datetime) -> list[Card]:
        """`names` are those of customers, by id."""
        return [
            self.documents(),
            self.deliveries(),
            self.answered(),
            self.delivered(),
            self.erp_time(),
            self.lanes(lanes, names, now),
            self.faults(),
        ]

    def documents(self) -> Card:
        rows: dict[tuple[str, str], list[int]] = defaultdict(self._zeros)
        for hour, protocol, state, number in self.figures.cells[Measure.DOCUMENTS]:
            rows[protocol, state][self.span.step_of(hour)] += number
        protocols = _most(rows)
        series = [
            self._series(PROTOCOLS.get(protocol, protocol), OUTCOMES, state, rows[protocol, state], pattern)
            for pattern, protocol in enumerate(protocols)
            for state in (*OUTCOMES, *_unknown(rows, protocol, OUTCOMES))
            if (protocol, state) in rows
        ]
        return self._stacked("documents", self.translate(msgid("Documents received")), series)

    def deliveries(self) -> Card:
        rows: dict[tuple[str, str], list[int]] = defaultdict(self._zeros)
        for hour, _, outcome, number in self.figures.cells[Measure.DELIVERIES]:
            rows["", outcome][self.span.step_of(hour)] += number
        series = [
            self._series("", DELIVERED, outcome, rows["", outcome], 0)
            for outcome in (*DELIVERED, *_unknown(rows, "", DELIVERED))
            if ("", outcome) in rows
        ]
        return self._stacked("deliveries", self.translate(msgid("Deliveries to ERPs, by outcome")), series)

    def answered(self) -> Card:
        found = self._durations(Measure.ANSWERED)
        title = self.translate(msgid("Time from a document's arrival to its answer"))
        return self._lines("answered", title, self._shares(list(found.values()), colour=0))

    def delivered(self) -> Card:
        found = self._durations(Measure.DELIVERED)
        title = self.translate(msgid("Time from an order's approval until the ERP has it"))
        return self._lines("delivered", title, self._shares(list(found.values()), colour=6))

    def _shares(self, parts: Sequence[Mapping[int, Mapping[int, int]]], *, colour: int) -> list[Line]:
        merged = _merged(parts)
        words = ((0.5, msgid("half are faster (p50)")), (0.95, msgid("95 of 100 are faster (p95)")))
        return [
            Line(
                self.translate(word),
                [percentile(merged[step], share) if step in merged else None for step in self._steps],
                colour=colour,
                shape=shape,
                dashed=share == 0.5,
            )
            for shape, (share, word) in enumerate(words)
        ]

    def erp_time(self) -> Card:
        found = self._durations(Measure.ERP_TIME)
        sizes = {erp: sum(sum(step.values()) for step in steps.values()) for erp, steps in found.items()}
        chosen = sorted(sorted(found, key=lambda erp: -sizes[erp])[:COLOURS])
        lines_ = [
            Line(
                erp,
                [percentile(found[erp][step], 0.95) if step in found[erp] else None for step in self._steps],
                colour=place % COLOURS,
                shape=place % SHAPES,
            )
            for place, erp in enumerate(chosen)
        ]
        return self._lines(
            "erp_time", self.translate(msgid("Answer time of each ERP: 95 of 100 are faster (p95)")), lines_
        )

    def lanes(self, lanes: Sequence[OpenLane], names: Mapping[str, str], now: datetime) -> Card:
        counts = [0] * len(AGES)
        for lane in lanes:
            age = now - lane.oldest_at
            counts[next(place for place, (limit, _) in enumerate(AGES) if limit is None or age <= limit)] += 1
        ages = [(self.translate(text), count) for (_, text), count in zip(AGES, counts, strict=True)]
        chart = lying(ages if lanes else (), self.formats.compact, colour=6)
        columns = (
            Column("customer", self.translate(msgid("Customer"))),
            Column("erp", self.translate(msgid("ERP")), Kind.VERBATIM),
            Column("open", self.translate(msgid("Open")), Kind.NUMBER),
            Column("stuck", self.translate(msgid("Stuck")), Kind.NUMBER),
            Column("oldest_at", self.translate(msgid("Oldest")), Kind.TIME),
        )
        rows = [
            (names.get(lane.customer_id, lane.customer_id), lane.erp, lane.open, lane.stuck, lane.oldest_at)
            for lane in lanes
        ]
        title = self.translate(msgid("Open lanes by the age of their oldest order"))
        return Card("lanes", "lying", title, self._listed(ages), chart, Table("lanes", columns, rows))

    def faults(self) -> Card:
        counts: dict[str, int] = defaultdict(int)
        for _, code, _, number in self.figures.cells[Measure.FAULTS]:
            counts[code] += number
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        shown = ranked[:MOST_FAULTS]
        if rest := sum(number for _, number in ranked[MOST_FAULTS:]):
            shown.append((self.translate(msgid("all others")), rest))
        chart = lying(shown, self.formats.compact, colour=1, pattern=lambda place: int(place == MOST_FAULTS))
        columns = (
            Column("code", self.translate(msgid("Code")), Kind.VERBATIM),
            Column("number", self.translate(msgid("Number")), Kind.NUMBER),
        )
        title = self.translate(msgid("Faults in documents that were not taken"))
        return Card("faults", "lying", title, self._listed(shown), chart, Table("faults", columns, ranked))

    @property
    def _steps(self) -> range:
        return range(len(self.times.labels))

    def _zeros(self) -> list[int]:
        return [0] * len(self.times.labels)

    def _series(
        self, name: str, words: Mapping[str, tuple[str, int]], key: str, values: Sequence[int], pattern: int
    ) -> Series:
        word, colour = words.get(key, (key, COLOURS - 1))
        label = f"{self.translate(name)} {self.translate(word)}" if name else self.translate(word)
        return Series(label, values, colour=colour, pattern=pattern % PATTERNS)

    def _durations(self, measure: Measure) -> dict[str, dict[int, dict[int, int]]]:
        """By name and step: how many in which bucket."""
        found: dict[str, dict[int, dict[int, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        for hour, name, bucket, number in self.figures.cells[measure]:
            found[name][self.span.step_of(hour)][int(bucket)] += number
        return found

    def _stacked(self, id_: str, title: str, series: Sequence[Series]) -> Card:
        chart = stacked(self.times, series, self.formats.compact)
        says = self._listed((one.label, one.total) for one in chart.series)
        columns = [Column(f"series_{n}", one.label, Kind.NUMBER) for n, one in enumerate(chart.series, 1)]
        return Card(id_, "stacked", title, says, chart, self._table(id_, columns, [s.values for s in chart.series]))

    def _lines(self, id_: str, title: str, of: Sequence[Line]) -> Card:
        chart = lines(self.times, of, self.formats.duration, ladder=LADDER)
        columns = [Column(f"series_{n}", one.line.label, Kind.DURATION) for n, one in enumerate(chart.lines, 1)]
        highest = ((one.line.label, max(v for v in one.line.values if v is not None)) for one in chart.lines)
        says = "; ".join(f"{label}: {self.formats.duration(value)}" for label, value in highest)
        says = self.translate(msgid("The highest values: %(values)s")) % {"values": says} if says else ""
        return Card(
            id_, "lines", title, says, chart, self._table(id_, columns, [one.line.values for one in chart.lines])
        )

    def _table(self, id_: str, columns: Sequence[Column], values: Sequence[Sequence[float | None]]) -> Table:
        time = Column("since", self.translate(msgid("Since")), Kind.TIME)
        rows: list[list[Cell]] = [
            [begin_of(hour), *(column[step] for column in values)] for step, hour in enumerate(self.span.begins)
        ]
        return Table(id_, [time, *columns], rows)

    def _listed(self, items: Iterable[tuple[str, float]]) -> str:
        return "; ".join(f"{label}: {self.formats.number(int(number))}" for label, number in items)


def _most(rows: Mapping[tuple[str, str], Sequence[int]]) -> list[str]:
    """The names, those with most first."""
    sums: dict[str, int] = defaultdict(int)
    for (name, _), values in rows.items():
        sums[name] += sum(values)
    return sorted(sums, key=lambda name: (-sums[name], name))


def _unknown(rows: Mapping[tuple[str, str], object], name: str, known: Mapping[str, object]) -> list[str]:
    return sorted(key for of, key in rows if of == name and key not in known)


def _merged(parts: Sequence[Mapping[int, Mapping[int, int]]]) -> dict[int, dict[int, int]]:
    merged: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for part in parts:
        for step, buckets in part.items():
            for bucket, number in buckets.items():
                merged[step][bucket] += number
    return merged

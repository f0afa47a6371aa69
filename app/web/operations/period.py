"""A span of hours up to now, cut into the steps that a chart shows: hours, quarters of a day, or days of a zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from app.formats import Formats
from app.storage.hourly import begin_of, hour_of
from app.web.charts.frame import Times

QUARTER: Final = 6
"""Hours of a quarter of a day."""


class Period(StrEnum):
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @staticmethod
    def of(text: str) -> "Period":
        """What cannot be understood is the day."""
        return Period(text) if text in list(Period) else Period.DAY

    @property
    def width(self) -> int:
        """Hours of a step, but for the days when clocks change."""
        return {Period.DAY: 1, Period.WEEK: QUARTER, Period.MONTH: 24}[self]


@dataclass(frozen=True, slots=True)
class Span:
    """
    since, until  the first and the last hour, both included; the last one is not over.
    begins        the first hour of each step.
    """

    period: Period
    zone: ZoneInfo
    since: int
    until: int
    begins: Sequence[int]

    def step_of(self, hour: int) -> int:
        """Which step an hour of the span falls into."""
        low, high = 0, len(self.begins)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.begins[middle] <= hour else (low, middle)
        return low

    def times(self, formats: Formats) -> Times:
        """What the steps are called, and what of that stands below a chart."""
        moments = [begin_of(hour) for hour in self.begins]
        days = [formats.day_of(moment, self.zone) for moment in moments]
        if self.period is Period.MONTH:
            return Times.plain(days)
        clocks = [formats.clock(moment, self.zone) for moment in moments]
        labels = [f"{day}, {clock}" for day, clock in zip(days, clocks, strict=True)]
        if self.period is Period.DAY:
            return Times(labels, clocks)
        # The first day is there in part only.
        axis = ["", *(day if day != before else "" for before, day in pairwise(days))]
        return Times(labels, axis)


def span(period: Period, now: datetime, zone: ZoneInfo) -> Span:
    until = hour_of(now)
    since = _since(period, now, zone, until)
    begins: list[int] = []
    before: object = None
    for hour in range(since, until + 1):
        step = _step(period, begin_of(hour).astimezone(zone), hour)
        if step != before:
            begins.append(hour)
        before = step
    return Span(period, zone, since, until, begins)


def _step(period: Period, local: datetime, hour: int) -> object:
    if period is Period.DAY:
        return hour
    return local.date() if period is Period.MONTH else (local.date(), local.hour // QUARTER)


def _since(period: Period, now: datetime, zone: ZoneInfo, until: int) -> int:
    if period is Period.DAY:
        return until - 23
    today = now.astimezone(zone).date()
    if period is Period.MONTH:
        return _first_hour(datetime.combine(today - timedelta(days=29), time(), zone))
    quarter = now.astimezone(zone).hour // QUARTER
    begin = datetime.combine(today - timedelta(days=7), time((quarter + 1) % 4 * QUARTER), zone)
    return _first_hour(begin if quarter < 3 else begin + timedelta(days=1))


def _first_hour(local: datetime) -> int:
    """The first whole hour (of UTC) that begins there or after."""
    hour = hour_of(local)
    return hour if begin_of(hour) >= local else hour + 1

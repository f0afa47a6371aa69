"""When something comes round: every so often, on some weekdays, within a window of the local day.

A round is counted in elapsed time from the window's beginning, so that "every 30 minutes" stays 30 minutes when the
clocks change. A window that would begin in the hour that is skipped in spring begins as much later; one that begins in
the hour that comes twice in autumn begins with the first.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

DAY: Final = timedelta(days=1)
EVERY_DAY: Final = frozenset(range(7))


class Timetable(msgspec.Struct, frozen=True, kw_only=True):
    """
    every     from one second to a day; a day means once, when the window begins.
    weekdays  on which the window begins; Monday is 0.
    begins    local time.
    ends      local time, not included; earlier than `begins`: on the next day. None: when the next day's begins.
    zone      IANA name.

    Raises ValueError for what never comes round."""

    every: timedelta
    weekdays: frozenset[int] = EVERY_DAY
    begins: time = time(0)
    ends: time | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if not timedelta(seconds=1) <= self.every <= DAY:
            raise ValueError("a timetable comes round each second at most and each day at least")
        if not self.weekdays or not self.weekdays <= EVERY_DAY:
            raise ValueError("weekdays are numbers from 0 (Monday) to 6, and there must be one")
        if self.begins.tzinfo or (self.ends and self.ends.tzinfo):
            raise ValueError("the times of a window are local to its zone")
        if self.begins == self.ends:
            raise ValueError("a window that ends when it begins is empty")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {self.zone!r}") from None

    def next_run(self, after: datetime) -> datetime:
        """The first round after this aware moment, in UTC."""
        zone = ZoneInfo(self.zone)
        # Yesterday's window may still be open.
        day = after.astimezone(zone).date() - DAY
        while True:
            if day.weekday() in self.weekdays:
                begins, ends = self._window(day, zone)
                if after < begins:
                    return begins
                run = begins + ((after - begins) // self.every + 1) * self.every
                # A day with an hour more has room for a second round of a daily one.
                if run < ends and self.every < DAY:
                    return run
            day += DAY

    def _window(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        last = self.ends if self.ends is not None else self.begins
        on = day if last > self.begins else day + DAY
        return _moment(day, self.begins, zone), _moment(on, last, zone)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)

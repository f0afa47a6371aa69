"""When a person works, for the times at which a task is due: working hours are counted, nights and holidays are not.

Hours are counted in elapsed time, in the person's own time zone: a day on which the clocks change within the working
hours is as long as it really is. A window that begins in the hour that is skipped in spring begins as much later; one
that begins in the hour that comes twice in autumn begins with the first."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.base import Canonical

MONDAY_TO_FRIDAY: Final = frozenset(range(5))
FARTHEST: Final = 3_660
"""Days ahead; a calendar without a working day in ten years has none."""


class WorkingHours(Canonical, frozen=True, kw_only=True):
    """
    zone            IANA name.
    weekdays        Monday is 0.
    begins, ends    local times of each working day.
    holidays        days without work.

    Raises ValueError for hours that never come."""

    zone: str = "UTC"
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    begins: time = time(9)
    ends: time = time(17)
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= frozenset(range(7)):
            raise ValueError("weekdays are numbers from 0 (Monday) to 6, and there must be one")
        if self.begins.tzinfo or self.ends.tzinfo or self.begins >= self.ends:
            raise ValueError("a working day begins before it ends, in local time")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {self.zone!r}") from None

    def instant(self, local: datetime) -> datetime:
        """A local time without a zone as a moment in UTC."""
        return local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def after(self, start: datetime, hours: int) -> datetime:
        """The moment, in UTC, at which so many working hours have passed since an aware moment; the end of a working
        day rather than the beginning of the next one. Raises ValueError when there is none in ten years."""
        left = timedelta(hours=hours)
        day = start.astimezone(ZoneInfo(self.zone)).date()
        for _ in range(FARTHEST):
            if day.weekday() in self.weekdays and day not in self.holidays:
                begins = max(self.instant(datetime.combine(day, self.begins)), start)
                worked = self.instant(datetime.combine(day, self.ends)) - begins
                if worked >= left:
                    return (begins + left).astimezone(UTC)
                left -= max(worked, timedelta(0))
            day += timedelta(days=1)
        raise ValueError("there is no working day in the next ten years")

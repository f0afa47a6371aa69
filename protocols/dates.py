"""Date texts: the one form that is written, and the forms that are met.

Written: `YYYY-MM-DDThh:mm:ss±hh:mm`, always with a numeric offset (the cXML User's Guide forbids `Z`), whole seconds.
Read: that with fractions, `Z`, no offset, `+0800`, a blank for `T`, a date alone, `Mon May 19 18:29:48 +0000 2008`,
`2019-06-20UTC12:52:15+00:00`, `11/22/2026`. What cannot be read without a guess is not read: `03/04/2026` needs the
sender's date order. The sender's offset is kept, as it says which day an order belongs to.
"""

import re
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

DateOrder = Literal["mdy", "dmy"]
Moment = TypeVar("Moment", datetime, date, datetime | date)

_STRICT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?[+-][0-9]{2}:[0-9]{2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOOSE = re.compile(
    r"(?P<date>[0-9]{4}-?[0-9]{2}-?[0-9]{2})(?:T|\s+|UTC)(?P<clock>[0-9]{2}:?[0-9]{2}(?::?[0-9]{2})?)"
    r"(?P<fraction>[.,][0-9]{1,9})?\s*(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?",
    re.IGNORECASE,
)
_UNIX = re.compile(
    r"[A-Za-z]{3},?\s+(?P<month>[A-Za-z]{3})\s+(?P<day>[0-9]{1,2})\s+(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})\s+"
    r"(?P<zone>[+-][0-9]{4}|UTC|GMT)\s+(?P<year>[0-9]{4})"
)
_SLASHED = re.compile(
    r"(?P<first>[0-9]{1,2})/(?P<second>[0-9]{1,2})/(?P<year>[0-9]{4})"
    r"(?:\s+(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)(?:\s*(?P<half>[AaPp][Mm]))?)?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class NotADate(ValueError):
    """Nothing that can be read as a date without a guess; the text says why."""


def read(text: str, *, zone: tzinfo = UTC, order: DateOrder | None = None) -> tuple[datetime | date, str | None]:
    """The date, or the moment with its offset, and what deviates from the written form (None: nothing).

    A date alone is a `date` and no deviation: where a moment is required the caller says so. A moment without an
    offset is in `zone`. Raises NotADate."""
    try:
        if (moment := _strict(text)) is not None:
            return moment, None
        if _DATE.fullmatch(text):
            return date.fromisoformat(text), None
        bare = text.strip()
        for reader in (_loose, _unix, _slashed):
            found = reader(bare, zone, order)
            if found is not None:
                return _in_range(found[0]), found[1]
    except (ValueError, OverflowError) as error:
        raise NotADate(str(error)) from None
    raise NotADate("is no date in a form that is known here")


@lru_cache(maxsize=1024)
def _strict(text: str) -> datetime | None:
    """The written form alone. The lines of one document mostly say the same day."""
    return _in_range(datetime.fromisoformat(text)) if _STRICT.fullmatch(text) else None


def _in_range(found: Moment) -> Moment:
    """Raises OverflowError for the few moments at either end of time that do not exist in every zone."""
    if isinstance(found, datetime) and found.year in (MINYEAR, MAXYEAR):
        found.astimezone(UTC)
    return found


def _loose(text: str, zone: tzinfo, _: DateOrder | None) -> tuple[datetime | date, str] | None:
    if _DATE.fullmatch(text):
        return date.fromisoformat(text), "has blanks around it"
    if not (match := _LOOSE.fullmatch(text)):
        return None
    digits = match["date"].replace("-", "")
    fraction = (match["fraction"] or "").replace(",", ".")[1:7].ljust(6, "0")
    moment = datetime.combine(
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:])), _clock(match["clock"]), tzinfo=None
    ).replace(microsecond=int(fraction), tzinfo=_offset(match["zone"], zone))
    if match["zone"] is None:
        return moment, f"has no zone; read as {zone}"
    if match["zone"].upper() == "Z":
        return moment, "ends with Z; write +00:00"
    return moment, "is not in the form YYYY-MM-DDThh:mm:ss±hh:mm"


def _unix(text: str, zone: tzinfo, _: DateOrder | None) -> tuple[datetime, str] | None:
    if not (match := _UNIX.fullmatch(text)):
        return None
    day = date(int(match["year"]), _MONTHS.index(match["month"].lower()) + 1, int(match["day"]))
    moment = datetime.combine(day, _clock(match["clock"]), tzinfo=_offset(match["zone"], zone))
    return moment, "is not in the form YYYY-MM-DDThh:mm:ss±hh:mm"


def _slashed(text: str, zone: tzinfo, order: DateOrder | None) -> tuple[datetime | date, str] | None:
    if not (match := _SLASHED.fullmatch(text)):
        return None
    first, second = int(match["first"]), int(match["second"])
    if order is None and first <= 12 and second <= 12 and first != second:
        raise NotADate("may be month/day or day/month; set the sender's date order")
    if order is None:
        order = "dmy" if first > 12 else "mdy"
    month, day = (second, first) if order == "dmy" else (first, second)
    found: datetime | date = date(int(match["year"]), month, day)
    said = f"is not in the form YYYY-MM-DD; read as {found.isoformat()}"
    if match["clock"]:
        clock = _clock(match["clock"].rjust(8 if match["clock"].count(":") == 2 else 5, "0"))
        if match["half"]:
            if not 1 <= clock.hour <= 12:
                raise NotADate("has an hour that no half of the day has")
            clock = clock.replace(hour=clock.hour % 12 + (12 if match["half"].lower() == "pm" else 0))
        found = datetime.combine(found, clock, tzinfo=zone)
    return found, said


def _clock(text: str) -> time:
    digits = text.replace(":", "")
    return time(int(digits[:2]), int(digits[2:4]), int(digits[4:6] or 0))


def _offset(text: str | None, zone: tzinfo) -> tzinfo:
    if text is None:
        return zone
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4] or 0))
    return timezone(-offset if text[0] == "-" else offset)


def zone_named(name: str) -> tzinfo:
    """`UTC` or a name of the IANA data base. Raises ValueError."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone") from error


def write(moment: datetime | date) -> str:
    """`YYYY-MM-DDThh:mm:ss±hh:mm`, fractions of a second cut; a date alone as `YYYY-MM-DD`.

    Raises ValueError for a moment without an offset: nobody but the caller knows which it is."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a moment without an offset cannot be written")
    if offset % timedelta(minutes=1):
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds")

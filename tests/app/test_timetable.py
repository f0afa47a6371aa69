"""Rounds: the next one is always the next one, also when the clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.timetable import EVERY_DAY, Timetable

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
HOUR = timedelta(hours=1)

times = st.times().map(lambda value: value.replace(microsecond=0))
moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given beside


@st.composite
def timetables(draw: st.DrawFn) -> Timetable:
    begins = draw(times)
    return Timetable(
        every=draw(st.timedeltas(timedelta(minutes=1), timedelta(days=1))),
        weekdays=draw(st.frozensets(st.sampled_from(sorted(EVERY_DAY)), min_size=1)),
        begins=begins,
        ends=draw(st.none() | times.filter(lambda value: value != begins)),
        zone=draw(st.sampled_from(ZONES)),
    )


def moves(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks of the zone change within two days of it."""
    return len({(moment + n * HOUR).astimezone(zone).utcoffset() for n in range(-48, 49, 6)}) > 1


@given(timetables(), moments)
def test_a_round_is_later_and_nothing_lies_between(timetable: Timetable, after: datetime) -> None:
    run = timetable.next_run(after)
    assert run > after
    assert run.tzinfo is UTC
    for part in (4, 2, 1):
        assert timetable.next_run(after + (run - after) / part - timedelta(microseconds=1)) == run


@given(timetables(), moments)
def test_a_round_lies_in_the_window_of_its_weekday(timetable: Timetable, after: datetime) -> None:
    zone = ZoneInfo(timetable.zone)
    run = timetable.next_run(after)
    local = run.astimezone(zone)
    if moves(run, zone):
        return
    day = local.date() if local.time() >= timetable.begins else local.date() - timedelta(days=1)
    assert day.weekday() in timetable.weekdays
    into = run - datetime.combine(day, timetable.begins, zone).astimezone(UTC)
    assert into % timetable.every == timedelta(0)
    if timetable.ends is not None and timetable.ends > timetable.begins:
        assert timetable.begins <= local.time() < timetable.ends


def runs(timetable: Timetable, after: str, number: int) -> list[str]:
    """The next rounds as local times with their offsets."""
    zone, moment, found = ZoneInfo(timetable.zone), datetime.fromisoformat(after), list[str]()
    for _ in range(number):
        moment = timetable.next_run(moment)
        found.append(moment.astimezone(zone).isoformat(timespec="minutes"))
    return found


def test_a_nightly_round_keeps_its_local_time_over_the_change() -> None:
    nightly = Timetable(every=timedelta(days=1), begins=time(3, 17), zone="Europe/Berlin")
    assert runs(nightly, "2026-03-27T12:00+01:00", 3) == [
        "2026-03-28T03:17+01:00",
        "2026-03-29T03:17+02:00",
        "2026-03-30T03:17+02:00",
    ]


def test_a_time_that_is_skipped_comes_as_much_later_and_once() -> None:
    nightly = Timetable(every=timedelta(days=1), begins=time(2, 30), zone="Europe/Berlin")
    assert runs(nightly, "2026-03-28T12:00+01:00", 2) == ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"]


def test_a_time_that_comes_twice_is_used_once() -> None:
    nightly = Timetable(every=timedelta(days=1), begins=time(2, 30), zone="Europe/Berlin")
    assert runs(nightly, "2026-10-24T12:00+02:00", 2) == ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]


def test_a_period_is_elapsed_time_when_an_hour_comes_twice() -> None:
    night = Timetable(every=HOUR, begins=time(1), ends=time(4), zone="Europe/Berlin")
    assert runs(night, "2026-10-25T00:00+02:00", 5) == [
        "2026-10-25T01:00+02:00",
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T03:00+01:00",
        "2026-10-26T01:00+01:00",
    ]


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday_night = Timetable(every=HOUR, weekdays=frozenset({4}), begins=time(23), ends=time(1))
    assert runs(friday_night, "2026-03-05T00:00+00:00", 3) == [
        "2026-03-06T23:00+00:00",
        "2026-03-07T00:00+00:00",
        "2026-03-13T23:00+00:00",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": timedelta(0)},
        {"every": timedelta(days=2)},
        {"weekdays": frozenset()},
        {"weekdays": frozenset({7})},
        {"ends": time(0)},
        {"zone": "Europe/Nowhere"},
        {"zone": "../etc/passwd"},
        {"begins": time(1, tzinfo=UTC)},
    ],
)
def test_what_never_comes_round_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Timetable(**{"every": HOUR, **wrong})  # type: ignore[arg-type]

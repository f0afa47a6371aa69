"""Date texts: every form that is met, and the one that is written."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import dates

CET = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T10:15:00+01:00", datetime(2026, 3, 2, 10, 15, tzinfo=CET)),
        ("2026-03-02T10:15:00.5-08:00", datetime(2026, 3, 2, 18, 15, 0, 500_000, tzinfo=UTC)),
        ("2026-03-02", date(2026, 3, 2)),
        ("9999-12-31T00:00:00+00:00", datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_the_written_form_and_a_date_alone_deviate_in_nothing(text: str, expected: datetime | date) -> None:
    assert dates.read(text) == (expected, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T10:15:00Z", datetime(2026, 3, 2, 10, 15, tzinfo=UTC)),
        ("2026-03-02T10:15:00", datetime(2026, 3, 2, 10, 15, tzinfo=CET)),
        ("2026-03-02T10:15", datetime(2026, 3, 2, 10, 15, tzinfo=CET)),
        ("2026-03-02 10:15:00+01:00", datetime(2026, 3, 2, 10, 15, tzinfo=CET)),
        ("2026-03-02T10:15:00+0100", datetime(2026, 3, 2, 10, 15, tzinfo=CET)),
        ("2026-03-02T10:15:00 +01", datetime(2026, 3, 2, 10, 15, tzinfo=CET)),
        ("20260302T101500Z", datetime(2026, 3, 2, 10, 15, tzinfo=UTC)),
        ("Mon May 19 18:29:48 +0000 2008", datetime(2008, 5, 19, 18, 29, 48, tzinfo=UTC)),
        ("2019-06-20UTC12:52:15+00:00", datetime(2019, 6, 20, 12, 52, 15, tzinfo=UTC)),
        ("11/22/2026", date(2026, 11, 22)),
        ("22/11/2026", date(2026, 11, 22)),
        ("11/22/2026 3:05 PM", datetime(2026, 11, 22, 15, 5, tzinfo=CET)),
        ("11/22/2026 12:05:01 am", datetime(2026, 11, 22, 0, 5, 1, tzinfo=CET)),
        (" 2026-03-02 ", date(2026, 3, 2)),
        (" 2026-03-02T10:15:00+01:00\n", datetime(2026, 3, 2, 10, 15, tzinfo=CET)),
    ],
)
def test_other_forms_are_read_and_said(text: str, expected: datetime | date) -> None:
    found, deviation = dates.read(text, zone=CET)
    assert found == expected
    assert isinstance(found, datetime) == isinstance(expected, datetime)
    assert deviation


def test_the_senders_order_decides_what_is_ambiguous() -> None:
    assert dates.read("03/04/2026", order="mdy")[0] == date(2026, 3, 4)
    assert dates.read("03/04/2026", order="dmy")[0] == date(2026, 4, 3)
    assert dates.read("04/04/2026")[0] == date(2026, 4, 4)
    with pytest.raises(dates.NotADate, match="order"):
        dates.read("03/04/2026")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "{timestamp}",
        "soon",
        "2026-13-01",
        "2026-02-30T10:00:00Z",
        "2026-03-02T24:00:00+00:00",
        "2026-03-02T10:15:00+99:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "13/13/2026",
        "11/22/2026 15:05 PM",
        "Foo Bar 19 18:29:48 +0000 2008",
        "٢٠٢٦-٠٣-٠٢",
        "2026-03-02T10:15:00+01:00x",
    ],
)
def test_what_needs_a_guess_is_not_read(text: str) -> None:
    with pytest.raises(dates.NotADate):
        dates.read(text)


@given(st.text(alphabet="0123456789-+:/TZ. UCamp", max_size=32))
def test_no_text_gives_anything_but_a_date_or_not_a_date(text: str) -> None:
    try:
        found, _ = dates.read(text)
    except dates.NotADate:
        return
    if isinstance(found, datetime):
        found.astimezone(UTC)


@given(st.datetimes(timezones=st.timezones()).filter(lambda moment: 1900 < moment.year < 3000))
def test_what_is_written_is_read_back_without_z(moment: datetime) -> None:
    text = dates.write(moment)
    assert "Z" not in text
    found, deviation = dates.read(text)
    assert (found, deviation) == (moment.astimezone(UTC).replace(microsecond=0), None)


def test_a_moment_without_an_offset_is_not_written() -> None:
    with pytest.raises(ValueError, match="offset"):
        dates.write(datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None))


def test_zones_have_names() -> None:
    assert dates.zone_named("UTC") is UTC
    assert dates.read("2026-07-01T10:00:00", zone=dates.zone_named("Europe/Berlin"))[0] == datetime(
        2026, 7, 1, 8, tzinfo=UTC
    )
    for name in ("", "Nowhere/Land", "../etc/passwd", "/etc/passwd"):
        with pytest.raises(ValueError, match="time zone"):
            dates.zone_named(name)

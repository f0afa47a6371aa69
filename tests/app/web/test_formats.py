"""Numbers and money as readers write them, exact and with the currency's code."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from app.formats import formats
from schemas.money import Money


@pytest.mark.parametrize(
    ("language", "amount", "currency", "shown"),
    [
        ("en", "1234.5", "EUR", "EUR 1,234.50"),
        ("de", "1234.5", "EUR", "1.234,50 EUR"),
        ("de-CH", "1234.5", "CHF", "CHF 1’234.50"),
        ("es-MX", "1234.5", "MXN", "MXN 1,234.50"),
        ("en", "0.0114", "EUR", "EUR 0.0114"),
        ("en", "1500", "JPY", "JPY 1,500"),
        ("en", "1.5", "JPY", "JPY 1.5"),
        ("en", "3", "KWD", "KWD 3.000"),
        ("en", "7.00000", "EUR", "EUR 7.00"),
        ("en", "1E+3", "EUR", "EUR 1,000.00"),
        ("en", "-0.5", "EUR", "EUR -0.50"),
        ("en", "12345678901234567.89", "EUR", "EUR 12,345,678,901,234,567.89"),
    ],
)
def test_money(language: str, amount: str, currency: str, shown: str) -> None:
    money = Money(amount=Decimal(amount), currency=currency)
    assert formats(language).money(money).replace("\xa0", " ") == shown


@pytest.mark.parametrize(
    ("language", "number", "shown"),
    [("en", "1000", "1,000"), ("en", "2.50", "2.5"), ("de", "0.125", "0,125"), ("en", "1E+2", "100"), ("en", "0", "0")],
)
def test_numbers(language: str, number: str, shown: str) -> None:
    assert formats(language).number(Decimal(number)) == shown


def test_days_and_times_say_their_zone() -> None:
    at = datetime(2026, 3, 2, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert formats("en").time(at).replace("\xa0", " ").replace("\u202f", " ") == "Mar 1, 2026, 11:30:00 PM UTC"
    assert formats("de").date(date(2026, 3, 2)) == "02.03.2026"
    assert at.astimezone(UTC).day == 1


@pytest.mark.parametrize(
    ("milliseconds", "english", "spanish"),
    [
        (0, "0", "0"),
        (350, "350 ms", "350 ms"),
        (1_250, "1.2 sec", "1,2 s"),
        (15_000, "15 sec", "15 s"),
        (90_000, "1.5 min", "1,5 min"),
        (3 * 86_400_000, "3 days", "3 d"),
    ],
)
def test_a_duration_is_told_in_its_largest_unit(milliseconds: float, english: str, spanish: str) -> None:
    assert [formats(language).duration(milliseconds) for language in ("en", "es")] == [english, spanish]


def test_numbers_of_an_axis_are_short() -> None:
    assert [formats("en").compact(value) for value in (0, 2.5, 9_999, 12_345, 2e6)] == [
        "0",
        "2.5",
        "9,999",
        "12.3K",
        "2M",
    ]


def test_a_moment_is_shown_in_the_zone_of_the_page() -> None:
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    zone = ZoneInfo("Europe/Madrid")
    assert formats("es").clock(at, zone) == "0:30"
    assert formats("en").day_of(at, zone) == "Jul 2"
    assert formats("es").local_time(at, zone) == "2 jul 2026, 0:30:00"


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("es", "5.000,00", "5000.00"),
        ("pt", "5000,5", "5000.5"),
        ("es", "5000.00", "5000.00"),
        ("es", "5.000", "5000"),
        ("es", "0.125", "0.125"),
        ("es", "-1.234.567,8", "-1234567.8"),
        ("en", "5,000", "5000"),
        ("en", "5.000", "5.000"),
        ("en", "5,00", "5,00"),
        ("en", "5.000,00", "5.000,00"),
        ("es", "1,2,3", "1,2,3"),
        ("es", "12.34.567", "12.34.567"),
        ("en", "1e5", "1e5"),
        ("en", "1_000", "1_000"),
        ("en", "٣", "٣"),
        ("es", "NaN", "NaN"),
        ("es", "", ""),
        ("es", "- 5", "- 5"),
    ],
)
def test_a_typed_number_is_read_as_its_language_writes_it_or_not_at_all(language: str, typed: str, meant: str) -> None:
    assert formats(language).typed(typed) == meant

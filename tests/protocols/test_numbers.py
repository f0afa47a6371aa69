"""Decimal texts: exact, and never a guess."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import numbers


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "0.00001", ".5", "5.", "+3", "1234567.8901234567"])
def test_plain_numbers_are_exact(text: str) -> None:
    assert numbers.plain(text) == Decimal(text)


@pytest.mark.parametrize(
    ("text", "currency", "number"),
    [
        (" 5 ", None, "5"),
        ("\n2500.00\n", "EUR", "2500.00"),
        ("1e3", None, "1000"),
        ("1.5E-2", None, "0.015"),
        ("$1,234.50", "USD", "1234.50"),
        ("$9", "CAD", "9"),
        ("€ 5", "EUR", "5"),
        ("5,5.5 €".replace(",5", ""), "EUR", "5.5"),
        ("-$5", "USD", "-5"),
        ("1,234.50", None, "1234.50"),
        ("1.234,50", None, "1234.50"),
        ("1,234,567", None, "1234567"),
        ("1.234.567", None, "1234567"),
    ],
)
def test_what_can_mean_only_one_number_is_read_and_said(text: str, currency: str | None, number: str) -> None:
    assert numbers.plain(text) is None
    found, said = numbers.repaired(text, currency)
    assert str(found) == number
    assert said


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1,000", None),
        ("9,95", None),
        ("1,5", None),
        ("$9", "EUR"),
        ("$9", None),
        ("5 EUR", "EUR"),
        ("ten", None),
        ("", None),
        (" ", None),
        ("NaN", None),
        ("Infinity", None),
        ("1_000", None),
        ("١٢", None),
        ("1 000", None),
        ("--1", None),
        ("1e99", None),
        ("1" * 16, None),
        ("1." + "1" * 11, None),
        ("0x10", None),
        ("1,23,456.0", None),
        ("$$5", "USD"),
    ],
)
def test_what_may_mean_another_is_not_a_number(text: str, currency: str | None) -> None:
    assert numbers.plain(text) is None
    with pytest.raises(numbers.NotANumber):
        numbers.repaired(text, currency)


@given(st.text(alphabet="0123456789.,eE+-$€ ", max_size=20))
def test_no_text_gives_anything_but_a_number_or_not_a_number(text: str) -> None:
    try:
        found, _ = numbers.repaired(text, "USD")
    except numbers.NotANumber:
        return
    assert found.is_finite()
    assert "E" not in numbers.write(found)


@given(st.decimals(min_value=-(10**14), max_value=10**14, places=9))
def test_what_is_written_is_plain(number: Decimal) -> None:
    assert numbers.plain(numbers.write(number)) == number


def test_no_exponent_is_written() -> None:
    assert numbers.write(Decimal("1E+3")) == "1000"
    assert numbers.write(Decimal("1E-7")) == "0.0000001"

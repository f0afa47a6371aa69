from decimal import Decimal
from fractions import Fraction

import pytest
from babel.numbers import list_currencies
from hypothesis import given
from hypothesis import strategies as st

from schemas.money import CURRENCIES, Money, UnknownCurrency, exact_sum, is_plausible, round_line

AMOUNTS = st.decimals(min_value=-(10**15), max_value=10**15, places=10)


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("2.345", "EUR", "2.35"),
        ("2.355", "EUR", "2.36"),
        ("-2.345", "EUR", "-2.35"),
        ("2.3449999999", "EUR", "2.34"),
        ("0.5", "JPY", "1"),
        ("-0.5", "JPY", "-1"),
        ("1.4999", "JPY", "1"),
        ("1.0005", "KWD", "1.001"),
        ("1.0005", "IQD", "1.001"),
        ("1.00005", "CLF", "1.0001"),
        ("7", "EUR", "7.00"),
        ("-0.001", "EUR", "0.00"),
        ("-0.4", "JPY", "0"),
        ("123456789012345678901234567890.005", "EUR", "123456789012345678901234567890.01"),
    ],
)
def test_a_line_is_rounded_to_the_minor_unit_half_away_from_zero(amount: str, currency: str, rounded: str) -> None:
    assert str(round_line(Decimal(amount), currency)) == rounded


@given(AMOUNTS, st.sampled_from(sorted(CURRENCIES)))
def test_rounding_finds_the_nearest_amount_that_the_currency_has(amount: Decimal, currency: str) -> None:
    rounded = round_line(amount, currency)
    quantum = Fraction(1, 10 ** CURRENCIES[currency])
    distance = abs(Fraction(rounded) - Fraction(amount))
    assert Fraction(rounded) % quantum == 0
    assert distance <= quantum / 2
    assert distance < quantum / 2 or abs(rounded) > abs(amount)


@given(AMOUNTS, st.sampled_from(sorted(CURRENCIES)))
def test_rounding_twice_changes_nothing_and_the_sign_does_not_matter(amount: Decimal, currency: str) -> None:
    rounded = round_line(amount, currency)
    assert round_line(rounded, currency) == rounded
    assert round_line(-amount, currency) == -rounded


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "XXX", "XTS", "XAU", "XDR", "DEM", "HRK", "BGN", "ANG", "ZWL"])
def test_what_is_no_currency_of_today_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        Money(amount=Decimal(1), currency=currency)
    with pytest.raises(UnknownCurrency):
        round_line(Decimal(1), currency)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+31", "-1E+400000", "1E-31", "0E+99"])
def test_what_is_no_plausible_amount_is_refused(amount: str) -> None:
    assert not is_plausible(Decimal(amount))
    with pytest.raises(ValueError, match="finite number"):
        Money(amount=Decimal(amount), currency="EUR")


@pytest.mark.parametrize("amount", ["0", "-0.00", "1E-30", "999999999999999999999999999999.99", "0.0000000001"])
def test_what_a_document_may_carry_is_plausible(amount: str) -> None:
    assert Money(amount=Decimal(amount), currency="EUR").amount == Decimal(amount)


def test_an_amount_keeps_the_decimals_it_was_given() -> None:
    assert str(Money(amount=Decimal("9.50000"), currency="EUR")) == "EUR 9.50000"
    assert str(Money(amount=Decimal("1E+2"), currency="JPY")) == "JPY 100"
    assert Money(amount=Decimal("9.50500"), currency="EUR").rounded() == Money(amount=Decimal("9.51"), currency="EUR")


def test_sums_keep_every_digit() -> None:
    amounts = [Decimal(123456789012345678901234567890), Decimal("0.000000000000000000000000000001")]
    assert exact_sum(amounts) == Decimal("123456789012345678901234567890.000000000000000000000000000001")
    assert exact_sum([]) == 0


@pytest.mark.parametrize(
    ("digits", "currencies"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ],
)
def test_the_currencies_without_two_decimals_are_these(digits: int, currencies: str) -> None:
    assert {code for code, places in CURRENCIES.items() if places == digits} == set(currencies.split())


def test_every_code_is_one_that_the_world_knows() -> None:
    assert set(CURRENCIES) <= list_currencies()
    assert set(CURRENCIES.values()) == {0, 2, 3, 4}


@pytest.mark.parametrize(
    "currency", ["EUR", "USD", "GBP", "CHF", "CNY", "INR", "BRL", "XCG", "ZWG", "SLE", "VED", "MRU", "STN"]
)
def test_currencies_in_use_are_known_with_two_decimals(currency: str) -> None:
    assert CURRENCIES[currency] == 2

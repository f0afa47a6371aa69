"""Numbers, money and times as a reader of a language writes them."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time
from babel.numbers import NumberFormatError, format_compact_decimal, format_decimal, parse_decimal
from babel.units import format_unit

from schemas.money import CURRENCIES, Money

_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]{1,31}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})")
_TYPED: Final = re.compile(r"[+-]?[0-9.,'\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE} ]{1,60}")


@dataclass(frozen=True, slots=True)
class Formats:
    locale: Locale

    @property
    def decimal_separator(self) -> str:
        separator: str = self.locale.number_symbols["latn"]["decimal"]
        return separator

    def number(self, value: Decimal | int) -> str:
        """Every decimal that the value has, grouped, without zeros at the end."""
        return format_decimal(value, "#,##0.####################", self.locale, decimal_quantization=False)

    def written(self, text: str) -> str:
        """A number as files and rules write it (`5000.00`), as the reader types it, with all its decimals. What is no
        number stays as it is."""
        if _PLAIN.fullmatch(text) is None:
            return text
        places = len(text.partition(".")[2])
        pattern = "#,##0" + ("." + "0" * places if places else "")
        return format_decimal(Decimal(text), pattern, self.locale, decimal_quantization=False)

    def typed(self, text: str) -> str:
        """The other way: what somebody typed, by the language's own notation where it reads so (`5.000` is five
        thousand in Spanish), else with a decimal point and no groups. What is neither stays as it is."""
        bare = text.strip()
        if _TYPED.fullmatch(bare) is None:
            return text
        try:
            return f"{parse_decimal(bare, self.locale, strict=True):f}"
        except NumberFormatError:
            return f"{Decimal(bare):f}" if _PLAIN.fullmatch(bare) else text

    def money(self, money: Money) -> str:
        """With the ISO code, never a sign that several currencies share. At least the currency's own decimals, and
        as many more as the amount has (unit prices are finer): nothing is rounded here."""
        digits = CURRENCIES[money.currency]
        normal = money.amount.normalize()
        exponent = normal.as_tuple().exponent
        places = max(digits, -exponent if isinstance(exponent, int) else 0)
        pattern = "#,##0" + ("." + "0" * digits + "#" * (places - digits) if places else "")
        number = format_decimal(money.amount, pattern, self.locale, decimal_quantization=False)
        leads = self.locale.currency_formats["standard"].pattern.startswith("¤")
        return f"{money.currency}\N{NO-BREAK SPACE}{number}" if leads else f"{number}\N{NO-BREAK SPACE}{money.currency}"

    def percent(self, value: Decimal) -> str:
        """Of a number in percent, to at most two decimals: for reading, not for comparing."""
        return format_decimal(value, "#,##0.##", self.locale) + "\N{NO-BREAK SPACE}%"

    def date(self, value: date) -> str:
        return _with_known_blanks(format_date(value, "medium", self.locale))

    def time(self, value: datetime) -> str:
        """Date and time in UTC, and it says so."""
        return _with_known_blanks(format_datetime(value.astimezone(UTC), "medium", locale=self.locale)) + " UTC"

    def local_time(self, value: datetime, zone: ZoneInfo) -> str:
        """Date and time in that zone; the page says which one it is."""
        return _with_known_blanks(format_datetime(value.astimezone(zone), "medium", locale=self.locale))

    def clock(self, value: datetime, zone: ZoneInfo) -> str:
        """The time of day in that zone."""
        return _with_known_blanks(format_time(value.astimezone(zone), "short", locale=self.locale))

    def day_of(self, value: datetime, zone: ZoneInfo) -> str:
        """Day and month in that zone."""
        return format_skeleton("MMMd", value.astimezone(zone), locale=self.locale)

    def compact(self, value: float) -> str:
        """For an axis: three digits or so, large ones in thousands and millions."""
        if value < 10_000:
            return format_decimal(value, "#,##0.##", self.locale)
        return format_compact_decimal(value, locale=self.locale, fraction_digits=1)

    def duration(self, milliseconds: float) -> str:
        """In the largest unit of which there is one, to two digits or so; of nothing no unit."""
        if milliseconds <= 0:
            return "0"
        for unit, length in _UNITS:
            if milliseconds >= length or length == 1:
                count = milliseconds / length
                digits = "#,##0" if count >= 10 or length == 1 else "#,##0.#"
                return format_unit(count, f"duration-{unit}", "short", format=digits, locale=self.locale)
        raise AssertionError("the last unit fits everything")


_UNITS: Final = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000), ("millisecond", 1))


def _with_known_blanks(text: str) -> str:
    """Many fonts have no narrow blank, and show none."""
    return text.replace("\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}")


@cache
def formats(language: str) -> Formats:
    """For a language of `language.LANGUAGES`, or a BCP 47 tag of one with its region (`de-CH`)."""
    return Formats(Locale.parse(language, sep="-"))

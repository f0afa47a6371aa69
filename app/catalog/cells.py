"""The cells of the catalog's CSV files: how each kind of value is read, with faults at its line and column."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

from stdnum import ean

from protocols.numbers import plain
from schemas.faults import Findings
from schemas.money import CURRENCIES
from schemas.units import known

T = TypeVar("T")

BASE_LANGUAGE: Final = "en"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so would be run as a formula by a spreadsheet: it is written with an apostrophe before it, which
is taken off again when it is read."""

PICTURES: Final = (
    *("fasteners", "tools", "safety", "electrical", "lighting", "packaging", "cleaning", "office", "computing"),
    *("lubricants", "hoses", "storage", "box"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands, for faults that show only when files are seen together."""

    file: str
    line: int


class BadCell(ValueError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Cells:
    """One row by column name. A bad cell becomes a fault and `ok` false; reading goes on to the next cell."""

    def __init__(self, file: str, header: list[str], values: list[str], line: int, findings: Findings) -> None:
        self.at = Place(file, line)
        self.ok = True
        self._header = header
        self._values = dict(zip(header, values, strict=False))
        self._findings = findings

    def needed(self, column: str, parse: Callable[[str], T], otherwise: T) -> T:
        """The value, or `otherwise` where a fault was found (the row is not used then)."""
        self.filled(column)
        value = self.maybe(column, parse)
        return otherwise if value is None else value

    def filled(self, column: str) -> None:
        if not self._text_of(column):
            self._fault("cell.missing", column, "must not be empty", None)

    def maybe(self, column: str, parse: Callable[[str], T]) -> T | None:
        text = self._text_of(column)
        if not text:
            return None
        try:
            return parse(text)
        except BadCell as error:
            self._fault(error.code, column, str(error), text)
            return None

    def by_language(self, stem: str, parse: Callable[[str], str]) -> dict[str, str]:
        """From `stem` (English) and `stem.xx`, those that are not empty."""
        found = {}
        for column in self._header:
            name, _, language = column.partition(".")
            if name == stem and (value := self.maybe(column, parse)) is not None:
                found[language or BASE_LANGUAGE] = value
        return found

    def _text_of(self, column: str) -> str:
        text = self._values.get(column, "").strip()
        return text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text

    def _fault(self, code: str, column: str, message: str, found: str | None) -> None:
        self.ok = False
        place = self._header.index(column) + 1 if column in self._header else None
        self._findings.add(code, f"{self.at.file}: {column}", message, found, line=self.at.line, column=place)


def text(longest: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if len(text) > longest:
            raise BadCell("cell.too_long", f"must have at most {longest} characters, has {len(text)}")
        if not all(c.isprintable() or c in "\n\r" for c in text):
            raise BadCell("cell.not_printable", "must not carry control characters")
        return text

    return parse


def number(text: str) -> Decimal:
    number = plain(text)
    if number is None:
        raise BadCell("cell.not_a_number", "must be a decimal number with a dot and without grouping, such as 1234.5")
    return number


def zero_or_more(text: str) -> Decimal:
    amount = number(text)
    if amount < 0:
        raise BadCell("cell.negative", "must not be negative")
    return amount


def above_zero(text: str) -> Decimal:
    amount = number(text)
    if amount <= 0:
        raise BadCell("cell.not_above_zero", "must be greater than zero")
    return amount


def days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise BadCell("cell.not_days", "must be a whole number of working days")
    return int(text)


def unit(text: str) -> str:
    if not known(text):
        raise BadCell("cell.unknown_unit", "must be a UN/ECE Rec 20 code that trade uses, such as C62 or XBX")
    return text


def unspsc(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) == 8):
        raise BadCell("cell.not_unspsc", "must be a UNSPSC code of 8 digits")
    return text


def gtin(text: str) -> str:
    if not (len(text) in (8, 12, 13, 14) and ean.is_valid(text)):
        raise BadCell("cell.not_gtin", "must be a GTIN of 8, 12, 13 or 14 digits with a right check digit")
    return text


def currency(text: str) -> str:
    if text not in CURRENCIES:
        raise BadCell("cell.unknown_currency", "must be an ISO 4217 currency code, such as EUR")
    return text


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadCell("cell.not_a_date", "must be a date as 2026-03-31") from None


def yes_or_no(text: str) -> bool:
    if text.casefold() not in ("yes", "no"):
        raise BadCell("cell.not_yes_or_no", "must be yes or no")
    return text.casefold() == "yes"


def picture(text: str) -> str:
    if text not in PICTURES:
        raise BadCell("cell.unknown_picture", f"must be one of {', '.join(PICTURES)}")
    return text

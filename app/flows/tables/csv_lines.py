"""A CSV file line by line, each with everything that is wrong with it, by column.

The text is UTF-8, else Windows-1252; separated by comma, semicolon or tab as the header shows; with a decimal dot, or a
comma where the separator is none, and then with groups too where a comma makes them plain (`5.000,00`)."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from typing import Final

from app.languages import msgid
from protocols.numbers import plain
from schemas.money import CURRENCIES

MOST_LINES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Wrong:
    """
    line     of the file; 0 where nobody wrote one.
    column   "" where the whole line is meant.
    message  a text to translate, which `values` fill in.
    """

    line: int
    column: str
    message: str
    found: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        place = ", ".join([*([f"line {self.line}"] if self.line else []), *([self.column] if self.column else [])])
        said = self.message % self.values
        return f"{place}: {said}" + (f" (found {self.found!r})" if self.found else "")


class Line:
    """One row of a file, or of a form. What is wrong with it goes to `wrong`."""

    def __init__(self, cells: Mapping[str, str], wrong: list[Wrong], number: int = 0, *, comma: bool = False) -> None:
        self.cells = cells
        self.number = number
        self._wrong = wrong
        self._before = len(wrong)
        self._comma = comma

    @property
    def good(self) -> bool:
        """Whether nothing was found wrong with it so far."""
        return len(self._wrong) == self._before

    def text(self, column: str) -> str:
        """ "" for a column that the file does not have."""
        return self.cells.get(column, "")

    def fault(self, column: str, message: str, **values: object) -> None:
        self._wrong.append(Wrong(self.number, column, message, self.text(column)[:100], values))

    def decimal(self, column: str) -> Decimal | None:
        text = self.text(column)
        if self._comma and "," in text:
            text = text.replace(".", "").replace(",", ".") if _grouped(text) else text.replace(",", ".")
        found = plain(text)
        if found is None:
            self.fault(column, msgid("is no number such as 5000.00"))
        return found

    def currency(self, column: str) -> str:
        code = self.text(column).upper()
        if code not in CURRENCIES:
            self.fault(column, msgid("is no ISO 4217 currency"))
        return code

    def amount(self, column: str, currency: str) -> Decimal | None:
        """Zero or more. More decimals than the currency has are refused: `1.000` may mean a thousand."""
        number = self.decimal(column)
        if number is not None and number < 0:
            self.fault(column, msgid("is below zero"))
        if number is not None and -int(number.as_tuple().exponent) > CURRENCIES.get(currency, 99):
            self.fault(column, msgid("has more decimals than %(currency)s"), currency=currency)
        return number

    def day(self, column: str) -> date | None:
        try:
            return datetime.strptime(self.text(column), "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            self.fault(column, msgid("is no day such as 2026-11-23"))
            return None


def _grouped(text: str) -> bool:
    """Whether dots stand before each three digits of what is before the only comma."""
    groups = text.partition(",")[0].lstrip("+-").split(".")
    return len(groups) > 1 and 0 < len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])


def read(body: bytes, columns: Sequence[str], needed: Iterable[str], wrong: list[Wrong]) -> Iterator[Line]:
    """The lines below the header, which names the `needed` columns and may name the others; what cannot be read as a
    line goes to `wrong`."""
    text = text_of(body)
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(StringIO(text), delimiter=separator, strict=True)
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
        lacking = [column for column in needed if column not in header]
        if lacking:
            wrong.append(Wrong(1, "", msgid("the first line lacks %(columns)s"), "", {"columns": ", ".join(lacking)}))
        if len(set(header)) != len(header):
            wrong.append(Wrong(1, "", msgid("the first line names a column twice")))
        if wrong:
            return
        for values in reader:
            number = reader.line_num
            if number > MOST_LINES:
                wrong.append(Wrong(number, "", msgid("a file has at most %(most)s lines"), "", {"most": MOST_LINES}))
                return
            if len(values) == len(header):
                cells = {name: value.strip().removeprefix("'") for name, value in zip(header, values, strict=True)}
                named = {name: cell for name, cell in cells.items() if name in columns}
                yield Line(named, wrong, number, comma=separator != ",")
            elif any(values):
                counted = {"cells": len(values), "wanted": len(header)}
                message = msgid("has %(cells)s cells where the first line has %(wanted)s")
                wrong.append(Wrong(number, "", message, "", counted))
    except csv.Error as error:
        wrong.append(Wrong(reader.line_num, "", msgid("cannot be read as CSV"), str(error)))


def text_of(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")

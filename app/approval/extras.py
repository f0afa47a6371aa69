"""Fields of a customer's own: what its documents carry besides what every order says, declared with a type.

A declared value is read from the extensions of the order as it came (cXML Extrinsic), and from the text alone: what is
no value of the type is unknown, and is told as it stands there. A number has a decimal dot and no grouping, a date is
written as in ISO 8601; other forms would have to be guessed."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final, NamedTuple

from app.approval.operators import Type, Value
from protocols import dates
from schemas.base import Canonical
from schemas.money import CURRENCIES, Money
from schemas.party import Extension

HEADER: Final = "extra."
LINE: Final = "line.extra."
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
LONGEST: Final = 100


class Extra(Canonical, frozen=True, kw_only=True):
    """
    name       in rules, behind `extra.` or `line.extra.`: lower case letters, digits and _.
    label      what people call it, in the language of whoever declared it.
    extension  the name under which documents carry it, compared without case; cXML calls it an Extrinsic.
    of_line    whether it stands in the lines.
    currency   of a MONEY field, whose text is the amount alone."""

    name: str
    type: Type
    label: str
    extension: str
    of_line: bool = False
    currency: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("a name is a lower case letter, then up to 39 of them, digits and _")
        for what, text in (("label", self.label), ("name in documents", self.extension)):
            if not text.strip() or len(text) > LONGEST or not text.isprintable():
                raise ValueError(f"a {what} has 1 to {LONGEST} characters")
        if (self.type is Type.MONEY) is not (self.currency is not None):
            raise ValueError("a field of money, and no other, names its currency")
        if self.currency is not None and self.currency not in CURRENCIES:
            raise ValueError(f"{self.currency!r} is no ISO 4217 currency")

    @property
    def key(self) -> str:
        return f"{LINE if self.of_line else HEADER}{self.name}"


class Said(NamedTuple):
    """What a document says of a field: `text` as it stands there, and None for a text that is no value of the type."""

    text: str
    value: Value | None


Extras = Mapping[str, Extra]
"""By the key of the field."""
NO_EXTRAS: Final[Extras] = MappingProxyType({})


def read(extra: Extra, extensions: Iterable[Extension]) -> Said | None:
    """None where the document does not say it. What it says twice with two texts is no value."""
    name = extra.extension.strip().casefold()
    found = [one for one in extensions if one.name.strip().casefold() == name and one.value.strip()]
    texts = list(dict.fromkeys(one.value.strip() for one in found))
    if not texts:
        return None
    if len(texts) > 1 or any(one.markup for one in found):
        return Said(" / ".join(texts), None)
    return Said(texts[0], _value(extra, texts[0]))


_YES_NO: Final = {"yes": True, "true": True, "1": True, "y": True, "no": False, "false": False, "0": False, "n": False}


def _value(extra: Extra, text: str) -> Value | None:
    try:
        match extra.type:
            case Type.MONEY:
                return Money(amount=_number(text), currency=extra.currency or "")
            case Type.DECIMAL:
                return _number(text)
            case Type.INTEGER:
                number = _number(text)
                return int(number) if number == number.to_integral_value() else None
            case Type.DATE:
                return _date(text)
            case Type.BOOL:
                return _YES_NO.get(text.casefold())
            case Type.TEXT | Type.CODE:
                return text
    except (ValueError, InvalidOperation):
        return None


def _date(text: str) -> date:
    """A day, or the day of a moment where the sender was. Raises ValueError."""
    if "/" in text:
        raise ValueError(text)
    read, _ = dates.read(text)
    return date(read.year, read.month, read.day)


def _number(text: str) -> Decimal:
    if len(text) > 40 or not text.isascii() or text.strip("+-.0123456789"):
        raise ValueError(text)
    return Decimal(text)

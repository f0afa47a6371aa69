"""Decimal texts: exact, never a float.

Written: digits, a dot, digits; no grouping, no exponent. Read: that, and with a remark what can mean only one number:
blanks around it, an exponent, a currency sign that fits, grouping that a second separator makes plain (`1,234.50`,
`1.234,50`, `1,234,567`). `1,000` may be a thousand or one, and a single comma in general may be either: refused.
"""

import re
from decimal import Decimal
from functools import lru_cache

# Bounds under which a price times a quantity stays exact in the 28 digits of the decimal context for all real goods.
_PLAIN = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,10})?|\.[0-9]{1,10})")
_EXPONENT = re.compile(r"[+-]?[0-9]{1,10}(?:\.[0-9]{0,10})?[eE][+-]?[0-9]{1,2}")
_GROUPED_DOT = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3}){1,4}\.[0-9]{0,10}|[+-]?[0-9]{1,3}(?:,[0-9]{3}){2,4}")
_GROUPED_COMMA = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3}){1,4},[0-9]{0,10}|[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,4}")
_SIGN = re.compile(
    r"(?P<minus>-?)\s*(?P<sign>[$€£¥])\s*(?P<rest>[-+]?[^$€£¥]+)|(?P<rest_before>[^$€£¥]+?)\s*(?P<after>[$€£¥])"
)

_DOLLARS = "USD CAD AUD NZD SGD HKD MXN TWD BSD BBD BZD BMD BND FJD JMD KYD LRD NAD SBD SRD TTD XCD ARS CLP COP UYU"
_SIGNS = {
    "$": frozenset(_DOLLARS.split()),
    "€": frozenset({"EUR"}),
    "£": frozenset({"GBP", "EGP", "FKP", "GIP", "LBP", "SHP", "SSP", "SYP"}),
    "¥": frozenset({"JPY", "CNY"}),
}


class NotANumber(ValueError):
    """Nothing that means exactly one number; the text says why."""


@lru_cache(maxsize=4096)
def plain(text: str) -> Decimal | None:
    """The number when it is written as it should be, else None: then `repaired` decides."""
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def repaired(text: str, currency: str | None = None) -> tuple[Decimal, str]:
    """The only number that the text can mean, and what is wrong with how it is written. Raises NotANumber.

    A currency sign is taken off an amount of money whose `currency` uses that sign."""
    bare = text.strip()
    if not bare:
        raise NotANumber("is empty")
    said = "has blanks around it" if bare != text else ""
    if match := _SIGN.fullmatch(bare):
        sign = match["sign"] or match["after"]
        if currency is None or currency not in _SIGNS[sign]:
            raise NotANumber(f"carries the sign {sign}, which does not fit")
        bare = (match["minus"] or "") + (match["rest"] or match["rest_before"]).strip()
        said = f"carries the sign {sign}"
    if (number := plain(bare)) is not None:
        return number, said
    if _EXPONENT.fullmatch(bare) and (number := plain(f"{Decimal(bare):f}")) is not None:
        return number, "is written with an exponent"
    if _GROUPED_DOT.fullmatch(bare):
        return Decimal(bare.replace(",", "")), "is written with grouping"
    if _GROUPED_COMMA.fullmatch(bare):
        return Decimal(bare.replace(".", "").replace(",", ".")), "is written with grouping"
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", bare):
        raise NotANumber("has a comma, which may divide decimals or thousands; write a dot and no grouping")
    if re.fullmatch(r"[+-]?[0-9]*\.?[0-9]*", bare):
        raise NotANumber("has more than 15 digits before or 10 behind the dot")
    raise NotANumber("is none")


def write(number: Decimal) -> str:
    """Digits, a dot, digits: no exponent, no grouping, the decimals that the number has."""
    return f"{number:f}"

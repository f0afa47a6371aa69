"""Quantities as shoppers type and read them in a field, with the decimal separator of their language."""

import re
from decimal import Decimal
from typing import Final

from app.formats import formats
from protocols import numbers

_MAYBE_THOUSANDS: Final = re.compile(r"[1-9][0-9]*[.,][0-9]{3}")


def shown(quantity: Decimal, language: str) -> str:
    """Without grouping: what `read` takes back, and a person can edit."""
    return numbers.write(quantity).replace(".", formats(language).decimal_separator)


def read(text: str, language: str) -> Decimal | None:
    """None for what is no number, and for what may be thousands or a fraction (`1,000`, and `1.000` where the comma
    separates decimals): that is never guessed."""
    separator = formats(language).decimal_separator
    if separator == ",":
        if _MAYBE_THOUSANDS.fullmatch(text) or ("." in text and "," in text):
            return None
        text = text.replace(",", ".", 1)
    return numbers.plain(text)

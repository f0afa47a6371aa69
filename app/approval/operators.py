"""Types of values that rules compare, and the comparisons that each type allows."""

import unicodedata
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

from schemas.money import Money

Value = Money | Decimal | int | date | str | bool


class Type(StrEnum):
    MONEY = "money"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE = "date"
    TEXT = "text"
    CODE = "code"
    BOOL = "bool"


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    ABOVE = ">"
    BELOW = "<"
    AT_LEAST = ">="
    AT_MOST = "<="
    BETWEEN = "between"
    IN = "in"
    NOT_IN = "not_in"
    STARTS_WITH = "starts_with"
    CONTAINS = "contains"
    IS_EMPTY = "is_empty"
    IS_TRUE = "is_true"
    IS_FALSE = "is_false"


_ORDERED = (
    Operator.EQUAL,
    Operator.UNEQUAL,
    Operator.ABOVE,
    Operator.BELOW,
    Operator.AT_LEAST,
    Operator.AT_MOST,
    Operator.BETWEEN,
    Operator.IS_EMPTY,
)

OPERATORS: Final[dict[Type, tuple[Operator, ...]]] = {
    Type.MONEY: _ORDERED,
    Type.DECIMAL: _ORDERED,
    Type.INTEGER: _ORDERED,
    Type.DATE: _ORDERED,
    Type.TEXT: (
        Operator.EQUAL,
        Operator.UNEQUAL,
        Operator.IN,
        Operator.NOT_IN,
        Operator.STARTS_WITH,
        Operator.CONTAINS,
        Operator.IS_EMPTY,
    ),
    Type.CODE: (
        Operator.EQUAL,
        Operator.UNEQUAL,
        Operator.IN,
        Operator.NOT_IN,
        Operator.STARTS_WITH,
        Operator.IS_EMPTY,
    ),
    Type.BOOL: (Operator.IS_TRUE, Operator.IS_FALSE),
}
"""`starts_with` on a code is further limited to hierarchical ones (Field.hierarchical)."""

WITHOUT_VALUE: Final = (Operator.IS_EMPTY, Operator.IS_TRUE, Operator.IS_FALSE)
LISTS: Final = (Operator.IN, Operator.NOT_IN)
NUMERIC: Final = tuple(op for op in _ORDERED if op is not Operator.IS_EMPTY)
"""For what is counted or summed, which is never empty."""


@lru_cache(maxsize=20_000)
def folded(text: str) -> str:
    """As texts and codes are compared: Unicode NFC, trimmed, without case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().casefold())

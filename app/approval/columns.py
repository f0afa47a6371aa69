"""What conditions read of an order, once an order: values, columns of all lines, and both as they are compared."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from app.approval.conditions import Wanted
from app.approval.fields import Field
from app.approval.operators import Operator, Type, Value, folded
from app.approval.rates import Rate
from app.approval.subject import Subject
from schemas.money import Money

Held = bool | None
"""An answer while it is worked out: True, False, or None for unknown."""


def value_of(subject: Subject, field: Field) -> Value | None:
    """Blank text is as good as none."""
    memo, key = subject.memo, field.key
    if key not in memo:
        value = field.header(subject) if field.header is not None else None
        memo[key] = None if isinstance(value, str) and not value.strip() else value
    found: Value | None = memo[key]
    return found


def column_of(subject: Subject, field: Field) -> list[Value | None]:
    memo, key = subject.memo, field.key
    column: list[Value | None] | None = memo.get(key)
    if column is None:
        if field.row is None:
            column = [value_of(subject, field)] * len(subject.lines)
        else:
            column = list(map(field.row, subject.lines))
            if field.type in (Type.TEXT, Type.CODE):
                column = [value if value is not None and str(value).strip() else None for value in column]
            memo[key] = column
    return column


def plain_of(subject: Subject, field: Field, currency: str | None) -> Any:
    """As it is compared: text folded, money as an amount in the currency."""
    return comparable(subject, field, currency, (value_of(subject, field),))[0]


def plain_column(subject: Subject, field: Field, currency: str | None) -> list[Any]:
    memo, key = subject.memo, (field.key, currency)
    column: list[Any] | None = memo.get(key)
    if column is None:
        column = memo[key] = comparable(subject, field, currency, column_of(subject, field))
    return column


def comparable(subject: Subject, field: Field, currency: str | None, values: Sequence[Any]) -> list[Any]:
    if field.type in _FOLDED:
        return [None if value is None else folded(value) for value in values]
    if currency is None:
        return list(values)
    convert, day = subject.rates.convert, subject.day
    return [
        None if value is None else value.amount if value.currency == currency else convert(value, currency, day)
        for value in values
    ]


_FOLDED: Final = (Type.TEXT, Type.CODE)


COMPARE: Final[dict[Operator, Callable[[Iterable[Any], Any], list[Held]]]] = {
    Operator.EQUAL: lambda values, wanted: [None if v is None else v == wanted for v in values],
    Operator.UNEQUAL: lambda values, wanted: [None if v is None else v != wanted for v in values],
    Operator.ABOVE: lambda values, wanted: [None if v is None else v > wanted for v in values],
    Operator.BELOW: lambda values, wanted: [None if v is None else v < wanted for v in values],
    Operator.AT_LEAST: lambda values, wanted: [None if v is None else v >= wanted for v in values],
    Operator.AT_MOST: lambda values, wanted: [None if v is None else v <= wanted for v in values],
    Operator.BETWEEN: lambda values, wanted: [None if v is None else wanted[0] <= v <= wanted[1] for v in values],
    Operator.IN: lambda values, wanted: [None if v is None else v in wanted for v in values],
    Operator.NOT_IN: lambda values, wanted: [None if v is None else v not in wanted for v in values],
    Operator.STARTS_WITH: lambda values, wanted: [None if v is None else v.startswith(wanted) for v in values],
    Operator.CONTAINS: lambda values, wanted: [None if v is None else wanted in v for v in values],
    Operator.IS_EMPTY: lambda values, _: [v is None for v in values],
    Operator.IS_TRUE: lambda values, _: [None if v is None else v is True for v in values],
    Operator.IS_FALSE: lambda values, _: [None if v is None else v is False for v in values],
}
"""Both ends of `between` are included. `is_empty` alone answers on a missing value."""


def constant(wanted: Wanted, operator: Operator, type_: Type) -> Any:
    if wanted is None:
        return None
    if not isinstance(wanted, tuple):
        return size(wanted) if type_ not in (Type.TEXT, Type.CODE) else folded(str(wanted))
    values = [constant(value, operator, type_) for value in wanted]
    return tuple(values) if operator is Operator.BETWEEN else frozenset(values)


def size(value: Any) -> Any:
    return value.amount if isinstance(value, Money) else value


def currency_of(wanted: Wanted) -> str | None:
    first = wanted[0] if isinstance(wanted, tuple) else wanted
    return first.currency if isinstance(first, Money) else None


def rate_of(subject: Subject, actual: Wanted, currency: str | None) -> Rate | None:
    if currency is None or not isinstance(actual, Money) or actual.currency == currency:
        return None
    return subject.rates.of(actual.currency, currency, subject.day)

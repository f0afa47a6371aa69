"""Conditions: a typed tree over the field catalogue, as a flow keeps it and as JSON writes it.

There are no expressions, functions or regular expressions: what a condition costs is bounded by what it is made of, and
who writes rules is not asked to program. They are read by `app.approval.condition_reader`."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from app.approval.fields import Field
from app.approval.operators import Operator, Value
from schemas.money import Money

Wanted = Value | tuple[Value, ...] | None


@dataclass(frozen=True, slots=True)
class AllOf:
    of: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    of: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    of: "Condition"


@dataclass(frozen=True, slots=True)
class AnyLine:
    of: "Condition"


@dataclass(frozen=True, slots=True)
class EveryLine:
    of: "Condition"


@dataclass(frozen=True, slots=True)
class CountLines:
    where: "Condition"
    operator: Operator
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class SumLines:
    """An exact sum of a money field over the lines that fulfil `where`, compared in `currency`."""

    where: "Condition"
    field: Field
    operator: Operator
    wanted: Wanted
    currency: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """`wanted` is one value, two for `between`, several for `in` and `not_in`, None for operators without a value;
    with `other` the comparison is with another field of the same type."""

    field: Field
    operator: Operator
    wanted: Wanted = None
    other: Field | None = None


Condition = AllOf | AnyOf | Not | AnyLine | EveryLine | CountLines | SumLines | Leaf


def write(condition: Condition) -> dict[str, Any]:
    """The JSON form, as `ConditionReader.read` takes it."""
    match condition:
        case AllOf(of=of):
            return {"all": [write(node) for node in of]}
        case AnyOf(of=of):
            return {"any": [write(node) for node in of]}
        case Not(of=inner):
            return {"not": write(inner)}
        case AnyLine(of=inner):
            return {"any_line": write(inner)}
        case EveryLine(of=inner):
            return {"every_line": write(inner)}
        case CountLines(where=where, operator=operator, wanted=wanted):
            return {"count_lines": {"where": write(where), "op": operator.value, **_written(wanted)}}
        case SumLines(where=where, field=field, operator=operator, wanted=wanted):
            of_sum = {"where": write(where), "field": field.key, "op": operator.value, **_written(wanted)}
            return {"sum_lines": of_sum}
        case Leaf(field=field, operator=operator, wanted=wanted, other=other):
            compared = {"other_field": other.key} if other else _written(wanted)
            return {"field": field.key, "op": operator.value, **compared}


def _written(wanted: Wanted) -> dict[str, Any]:
    if wanted is None:
        return {}
    values = wanted if isinstance(wanted, tuple) else (wanted,)
    texts = [_plain(value) for value in values]
    currency = next(({"currency": value.currency} for value in values if isinstance(value, Money)), {})
    return {"value": texts if isinstance(wanted, tuple) else texts[0], **currency}


def _plain(value: Value) -> str | int:
    match value:
        case Money():
            return f"{value.amount:f}"
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case _:
            return value

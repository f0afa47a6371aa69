"""Why somebody was asked, or nobody: data that is kept with the run and put into words where it is read."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from app.approval.conditions import Wanted
from app.approval.evaluate import Answer, Reason
from app.approval.operators import Operator, Value
from app.approval.rates import Rate
from schemas.money import Money


class Why(StrEnum):
    """
    ASKED          people were asked; the reasons stand at their steps.
    NOBODY_ASKED   the flow fits and needs nobody.
    AUTO_APPROVED  a rule of the flow approves it.
    BLOCKED        a rule of the flow forbids it.
    CANNOT_TELL    whether the flow fits, or forbids it, cannot be told.
    NO_FLOW        no flow fits.
    NOBODY_THERE   a step that is required has nobody, or too few, who may decide.
    OVERRIDDEN     an administrator decided.
    """

    ASKED = "asked"
    NOBODY_ASKED = "nobody_asked"
    AUTO_APPROVED = "auto_approved"
    BLOCKED = "blocked"
    CANNOT_TELL = "cannot_tell"
    NO_FLOW = "no_flow"
    NOBODY_THERE = "nobody_there"
    OVERRIDDEN = "overridden"


def to_data(reason: Reason) -> dict[str, Any]:
    """As JSON; types of values are kept, so that they can be shown in any language."""
    return {
        "field": reason.field,
        "operator": reason.operator.value,
        "actual": _to_data(reason.actual),
        "wanted": _to_data(reason.wanted),
        "lines": list(reason.lines),
        "answer": reason.answer.value,
        **({"rate": msgspec.to_builtins(reason.rate)} if reason.rate is not None else {}),
        **({"label": reason.label} if reason.label is not None else {}),
        **({"said": reason.said} if reason.said is not None else {}),
    }


def from_data(data: dict[str, Any]) -> Reason:
    return Reason(
        data["field"],
        _from_data(data["actual"]),
        Operator(data["operator"]),
        _from_data(data["wanted"]),
        tuple(data["lines"]),
        Answer(data["answer"]),
        msgspec.convert(data["rate"], Rate) if "rate" in data else None,
        data.get("label"),
        data.get("said"),
    )


def _to_data(value: Wanted) -> Any:
    match value:
        case tuple():
            return [_to_data(item) for item in value]
        case Money():
            return {"money": f"{value.amount:f}", "currency": value.currency}
        case Decimal():
            return {"number": f"{value:f}"}
        case date():
            return {"date": value.isoformat()}
        case _:
            return value


def _from_data(data: Any) -> Wanted:
    match data:
        case list():
            return tuple(_value(item) for item in data)
        case None:
            return None
        case _:
            return _value(data)


def _value(data: Any) -> Value:
    match data:
        case {"money": str(amount), "currency": str(currency)}:
            return Money(amount=Decimal(amount), currency=currency)
        case {"number": str(number)}:
            return Decimal(number)
        case {"date": str(day)}:
            return date.fromisoformat(day)
        case bool() | int() | str():
            return data
        case _:
            raise ValueError("no value of a reason")

"""Reads conditions from JSON, strictly, with every fault at once.

Numbers and money are text in JSON, and money always names its currency; a JSON number with a fraction is refused, as it
would have passed through binary floating point somewhere."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from app.approval import extras
from app.approval.conditions import (
    AllOf,
    AnyLine,
    AnyOf,
    Condition,
    CountLines,
    EveryLine,
    Leaf,
    Not,
    SumLines,
    Wanted,
)
from app.approval.fields import FIELDS, Catalogue, Field
from app.approval.operators import LISTS, NUMERIC, WITHOUT_VALUE, Operator, Type, Value
from schemas.faults import Findings
from schemas.money import CURRENCIES, Money

MOST_LEAVES: Final = 200
MOST_DEPTH: Final = 6
MOST_VALUES: Final = 100
LONGEST_TEXT: Final = 200


def nearest(word: str, known: Iterable[str] | Mapping[str, str]) -> str:
    """`; did you mean 'x'?` for the nearest known word, or nothing when none is near. A mapping goes from the
    words that are compared to the one that is suggested."""
    meant = known if isinstance(known, Mapping) else {name: name for name in known}
    by_folded = {name.casefold(): suggested for name, suggested in meant.items()}
    found = difflib.get_close_matches(word[:LONGEST_TEXT].casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean '{by_folded[found[0]]}'?" if found else ""


def keys_of(data: dict[str, Any], allowed: Sequence[str], at: str, findings: Findings) -> None:
    """A fault for each key that is not allowed here."""
    for key in data:
        if key not in allowed:
            findings.add("rule.unknown_key", f"{at}.{key}", f"no key '{key}' here{nearest(key, allowed)}")


class ConditionReader:
    """Reads the conditions of one definition; the limit of leaves counts over all of them."""

    def __init__(self, findings: Findings, fields: Catalogue = FIELDS) -> None:
        self.findings = findings
        self.fields = fields
        self.leaves = 0
        self._names = {name: field.key for field in fields.values() for name in (field.label, field.key)}

    def read(self, data: object, at: str) -> Condition | None:
        """None, with every fault noted, when the data is no condition."""
        return self._node(data, at, 1, in_line=False)

    def _node(self, data: object, at: str, depth: int, *, in_line: bool) -> Condition | None:
        if not isinstance(data, dict):
            self.findings.add("rule.not_a_condition", at, 'must be an object such as {"field": ..., "op": ...}')
            return None
        if depth > MOST_DEPTH:
            self.findings.add("rule.too_deep", at, f"conditions may be nested {MOST_DEPTH} deep")
            return None
        readers = {
            "all": self._group,
            "any": self._group,
            "not": self._inner,
            "any_line": self._inner,
            "every_line": self._inner,
            "count_lines": self._count,
            "sum_lines": self._sum,
        }
        names = [name for name in readers if name in data]
        if not names:
            return self._leaf(data, at, in_line=in_line)
        name = names[0]
        keys_of(data, (name,), at, self.findings)
        place = f"{at}.{name}"
        if name.endswith(("_line", "_lines")) and in_line:
            self.findings.add("rule.nested_lines", place, "a condition on lines cannot stand inside another one")
            return None
        return readers[name](name, data[name], place, depth, in_line)

    def _group(self, name: str, data: object, at: str, depth: int, in_line: bool) -> Condition | None:
        if not isinstance(data, list) or not data:
            self.findings.add("rule.empty_group", at, "must be a list of one or more conditions")
            return None
        read = [self._node(item, f"{at}[{i}]", depth + 1, in_line=in_line) for i, item in enumerate(data)]
        of = tuple(node for node in read if node is not None)
        return AllOf(of) if name == "all" else AnyOf(of)

    def _inner(self, name: str, data: object, at: str, depth: int, in_line: bool) -> Condition | None:
        of = self._node(data, at, depth + 1, in_line=in_line or name != "not")
        if of is None:
            return None
        if name == "not":
            return Not(of)
        return AnyLine(of) if name == "any_line" else EveryLine(of)

    def _count(self, name: str, data: object, at: str, depth: int, in_line: bool) -> Condition | None:
        if not isinstance(data, dict):
            self.findings.add("rule.not_a_condition", at, "must be an object with where, op and value")
            return None
        keys_of(data, ("where", "op", "value"), at, self.findings)
        where = self._node(data.get("where"), f"{at}.where", depth + 1, in_line=True)
        operator = self._operator(data, at, NUMERIC, "number of lines")
        if operator is None:
            return None
        wanted = self._wanted(Type.INTEGER, operator, data, at)
        return None if where is None or wanted is None else CountLines(where, operator, wanted)

    def _sum(self, name: str, data: object, at: str, depth: int, in_line: bool) -> Condition | None:
        if not isinstance(data, dict):
            self.findings.add("rule.not_a_condition", at, "must be an object with where, field, op, value and currency")
            return None
        keys_of(data, ("where", "field", "op", "value", "currency"), at, self.findings)
        where = self._node(data.get("where"), f"{at}.where", depth + 1, in_line=True)
        field = self._field(data.get("field"), f"{at}.field", in_line=True)
        operator = self._operator(data, at, NUMERIC, "sum of lines")
        if field is not None and not (field.of_line and field.type is Type.MONEY):
            self.findings.add("rule.not_summable", f"{at}.field", f"'{field.key}' is no amount of money of a line")
            return None
        if operator is None:
            return None
        wanted = self._wanted(Type.MONEY, operator, data, at)
        if where is None or field is None or wanted is None:
            return None
        return SumLines(where, field, operator, wanted, data["currency"])

    def _leaf(self, data: dict[str, Any], at: str, *, in_line: bool) -> Condition | None:
        self.leaves += 1
        if self.leaves == MOST_LEAVES + 1:
            self.findings.add("rule.too_many_leaves", at, f"a definition may hold {MOST_LEAVES} comparisons")
        if self.leaves > MOST_LEAVES:
            return None
        keys_of(data, ("field", "op", "value", "other_field", "currency"), at, self.findings)
        field = self._field(data.get("field"), at, in_line=in_line)
        if field is None:
            return None
        operator = self._operator(data, at, field.operators, f"'{field.key}' ({field.type})")
        if operator is None:
            return None
        if "currency" in data and (field.type is not Type.MONEY or operator in WITHOUT_VALUE or "other_field" in data):
            self.findings.add("rule.currency_not_here", f"{at}.currency", "only an amount of money has a currency")
        if operator in WITHOUT_VALUE:
            for key in ("value", "other_field"):
                if key in data:
                    self.findings.add("rule.value_not_here", f"{at}.{key}", f"'{operator}' takes no value")
            return Leaf(field, operator)
        if "other_field" in data:
            return self._compared(field, operator, data, at, in_line=in_line)
        wanted = self._wanted(field.type, operator, data, at)
        return None if wanted is None else Leaf(field, operator, wanted)

    def _compared(
        self, field: Field, operator: Operator, data: dict[str, Any], at: str, *, in_line: bool
    ) -> Condition | None:
        other = self._field(data["other_field"], f"{at}.other_field", in_line=in_line)
        if "value" in data:
            self.findings.add("rule.value_not_here", f"{at}.value", "either value or other_field, not both")
        if operator is Operator.BETWEEN or operator in LISTS:
            self.findings.add("rule.operator_not_allowed", f"{at}.op", f"'{operator}' needs values, not a field")
            return None
        if other is not None and other.type is not field.type:
            message = f"'{field.key}' is {field.type}, '{other.key}' is {other.type}: they cannot be compared"
            self.findings.add("rule.types_differ", f"{at}.other_field", message)
            return None
        return None if other is None else Leaf(field, operator, other=other)

    def _field(self, key: object, at: str, *, in_line: bool) -> Field | None:
        if not isinstance(key, str):
            self.findings.add("rule.field_missing", at, "must name a field")
            return None
        field = self.fields.get(key)
        if field is None:
            said = f"no field '{key[:LONGEST_TEXT]}'{nearest(key, self._names)}"
            if key.startswith((extras.HEADER, extras.LINE)):
                said += "; a customer's own fields are declared for it, and only its own rules may ask about them"
            self.findings.add("rule.unknown_field", at, said)
        elif field.of_line and not in_line:
            message = f"'{key}' belongs to a line: put it inside any_line, every_line, count_lines or sum_lines"
            self.findings.add("rule.line_field_outside", at, message)
            return None
        return field

    def _operator(self, data: dict[str, Any], at: str, allowed: Sequence[Operator], what: str) -> Operator | None:
        found = data.get("op")
        if found in list(allowed):
            return Operator(found)
        listed = ", ".join(f"'{op}'" for op in allowed)
        said = (
            f"'{found}' is no operator for {what}" if isinstance(found, str) else f"an operator for {what} is missing"
        )
        self.findings.add("rule.operator_not_allowed", f"{at}.op", f"{said}; allowed are {listed}")
        return None

    def _wanted(self, type_: Type, operator: Operator, data: dict[str, Any], at: str) -> Wanted:
        at_value, value = f"{at}.value", data.get("value")
        read = self._money(data, at) if type_ is Type.MONEY else _READERS[type_]
        if read is None:
            return None
        if operator is Operator.BETWEEN:
            if not isinstance(value, list) or len(value) != 2:
                self.findings.add("rule.not_a_range", at_value, "must be [lowest, highest]")
                return None
            low, high = (self._value(read, type_, item, f"{at_value}[{i}]") for i, item in enumerate(value))
            if low is None or high is None:
                return None
            if _size(low) > _size(high):
                self.findings.add("rule.not_a_range", at_value, "the lowest value stands first")
            return (low, high)
        if operator in LISTS:
            if not isinstance(value, list) or not 0 < len(value) <= MOST_VALUES:
                self.findings.add("rule.not_a_list", at_value, f"must be a list of 1 to {MOST_VALUES} values")
                return None
            values = [self._value(read, type_, item, f"{at_value}[{i}]") for i, item in enumerate(value)]
            return tuple(item for item in values if item is not None) or None
        return self._value(read, type_, value, at_value)

    def _value(self, read: "Callable[[object], Value]", type_: Type, value: object, at: str) -> Value | None:
        try:
            return read(value)
        except (ValueError, InvalidOperation):
            found = value if isinstance(value, str) else None if value is None else repr(value)
            self.findings.add("rule.bad_value", at, f"must be {_EXPECTED[type_]}", found)
            return None

    def _money(self, data: dict[str, Any], at: str) -> "Callable[[object], Value] | None":
        currency = data.get("currency")
        if not isinstance(currency, str):
            self.findings.add("rule.currency_missing", at, "an amount of money needs a currency, such as EUR")
            return None
        if currency not in CURRENCIES:
            message = f"no currency '{currency[:20]}'{nearest(currency, CURRENCIES.keys())}"
            self.findings.add("rule.unknown_currency", f"{at}.currency", message)
            return None
        return lambda value: Money(amount=decimal_of(value), currency=currency)


def _size(value: Value) -> Any:
    return value.amount if isinstance(value, Money) else value


def decimal_of(value: object) -> Decimal:
    """Of a text or a whole number. Raises ValueError, InvalidOperation."""
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > 40:
        raise ValueError(value)
    text = str(value)
    if not text.isascii() or text.strip("+-.0123456789"):
        raise ValueError(value)
    return Decimal(text)


def _integer(value: object) -> int:
    number = decimal_of(value)
    if number != number.to_integral_value():
        raise ValueError(value)
    return int(number)


def _date(value: object) -> date:
    if not isinstance(value, str) or len(value) != len("2026-12-24"):
        raise ValueError(value)
    return date.fromisoformat(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
        raise ValueError(value)
    return value


_READERS: dict[Type, Callable[[object], Value]] = {
    Type.DECIMAL: decimal_of,
    Type.INTEGER: _integer,
    Type.DATE: _date,
    Type.TEXT: _text,
    Type.CODE: _text,
}
_EXPECTED: dict[Type, str] = {
    Type.MONEY: 'a decimal number as text, such as "5000.00"',
    Type.DECIMAL: 'a decimal number as text, such as "2.5"',
    Type.INTEGER: "a whole number",
    Type.DATE: 'a date, such as "2026-12-24"',
    Type.TEXT: f"a text of at most {LONGEST_TEXT} characters",
    Type.CODE: f"a code of at most {LONGEST_TEXT} characters",
}

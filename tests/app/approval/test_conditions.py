"""Reading and writing conditions: strictness, places, suggestions, limits, round trip."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.approval.condition_reader import ConditionReader
from app.approval.conditions import write
from app.approval.fields import FIELDS, Field
from app.approval.operators import Operator, Type
from schemas.faults import Fault, Findings


def read(data: object) -> tuple[object, tuple[Fault, ...]]:
    findings = Findings()
    return ConditionReader(findings).read(data, "match"), findings.faults


def leaf(**more: object) -> dict[str, object]:
    return {"field": "order.total_net", "op": ">", "value": "5000.00", "currency": "EUR", **more}


@pytest.mark.parametrize(
    ("data", "code", "at", "says"),
    [
        ({**leaf(), "field": "order.totl_net"}, "rule.unknown_field", "match", "did you mean 'order.total_net'?"),
        (
            {**leaf(), "field": "order total with tax"},
            "rule.unknown_field",
            "match",
            "did you mean 'order.total_gross'?",
        ),
        ({**leaf(), "op": "contains"}, "rule.operator_not_allowed", "match.op", "allowed are '=', '!=', '>'"),
        ({**leaf(), "op": None}, "rule.operator_not_allowed", "match.op", "is missing"),
        ({**leaf(), "valeu": 1}, "rule.unknown_key", "match.valeu", "did you mean 'value'?"),
        ({"field": "order.total_net", "op": ">", "value": "5"}, "rule.currency_missing", "match", "needs a currency"),
        (leaf(currency="EURO"), "rule.unknown_currency", "match.currency", "did you mean 'EUR'?"),
        (leaf(value=5000.5), "rule.bad_value", "match.value", "a decimal number as text"),
        (leaf(value="1e3"), "rule.bad_value", "match.value", "a decimal number as text"),
        (leaf(value="1,000"), "rule.bad_value", "match.value", "a decimal number as text"),
        (leaf(value=True), "rule.bad_value", "match.value", "a decimal number as text"),
        (leaf(op="between", value=["2", "1"]), "rule.not_a_range", "match.value", "lowest value stands first"),
        (leaf(op="between", value="1"), "rule.not_a_range", "match.value", "[lowest, highest]"),
        (leaf(op="is_empty"), "rule.value_not_here", "match.value", "takes no value"),
        ({"all": []}, "rule.empty_group", "match.all", "one or more"),
        ({"any": {}}, "rule.empty_group", "match.any", "one or more"),
        ([], "rule.not_a_condition", "match", "must be an object"),
        ({"field": "line.sku", "op": "=", "value": "A"}, "rule.line_field_outside", "match", "any_line"),
        (
            {"any_line": {"not": {"every_line": {"field": "line.sku", "op": "=", "value": "A"}}}},
            "rule.nested_lines",
            "match.any_line.not.every_line",
            "cannot stand inside",
        ),
        (
            {"field": "order.currency", "op": "in", "value": ["E"] * 101},
            "rule.not_a_list",
            "match.value",
            "1 to 100 values",
        ),
        ({"field": "order.comment", "op": "=", "value": "x" * 201}, "rule.bad_value", "match.value", "at most 200"),
        (
            {"field": "order.currency", "op": "starts_with", "value": "E"},
            "rule.operator_not_allowed",
            "match.op",
            "'in', 'not_in', 'is_empty'",
        ),
        (
            {"field": "order.total_net", "op": ">", "other_field": "order.line_count"},
            "rule.types_differ",
            "match.other_field",
            "cannot be compared",
        ),
        (
            {"sum_lines": {"where": {"field": "line.is_return", "op": "is_false"}, "field": "line.sku", "op": ">"}},
            "rule.not_summable",
            "match.sum_lines.field",
            "no amount of money",
        ),
        (
            {"field": "order.requested_date", "op": ">", "value": "24.12.2026"},
            "rule.bad_value",
            "match.value",
            "a date",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_condition_is_refused_at_its_place_with_a_hint(data: object, code: str, at: str, says: str) -> None:
    _, faults = read(data)
    found = [fault for fault in faults if fault.code == code and fault.at == at]
    assert found, faults
    assert says in found[0].message


def test_all_faults_come_at_once() -> None:
    _, faults = read({"all": [leaf(value="x"), {**leaf(), "field": "order.totl_net"}, {"not": {}}]})
    assert [fault.at for fault in faults] == ["match.all[0].value", "match.all[1]", "match.all[2].not"]


def test_200_comparisons_are_read_and_201_refused() -> None:
    assert read({"all": [leaf()] * 200})[1] == ()
    assert [fault.code for fault in read({"all": [leaf()] * 202})[1]] == ["rule.too_many_leaves"]


def test_six_levels_are_read_and_seven_refused() -> None:
    nested: dict[str, Any] = leaf()
    for _ in range(5):
        nested = {"not": nested}
    assert read(nested)[1] == ()
    assert [fault.code for fault in read({"not": nested})[1]] == ["rule.too_deep"]


def test_a_thousand_levels_are_refused_without_harm() -> None:
    nested: dict[str, Any] = leaf()
    for _ in range(1000):
        nested = {"all": [nested]}
    assert [fault.code for fault in read(nested)[1]] == ["rule.too_deep"]


_VALUES = {
    Type.MONEY: st.decimals(-(10**6), 10**6, places=3).map(lambda value: f"{value:f}"),
    Type.DECIMAL: st.decimals(-(10**6), 10**6, places=5).map(lambda value: f"{value:f}"),
    Type.INTEGER: st.integers(-(10**6), 10**6),
    Type.DATE: st.dates().map(lambda value: value.isoformat()),
    Type.TEXT: st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip())),
    Type.CODE: st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip())),
}


def leaves(*, of_line: bool) -> st.SearchStrategy[dict[str, Any]]:
    @st.composite
    def drawn(draw: st.DrawFn) -> dict[str, Any]:
        fields = [field for field in FIELDS.values() if of_line or not field.of_line]
        field: Field = draw(st.sampled_from(fields))
        operator = draw(st.sampled_from(field.operators))
        data: dict[str, Any] = {"field": field.key, "op": operator.value}
        if operator in (Operator.IS_EMPTY, Operator.IS_TRUE, Operator.IS_FALSE):
            return data
        values = _VALUES[field.type]
        if operator is Operator.BETWEEN:
            value = draw(values)
            data["value"] = [value, value]
        elif operator in (Operator.IN, Operator.NOT_IN):
            data["value"] = draw(st.lists(values, min_size=1, max_size=3))
        else:
            data["value"] = draw(values)
        return {**data, "currency": "EUR"} if field.type is Type.MONEY else data

    return drawn()


def conditions() -> st.SearchStrategy[dict[str, Any]]:
    def grown(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        several = st.lists(inner, min_size=1, max_size=3)
        return (
            several.map(lambda of: {"all": of})
            | several.map(lambda of: {"any": of})
            | inner.map(lambda of: {"not": of})
        )

    in_line = st.recursive(leaves(of_line=True), grown, max_leaves=3)
    counts = st.builds(
        lambda where, n: {"count_lines": {"where": where, "op": ">=", "value": n}}, in_line, st.integers(0, 5)
    )
    over = in_line.map(lambda of: {"any_line": of}) | in_line.map(lambda of: {"every_line": of}) | counts
    return st.recursive(leaves(of_line=False) | over, grown, max_leaves=4)


@given(conditions())
def test_a_condition_survives_the_round_trip(data: dict[str, Any]) -> None:
    read_once, faults = read(data)
    if any(fault.code == "rule.too_deep" for fault in faults):
        return
    assert faults == ()
    written = json.loads(json.dumps(write(read_once)))  # type: ignore[arg-type]
    assert read(written)[0] == read_once


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["all", "any", "not", "any_line", "count_lines", "sum_lines", "where", "field", "op", "value"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_ANYTHING)
def test_anything_is_read_or_refused(data: object) -> None:
    condition, faults = read(data)
    assert (condition is None) == bool(faults) or faults

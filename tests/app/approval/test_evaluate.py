"""Three values, exact thresholds, lines, and why."""

import itertools
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order, subject
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.approval.condition_reader import ConditionReader
from app.approval.evaluate import Answer, Judgement, judge
from app.approval.subject import Subject
from schemas.faults import Findings
from schemas.item import Price
from schemas.order import OrderTotals, Tax

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN


def judged(data: dict[str, Any], of: Subject) -> Judgement:
    findings = Findings()
    condition = ConditionReader(findings).read(data, "match")
    assert condition is not None, findings.faults
    return judge(condition, of)


def answer(data: dict[str, Any], of: Subject | None = None) -> Answer:
    return judged(data, of or subject()).answer


def total(op: str, value: object, currency: str = "EUR") -> dict[str, Any]:
    return {"field": "order.total_net", "op": op, "value": value, "currency": currency}


TRUE = {"field": "order.line_count", "op": ">=", "value": 0}
FALSE = {"not": TRUE}
MISSING = {"field": "order.bill_to.id", "op": "=", "value": "1"}


@pytest.mark.parametrize(
    ("op", "wanted", "expected"),
    [
        (">", "99.50", NO),
        (">", "99.49", YES),
        (">=", "99.50", YES),
        (">=", "99.51", NO),
        ("<", "99.50", NO),
        ("<=", "99.50", YES),
        ("=", "99.5", YES),
        ("!=", "99.500", NO),
        ("between", ["99.50", "100"], YES),
        ("between", ["99", "99.50"], YES),
        ("between", ["99.51", "100"], NO),
    ],
)
def test_a_total_exactly_at_the_threshold(op: str, wanted: object, expected: Answer) -> None:
    assert answer(total(op, wanted)) is expected


@pytest.mark.parametrize(
    ("price", "quantity", "currency", "net"),
    [
        ("0.005", "1", "EUR", "0.01"),
        ("0.0049", "1", "EUR", "0.00"),
        ("0.5", "1", "JPY", "1"),
        ("0.4999", "1", "JPY", "0"),
        ("0.0005", "1", "KWD", "0.001"),
        ("-0.005", "1", "EUR", "-0.01"),
    ],
)
def test_lines_are_rounded_to_the_minor_unit_before_they_are_added(
    price: str, quantity: str, currency: str, net: str
) -> None:
    of = subject(order(line(price=price, quantity=quantity, currency=currency), currency=currency))
    assert answer(total("=", net, currency), of) is YES


def test_another_currency_cannot_be_compared() -> None:
    assert answer(total(">", "1", "USD")) is UNKNOWN
    assert answer(total("!=", "1", "USD")) is UNKNOWN
    assert answer({"not": total(">", "1", "USD")}) is UNKNOWN


@pytest.mark.parametrize("op", ["=", "!=", "in", "not_in"])
def test_a_missing_field_is_unknown_whatever_is_asked(op: str) -> None:
    leaf = {"field": "order.bill_to.id", "op": op, "value": ["1"] if op.endswith("in") else "1"}
    assert answer(leaf) is UNKNOWN
    assert answer({"not": leaf}) is UNKNOWN


def test_only_is_empty_answers_on_a_missing_field() -> None:
    assert answer({"field": "order.bill_to.id", "op": "is_empty"}) is YES
    assert answer({"field": "order.ship_to.id", "op": "is_empty"}) is NO


def test_a_gross_rule_on_an_order_without_tax_is_unknown() -> None:
    gross = {"field": "order.total_gross", "op": ">", "value": "1", "currency": "EUR"}
    assert answer(gross) is UNKNOWN
    taxed = order(totals=OrderTotals(total=money("99.50"), tax=Tax(amount=money("18.91"))))
    assert answer({**gross, "op": "=", "value": "118.41"}, subject(taxed)) is YES


@pytest.mark.parametrize("kind", ["any_line", "every_line"])
def test_over_no_lines_nothing_is_known(kind: str) -> None:
    cancelled = subject(order(line(change="delete")))
    assert answer({kind: {"field": "line.sku", "op": "=", "value": "A-100"}}, cancelled) is UNKNOWN


def test_one_yes_decides_any_and_one_no_decides_all() -> None:
    assert answer({"any": [MISSING, TRUE]}) is YES
    assert answer({"all": [MISSING, FALSE]}) is NO
    assert answer({"any": [MISSING, FALSE]}) is UNKNOWN
    assert answer({"all": [MISSING, TRUE]}) is UNKNOWN


_TREES = st.recursive(
    st.sampled_from([TRUE, FALSE, MISSING]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda of: {"all": of})
        | st.lists(inner, min_size=1, max_size=3).map(lambda of: {"any": of})
        | inner.map(lambda of: {"not": of})
    ),
    max_leaves=6,
)


def naive(data: dict[str, Any]) -> set[bool]:
    """What the tree can come out as when each missing leaf is tried both ways, occurrence by occurrence."""
    leaves: list[object] = []

    def count(node: dict[str, Any]) -> None:
        match node:
            case {"all": of} | {"any": of}:
                for child in of:
                    count(child)
            case {"not": {"field": "order.line_count"}}:
                pass
            case {"not": of}:
                count(of)
            case {"field": "order.bill_to.id"}:
                leaves.append(node)

    def value(node: dict[str, Any], rest: list[bool]) -> bool:
        match node:
            case {"all": of}:
                tried = [value(child, rest) for child in of]
                return all(tried)
            case {"any": of}:
                tried = [value(child, rest) for child in of]
                return any(tried)
            case {"not": of}:
                return not value(of, rest)
            case {"field": "order.bill_to.id"}:
                return rest.pop(0)
            case _:
                return True

    count(data)
    return {value(data, list(choice)) for choice in itertools.product([True, False], repeat=len(leaves))}


@given(_TREES)
def test_unknown_is_what_could_be_either(tree: dict[str, Any]) -> None:
    """Each leaf stands once, so Kleene's tables and trying both ways must agree."""
    findings = Findings()
    condition = ConditionReader(findings).read(tree, "match")
    if condition is None:
        return
    possible = naive(tree)
    expected = UNKNOWN if len(possible) == 2 else YES if True in possible else NO
    assert judge(condition, subject()).answer is expected


def test_lines_whose_condition_is_unknown_make_an_interval() -> None:
    of = subject(order(line(1, cost_center="4711"), line(2), line(3, cost_center="1")))
    where = {"field": "line.cost_center", "op": "=", "value": "4711"}

    def count(op: str, value: object) -> Answer:
        return answer({"count_lines": {"where": where, "op": op, "value": value}}, of)

    assert count(">=", 1) is YES
    assert count(">=", 2) is UNKNOWN
    assert count(">=", 3) is NO
    assert count("=", 1) is UNKNOWN
    assert count("=", 3) is NO
    assert count("!=", 3) is YES
    assert count("between", [1, 2]) is YES
    assert count("between", [2, 3]) is UNKNOWN


def test_sums_of_lines_hold_at_both_ends_or_are_unknown() -> None:
    of = subject(order(line(1, cost_center="4711", quantity="1", price="10"), line(2, quantity="1", price="5")))
    where = {"field": "line.cost_center", "op": "=", "value": "4711"}

    def total_of(op: str, value: str, currency: str = "EUR") -> Answer:
        data = {"where": where, "field": "line.net", "op": op, "value": value, "currency": currency}
        return answer({"sum_lines": data}, of)

    assert total_of(">=", "10") is YES
    assert total_of(">", "10") is UNKNOWN
    assert total_of(">", "15") is NO
    assert total_of("=", "10") is UNKNOWN
    assert total_of("<", "16") is YES
    assert total_of(">", "1", "USD") is UNKNOWN


@pytest.mark.parametrize(
    ("op", "value"),
    [("=", " LA\u0301SER TONER "), ("contains", "TONER"), ("starts_with", "lás"), ("in", ["x", "láser toner"])],
)
def test_text_is_compared_without_case_blanks_and_composition(op: str, value: object) -> None:
    assert answer({"any_line": {"field": "line.name", "op": op, "value": value}}) is YES


def test_a_hierarchical_code_is_matched_by_its_beginning() -> None:
    of = subject(order(line(1, unspsc="44121904"), line(2, unspsc="31161500")))
    found = judged({"any_line": {"field": "line.unspsc", "op": "starts_with", "value": "44"}}, of)
    assert found.answer is YES
    assert [(reason.field, reason.lines) for reason in found.reasons] == [("line.unspsc", (1,))]


def test_a_negative_line_hides_nothing() -> None:
    of = subject(order(line(1, quantity="1", price="9000"), line(2, quantity="1", price="-8990")))
    assert answer(total(">", "5000"), of) is NO
    for field in ("order.positive_net", "order.largest_line"):
        assert answer({"field": field, "op": ">", "value": "5000", "currency": "EUR"}, of) is YES


def test_the_deviation_from_the_agreement_is_exact() -> None:
    of = subject(order(line(1, quantity="1", price="105")), {1: "100"})
    assert answer({"field": "order.deviation_percent", "op": "=", "value": "5"}, of) is YES
    assert answer({"any_line": {"field": "line.price_deviation_percent", "op": ">", "value": "5"}}, of) is NO
    assert answer({"field": "order.deviation_amount", "op": "=", "value": "5", "currency": "EUR"}, of) is YES


def test_without_an_agreed_price_the_deviation_is_unknown() -> None:
    of = subject(order(line(1), line(2)), {1: "9.95"})
    assert answer({"field": "order.deviation_percent", "op": "<=", "value": "5"}, of) is UNKNOWN
    assert answer({"every_line": {"field": "line.on_contract", "op": "is_true"}}, of) is NO


def test_a_line_without_a_price_makes_the_total_unknown() -> None:
    assert answer(total("<", "1000000"), subject(order(line(1), line(2, price=None)))) is UNKNOWN


def test_price_units_are_counted() -> None:
    per_hundred = replace(line(1, quantity="250"), price=Price(amount=money("5.00"), basis=Decimal(100)))
    priced = order(per_hundred, line(2, quantity="1", price="1"))
    assert answer(total("=", "13.50"), subject(priced)) is YES


def test_returns_and_cancelled_lines_stay_out_of_the_total() -> None:
    of = subject(order(line(1), line(2, is_return=True), line(3, change="delete")))
    assert answer(total("=", "99.50"), of) is YES
    assert answer({"field": "order.line_count", "op": "=", "value": 2}, of) is YES


def test_the_reasons_of_a_yes_are_what_said_yes() -> None:
    found = judged({"any": [total(">", "1"), total(">", "1000"), MISSING]}, subject())
    assert [(reason.wanted, reason.answer) for reason in found.reasons] == [(money("1"), YES)]


def test_the_reason_of_an_unknown_is_what_was_not_known() -> None:
    found = judged({"all": [total(">", "1"), MISSING]}, subject())
    assert [(reason.field, reason.actual) for reason in found.reasons] == [("order.bill_to.id", None)]


def test_two_fields_of_a_kind_are_compared() -> None:
    assert answer({"field": "order.total_net", "op": "=", "other_field": "order.largest_line"}) is YES
    assert answer({"field": "order.total_net", "op": "=", "other_field": "order.total_tax"}) is UNKNOWN

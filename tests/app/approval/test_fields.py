"""The field catalogue: what it reads, the customer's own fields, rates, and what was looked up beside the order."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import AT, line, money, order, subject
from msgspec.structs import replace

from app.approval.condition_reader import ConditionReader
from app.approval.definition import read
from app.approval.evaluate import Answer, Judgement, judge
from app.approval.explanation import from_data, to_data
from app.approval.extras import Extra
from app.approval.fields import FIELDS, Source, catalogue
from app.approval.operators import Type, Value
from app.approval.rates import Rate, Rates
from app.approval.subject import Subject
from schemas.faults import Findings, Rejected
from schemas.item import ItemDescription
from schemas.order import Charge, Order, PaymentTerm
from schemas.party import Extension

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
TODAY = AT.date()


def judged(data: dict[str, Any], of: Subject, extras: tuple[Extra, ...] = ()) -> Judgement:
    findings = Findings()
    condition = ConditionReader(findings, catalogue(extras)).read(data, "match")
    assert condition is not None, findings.faults
    return judge(condition, of)


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_a_field_reads_a_value_of_its_type_or_nothing(field: Any) -> None:
    types = {Type.INTEGER: int, Type.TEXT: str, Type.CODE: str, Type.BOOL: bool, Type.DATE: date, Type.DECIMAL: Decimal}
    of = subject(order(line(unspsc="44", cost_center="4711")), {1: "9.00"})
    value = field.row(of.lines[0]) if field.of_line else field.header(of)
    assert value is None or isinstance(value, types.get(field.type, type(money("1"))))
    assert field.label
    assert field.operators


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("order.discount", money("5")),
        ("order.terms", 60),
        ("requester.department", "Quality"),
        ("cost_center.code", "4711"),
    ],
)
def test_more_of_the_header(key: str, value: Value) -> None:
    of = subject(
        order(
            line(1, cost_center="4711"),
            line(2, cost_center="4711"),
            charges=(Charge(kind="d", amount=money("5"), allowance=True), Charge(kind="f", amount=money("9"))),
            payment_terms=(PaymentTerm(days=14), PaymentTerm(days=60)),
            extensions=(Extension(name="Department", value="Quality"),),
        )
    )
    header = FIELDS[key].header
    assert header is not None
    assert header(of) == value


def test_lines_of_several_cost_centres_have_no_single_one() -> None:
    of = subject(order(line(1, cost_center="1"), line(2, cost_center="2")))
    assert judged({"field": "cost_center.code", "op": "=", "value": "1"}, of).answer is UNKNOWN


@pytest.mark.parametrize("key", [key for key, f in FIELDS.items() if f.source in (Source.SUMS, Source.PEOPLE)])
def test_what_was_not_looked_up_is_unknown(key: str) -> None:
    field = FIELDS[key]
    leaf: dict[str, Any] = {"field": key, "op": field.operators[0]}
    if field.type is not Type.BOOL:
        leaf |= {"value": field.example} | ({"currency": "EUR"} if field.type is Type.MONEY else {})
    assert judged({"any_line": leaf} if field.of_line else leaf, subject()).answer is UNKNOWN


def test_three_orders_below_the_limit_are_seen_by_their_sum() -> None:
    rule = {"field": "requester.total_today", "op": ">", "value": "1000.00", "currency": "EUR"}
    assert [judged(rule, subject(known={"requester.total_today": money(t)})).answer for t in ("900", "1800")] == [
        NO,
        YES,
    ]


def test_what_was_looked_up_for_a_line_is_that_lines() -> None:
    of = subject(order(line(1), line(2)), line_known={2: {"line.hazardous": True}})
    found = judged({"any_line": {"field": "line.hazardous", "op": "is_true"}}, of)
    assert (found.answer, found.reasons[0].lines) == (YES, (2,))


# Rates


def rate(factor: str, days_old: int = 0, base: str = "USD", target: str = "EUR") -> Rate:
    return Rate(base=base, target=target, factor=Decimal(factor), day=TODAY - timedelta(days=days_old), source="ECB")


DOLLARS = order(line(price="10.00", currency="USD"), currency="USD")


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((), UNKNOWN),
        ((rate("0.9"),), NO),
        ((rate("0.900001"),), YES),
        ((rate("0.95", 7),), YES),
        ((rate("0.95", 8),), UNKNOWN),
        ((rate("0.95", 8), rate("0.5", 1)), NO),
        ((rate("0.95", -1),), UNKNOWN),
        ((rate("0.95", base="EUR", target="USD"),), UNKNOWN),
    ],
    ids=["none", "exact", "not rounded", "7 days", "8 days", "the newest", "of tomorrow", "the other way"],
)
def test_another_currency_is_compared_by_a_recent_rate_only(rates: tuple[Rate, ...], expected: Answer) -> None:
    rule = {"field": "order.total_net", "op": ">", "value": "90.00", "currency": "EUR"}
    found = judged(rule, subject(DOLLARS, rates=Rates(rates)))
    assert found.answer is expected
    assert judged({"not": rule}, subject(DOLLARS, rates=Rates(rates))).answer is {YES: NO, NO: YES}.get(
        expected, UNKNOWN
    )
    (reason,) = found.reasons
    assert (reason.rate is None) is (expected is UNKNOWN)
    assert reason.currencies == ("USD", "EUR")
    assert from_data(json.loads(json.dumps(to_data(reason)))) == reason


def test_equal_currencies_never_use_a_rate() -> None:
    rule = {"field": "order.total_net", "op": "=", "value": "100.00", "currency": "USD"}
    assert judged(rule, subject(DOLLARS, rates=Rates([rate("2", base="USD", target="USD")]))).answer is YES


def test_lines_in_another_currency_are_summed_by_rate() -> None:
    of = subject(order(line(1, price="1", currency="USD"), line(2, price="1")), rates=Rates([rate("0.5")]))
    where = {"field": "line.quantity", "op": ">", "value": "0"}
    rule = {"sum_lines": {"where": where, "field": "line.net", "op": "=", "value": "15", "currency": "EUR"}}
    assert judged(rule, of).answer is YES


@pytest.mark.parametrize("factor", ["0", "-1", "NaN"])
def test_a_rate_is_above_zero(factor: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        rate(factor)


# The customer's own fields


def project(**changes: Any) -> Extra:
    return Extra(**{"name": "project", "type": Type.TEXT, "label": "project number", "extension": "Project", **changes})


def said(name: str, text: str) -> tuple[Extension, ...]:
    return (Extension(name=name, value=text),)


def own(of: Order, extra: Extra) -> Subject:
    return subject(of, extras={extra.key: extra})


@pytest.mark.parametrize(
    ("type_", "text", "leaf", "expected"),
    [
        (Type.INTEGER, "12", {"op": ">", "value": 10}, YES),
        (Type.INTEGER, "12.5", {"op": ">", "value": 10}, UNKNOWN),
        (Type.DECIMAL, "1e9", {"op": ">", "value": "1"}, UNKNOWN),
        (Type.MONEY, "12.50", {"op": ">", "value": "12.49", "currency": "EUR"}, YES),
        (Type.MONEY, "12,50", {"op": "!=", "value": "1", "currency": "EUR"}, UNKNOWN),
        (Type.DATE, "2026-12-24", {"op": "<", "value": "2026-12-25"}, YES),
        (Type.DATE, "24.12.2026", {"op": "<", "value": "2026-12-25"}, UNKNOWN),
        (Type.BOOL, "Yes", {"op": "is_true"}, YES),
        (Type.BOOL, "perhaps", {"op": "is_false"}, UNKNOWN),
        (Type.CODE, " ab-1 ", {"op": "=", "value": "AB-1"}, YES),
        (Type.TEXT, "", {"op": "is_empty"}, YES),
    ],
)
def test_an_own_field_is_read_by_its_type_and_never_guessed(
    type_: Type, text: str, leaf: dict[str, Any], expected: Answer
) -> None:
    extra = project(type=type_, currency="EUR" if type_ is Type.MONEY else None)
    found = judged({"field": "extra.project", **leaf}, own(order(extensions=said("PROJECT", text)), extra), (extra,))
    assert found.answer is expected


def test_an_own_field_of_a_line_is_read_where_lines_carry_it() -> None:
    extra = project(type=Type.INTEGER, of_line=True)
    described = replace(line(2), description=ItemDescription(extensions=said("Project", "8")))
    of = own(order(replace(line(1), extensions=said("project", "7")), described, line(3)), extra)
    found = judged({"any_line": {"field": "line.extra.project", "op": ">", "value": 7}}, of, (extra,))
    assert [(reason.lines, reason.actual, reason.label) for reason in found.reasons] == [((2,), 8, "project number")]


@pytest.mark.parametrize(
    ("extensions", "told"),
    [
        (said("Project", "soon"), "soon"),
        ((*said("Project", "2026-01-01"), *said("project", "2026-01-02")), "2026-01-01 / 2026-01-02"),
        ((Extension(name="Project", value="<b>2026-01-01</b>", markup=True),), "<b>2026-01-01</b>"),
    ],
    ids=["no date", "two of them", "markup"],
)
@pytest.mark.parametrize("op", ["!=", "is_empty"])
def test_what_cannot_be_read_is_neither_there_nor_missing_and_is_told(
    extensions: tuple[Extension, ...], told: str, op: str
) -> None:
    extra = project(type=Type.DATE)
    leaf = {"field": "extra.project", "op": op, **({"value": "2026-01-01"} if op == "!=" else {})}
    found = judged(leaf, own(order(extensions=extensions), extra), (extra,))
    assert found.answer is UNKNOWN
    (reason,) = found.reasons
    assert from_data(to_data(reason)) == reason
    assert (reason.actual, reason.said) == (None, told)


def test_a_rule_does_not_read_a_field_that_was_declared_anew_with_another_type() -> None:
    now = project(type=Type.TEXT)
    of = own(order(extensions=said("Project", "7")), now)
    rule = {"field": "extra.project", "op": ">", "value": 5}
    assert judged(rule, of, (project(type=Type.INTEGER),)).answer is UNKNOWN


def test_an_own_field_of_another_customer_is_unknown_to_the_reader() -> None:
    definition = json.dumps({"match": {"field": "extra.projct", "op": "is_empty"}, "when_nobody_is_asked": "hold"})
    extras = catalogue((project(),))
    with pytest.raises(Rejected) as refused:
        read(definition, extras)
    assert [fault.message for fault in refused.value.faults] == [
        "no field 'extra.projct'; did you mean 'extra.project'?; "
        "a customer's own fields are declared for it, and only its own rules may ask about them"
    ]
    assert read(definition.replace("projct", "project"), extras).needs == {"extra.project"}

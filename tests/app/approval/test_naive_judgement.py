"""The compiled judgement says what a naive one says, comparison by comparison and line by line."""

from decimal import Decimal
from typing import Any

from approval_orders import line, order, subject
from hypothesis import given
from hypothesis import strategies as st

from app.approval.condition_reader import ConditionReader
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
)
from app.approval.evaluate import Answer, judge
from app.approval.operators import Operator, Type, folded
from app.approval.rates import Rate, Rates
from app.approval.subject import LineSubject, Subject
from schemas.faults import Findings
from schemas.money import Money

RATES = Rates([Rate(base="USD", target="EUR", factor=Decimal("0.5"), day=subject().at.date(), source="test")])
Held = bool | None


def naive(condition: Condition, of: Subject, on: LineSubject | None = None) -> Held:
    match condition:
        case AllOf(of=parts):
            answers = [naive(part, of, on) for part in parts]
            return False if False in answers else None if None in answers else True
        case AnyOf(of=parts):
            answers = [naive(part, of, on) for part in parts]
            return True if True in answers else None if None in answers else False
        case Not(of=inner):
            answer = naive(inner, of, on)
            return None if answer is None else not answer
        case AnyLine(of=inner) | EveryLine(of=inner):
            kind = AnyOf if isinstance(condition, AnyLine) else AllOf
            if not of.lines:
                return None
            answers = [naive(inner, of, each) for each in of.lines]
            decisive = kind is AnyOf
            return decisive if decisive in answers else None if None in answers else not decisive
        case CountLines(where=where):
            answers = [naive(where, of, each) for each in of.lines]
            sure, possible = answers.count(True), answers.count(None)
            return agreed({compare(number, condition) for number in range(sure, sure + possible + 1)})
        case SumLines(where=where, field=field, currency=currency):
            sums = {Decimal(0)}
            for each in of.lines:
                answer = naive(where, of, each)
                amount = in_currency(field.row(each) if field.row else None, currency, of)
                if answer is False:
                    continue
                if amount is None:
                    return None
                sums = {total + amount for total in sums} | (sums if answer is None else set())
            # Between two sums there are others that a cent would make: the ends are what is known.
            ends = {min(sums), max(sums)}
            answers = {compare(end, condition) for end in ends}
            between = condition.operator in (Operator.EQUAL, Operator.UNEQUAL, Operator.BETWEEN) and len(ends) == 2
            if between and not (condition.operator is Operator.BETWEEN and answers == {True}):
                wanted = condition.wanted if isinstance(condition.wanted, tuple) else (condition.wanted,) * 2
                low, high = (value.amount for value in wanted if isinstance(value, Money))
                outside = max(ends) < low or min(ends) > high
                return (condition.operator is Operator.UNEQUAL) if outside else None
            return agreed(answers)
        case Leaf(field=field):
            return leaf(
                condition, field.row(on) if field.row and on else field.header(of) if field.header else None, of
            )


def agreed(answers: set[bool]) -> Held:
    return answers.pop() if len(answers) == 1 else None


def in_currency(value: object, currency: str, of: Subject) -> Decimal | None:
    return of.rates.convert(value, currency, of.day) if isinstance(value, Money) else None


def plain(value: Any, type_: Type) -> Any:
    return folded(value) if type_ in (Type.TEXT, Type.CODE) else value.amount if isinstance(value, Money) else value


def compare(actual: Any, condition: Any) -> bool:
    wanted = condition.wanted
    values = [plain(v, Type.MONEY) for v in (wanted if isinstance(wanted, tuple) else (wanted,))]
    return holds(actual, condition.operator, values)


def holds(actual: Any, operator: Operator, values: list[Any]) -> bool:
    first = values[0] if values else None
    return {
        Operator.EQUAL: lambda: actual == first,
        Operator.UNEQUAL: lambda: actual != first,
        Operator.ABOVE: lambda: actual > first,
        Operator.BELOW: lambda: actual < first,
        Operator.AT_LEAST: lambda: actual >= first,
        Operator.AT_MOST: lambda: actual <= first,
        Operator.BETWEEN: lambda: first <= actual <= values[1],
        Operator.IN: lambda: actual in values,
        Operator.NOT_IN: lambda: actual not in values,
        Operator.STARTS_WITH: lambda: actual.startswith(first),
        Operator.CONTAINS: lambda: first in actual,
        Operator.IS_TRUE: lambda: actual is True,
        Operator.IS_FALSE: lambda: actual is False,
    }[operator]()


def leaf(condition: Leaf, actual: Any, of: Subject) -> Held:
    missing = actual is None or (isinstance(actual, str) and not actual.strip())
    if condition.operator is Operator.IS_EMPTY:
        return missing
    wanted = condition.wanted
    values = list(wanted) if isinstance(wanted, tuple) else [] if wanted is None else [wanted]
    if isinstance(actual, Money):
        actual = in_currency(actual, values[0].currency, of)
        missing = actual is None
    if missing:
        return None
    type_ = condition.field.type
    return holds(plain(actual, type_), condition.operator, [plain(value, type_) for value in values])


def amounts(field: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "field": st.just(field),
            "op": st.sampled_from(["=", "!=", ">", "<", ">=", "<="]),
            "value": st.sampled_from(["0", "10.00", "20", "40.5"]),
            "currency": st.sampled_from(["EUR", "USD"]),
        }
    ) | st.builds(
        lambda low, more: {"field": field, "op": "between", "value": [f"{low}", f"{low + more}"], "currency": "EUR"},
        st.integers(-5, 50),
        st.integers(0, 50),
    )


def codes(field: str) -> st.SearchStrategy[dict[str, Any]]:
    one = st.fixed_dictionaries(
        {"field": st.just(field), "op": st.sampled_from(["=", "!="]), "value": st.sampled_from(["bx", "C62", "1"])}
    )
    several = st.fixed_dictionaries(
        {"field": st.just(field), "op": st.sampled_from(["in", "not_in"]), "value": st.just(["BX", "ea"])}
    )
    return one | several | st.just({"field": field, "op": "is_empty"})


ON_LINES = st.one_of(
    amounts("line.net"),
    codes("line.unit"),
    st.sampled_from(["44", "4", "31"]).map(lambda v: {"field": "line.unspsc", "op": "starts_with", "value": v}),
    st.sampled_from(["is_true", "is_false"]).map(lambda op: {"field": "line.on_contract", "op": op}),
    st.sampled_from(["is_true", "is_false"]).map(lambda op: {"field": "line.hazardous", "op": op}),
    codes("order.bill_to.id"),
)
ON_ORDER = amounts("order.total_net") | codes("order.bill_to.id")


def trees(leaves: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda of: {"all": of}),
            st.lists(inner, min_size=1, max_size=3).map(lambda of: {"any": of}),
            inner.map(lambda of: {"not": of}),
        ),
        max_leaves=4,
    ).filter(lambda tree: depth(tree) <= 3)


def depth(tree: Any) -> int:
    inner = tree if isinstance(tree, list) else tree.values() if isinstance(tree, dict) else ()
    return (not isinstance(tree, list)) + max(
        (depth(part) for part in inner if isinstance(part, dict | list)), default=0
    )


OVER_LINES = st.one_of(
    trees(ON_LINES).map(lambda of: {"any_line": of}),
    trees(ON_LINES).map(lambda of: {"every_line": of}),
    st.builds(
        lambda where, op, value: {"count_lines": {"where": where, "op": op, "value": value}},
        trees(ON_LINES),
        st.sampled_from(["=", "!=", ">", "<", ">=", "<="]),
        st.integers(0, 4),
    ),
    st.builds(lambda where, of: {"sum_lines": {"where": where, **of}}, trees(ON_LINES), amounts("line.net")),
)
CONDITIONS = trees(ON_ORDER | OVER_LINES)
LINES = st.lists(
    st.builds(
        lambda price, unit, unspsc, currency: {"price": price, "unit": unit, "unspsc": unspsc, "currency": currency},
        st.sampled_from([None, "-1", "0", "1", "4.05"]),
        st.sampled_from([None, "BX", "C62", " "]),
        st.sampled_from([None, "44121700", "31"]),
        st.sampled_from(["EUR", "USD", "JPY"]),
    ),
    max_size=4,
)


@given(CONDITIONS, LINES, st.booleans(), st.sets(st.integers(1, 4)))
def test_the_compiled_judgement_agrees_with_the_naive_one(
    data: dict[str, Any], lines: list[dict[str, Any]], with_rates: bool, agreed_lines: set[int]
) -> None:
    findings = Findings()
    condition = ConditionReader(findings).read(data, "match")
    assert condition is not None, findings.faults
    given_lines = [line(number, **each) for number, each in enumerate(lines, 1)]
    of = subject(
        order(*given_lines) if given_lines else order(line(1, change="delete")),
        dict.fromkeys(agreed_lines, "1.00"),
        line_known={1: {"line.hazardous": True}, 2: {"line.hazardous": False}},
        **({"rates": RATES} if with_rates else {}),
    )
    expected = {True: Answer.YES, False: Answer.NO, None: Answer.UNKNOWN}[naive(condition, of)]
    found = judge(condition, of)
    assert found.answer is expected
    assert judge(condition, of) == found
    for reason in found.reasons:
        assert set(reason.lines) <= set(of.numbers)

"""Three-valued judgement: yes, no, or *unknown* when the order does not say or amounts cannot be compared.

An unknown never becomes a no by the back door: it is unknown under `!=`, `not_in` and `not` too, and only `is_empty`
answers on a missing field. What an unknown means is decided where the condition stands, always on the side with more
people (`app.approval.flow`)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

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
from app.approval.fields import Field, Operator, Type, Value, folded
from app.approval.subject import LineSubject, Subject
from schemas.money import Money


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """One comparison and its answer.

    field   the key of the field, or `count_lines`, `sum_lines`.
    actual  what the order says; None when it does not. For several lines: of the first one named.
    wanted  the constant, or the actual value of the other field.
    lines   the numbers of the lines that gave this answer; empty for a field of the order.
    """

    field: str
    actual: Wanted
    operator: Operator
    wanted: Wanted
    lines: tuple[int, ...]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer and the comparisons that made it so, in the order of the rule."""

    answer: Answer
    reasons: tuple[Reason, ...]


_NOT = {Answer.YES: Answer.NO, Answer.NO: Answer.YES, Answer.UNKNOWN: Answer.UNKNOWN}


def judge(condition: Condition, subject: Subject, line: LineSubject | None = None) -> Judgement:
    match condition:
        case Leaf():
            return _leaf(condition, subject, line)
        case AllOf(of=of):
            return _combined((judge(node, subject, line) for node in of), Answer.NO)
        case AnyOf(of=of):
            return _combined((judge(node, subject, line) for node in of), Answer.YES)
        case Not(of=inner):
            judged = judge(inner, subject, line)
            return Judgement(_NOT[judged.answer], judged.reasons)
        case AnyLine(of=inner):
            return _over_lines(inner, subject, Answer.YES)
        case EveryLine(of=inner):
            return _over_lines(inner, subject, Answer.NO)
        case CountLines():
            return _count(condition, subject)
        case SumLines():
            return _sum(condition, subject)


def _combined(judged: Iterable[Judgement], decisive: Answer) -> Judgement:
    """`all` (decided by one no) and `any` (decided by one yes)."""
    parts = tuple(judged)
    answers = {part.answer for part in parts}
    if decisive in answers:
        answer = decisive
    elif Answer.UNKNOWN in answers:
        answer = Answer.UNKNOWN
    else:
        answer = _NOT[decisive]
    return Judgement(answer, tuple(reason for part in parts if part.answer is answer for reason in part.reasons))


def _over_lines(inner: Condition, subject: Subject, decisive: Answer) -> Judgement:
    if not subject.lines:
        return Judgement(Answer.UNKNOWN, ())
    judged = _combined((judge(inner, subject, line) for line in subject.lines), decisive)
    return Judgement(judged.answer, _merged(judged.reasons))


def _merged(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """One reason a comparison, naming all its lines."""
    first: dict[tuple[Any, ...], Reason] = {}
    lines: dict[tuple[Any, ...], dict[int, None]] = {}
    for reason in reasons:
        key = (reason.field, reason.operator, reason.wanted, reason.answer)
        first.setdefault(key, reason)
        lines.setdefault(key, {}).update(dict.fromkeys(reason.lines))
    return tuple(replace(reason, lines=tuple(lines[key])) for key, reason in first.items())


def _where(condition: Condition, subject: Subject) -> tuple[list[LineSubject], list[LineSubject]]:
    """The lines that fulfil the condition, and those of which it is not known."""
    judged = [(line, judge(condition, subject, line).answer) for line in subject.lines]
    return [x for x, answer in judged if answer is Answer.YES], [x for x, answer in judged if answer is Answer.UNKNOWN]


def _count(condition: CountLines, subject: Subject) -> Judgement:
    sure, unsure = _where(condition.where, subject)
    answer = _at_both_ends(len(sure), len(sure) + len(unsure), condition.operator, condition.wanted)
    numbers = tuple(line.line.number for line in sure)
    return Judgement(answer, (Reason("count_lines", len(sure), condition.operator, condition.wanted, numbers, answer),))


def _sum(condition: SumLines, subject: Subject) -> Judgement:
    sure, unsure = _where(condition.where, subject)
    currency = condition.currency
    amounts = _amounts(condition, subject, sure, currency)
    possible = _amounts(condition, subject, unsure, currency)
    numbers = tuple(line.line.number for line in sure)
    if amounts is None or possible is None:
        reason = Reason("sum_lines", None, condition.operator, condition.wanted, numbers, Answer.UNKNOWN)
        return Judgement(Answer.UNKNOWN, (reason,))
    known = sum(amounts, Decimal(0))
    lowest = known + sum((amount for amount in possible if amount < 0), Decimal(0))
    highest = known + sum((amount for amount in possible if amount > 0), Decimal(0))
    low, high = (Money(amount=end, currency=currency) for end in (lowest, highest))
    answer = _at_both_ends(low, high, condition.operator, condition.wanted)
    actual = Money(amount=known, currency=currency)
    return Judgement(answer, (Reason("sum_lines", actual, condition.operator, condition.wanted, numbers, answer),))


def _amounts(
    condition: SumLines, subject: Subject, lines: Iterable[LineSubject], currency: str
) -> list[Decimal] | None:
    """None when one line gives no amount in that currency."""
    read = [condition.field.read(subject, line) for line in lines]
    amounts = [value.amount for value in read if isinstance(value, Money) and value.currency == currency]
    return amounts if len(amounts) == len(read) else None


def _at_both_ends(low: Value, high: Value, operator: Operator, wanted: Wanted) -> Answer:
    """The answer when it holds for the whole interval, else unknown. `=` and `between` inside the interval, and `!=`,
    are only sure when they cannot turn within it."""
    ends = (_holds(low, operator, wanted), _holds(high, operator, wanted))
    if low == high:
        return ends[0]
    if operator in (Operator.EQUAL, Operator.UNEQUAL, Operator.BETWEEN):
        lowest, highest = wanted if isinstance(wanted, tuple) else (wanted, wanted)
        outside = _size(high) < _size(lowest) or _size(low) > _size(highest)
        if operator is Operator.BETWEEN and ends == (Answer.YES, Answer.YES):
            return Answer.YES
        if not outside:
            return Answer.UNKNOWN
        return Answer.YES if operator is Operator.UNEQUAL else Answer.NO
    return ends[0] if ends[0] is ends[1] else Answer.UNKNOWN


def _leaf(leaf: Leaf, subject: Subject, line: LineSubject | None) -> Judgement:
    actual = leaf.field.read(subject, line)
    wanted = leaf.other.read(subject, line) if leaf.other else leaf.wanted
    if leaf.operator is Operator.IS_EMPTY:
        empty = actual is None or (isinstance(actual, str) and not actual.strip())
        answer = Answer.YES if empty else Answer.NO
    elif actual is None or (leaf.other and wanted is None):
        answer = Answer.UNKNOWN
    else:
        answer = _holds(actual, leaf.operator, wanted, leaf.field)
    lines = (line.line.number,) if line is not None and _speaks_of_a_line(leaf) else ()
    return Judgement(answer, (Reason(leaf.field.key, actual, leaf.operator, wanted, lines, answer),))


def _speaks_of_a_line(leaf: Leaf) -> bool:
    return leaf.field.of_line or bool(leaf.other and leaf.other.of_line)


def _size(value: Any) -> Any:
    return value.amount if isinstance(value, Money) else value


def _comparable(actual: Value, wanted: Value) -> bool:
    return not isinstance(actual, Money) or (isinstance(wanted, Money) and wanted.currency == actual.currency)


_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: lambda actual, wanted: actual == wanted,
    Operator.UNEQUAL: lambda actual, wanted: actual != wanted,
    Operator.ABOVE: lambda actual, wanted: actual > wanted,
    Operator.BELOW: lambda actual, wanted: actual < wanted,
    Operator.AT_LEAST: lambda actual, wanted: actual >= wanted,
    Operator.AT_MOST: lambda actual, wanted: actual <= wanted,
    Operator.BETWEEN: lambda actual, wanted: wanted[0] <= actual <= wanted[1],
    Operator.IN: lambda actual, wanted: actual in wanted,
    Operator.NOT_IN: lambda actual, wanted: actual not in wanted,
    Operator.STARTS_WITH: lambda actual, wanted: actual.startswith(wanted),
    Operator.CONTAINS: lambda actual, wanted: wanted in actual,
    Operator.IS_TRUE: lambda actual, _: actual is True,
    Operator.IS_FALSE: lambda actual, _: actual is False,
}


def _holds(actual: Value, operator: Operator, wanted: Wanted, field: Field | None = None) -> Answer:
    """Both ends of `between` are included. Money of another currency than the constant's cannot be compared."""
    values: tuple[Value, ...] = wanted if isinstance(wanted, tuple) else () if wanted is None else (wanted,)
    if not all(_comparable(actual, value) for value in values):
        return Answer.UNKNOWN
    textual = field is not None and field.type in (Type.TEXT, Type.CODE)
    plain = [folded(str(value)) if textual else _size(value) for value in values]
    seen = folded(str(actual)) if textual else _size(actual)
    compared = _COMPARE[operator](seen, plain if isinstance(wanted, tuple) else plain[0] if plain else None)
    return Answer.YES if compared else Answer.NO

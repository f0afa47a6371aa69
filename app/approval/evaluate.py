"""Three-valued judgement: yes, no, or *unknown* when the order does not say or amounts cannot be compared.

An unknown never becomes a no by the back door: it is unknown under `!=`, `not_in` and `not` too, and only `is_empty`
answers on a missing field. What an unknown means is decided where the condition stands, always on the side with more
people (`app.approval.flow`).

A condition is compiled once into nodes. A node below a line condition answers for all lines of the order at once, from
columns that are read once an order; reasons are put together afterwards, for the comparisons that decided."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import compress
from typing import Any, Final, Protocol

import msgspec

from app.approval.columns import (
    COMPARE,
    Held,
    column_of,
    comparable,
    constant,
    currency_of,
    plain_column,
    plain_of,
    rate_of,
    size,
    value_of,
)
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
from app.approval.fields import Field
from app.approval.operators import Operator, Value
from app.approval.rates import Rate
from app.approval.subject import Subject
from schemas.money import Money

LONGEST_SAID: Final = 200
"""Characters of what an order says and cannot be read; the order itself has all of it."""


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


_ANSWERS: Final[dict[Held, Answer]] = {True: Answer.YES, False: Answer.NO, None: Answer.UNKNOWN}


class Reason(msgspec.Struct, frozen=True):
    """One comparison and its answer.

    field   the key of the field, or `count_lines`, `sum_lines`.
    actual  what the order says; None when it does not. For several lines: of the first one named.
    wanted  the constant, or the actual value of the other field.
    lines   the numbers of the lines that gave this answer; empty for a field of the order.
    rate    by which money of another currency than the constant's was converted.
    label   what the customer calls a field of its own.
    said    what the order says of it, where that is no value of its type.
    """

    field: str
    actual: Wanted
    operator: Operator
    wanted: Wanted
    lines: tuple[int, ...]
    answer: Answer
    rate: Rate | None = None
    label: str | None = None
    said: str | None = None

    @property
    def currencies(self) -> tuple[str, str] | None:
        """Of an amount and of what it is compared with, where they differ."""
        base, target = currency_of(self.actual), currency_of(self.wanted)
        return (base, target) if base is not None and target is not None and base != target else None


class Judgement(msgspec.Struct, frozen=True):
    """The answer and the comparisons that made it so, in the order of the rule."""

    answer: Answer
    reasons: tuple[Reason, ...]


class Node(Protocol):
    """A condition on the order."""

    def answer(self, subject: Subject) -> Held: ...

    def reasons(self, subject: Subject, answer: Held) -> list[Reason]:
        """Why the answer is this one, which `answer` gave."""


class Rows(Protocol):
    """A condition inside a line node."""

    def answers(self, subject: Subject) -> list[Held]:
        """One a line of the subject."""

    def reasons(self, subject: Subject, rows: list[int], answer: Held) -> list[Reason]:
        """Why all these lines, by their position, have this answer."""


def judge(condition: Condition, subject: Subject) -> Judgement:
    return judged(compiled(condition), subject)


def judged(node: Node, subject: Subject) -> Judgement:
    answer = node.answer(subject)
    return Judgement(_ANSWERS[answer], tuple(node.reasons(subject, answer)))


def compiled(condition: Condition) -> Node:
    match condition:
        case Leaf():
            return _HeaderLeaf(condition)
        case AllOf(of=of):
            return _Group([compiled(node) for node in of], decisive=False)
        case AnyOf(of=of):
            return _Group([compiled(node) for node in of], decisive=True)
        case Not(of=inner):
            return _Negated(compiled(inner))
        case AnyLine(of=inner):
            return _OverLines(_rows(inner), decisive=True)
        case EveryLine(of=inner):
            return _OverLines(_rows(inner), decisive=False)
        case CountLines(where=where):
            return _Counted(condition, _rows(where))
        case SumLines(where=where):
            return _Summed(condition, _rows(where))


def _rows(condition: Condition) -> Rows:
    match condition:
        case Leaf(field=field, other=other) if field.of_line or (other is not None and other.of_line):
            return _row_leaf(condition)
        case AllOf(of=of):
            return _RowGroup([_rows(node) for node in of], decisive=False)
        case AnyOf(of=of):
            return _RowGroup([_rows(node) for node in of], decisive=True)
        case Not(of=inner):
            return _RowNegated(_rows(inner))
        case _:
            return _Everywhere(compiled(condition))


def _own(subject: Subject, field: Field, row: int | None = None) -> tuple[str | None, str | None]:
    """The label of a field of the customer's own, and what is said of it and cannot be read; of a line where `row` is
    its position."""
    if not field.own:
        return None, None
    found = subject.said(field.key) if row is None else subject.lines[row].said(field.key)
    if found is None:
        return field.label, None
    extra, said = found
    return extra.label, said.text[:LONGEST_SAID] if said is not None and said.value is None else None


# Conditions on the order


class _HeaderLeaf:
    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.compare = COMPARE[leaf.operator]
        self.wanted = constant(leaf.wanted, leaf.operator, leaf.field.type)
        # Whether there is a value does not turn on rates.
        self.currency = currency_of(leaf.wanted)
        self.own_given = leaf.field.own and leaf.operator is Operator.IS_EMPTY

    def answer(self, subject: Subject) -> Held:
        leaf = self.leaf
        if self.own_given and _own(subject, leaf.field)[1] is not None:
            return None
        if leaf.other is not None:
            return _compared(subject, leaf, value_of(subject, leaf.field), value_of(subject, leaf.other))
        return self.compare((plain_of(subject, leaf.field, self.currency),), self.wanted)[0]

    def reasons(self, subject: Subject, answer: Held) -> list[Reason]:
        leaf = self.leaf
        actual = value_of(subject, leaf.field)
        wanted = leaf.wanted if leaf.other is None else value_of(subject, leaf.other)
        currency = self.currency if leaf.other is None else currency_of(wanted)
        rate = rate_of(subject, actual, currency) if currency is not None else None
        label, said = _own(subject, leaf.field)
        return [Reason(leaf.field.key, actual, leaf.operator, wanted, (), _ANSWERS[answer], rate, label, said)]


def _compared(subject: Subject, leaf: Leaf, actual: Value | None, other: Value | None) -> Held:
    """Two fields; money is converted to the currency of the other field."""
    if actual is None or other is None:
        return None
    currency = other.currency if isinstance(other, Money) else None
    (value,) = comparable(subject, leaf.field, currency, (actual,))
    return COMPARE[leaf.operator]((value,), constant(other, leaf.operator, leaf.field.type))[0]


class _Group:
    """`all` (decided by one no) and `any` (decided by one yes)."""

    def __init__(self, parts: Sequence[Node], *, decisive: bool) -> None:
        self.parts = parts
        self.decisive = decisive

    def answer(self, subject: Subject) -> Held:
        unknown = False
        for part in self.parts:
            answer = part.answer(subject)
            if answer is self.decisive:
                return answer
            unknown = unknown or answer is None
        return None if unknown else not self.decisive

    def reasons(self, subject: Subject, answer: Held) -> list[Reason]:
        given = [part for part in self.parts if part.answer(subject) is answer]
        return [reason for part in given for reason in part.reasons(subject, answer)]


class _Negated:
    def __init__(self, inner: Node) -> None:
        self.inner = inner

    def answer(self, subject: Subject) -> Held:
        return _not(self.inner.answer(subject))

    def reasons(self, subject: Subject, answer: Held) -> list[Reason]:
        return self.inner.reasons(subject, _not(answer))


def _not(answer: Held) -> Held:
    return None if answer is None else not answer


class _OverLines:
    """`any_line` and `every_line`; an order without lines answers neither."""

    def __init__(self, rows: Rows, *, decisive: bool) -> None:
        self.rows = rows
        self.decisive = decisive

    def answer(self, subject: Subject) -> Held:
        answers = self.rows.answers(subject)
        if not answers or (self.decisive not in answers and None in answers):
            return None
        return self.decisive if self.decisive in answers else not self.decisive

    def reasons(self, subject: Subject, answer: Held) -> list[Reason]:
        answers = self.rows.answers(subject)
        rows = [row for row, given in enumerate(answers) if given is answer]
        return self.rows.reasons(subject, rows, answer) if rows else []


class _OfSomeLines:
    """What `count_lines` and `sum_lines` share: lines of which it is not known whether they belong make an interval."""

    def __init__(self, operator: Operator, wanted: Wanted, rows: Rows) -> None:
        self.operator = operator
        self.wanted = wanted
        self.rows = rows
        ends = wanted if isinstance(wanted, tuple) else (wanted, wanted)
        self.ends = tuple(map(size, ends))
        self.constant = self.ends if operator is Operator.BETWEEN else self.ends[0]

    def _within(self, low: Any, high: Any) -> Held:
        """The answer that holds for the whole interval, else unknown. `=` and `between` inside it, and `!=`, are only
        sure when they cannot turn within it."""
        at_low, at_high = COMPARE[self.operator]((low, high), self.constant)
        if low == high:
            return at_low
        if self.operator in (Operator.EQUAL, Operator.UNEQUAL, Operator.BETWEEN):
            if self.operator is Operator.BETWEEN and at_low and at_high:
                return True
            outside = high < self.ends[0] or low > self.ends[1]
            return (self.operator is Operator.UNEQUAL) if outside else None
        return at_low if at_low is at_high else None


class _Counted(_OfSomeLines):
    def __init__(self, condition: CountLines, rows: Rows) -> None:
        super().__init__(condition.operator, condition.wanted, rows)

    def answer(self, subject: Subject) -> Held:
        answers = self.rows.answers(subject)
        sure = answers.count(True)
        return self._within(sure, sure + answers.count(None))

    def reasons(self, subject: Subject, answer: Held) -> list[Reason]:
        numbers = _numbers(subject, self.rows.answers(subject))
        return [Reason("count_lines", len(numbers), self.operator, self.wanted, numbers, _ANSWERS[answer])]


class _Summed(_OfSomeLines):
    def __init__(self, condition: SumLines, rows: Rows) -> None:
        super().__init__(condition.operator, condition.wanted, rows)
        self.field = condition.field
        self.currency = condition.currency

    def answer(self, subject: Subject) -> Held:
        answers = self.rows.answers(subject)
        amounts = plain_column(subject, self.field, self.currency)
        low = high = Decimal(0)
        for given, amount in zip(answers, amounts, strict=True):
            if given is False:
                continue
            if amount is None:
                return None
            low += amount if given or amount < 0 else 0
            high += amount if given or amount > 0 else 0
        return self._within(low, high)

    def reasons(self, subject: Subject, answer: Held) -> list[Reason]:
        answers = self.rows.answers(subject)
        amounts = [
            amount
            for given, amount in zip(answers, plain_column(subject, self.field, self.currency), strict=True)
            if given
        ]
        known = None if None in amounts else Money(amount=sum(amounts, Decimal(0)), currency=self.currency)
        numbers = _numbers(subject, answers)
        return [Reason("sum_lines", known, self.operator, self.wanted, numbers, _ANSWERS[answer])]


def _numbers(subject: Subject, answers: Sequence[Held]) -> tuple[int, ...]:
    return tuple(compress(subject.numbers, answers))


# Conditions inside a line node


class _RowLeaf:
    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.compare = COMPARE[leaf.operator]
        self.wanted = constant(leaf.wanted, leaf.operator, leaf.field.type)
        self.currency = currency_of(leaf.wanted)

    def answers(self, subject: Subject) -> list[Held]:
        answers: list[Held] | None = subject.memo.get(self)
        if answers is None:
            answers = subject.memo[self] = self._answers(subject)
        return answers

    def _answers(self, subject: Subject) -> list[Held]:
        leaf = self.leaf
        if leaf.other is not None:
            pairs = zip(column_of(subject, leaf.field), column_of(subject, leaf.other), strict=True)
            return [_compared(subject, leaf, actual, other) for actual, other in pairs]
        answers = self.compare(plain_column(subject, leaf.field, self.currency), self.wanted)
        if leaf.field.own and leaf.operator is Operator.IS_EMPTY:
            return [None if _own(subject, leaf.field, row)[1] else given for row, given in enumerate(answers)]
        return answers

    def reasons(self, subject: Subject, rows: list[int], answer: Held) -> list[Reason]:
        leaf = self.leaf
        if leaf.other is None:
            return [self._reason(subject, rows, leaf.wanted, self.currency, answer)]
        groups: dict[Wanted, list[int]] = {}
        others = column_of(subject, leaf.other)
        for row in rows:
            groups.setdefault(others[row], []).append(row)
        return [self._reason(subject, of, wanted, currency_of(wanted), answer) for wanted, of in groups.items()]

    def _reason(self, subject: Subject, rows: list[int], wanted: Wanted, currency: str | None, answer: Held) -> Reason:
        leaf, numbers = self.leaf, subject.numbers
        actual = column_of(subject, leaf.field)[rows[0]]
        named = numbers if len(rows) == len(numbers) else tuple([numbers[row] for row in rows])
        rate = rate_of(subject, actual, currency) if currency is not None else None
        label, said = _own(subject, leaf.field, rows[0] if leaf.field.of_line else None)
        return Reason(leaf.field.key, actual, leaf.operator, wanted, named, _ANSWERS[answer], rate, label, said)


@lru_cache(maxsize=5_000)
def _row_leaf(leaf: Leaf) -> _RowLeaf:
    """One node for the same comparison in several rules, which is then made once an order."""
    return _RowLeaf(leaf)


class _RowGroup:
    def __init__(self, parts: Sequence[Rows], *, decisive: bool) -> None:
        self.parts = parts
        self.decisive = decisive

    def answers(self, subject: Subject) -> list[Held]:
        answers: list[Held] | None = subject.memo.get(self)
        if answers is None:
            decisive = self.decisive
            rows = zip(*(part.answers(subject) for part in self.parts), strict=True)
            answers = [decisive if decisive in row else None if None in row else not decisive for row in rows]
            subject.memo[self] = answers
        return answers

    def reasons(self, subject: Subject, rows: list[int], answer: Held) -> list[Reason]:
        found = []
        for part in self.parts:
            given = part.answers(subject)
            if of := [row for row in rows if given[row] is answer]:
                found += part.reasons(subject, of, answer)
        return found


class _RowNegated:
    def __init__(self, inner: Rows) -> None:
        self.inner = inner

    def answers(self, subject: Subject) -> list[Held]:
        return [None if answer is None else not answer for answer in self.inner.answers(subject)]

    def reasons(self, subject: Subject, rows: list[int], answer: Held) -> list[Reason]:
        return self.inner.reasons(subject, rows, _not(answer))


class _Everywhere:
    """A condition on the order that stands inside a line node: the same for each line."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def answers(self, subject: Subject) -> list[Held]:
        return [self.node.answer(subject)] * len(subject.lines)

    def reasons(self, subject: Subject, rows: list[int], answer: Held) -> list[Reason]:
        return self.node.reasons(subject, answer)

"""What a change of an order means for its approval: nothing, a notice, or a new run.

Always held against the revision that was approved, so that several small raises add up. Whatever is not understood as
harmless asks for a new run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final

from app.approval.flow import Flow, LaterDate, Ruling, Tolerance, required, verdict
from app.approval.order_hash import order_hash
from app.approval.steps import Run
from app.approval.subject import Subject, requesters
from schemas.item import Price
from schemas.money import Money
from schemas.order import Order, OrderLine


class Means(IntEnum):
    """
    NOTHING     nothing that anybody needs to know.
    NOTICE      those who are asked are told.
    SAME_STEPS  no new run as long as the rules ask for the same steps as before.
    NEW_RUN     those who decided are asked again, with the differences.
    """

    NOTHING = 0
    NOTICE = 1
    SAME_STEPS = 2
    NEW_RUN = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """
    at      the header's word (`ship_to`), or that of a line (`price`, `line` for one that is new or gone).
    line    its number; None for the header.
    before  as it was approved; None for what was not there. Texts are for people.
    """

    at: str
    line: int | None
    before: str | None
    after: str | None
    means: Means


@dataclass(frozen=True, slots=True)
class Comparison:
    differences: tuple[Difference, ...]

    @property
    def means(self) -> Means:
        return max((difference.means for difference in self.differences), default=Means.NOTHING)


_HEADER: Final[dict[str, Callable[[Order], Any]]] = {
    "requester": requesters,
    "currency": lambda order: order.currency,
    "ship_to": lambda order: order.ship_to,
    "bill_to": lambda order: order.bill_to,
    "payment_terms": lambda order: order.payment_terms,
    "delivery_terms": lambda order: order.delivery_terms,
    "cost_assignment": lambda order: order.splits,
}
_LINE: Final[dict[str, Callable[[OrderLine], Any]]] = {
    "item": lambda line: (
        line.item.supplier_id,
        line.item.supplier_auxiliary_id,
        line.item.manufacturer_id,
        line.item.gtin,
    ),
    "name": lambda line: line.description.text if line.description and line.item.supplier_id is None else None,
    "unit": lambda line: line.quantity.unit,
    "ship_to": lambda line: line.ship_to,
    "cost_assignment": lambda line: tuple((split.name, split.segments) for split in line.splits),
    "return": lambda line: line.is_return,
    "schedule": lambda line: line.schedule,
    "shipping": lambda line: line.shipping,
    "tax": lambda line: line.tax,
    "charges": lambda line: line.charges,
}
_TOLD: Final[dict[str, Callable[[Order | OrderLine], Any]]] = {
    "comment": lambda of: tuple(comment.text for comment in of.comments),
    "contacts": lambda of: of.contacts,
}
_NOT_HASHED: Final = (*_TOLD, "attachments")


def compare(approved: Order, now: Order, flow: Flow) -> Comparison:
    """Both orders as they would go to the ERP, in lines of the same numbers."""
    found = [*_headers(approved, now, flow), *_lines(approved, now, flow)]
    unseen = order_hash(approved, customer="") != order_hash(now, customer="")
    if unseen and all(difference.at in _NOT_HASHED for difference in found):
        found.append(Difference("order", None, None, None, Means.NEW_RUN))
    return Comparison(tuple(found))


def asks_for_new_run(comparison: Comparison, flow: Flow, run: Run, subject: Subject) -> bool:
    """`subject` is the changed order."""
    if comparison.means is not Means.SAME_STEPS:
        return comparison.means is Means.NEW_RUN
    return not same_steps(flow, run, subject)


def same_steps(flow: Flow, run: Run, subject: Subject) -> bool:
    """Whether the rules ask for exactly the steps that the run has opened so far."""
    if verdict(flow, subject).ruling is not Ruling.ASK:
        return False
    wanted = {step.key for stage in flow.stages[: len(run.opened)] for step, _ in required(stage, subject)}
    return wanted == {step.key for step in run.steps}


def _headers(approved: Order, now: Order, flow: Flow) -> Iterator[Difference]:
    for name, read in _HEADER.items():
        yield from _differs(name, None, read(approved), read(now), Means.NEW_RUN)
    for name, told in _TOLD.items():
        yield from _differs(name, None, told(approved), told(now), Means.NOTICE)
    yield from _differs("attachments", None, _attached(approved), _attached(now), Means.NOTICE)
    yield from _dates(None, approved.requested_delivery, now.requested_delivery, flow)
    yield from _extras(approved, now, flow.tolerance)


def _attached(order: Order) -> tuple[str | None, ...]:
    return tuple(attachment.name for attachment in order.attachments)


def _extras(approved: Order, now: Order, tolerance: Tolerance) -> Iterator[Difference]:
    """What is paid besides the lines: shipping, tax and charges."""
    for name, read in (("shipping", _shipping), ("tax", _tax), ("charges", _charges)):
        before, after = read(approved), read(now)
        if before != after:
            means = _rise(before, after, tolerance) if before is not None and after is not None else Means.NEW_RUN
            yield Difference(name, None, _text(before), _text(after), means)


def _shipping(order: Order) -> Money | None:
    return order.totals.shipping if order.totals else None


def _tax(order: Order) -> Money | None:
    return order.totals.tax.amount if order.totals and order.totals.tax else None


def _charges(order: Order) -> Money | None:
    if order.currency is None or any(charge.amount.currency != order.currency for charge in order.charges):
        return None
    amounts = (-charge.amount.amount if charge.allowance else charge.amount.amount for charge in order.charges)
    return Money(amount=sum(amounts, Decimal(0)), currency=order.currency)


def _lines(approved: Order, now: Order, flow: Flow) -> Iterator[Difference]:
    before = {line.number: line for line in approved.lines if line.change != "delete"}
    after = {line.number: line for line in now.lines if line.change != "delete"}
    for number in sorted(before.keys() | after.keys()):
        old, new = before.get(number), after.get(number)
        if old is None:
            yield Difference("line", number, None, _summary(after[number]), Means.NEW_RUN)
        elif new is None:
            yield Difference("line", number, _summary(old), None, Means.SAME_STEPS)
        else:
            yield from _line(old, new, flow)
    yield from _total(before, after, flow.tolerance)


def _line(old: OrderLine, new: OrderLine, flow: Flow) -> Iterator[Difference]:
    number = old.number
    for name, read in _LINE.items():
        yield from _differs(name, number, read(old), read(new), Means.NEW_RUN)
    for name, told in _TOLD.items():
        yield from _differs(name, number, told(old), told(new), Means.NOTICE)
    yield from _dates(number, old.requested_delivery, new.requested_delivery, flow)
    if old.quantity.amount != new.quantity.amount:
        means = _percent(old.quantity.amount, new.quantity.amount, flow.tolerance)
        yield Difference("quantity", number, f"{old.quantity.amount:f}", f"{new.quantity.amount:f}", means)
    if old.price != new.price:
        yield Difference("price", number, _price(old), _price(new), _dearer(old.price, new.price, flow.tolerance))


def _price(line: OrderLine) -> str | None:
    return _text(line.price.amount) if line.price else None


def _dearer(old: Price | None, new: Price | None, tolerance: Tolerance) -> Means:
    if old is None or new is None or old.amount.currency != new.amount.currency:
        return Means.NEW_RUN
    return _percent(old.of(Decimal(1)), new.of(Decimal(1)), tolerance)


def _percent(before: Decimal, after: Decimal, tolerance: Tolerance) -> Means:
    if after <= before:
        return Means.SAME_STEPS
    within = before > 0 and (after - before) * 100 <= tolerance.percent * before
    return Means.SAME_STEPS if within else Means.NEW_RUN


def _rise(before: Money, after: Money, tolerance: Tolerance) -> Means:
    """By percent and by amount."""
    if before.currency != after.currency:
        return Means.NEW_RUN
    limit, more = tolerance.amount, after.amount - before.amount
    if more > 0 and limit is not None and (limit.currency != after.currency or more > limit.amount):
        return Means.NEW_RUN
    return _percent(before.amount, after.amount, tolerance)


def _total(before: dict[int, OrderLine], after: dict[int, OrderLine], tolerance: Tolerance) -> Iterator[Difference]:
    """What lines of the same number cost in all; new lines are seen by themselves."""
    shared = before.keys() & after.keys()
    costs = [_cost(lines[number] for number in shared) for lines in (before, after)]
    old, new = costs
    if old is not None and new is not None and old != new and _rise(old, new, tolerance) is Means.NEW_RUN:
        yield Difference("total", None, _text(old), _text(new), Means.NEW_RUN)


def _cost(lines: Iterator[OrderLine]) -> Money | None:
    total, currency = Decimal(0), None
    for line in lines:
        if line.price is None or currency not in (None, line.price.amount.currency):
            return None
        currency = line.price.amount.currency
        total += line.price.of(line.quantity.amount)
    return Money(amount=total, currency=currency) if currency is not None else None


def _dates(
    number: int | None, before: date | datetime | None, after: date | datetime | None, flow: Flow
) -> Iterator[Difference]:
    if before == after:
        return
    later = before is not None and after is not None and _day(after) >= _day(before)
    texts = (before.isoformat() if before else None, after.isoformat() if after else None)
    yield Difference("requested_date", number, *texts, _LATER[flow.later_date] if later else Means.NEW_RUN)


_LATER: Final = {
    LaterDate.NONE: Means.NOTHING,
    LaterDate.NOTIFY: Means.NOTICE,
    LaterDate.NEW_RUN: Means.NEW_RUN,
}


def _day(when: date | datetime) -> date:
    return when.astimezone(UTC).date() if isinstance(when, datetime) else when


def _differs(name: str, number: int | None, before: Any, after: Any, means: Means) -> Iterator[Difference]:
    if before != after:
        yield Difference(name, number, _text(before), _text(after), means)


def _text(value: Any) -> str | None:
    match value:
        case None | ():
            return None
        case Money():
            return f"{value.amount:f} {value.currency}"
        case tuple():
            return ", ".join(filter(None, map(_text, value)))
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case _:
            named = getattr(value, "id", None) or getattr(value, "name", None) or getattr(value, "code", None)
            return str(named) if named is not None else type(value).__name__


def _summary(line: OrderLine) -> str:
    unit = f" {line.quantity.unit}" if line.quantity.unit else ""
    return f"{line.quantity.amount:f}{unit} {line.item.supplier_id or ''}".strip()

"""Whether an order found in the ERP is the one that was sent."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from app.bridge.adapter import FoundOne
from schemas.money import Money, round_line
from schemas.order import Order, OrderLine


def wanted_lines(order: Order) -> tuple[OrderLine, ...]:
    """The lines that the ERP is to have: all but those that the buyer took back."""
    return tuple(line for line in order.lines if line.change != "delete")


def wanted_total(order: Order) -> Money | None:
    """What the document says it adds up to, else its lines, each rounded to the minor unit and then added. None when
    a line has no price, or nothing names a currency."""
    if order.totals is not None:
        return order.totals.total
    if order.currency is None:
        return None
    amounts = [line.amount() for line in wanted_lines(order) if not line.is_return]
    if any(amount is None for amount in amounts):
        return None
    currency = order.currency
    rounded = (round_line(amount, currency) for amount in amounts if amount is not None)
    return Money(amount=sum(rounded, Decimal(0)), currency=currency)


def differences(order: Order, found: FoundOne) -> tuple[str, ...]:
    """In words, for the person who must decide; empty when it is the same order.

    Quantities are added up by item first, since an ERP may join or split lines; a total is compared where both sides
    name one."""
    sent = _by_item((line.item.supplier_id or "", line.quantity.amount) for line in wanted_lines(order))
    there = _by_item(found.lines)
    said = [
        f"item {item or '(none)'}: sent {sent[item]:f}, found {there[item]:f}"
        for item in sorted(sent.keys() | there.keys())
        if sent[item] != there[item]
    ]
    total = wanted_total(order)
    if total is not None and found.total is not None and total.amount != found.total:
        said.append(f"total: sent {total.amount:f}, found {found.total:f}")
    if found.currency is not None and order.currency is not None and found.currency != order.currency:
        said.append(f"currency: sent {order.currency}, found {found.currency}")
    return tuple(said)


def _by_item(lines: Iterable[tuple[str, Decimal]]) -> defaultdict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for item, quantity in lines:
        sums[item] += quantity
    return sums

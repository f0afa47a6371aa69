"""Compares an order with the carts that it came from, line by line and part by part.

Pure: whoever calls has found the carts (`cart_of_order`). Values are compared as the document has them; what the
customer's tables make of its words only explains a difference. A line of an order that names a line of a cart is that
line, whatever else it says; one that names none, or an unknown one, is told by its item."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from msgspec.structs import replace

from app.flows import compare_parts as parts
from app.flows import written
from app.flows.cart_comparison import (
    CartComparison,
    ComparedCart,
    ComparedLine,
    ComparedPart,
    Part,
    Reason,
    State,
    deviation_percent,
)
from app.flows.places import folded
from schemas.cart import Cart, CartLine
from schemas.money import Money, exact_sum
from schemas.order import Order, OrderLine
from schemas.party import Address

Place: TypeAlias = tuple[str, int]
"""A line of a cart: the cart's id and the position in it, from 0."""


@dataclass(frozen=True, slots=True)
class HomeCart:
    """A cart that went home; `ship_to` is that of the setup request."""

    id: str
    returned_at: datetime
    cart: Cart
    ship_to: Address | None = None


@dataclass(frozen=True, slots=True)
class OrderedBefore:
    """What other orders hold of a line of a cart, in the cart's unit, and their numbers."""

    quantity: Decimal
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A line of the order as it came, and as the customer's tables read it."""

    came: OrderLine
    read: OrderLine


@dataclass(slots=True)
class _Pair:
    """A line of a cart and those of the order that it became."""

    cart: int
    position: int
    line: CartLine
    ordered: list[_Ordered] = field(default_factory=list)


def compare(
    came: Order, read: Order, carts: Sequence[HomeCart], before: Mapping[Place, OrderedBefore]
) -> CartComparison:
    """`came` is the document, `read` the same with our item numbers and units. Cancelled lines and returns are no part
    of it; a cart line that an edit brought home again counts in the newest cart alone."""
    newest_first = sorted(carts, key=lambda one: one.returned_at, reverse=True)
    by_number = {line.number: line for line in read.lines}
    ordered = [_Ordered(line, by_number[line.number]) for line in came.lines if _counts(line)]
    pairs = list(_pairs(newest_first))
    typed_in = _match(ordered, pairs)
    lines: dict[int, ComparedLine] = {}
    rest: list[ComparedLine] = []
    for pair in pairs:
        done = before.get((newest_first[pair.cart].id, pair.position))
        lines.update((line.line, line) for line in _lines(pair, came, done) if line.line is not None)
        if not pair.ordered:
            rest.append(_not_here(pair, done))
    for one in typed_in:
        lines[one.came.number] = _added(one)
    in_order = [lines[one.came.number] for one in ordered]
    return CartComparison(
        carts=tuple(
            ComparedCart(
                id=one.id,
                returned_at=one.returned_at,
                lines=len(one.cart.lines),
                total=one.cart.total,
            )
            for one in newest_first
        ),
        lines=(*in_order, *rest),
        parts=tuple(_of_order(came, newest_first, [*in_order, *rest])),
    )


def _counts(line: OrderLine) -> bool:
    return line.change != "delete" and not line.is_return


def _pairs(carts: Sequence[HomeCart]) -> Iterator[_Pair]:
    newer: set[str] = set()
    for number, home in enumerate(carts):
        ids = {line.item.supplier_auxiliary_id or "" for line in home.cart.lines}
        for position, line in enumerate(home.cart.lines):
            if line.item.supplier_auxiliary_id not in newer:
                yield _Pair(number, position, line)
        newer |= ids - {""}


def _match(ordered: Iterable[_Ordered], pairs: Sequence[_Pair]) -> list[_Ordered]:
    """Gives the lines of the order to those of the carts; returns those that are in none."""
    by_id: dict[str, list[_Pair]] = {}
    for pair in pairs:
        by_id.setdefault(pair.line.item.supplier_auxiliary_id or "", []).append(pair)
    left = []
    for one in ordered:
        found = by_id.get(one.came.item.supplier_auxiliary_id or "", []) if one.came.item.supplier_auxiliary_id else []
        if found:
            same = [pair for pair in found if _same_item(one, pair)]
            best = sorted(same or found, key=lambda pair: len(pair.ordered))
            best[0].ordered.append(one)
        else:
            left.append(one)
    typed_in = []
    by_item: dict[str, list[_Pair]] = {}
    for pair in pairs:
        if not pair.ordered:
            by_item.setdefault(_plain(pair.line.item.supplier_id), []).append(pair)
    for one in left:
        names = (_plain(one.read.item.supplier_id), _plain(one.came.item.supplier_id))
        free = [pair for name in names if name for pair in by_item.get(name, []) if not pair.ordered]
        if free:
            amount = one.came.quantity.amount
            next((pair for pair in free if pair.line.quantity.amount == amount), free[0]).ordered.append(one)
        else:
            typed_in.append(one)
    return typed_in


def _same_item(one: _Ordered, pair: _Pair) -> bool:
    ours = _plain(pair.line.item.supplier_id)
    return ours in (_plain(one.read.item.supplier_id), _plain(one.came.item.supplier_id))


def _plain(item: str | None) -> str:
    """An item number without what platforms are known to take from it."""
    return folded(item).lstrip("0")


def _added(one: _Ordered) -> ComparedLine:
    return ComparedLine(
        state=State.ADDED,
        line=one.came.number,
        item=one.read.item.supplier_id or one.came.item.supplier_id or "",
        name=one.came.description.text if one.came.description else None,
        quantity=one.came.quantity.amount,
        unit=one.came.quantity.unit,
    )


def _not_here(pair: _Pair, done: OrderedBefore | None) -> ComparedLine:
    return ComparedLine(
        state=State.ELSEWHERE if done else State.LOST,
        cart=pair.cart,
        position=pair.position,
        item=pair.line.item.supplier_id or "",
        name=pair.line.description.text if pair.line.description else None,
        quantity=pair.line.quantity.amount,
        unit=pair.line.quantity.unit,
        orders=done.orders if done else (),
    )


def _lines(pair: _Pair, came: Order, done: OrderedBefore | None) -> Iterator[ComparedLine]:
    wanted, together = pair.line.quantity, _together(pair)
    for one in pair.ordered:
        here = together if together is not None else one.read.quantity.amount
        compared = (*_identity(pair.line, one), *_bought(pair, one, here, done), *_described(pair.line, one, came))
        same_unit = one.read.quantity.unit == wanted.unit
        yield ComparedLine(
            state=State.KEPT if all(part.state is State.KEPT for part in compared) else State.CHANGED,
            line=one.came.number,
            cart=pair.cart,
            position=pair.position,
            item=pair.line.item.supplier_id or "",
            name=pair.line.description.text if pair.line.description else None,
            quantity=one.came.quantity.amount,
            unit=one.came.quantity.unit,
            parts=compared,
            orders=done.orders if done else (),
            repeated=done is not None and same_unit and here + done.quantity > wanted.amount,
        )


def _together(pair: _Pair) -> Decimal | None:
    """What several lines of the order hold together; None for one alone, and when they are in several units."""
    if len(pair.ordered) < 2 or any(one.read.quantity.unit != pair.line.quantity.unit for one in pair.ordered):
        return None
    return exact_sum(one.read.quantity.amount for one in pair.ordered)


# Which item


def _identity(cart: CartLine, one: _Ordered) -> Iterator[ComparedPart]:
    ours, theirs = cart.item, one.came.item
    yield from parts.exact(Part.LINE_ID, ours.supplier_auxiliary_id, theirs.supplier_auxiliary_id)
    found = next(iter(parts.text(Part.ITEM, ours.supplier_id, theirs.supplier_id)), None)
    if found is not None:
        yield found if found.state is not State.CHANGED else _item(found, ours.supplier_id or "", one)
    yield from parts.text(Part.BUYER_ITEM, ours.buyer_id, theirs.buyer_id)
    yield from parts.text(Part.MANUFACTURER_PART, ours.manufacturer_id, theirs.manufacturer_id)
    yield from parts.text(Part.MANUFACTURER, ours.manufacturer_name, theirs.manufacturer_name)


def _item(found: ComparedPart, ours: str, one: _Ordered) -> ComparedPart:
    if one.read.item.supplier_id == ours:
        return replace(found, reason=Reason.MAPPED)
    if _plain(ours) == _plain(one.came.item.supplier_id):
        return replace(found, reason=Reason.ZEROS)
    return found


# How much, in which unit, at which price


def _bought(pair: _Pair, one: _Ordered, here: Decimal, done: OrderedBefore | None) -> Iterator[ComparedPart]:
    cart, came, read = pair.line, one.came, one.read
    unit = parts.unit(cart.quantity.unit, came.quantity.unit, read.quantity.unit)
    if unit is not None:
        yield unit
    yield _quantity(pair, one, here, done)
    if cart.price is None:
        return
    if came.price is None:
        yield ComparedPart(part=Part.PRICE, state=State.LOST, cart=written.price(cart.price))
        return
    ours, theirs = cart.price.amount.currency, came.price.amount.currency
    yield from parts.exact(Part.CURRENCY, ours, theirs)
    same_unit = cart.quantity.unit == read.quantity.unit
    yield parts.price(cart.price, came.price, comparable=ours == theirs and same_unit)


def _quantity(pair: _Pair, one: _Ordered, here: Decimal, done: OrderedBefore | None) -> ComparedPart:
    wanted = pair.line.quantity
    same_unit = one.read.quantity.unit == wanted.unit
    reason = None
    if here == wanted.amount and len(pair.ordered) > 1:
        reason = Reason.SPLIT
    elif here != wanted.amount and done is not None and same_unit and here + done.quantity == wanted.amount:
        reason = Reason.REST
    kept = here == wanted.amount or reason is not None
    return ComparedPart(
        part=Part.QUANTITY,
        state=State.KEPT if kept else State.CHANGED,
        cart=None if here == wanted.amount else f"{wanted.amount:f}",
        order=None if here == wanted.amount else f"{here:f}",
        reason=reason,
        percent=deviation_percent(wanted.amount, here) if same_unit else None,
    )


# What is said of it


def _described(cart: CartLine, one: _Ordered, came: Order) -> Iterator[ComparedPart]:
    ours, theirs = cart.description, one.came.description
    if ours is not None:
        texts = [text.text for text in theirs.texts] if theirs else []
        first = ours.text
        yield from parts.text(Part.DESCRIPTION, first, first if first in texts else next(iter(texts), None))
        classes = {code.scheme.casefold(): code.code for code in theirs.classifications} if theirs else {}
        for code in ours.classifications:
            yield from parts.text(
                Part.CLASSIFICATION, code.code, classes.get(code.scheme.casefold()), name=code.scheme or None
            )
        days = (ours.lead_days, theirs.lead_days if theirs else None)
        yield from parts.exact(Part.LEAD_TIME, *(None if day is None else str(day) for day in days))
    sent = (*cart.extensions, *(ours.extensions if ours else ()))
    back = (*one.came.extensions, *(theirs.extensions if theirs else ()), *came.extensions)
    yield from parts.extrinsics(sent, back)


# The order as a whole


def _of_order(came: Order, carts: Sequence[HomeCart], lines: Sequence[ComparedLine]) -> Iterator[ComparedPart]:
    asked = next((home.ship_to for home in carts if home.ship_to is not None), None)
    if asked is not None:
        yield parts.ship_to(asked, came)
    for home in carts:
        yield from parts.extrinsics(home.cart.extensions, came.extensions)
    yield from _total(came, [home.cart.total for home in carts], lines)


def _total(came: Order, totals: Sequence[Money], lines: Sequence[ComparedLine]) -> Iterator[ComparedPart]:
    currencies = {total.currency for total in totals}
    if len(currencies) != 1:
        return
    ours = Money(amount=exact_sum(total.amount for total in totals), currency=currencies.pop())
    if came.totals is None:
        yield ComparedPart(part=Part.TOTAL, state=State.LOST, cart=str(ours))
        return
    theirs = came.totals.total
    if theirs == ours:
        yield ComparedPart(part=Part.TOTAL, state=State.KEPT)
        return
    reason = None
    if any(line.state is not State.KEPT or line.orders for line in lines):
        reason = Reason.LINES
    elif theirs.currency == ours.currency and theirs.amount - ours.amount in _charges(came):
        reason = Reason.CHARGES
    yield ComparedPart(part=Part.TOTAL, state=State.CHANGED, cart=str(ours), order=str(theirs), reason=reason)


def _charges(came: Order) -> set[Decimal]:
    assert came.totals is not None
    shipping = came.totals.shipping.amount if came.totals.shipping else Decimal(0)
    tax = came.totals.tax.amount.amount if came.totals.tax else Decimal(0)
    return {shipping, tax, shipping + tax}

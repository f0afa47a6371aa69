"""Finds the carts that an order came from, and says which of the differences hold it.

A cart is found by the ids of its lines (SupplierPartAuxiliaryID), which our return gave out, or by the buyer's cookie,
where the order repeats it in an extrinsic; only ever among the carts of the order's own customer. The alternative, to
guess a cart by its items for orders that name neither, would compare orders with carts that have nothing to do with
them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from app.flows.cart_comparison import CartComparison, ComparedPart, Part, Reason, State, from_data
from app.flows.cases import Code, Difference
from app.flows.compare_cart import HomeCart, OrderedBefore, Place, compare
from app.flows.order_book import OrderBook
from app.partners.agreement import CartChange, CartTerms
from app.storage import audit, returned_carts
from app.storage.customers import CustomerRow
from app.storage.returned_carts import Asking
from schemas.base import from_json
from schemas.cart import Cart
from schemas.order import Order
from schemas.punchout import PunchoutRequest

COOKIE: Final = "buyercookie"
"""The extrinsic's name, as it reads without case and signs."""

MOST_COOKIES: Final = 20


def carts_of(book: OrderBook, customer: CustomerRow, came: Order, read: Order) -> CartComparison | None:
    """The order against the carts that it names; None when it names none of this customer's. `read` is the order with
    our item numbers and units."""
    ids = {line.item.supplier_auxiliary_id for line in came.lines if line.item.supplier_auxiliary_id}
    cookies = _cookies(came)
    if not ids and not cookies:
        return None
    asking = Asking(customer.realm, customer.id, came.test)
    found = returned_carts.newest_by_line(book.session, asking, ids)
    found |= returned_carts.newest_by_cookie(book.session, asking, cookies)
    if not found:
        return None
    if book.writes:
        audit.take_turn(book.session)
    carts = [
        HomeCart(
            id=row.id,
            returned_at=row.at,
            cart=from_json(row.cart, Cart),
            ship_to=from_json(visit.request, PunchoutRequest).ship_to,
        )
        for row, visit in returned_carts.with_visits(book.session, found)
    ]
    before = {place: done for cart in carts for place, done in _before(book, asking, cart, came.id)}
    return compare(came, read, carts, before)


def _cookies(order: Order) -> list[str]:
    extensions = (*order.extensions, *(one for line in order.lines for one in line.extensions))
    named = (one.value for one in extensions if "".join(filter(str.isalnum, one.name)).casefold() == COOKIE)
    return list(dict.fromkeys(value for value in named if value.strip()))[:MOST_COOKIES]


def _before(book: OrderBook, asking: Asking, cart: HomeCart, number: str) -> Iterator[tuple[Place, OrderedBefore]]:
    quantities: dict[int, Decimal] = {}
    orders: dict[int, list[str]] = {}
    for other, data in returned_carts.other_orders(book.session, asking, cart.id, besides=number):
        comparison = from_data(data)
        for line in comparison.lines:
            if line.line is None or line.cart is None or line.position is None:
                continue
            if comparison.carts[line.cart].id == cart.id:
                quantities[line.position] = quantities.get(line.position, Decimal(0)) + line.quantity
                orders.setdefault(line.position, []).append(other)
    for position, quantity in quantities.items():
        numbers = tuple(dict.fromkeys(orders[position]))
        yield (cart.id, position), OrderedBefore(quantity, numbers)


_CODES: Final[Mapping[CartChange, Code]] = {
    "item": Code.CART_ITEM,
    "quantity": Code.CART_QUANTITY,
    "unit": Code.CART_UNIT,
    "price": Code.CART_PRICE,
    "currency": Code.CART_CURRENCY,
    "ship_to": Code.CART_SHIP_TO,
    "lost": Code.CART_LOST,
    "added": Code.CART_ADDED,
    "repeated": Code.CART_REPEATED,
}
_MESSAGES: Final[Mapping[CartChange, str]] = {
    "item": "another item than in the cart",
    "quantity": "another quantity than in the cart",
    "unit": "another unit than in the cart",
    "price": "another price than in the cart",
    "currency": "another currency than in the cart",
    "ship_to": "the goods go elsewhere than the shop was asked for",
    "lost": "a line of the cart is in no order",
    "added": "the line is in no cart of this order",
    "repeated": "orders hold more of this line than the cart did",
}
_OF_PARTS: Final[Mapping[Part, CartChange]] = {
    Part.ITEM: "item",
    Part.QUANTITY: "quantity",
    Part.UNIT: "unit",
    Part.PRICE: "price",
    Part.CURRENCY: "currency",
}


_SAME: Final = frozenset({Reason.MAPPED, Reason.SAME_COUNT, Reason.SPELLING})
"""Reasons for which an item or a unit is the same in other words."""


@dataclass(frozen=True, slots=True)
class _Found:
    change: CartChange
    line: int | None
    expected: str | None
    found: str | None


def changes_that_hold(
    comparison: CartComparison, terms: CartTerms, others: Iterable[Difference]
) -> tuple[Difference, ...]:
    """What the customer's terms do not let pass, without what `others` ask about the same thing already: a price that
    is not the agreed one is not asked about once more as another than in the cart."""
    asked = {(str(other.code).partition(".")[0], other.line) for other in others}
    about = {kind for kind, line in asked if line is None or kind == "ship_to"}
    return tuple(
        Difference(_CODES[one.change], one.line, _MESSAGES[one.change], one.expected, one.found, {"change": one.change})
        for one in (*_of_lines(comparison, terms), *_of_order(comparison))
        if one.change in terms.holds and one.change not in about and (one.change, one.line) not in asked
    )


def _of_lines(comparison: CartComparison, terms: CartTerms) -> Iterator[_Found]:
    """Lines of the order that share one of the cart are asked about together, at the first of them."""
    seen: set[tuple[int | None, int | None]] = set()
    for line in comparison.lines:
        wanted = f"{line.item} · {line.quantity:f} {line.unit or ''}".rstrip()
        if line.state is State.LOST:
            yield _Found("lost", None, wanted, None)
        elif line.state is State.ADDED:
            yield _Found("added", line.line, None, wanted)
        place = (line.cart, line.position)
        first = place not in seen
        seen.add(place)
        if line.repeated and first:
            yield _Found("repeated", line.line, None, f"{wanted} · {', '.join(line.orders)}")
        for part in line.parts:
            if part.part in _OF_PARTS and not _passes(part, terms) and (first or part.part is not Part.QUANTITY):
                yield _Found(_OF_PARTS[part.part], line.line, part.cart, part.order)


def _passes(part: ComparedPart, terms: CartTerms) -> bool:
    """Whether it means the same or is off by no more than the tolerance. Of a price that the order leaves out, the
    agreement speaks."""
    if part.state is State.KEPT:
        return True
    match part.part:
        case Part.ITEM | Part.UNIT:
            return part.reason in _SAME
        case Part.QUANTITY:
            return part.percent is not None and abs(part.percent) <= terms.quantity_tolerance_percent
        case Part.PRICE:
            within = part.percent is not None and abs(part.percent) <= terms.price_tolerance_percent
            return part.state is State.LOST or within
    return False


def _of_order(comparison: CartComparison) -> Iterator[_Found]:
    for part in comparison.parts:
        if part.part is Part.SHIP_TO and part.state is not State.KEPT:
            yield _Found("ship_to", None, part.cart, part.order)

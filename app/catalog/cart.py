"""The cart of a visit: what is put in, what it costs, and what keeps it from going home.

A cart belongs to one punchout session, and whoever calls these functions has found that session by its token. Prices
are never kept in it: they are looked up when it is shown and when it goes home.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from sqlmodel import Session, col, select

from app.catalog.items import Audience, Offer, offers
from app.storage.base import new_id
from app.storage.sessions import CartLineRow, PunchoutSessionRow, UsedFormRow
from schemas.base import from_json, to_json
from schemas.cart import CartLine
from schemas.item import Price
from schemas.money import Money
from schemas.units import known, unit

MOST_LINES: Final = 1_000
LARGEST_QUANTITY: Final = Decimal(1_000_000)


class QuantityFault(StrEnum):
    """Why a quantity cannot be ordered."""

    NOT_A_NUMBER = "not_a_number"
    NOT_POSITIVE = "not_positive"
    TOO_LARGE = "too_large"
    NOT_WHOLE = "not_whole"
    BELOW_MINIMUM = "below_minimum"
    NOT_A_STEP = "not_a_step"
    NOT_PRICED = "not_priced"


class Problem(StrEnum):
    """What the buyer's system, or we, would refuse about a line."""

    VANISHED = "vanished"
    QUANTITY = "quantity"
    ZERO_PRICE = "zero_price"
    MISSING_UNSPSC = "missing_unspsc"
    MISSING_LEAD_TIME = "missing_lead_time"


def quantity_fault(offer: Offer, quantity: Decimal) -> QuantityFault | None:
    item = offer.item
    if quantity <= 0:
        return QuantityFault.NOT_POSITIVE
    if quantity > LARGEST_QUANTITY:
        return QuantityFault.TOO_LARGE
    if quantity != quantity.to_integral_value() and known(item.unit) and unit(item.unit).whole:
        return QuantityFault.NOT_WHOLE
    if quantity < item.minimum:
        return QuantityFault.BELOW_MINIMUM
    if (quantity - item.minimum) % item.step != 0:
        return QuantityFault.NOT_A_STEP
    if offer.price_at(quantity) is None:
        return QuantityFault.NOT_PRICED
    return None


@dataclass(frozen=True, slots=True)
class ViewedLine:
    """
    offer     None: the item is no longer there for this customer.
    price     None as well when the quantity has none.
    amount    rounded to the currency's minor unit.
    came      the line as the buyer sent it, in a cart that is edited or inspected.
    """

    row: CartLineRow
    offer: Offer | None
    price: Price | None
    amount: Money | None
    came: CartLine | None
    problems: tuple[Problem, ...]

    @property
    def name(self) -> str:
        """Of an item that vanished, what the buyer called it."""
        if self.offer is not None:
            return self.offer.name
        said = self.came.description if self.came else None
        return (said and (said.short_name or said.text)) or self.row.sku


@dataclass(frozen=True, slots=True)
class ViewedCart:
    """`total` is the sum of the lines' rounded amounts; lines without an amount count nothing."""

    lines: tuple[ViewedLine, ...]
    total: Money
    version: int


def view(session: Session, visit: PunchoutSessionRow, audience: Audience, at: datetime) -> ViewedCart:
    rows = lines_of(session, visit)
    offered = offers(session, audience, {row.sku for row in rows}, at)
    lines = tuple(_viewed(row, offered.get(row.sku)) for row in rows)
    total = sum((line.amount.amount for line in lines if line.amount), Decimal(0))
    return ViewedCart(lines, Money(amount=total, currency=visit.currency), visit.cart_version)


def lines_of(session: Session, visit: PunchoutSessionRow) -> list[CartLineRow]:
    return list(
        session.exec(select(CartLineRow).where(CartLineRow.session_id == visit.id).order_by(col(CartLineRow.position)))
    )


def _viewed(row: CartLineRow, offer: Offer | None) -> ViewedLine:
    came = from_json(row.came, CartLine) if row.came is not None else None
    if offer is None:
        return ViewedLine(row, None, None, None, came, (Problem.VANISHED,))
    price = offer.price_at(row.quantity)
    amount = None
    if price is not None:
        amount = Money(amount=price.of(row.quantity), currency=price.amount.currency).rounded()
    return ViewedLine(row, offer, price, amount, came, tuple(_problems(row, offer, price)))


def _problems(row: CartLineRow, offer: Offer, price: Price | None) -> Iterable[Problem]:
    if quantity_fault(offer, row.quantity) is not None:
        yield Problem.QUANTITY
    if price is not None and price.amount.amount == 0:
        yield Problem.ZERO_PRICE
    if offer.item.unspsc is None:
        yield Problem.MISSING_UNSPSC
    if offer.item.lead_days is None:
        yield Problem.MISSING_LEAD_TIME


class Put(StrEnum):
    """What became of a wish to put something into the cart."""

    ADDED = "added"
    ALREADY = "already"
    FULL = "full"


def put(tx: Session, visit: PunchoutSessionRow, offer: Offer, quantity: Decimal, form_key: str) -> Put:
    """Adds to the item's line, or a new line at the end. ALREADY: this form was sent before, nothing was done.

    The sum of old and new quantity is not judged here: the cart page and the return do."""
    used = UsedFormRow(session_id=visit.id, key=form_key, sku=offer.sku)
    if tx.get(UsedFormRow, (used.session_id, used.key, used.sku)) is not None:
        return Put.ALREADY
    rows = lines_of(tx, visit)
    line = next((row for row in rows if row.sku == offer.sku), None)
    if line is None and len(rows) >= MOST_LINES:
        return Put.FULL
    tx.add(used)
    if line is not None:
        line.quantity += quantity
    else:
        append(tx, visit, offer.sku, quantity, position=rows[-1].position + 1 if rows else 0)
    changed(tx, visit)
    return Put.ADDED


def append(
    tx: Session, visit: PunchoutSessionRow, sku: str, quantity: Decimal, *, position: int, came: CartLine | None = None
) -> None:
    """A new line. One that came keeps its SupplierPartAuxiliaryID; without one, our own is made, which holds none of
    the characters that buyers' systems refuse (`? { }`)."""
    line_id = new_id()
    given = came.item.supplier_auxiliary_id if came else None
    tx.add(
        CartLineRow(
            id=line_id,
            session_id=visit.id,
            position=position,
            sku=sku,
            quantity=quantity,
            auxiliary_id=given or line_id,
            auxiliary_markup=bool(given) and came is not None and came.item.auxiliary_markup,
            came=to_json(came).decode() if came else None,
        )
    )


def set_quantities(tx: Session, visit: PunchoutSessionRow, quantities: Mapping[str, Decimal]) -> None:
    """By line id; ids that are not of this cart are passed over (the line was taken out in another window)."""
    for row in lines_of(tx, visit):
        if row.id in quantities:
            row.quantity = quantities[row.id]
    changed(tx, visit)


def take_out(tx: Session, visit: PunchoutSessionRow, line_id: str) -> None:
    for row in lines_of(tx, visit):
        if row.id == line_id:
            tx.delete(row)
    changed(tx, visit)


def changed(tx: Session, visit: PunchoutSessionRow) -> None:
    visit.cart_version += 1
    tx.add(visit)

"""What became of the carts that an order came from: kept with the order as it was found when the order came."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from schemas.base import Canonical
from schemas.money import EXACT, Money


class State(StrEnum):
    """Of a line; a part of one is kept, changed or lost.

    kept       as we returned it.
    changed    a part of it is another one, or was dropped on the way.
    lost       the order does not hold it.
    added      it is in no cart of the order: somebody typed it in.
    elsewhere  not in this order; another one of the same cart holds it."""

    KEPT = "kept"
    CHANGED = "changed"
    LOST = "lost"
    ADDED = "added"
    ELSEWHERE = "elsewhere"


class Part(StrEnum):
    """`line_id` is the SupplierPartAuxiliaryID. `ship_to` (of the setup request) and `total` are the order's."""

    LINE_ID = "line_id"
    ITEM = "item"
    QUANTITY = "quantity"
    UNIT = "unit"
    PRICE = "price"
    CURRENCY = "currency"
    DESCRIPTION = "description"
    CLASSIFICATION = "classification"
    LEAD_TIME = "lead_time"
    MANUFACTURER_PART = "manufacturer_part"
    MANUFACTURER = "manufacturer"
    BUYER_ITEM = "buyer_item"
    EXTRINSIC = "extrinsic"
    SHIP_TO = "ship_to"
    TOTAL = "total"


class Reason(StrEnum):
    """How platforms are known to do so.

    cut         the text ends after `places` characters.
    rounded     the price has `places` decimals.
    basis_lost  the number of the price is the same, for another number of units.
    same_value  the same price, written for another number of units.
    mapped      another word, which the customer's table takes for ours.
    same_count  another code for counting the same things.
    zeros       leading zeros are gone.
    spelling    blanks, case or the form of characters.
    split       several lines of the order add up to the cart's.
    rest        orders of the same cart before this one add up to the cart's with it.
    lines       it follows from the lines.
    charges     shipping or tax, which carts do not hold."""

    CUT = "cut"
    ROUNDED = "rounded"
    BASIS_LOST = "basis_lost"
    SAME_VALUE = "same_value"
    MAPPED = "mapped"
    SAME_COUNT = "same_count"
    ZEROS = "zeros"
    SPELLING = "spelling"
    SPLIT = "split"
    REST = "rest"
    LINES = "lines"
    CHARGES = "charges"


class ComparedPart(Canonical, frozen=True, kw_only=True):
    """`cart` and `order` are what each says, as text, where they differ; `name` that of the extrinsic or the scheme of
    the class; `places` goes with the reason. `percent`: by how much a quantity or a price is above that of the cart
    (below: negative), where they can be compared."""

    part: Part
    state: State
    name: str | None = None
    cart: str | None = None
    order: str | None = None
    reason: Reason | None = None
    places: int | None = None
    percent: Decimal | None = None


class ComparedLine(Canonical, frozen=True, kw_only=True):
    """
    line       the buyer's line number; absent for what the order does not hold.
    cart       which of the carts, from 0, and `position` the line's in it, from 0; absent for what was added.
    item       our item number, `name` what the cart calls it.
    quantity   in the order's unit, of this line of the order; for one that is not in it, the cart's.
    orders     numbers of other orders of the same cart that hold the line.
    repeated   those and this one hold more than the cart did.
    """

    state: State
    item: str
    quantity: Decimal
    line: int | None = None
    cart: int | None = None
    position: int | None = None
    name: str | None = None
    unit: str | None = None
    parts: tuple[ComparedPart, ...] = ()
    orders: tuple[str, ...] = ()
    repeated: bool = False

    @property
    def is_noted(self) -> bool:
        """Whether there is something to say of it."""
        return self.state is not State.KEPT or bool(self.differing or self.orders)

    @property
    def differing(self) -> tuple[ComparedPart, ...]:
        return tuple(part for part in self.parts if part.state is not State.KEPT or part.reason is not None)

    @property
    def kept(self) -> tuple[ComparedPart, ...]:
        return tuple(part for part in self.parts if part.state is State.KEPT and part.reason is None)


class ComparedCart(Canonical, frozen=True, kw_only=True):
    id: str
    returned_at: datetime
    lines: int
    total: Money


class CartComparison(Canonical, frozen=True, kw_only=True):
    """`carts` newest first; `lines` in the order of the document, then what it does not hold; `parts` of the order as
    a whole."""

    carts: tuple[ComparedCart, ...]
    lines: tuple[ComparedLine, ...]
    parts: tuple[ComparedPart, ...] = ()

    @property
    def noted(self) -> tuple[ComparedLine, ...]:
        """Lines of which there is something to say."""
        return tuple(line for line in self.lines if line.is_noted)

    @property
    def untouched(self) -> tuple[ComparedLine, ...]:
        return tuple(line for line in self.lines if not line.is_noted)

    @property
    def differs(self) -> bool:
        changed = any(part.state is not State.KEPT and part.reason is not Reason.CHARGES for part in self.parts)
        return changed or any(line.state is not State.KEPT or line.repeated for line in self.lines)


def to_data(comparison: CartComparison) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(comparison)
    return data


def from_data(data: Mapping[str, Any]) -> CartComparison:
    """Raises msgspec.ValidationError."""
    return msgspec.convert(data, CartComparison)


def deviation_percent(cart: Decimal, ordered: Decimal) -> Decimal | None:
    """By how much an amount is above (below: negative) that of the cart, in percent with at most four decimals; None
    against nothing."""
    if not cart:
        return None
    return EXACT.divide((ordered - cart) * 100, cart).quantize(Decimal("0.0001"), context=EXACT)


def quantity_deviations(comparison: CartComparison) -> Mapping[int, Decimal]:
    """By line of the order, in percent against the cart; lines that are in no cart, or in another unit than there, are
    left out. Lines that share one of the cart count together."""
    found: dict[int, Decimal] = {}
    for line in comparison.lines:
        for part in line.parts:
            if line.line is not None and part.part is Part.QUANTITY and part.percent is not None:
                found[line.line] = Decimal(0) if part.state is State.KEPT else part.percent
    return found

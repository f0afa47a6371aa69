"""What can hold an order, and by what a person can settle it: one table for the checks, the desk and its pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from schemas.faults import Fault, Weight


class Code(StrEnum):
    """The kinds of cases. Partners see them as the codes of findings, so they are stable."""

    ITEM_MISSING = "item.missing"
    ITEM_UNKNOWN = "item.unknown"
    UNIT_MISSING = "unit.missing"
    UNIT_UNKNOWN = "unit.unknown"
    UNIT_OTHER = "unit.other"
    QUANTITY_NOT_POSITIVE = "quantity.not_positive"
    QUANTITY_NOT_WHOLE = "quantity.not_whole"
    QUANTITY_BELOW_MINIMUM = "quantity.below_minimum"
    QUANTITY_OFF_STEP = "quantity.off_step"
    PRICE_MISSING = "price.missing"
    PRICE_NOT_AGREED = "price.not_agreed"
    PRICE_OFF = "price.off"
    PRICE_UNIT_UNKNOWN = "price.unit_unknown"
    PRICE_UNIT_OTHER = "price.unit_other"
    CURRENCY_OTHER = "currency.other"
    CURRENCY_MIXED = "currency.mixed"
    TOTAL_OFF = "total.off"
    SHIP_TO_MISSING = "ship_to.missing"
    SHIP_TO_UNKNOWN = "ship_to.unknown"
    SHIP_TO_OTHER = "ship_to.other"
    CART_ITEM = "cart.item"
    CART_QUANTITY = "cart.quantity"
    CART_UNIT = "cart.unit"
    CART_PRICE = "cart.price"
    CART_CURRENCY = "cart.currency"
    CART_SHIP_TO = "cart.ship_to"
    CART_LOST = "cart.lost"
    CART_ADDED = "cart.added"
    CART_REPEATED = "cart.repeated"
    NO_FLOW = "approval.no_flow"
    CANNOT_TELL = "approval.cannot_tell"
    NOBODY_THERE = "approval.nobody"
    UNASKED = "approval.unasked"
    NOT_APPROVED = "approval.another"


class Choice(StrEnum):
    """
    RELEASE       as it is, with a reason.
    ACCEPT_PRICE  the buyer's price, for this order.
    MAP_ITEM      the customer's word means this item of ours, from now on.
    MAP_UNIT      the customer's word means this Recommendation 20 unit, from now on.
    KEEP_ADDRESS  the ship-to is one of the customer's addresses, from now on.
    ALLOW_CHANGE  this customer may change carts in that way, from now on.
    CHECK_AGAIN   something was set right elsewhere (catalog, rules, people).
    SEND_AGAIN    to the ERP, which is asked first whether it has the order.
    KEEP_ORDER    the ERP has the order for good: the buyer is told that it cannot be cancelled, with the reason.
    OVERRIDE      an administrator approves in place of the rules, with a reason.
    """

    RELEASE = "release"
    ACCEPT_PRICE = "accept_price"
    MAP_ITEM = "map_item"
    MAP_UNIT = "map_unit"
    KEEP_ADDRESS = "keep_address"
    ALLOW_CHANGE = "allow_change"
    CHECK_AGAIN = "check_again"
    SEND_AGAIN = "send_again"
    KEEP_ORDER = "keep_order"
    OVERRIDE = "override"


WITH_REASON: Final = frozenset({Choice.RELEASE, Choice.ACCEPT_PRICE, Choice.KEEP_ORDER, Choice.OVERRIDE})
AS_A_RULE: Final = frozenset({Choice.MAP_ITEM, Choice.MAP_UNIT, Choice.KEEP_ADDRESS, Choice.ALLOW_CHANGE})
"""What becomes a rule of the customer's."""

ERP: Final = "erp."
"""What the codes of cases begin with that the way to the ERP has opened."""

_AS_IT_IS: Final = (Choice.RELEASE, Choice.CHECK_AGAIN)
_PRICE: Final = (Choice.ACCEPT_PRICE, Choice.CHECK_AGAIN)
_UNIT: Final = (Choice.MAP_UNIT, Choice.CHECK_AGAIN)
_PLACE: Final = (Choice.KEEP_ADDRESS, Choice.RELEASE, Choice.CHECK_AGAIN)
_CART: Final = (Choice.RELEASE, Choice.ALLOW_CHANGE, Choice.CHECK_AGAIN)
_APPROVAL: Final = (Choice.CHECK_AGAIN, Choice.OVERRIDE)

_CHOICES: Final[Mapping[Code, tuple[Choice, ...]]] = {
    Code.ITEM_MISSING: _AS_IT_IS,
    Code.ITEM_UNKNOWN: (Choice.MAP_ITEM, *_AS_IT_IS),
    # Without a unit no ERP can be told what is wanted: the buyer has to say it, or a table.
    Code.UNIT_MISSING: (Choice.CHECK_AGAIN,),
    Code.UNIT_UNKNOWN: _UNIT,
    Code.UNIT_OTHER: (Choice.MAP_UNIT, *_AS_IT_IS),
    Code.QUANTITY_NOT_POSITIVE: _AS_IT_IS,
    Code.QUANTITY_NOT_WHOLE: _AS_IT_IS,
    Code.QUANTITY_BELOW_MINIMUM: _AS_IT_IS,
    Code.QUANTITY_OFF_STEP: _AS_IT_IS,
    Code.PRICE_MISSING: _AS_IT_IS,
    Code.PRICE_NOT_AGREED: _PRICE,
    Code.PRICE_OFF: _PRICE,
    Code.PRICE_UNIT_UNKNOWN: _UNIT,
    Code.PRICE_UNIT_OTHER: _PRICE,
    Code.CURRENCY_OTHER: _AS_IT_IS,
    Code.CURRENCY_MIXED: _AS_IT_IS,
    Code.TOTAL_OFF: _AS_IT_IS,
    Code.SHIP_TO_MISSING: _AS_IT_IS,
    Code.SHIP_TO_UNKNOWN: _PLACE,
    Code.SHIP_TO_OTHER: _PLACE,
    Code.CART_ITEM: _CART,
    Code.CART_QUANTITY: _CART,
    Code.CART_UNIT: _CART,
    Code.CART_PRICE: _CART,
    Code.CART_CURRENCY: _CART,
    Code.CART_SHIP_TO: _CART,
    Code.CART_LOST: _CART,
    Code.CART_ADDED: _CART,
    Code.CART_REPEATED: _CART,
    Code.NO_FLOW: _APPROVAL,
    Code.CANNOT_TELL: _APPROVAL,
    Code.NOBODY_THERE: _APPROVAL,
    Code.UNASKED: _APPROVAL,
    # Asking anew is the way: there is a run already, which approved something else.
    Code.NOT_APPROVED: (Choice.CHECK_AGAIN,),
}


def choices(code: str, data: Mapping[str, Any]) -> tuple[Choice, ...]:
    """How a case of this code can be settled. The order as a whole can be rejected besides, unless it is about a
    cancellation."""
    if about_cancellation(data):
        return (Choice.SEND_AGAIN, Choice.KEEP_ORDER)
    return (Choice.SEND_AGAIN, Choice.CHECK_AGAIN) if code.startswith(ERP) else _CHOICES[Code(code)]


def about_cancellation(data: Mapping[str, Any]) -> bool:
    """Whether the case is about a cancellation that the ERP does not take."""
    return data.get("kind") == "cancel"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a person must settle.

    line      the buyer's line number; None for the order as a whole.
    message   in English, for people.
    expected  what would have been taken without asking, as text; `found` what the order says.
    data      what settling it needs: the word, the address."""

    code: Code
    line: int | None
    message: str
    expected: str | None = None
    found: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_finding(self) -> Fault:
        return Fault(
            code=self.code,
            at="order" if self.line is None else f"line {self.line}",
            message=f"{self.message} (expected {self.expected})" if self.expected else self.message,
            found=self.found,
            weight=Weight.FINDING,
        )

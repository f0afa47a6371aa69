"""What was agreed with one customer about its orders: tolerances, its own words for units and items.

Kept as JSON below `orders` in the customer's settings, read strictly: a misspelt setting is a fault, not a default."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

import msgspec

from app.storage.customers import CustomerRow
from schemas.units import CodeList

SECTION: Final = "orders"


CartChange: TypeAlias = Literal["item", "quantity", "unit", "price", "currency", "ship_to", "lost", "added", "repeated"]


class CartTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may become of a cart on its way to an order. Every difference is shown; these hold the order:

    holds                       `item`, `quantity`, `unit`, `price`, `currency`: a line has another than in the cart;
                                `ship_to`: the goods go elsewhere than the setup request said; `lost`: a line of the
                                cart is in no order; `added`: a line is in no cart; `repeated`: orders hold more of a
                                line than the cart did. By default an item alone, since it is another thing under the
                                id of what was shopped; prices, units and addresses are held against the agreement in
                                any case.
    quantity_tolerance_percent  up or down, without a hold.
    price_tolerance_percent     the same, of the price in the cart.
    """

    holds: tuple[CartChange, ...] = ("item",)
    quantity_tolerance_percent: Decimal = Decimal(0)
    price_tolerance_percent: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        for limit in (self.quantity_tolerance_percent, self.price_tolerance_percent):
            if not (limit.is_finite() and limit >= 0):
                raise ValueError("a tolerance is a number from zero up")


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    price_tolerance_percent  by how much a line's price may differ from the agreed one, up or down, in percent.
    price_tolerance_amount   and by how much the whole line may, in the order's currency; absent: no second limit.
    total_tolerance          by how much the stated total may differ from the sum of the lines, in the currency.
    total_includes           what the stated total holds besides the lines.
    unit_lists               code lists in which the customer's unit words are looked up, in this order.
    unit_words               the customer's own unit words -> UN/ECE Recommendation 20 codes; they win.
    item_words               the customer's own item numbers -> ours.
    cart                     how far an order may be another than the cart that it came from.
    without_flow             what becomes of an order that no flow fits.
    group, on_hold           what rules may ask about the customer.
    """

    price_tolerance_percent: Decimal = Decimal(0)
    price_tolerance_amount: Decimal | None = None
    total_tolerance: Decimal = Decimal(0)
    total_includes: tuple[Literal["shipping", "tax"], ...] = ()
    unit_lists: tuple[CodeList, ...] = (CodeList.REC20,)
    unit_words: Mapping[str, str] = {}
    item_words: Mapping[str, str] = {}
    cart: CartTerms = CartTerms()
    without_flow: Literal["hold", "approve"] = "hold"
    group: str | None = None
    on_hold: bool = False

    def __post_init__(self) -> None:
        for limit in (self.price_tolerance_percent, self.price_tolerance_amount, self.total_tolerance):
            if limit is not None and not (limit.is_finite() and limit >= 0):
                raise ValueError("a tolerance is a number from zero up")


def order_terms(customer: CustomerRow) -> OrderTerms:
    """Raises msgspec.ValidationError naming the setting that is wrong."""
    return msgspec.convert(customer.settings.get(SECTION, {}), OrderTerms, str_keys=True)


def keep(customer: CustomerRow, terms: OrderTerms) -> None:
    """Changes the customer's settings, in the caller's transaction."""
    kept: dict[str, Any] = msgspec.to_builtins(terms)
    # A new mapping, or SQLAlchemy does not see the change.
    customer.settings = {**customer.settings, SECTION: kept}

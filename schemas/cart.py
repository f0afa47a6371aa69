"""A cart on its way between shop and procurement system."""

from decimal import Decimal

from schemas.base import Canonical, When, refuse_naive
from schemas.item import ItemDescription, ItemRef, Price, Quantity
from schemas.money import Money, exact_sum
from schemas.order import Split, Tax
from schemas.party import Address, Contact, Extension, Verbatim


class CartLine(Canonical, frozen=True, kw_only=True):
    """One line. On the way out everything is there; on the way in (edit, inspect) often only item and quantity."""

    quantity: Quantity
    item: ItemRef
    number: int | None = None
    parent_number: int | None = None
    description: ItemDescription | None = None
    price: Price | None = None
    ship_to: Address | None = None
    shipping: Money | None = None
    shipping_description: str | None = None
    tax: Tax | None = None
    splits: tuple[Split, ...] = ()
    contacts: tuple[Contact, ...] = ()
    comments: tuple[str, ...] = ()
    extensions: tuple[Extension, ...] = ()
    verbatim: tuple[Verbatim, ...] = ()


class Cart(Canonical, frozen=True, kw_only=True):
    """
    buyer_cookie       see PunchoutRequest.
    operation_allowed  the most that the buyer may later ask for: `create`, `inspect` or `edit` (edit implies inspect).
    total              the sum of the lines; shipping and tax stand apart (cXML 1.2, PunchOutOrderMessageHeader).
    unchanged          the session ended and the buyer keeps what it had (cXML Status 204): no lines.
    """

    buyer_cookie: str
    cookie_markup: bool = False
    operation_allowed: str
    total: Money
    shipping: Money | None = None
    shipping_description: str | None = None
    tax: Tax | None = None
    ship_to: Address | None = None
    lines: tuple[CartLine, ...] = ()
    unchanged: bool = False
    quote_status: str | None = None
    supplier_order_id: str | None = None
    supplier_order_date: When | None = None
    extensions: tuple[Extension, ...] = ()
    verbatim: tuple[Verbatim, ...] = ()

    def __post_init__(self) -> None:
        if self.operation_allowed not in ("create", "inspect", "edit"):
            raise ValueError("operation_allowed is create, inspect or edit")
        if self.unchanged and self.lines:
            raise ValueError("an unchanged cart carries no lines")
        refuse_naive(self.supplier_order_date)

    @property
    def sum_of_lines(self) -> Decimal:
        """Exact and unrounded; lines without a price count nothing."""
        return exact_sum(line.price.of(line.quantity.amount) for line in self.lines if line.price)

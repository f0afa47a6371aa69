"""A purchase order as any of the protocols says it, and the changes to one."""

from decimal import Decimal
from enum import StrEnum

from schemas.base import Canonical, When, refuse_naive
from schemas.item import ItemDescription, ItemRef, Price, Quantity
from schemas.money import Money, exact_sum, is_plausible
from schemas.party import Address, Contact, Extension, Identifier, Party, Verbatim


class Change(StrEnum):
    """What the document does to the order of that number: cXML OrderRequestHeader@type."""

    NEW = "new"
    UPDATE = "update"
    DELETE = "delete"


class TaxPart(Canonical, frozen=True, kw_only=True):
    """One tax of a Tax; `rate` in percent as the document says it (2 means 2 %)."""

    category: str
    rate: Decimal | None = None
    amount: Money | None = None
    taxable: Money | None = None
    purpose: str | None = None
    location: str | None = None
    description: str | None = None
    exemption: str | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not is_plausible(self.rate):
            raise ValueError("a rate is a finite number of percent")


class Tax(Canonical, frozen=True, kw_only=True):
    amount: Money
    description: str | None = None
    parts: tuple[TaxPart, ...] = ()


class SplitSegment(Canonical, frozen=True, kw_only=True):
    """One key of an account assignment: `name` is its kind (`CostCenter`, `GLAccount`), `id` its value."""

    name: str
    id: str
    description: str | None = None


class Split(Canonical, frozen=True, kw_only=True):
    """The part of a line or a charge that goes to one account (cXML Distribution)."""

    name: str
    segments: tuple[SplitSegment, ...]
    charge: Money


class Attachment(Canonical, frozen=True, kw_only=True):
    """A file that came with the document or that it points to.

    reference  as written in the document: `cid:...` or a URL.
    sha256     hex digest of the bytes when they came along; absent: dangling or external.
    name       what the sender calls it: to be shown, never used as a path.
    """

    reference: str
    name: str | None = None
    media_type: str | None = None
    size: int | None = None
    sha256: str | None = None
    internal: bool = False


class Comment(Canonical, frozen=True, kw_only=True):
    text: str
    language: str | None = None
    kind: str | None = None
    attachments: tuple[Attachment, ...] = ()


class PaymentTerm(Canonical, frozen=True, kw_only=True):
    """Pay within `days`, with a discount in percent or as an amount where one is given."""

    days: int
    discount_percent: Decimal | None = None
    discount_amount: Money | None = None
    extensions: tuple[Extension, ...] = ()

    def __post_init__(self) -> None:
        if self.discount_percent is not None and not is_plausible(self.discount_percent):
            raise ValueError("a discount is a finite number of percent")


class PaymentCard(Canonical, frozen=True, kw_only=True):
    """A purchasing card, of which only the last four digits are ever kept in a canonical document."""

    last_four: str
    expires: str | None = None
    holder: str | None = None

    def __post_init__(self) -> None:
        if len(self.last_four) > 4:
            raise ValueError("of a card number only the last four digits are kept")


class DeliveryTerms(Canonical, frozen=True, kw_only=True):
    code: str
    shipping_payment: str | None = None
    transport: str | None = None
    comments: tuple[str, ...] = ()


class Charge(Canonical, frozen=True, kw_only=True):
    """A charge on top of the lines, or an allowance where `allowance` is true; the amount is positive either way."""

    kind: str
    amount: Money
    description: str | None = None
    allowance: bool = False


class ScheduleLine(Canonical, frozen=True, kw_only=True):
    quantity: Quantity
    requested: When
    number: int | None = None
    ship_to: Address | None = None

    def __post_init__(self) -> None:
        refuse_naive(self.requested)


class OrderLine(Canonical, frozen=True, kw_only=True):
    """
    number       the buyer's line number; every answer refers to it. Readers fill in the position, with a finding,
                 when the document gives none.
    change       `delete` cancels the line, `block` freezes it (cXML ItemOut@operation).
    """

    number: int
    quantity: Quantity
    item: ItemRef
    description: ItemDescription | None = None
    price: Price | None = None
    parent_number: int | None = None
    requested_delivery: When | None = None
    requisition_id: str | None = None
    agreement_line: str | None = None
    ship_to: Address | None = None
    shipping: Money | None = None
    shipping_description: str | None = None
    tax: Tax | None = None
    charges: tuple[Charge, ...] = ()
    splits: tuple[Split, ...] = ()
    schedule: tuple[ScheduleLine, ...] = ()
    contacts: tuple[Contact, ...] = ()
    delivery_terms: DeliveryTerms | None = None
    comments: tuple[Comment, ...] = ()
    change: str | None = None
    is_return: bool = False
    ad_hoc: bool = False
    extensions: tuple[Extension, ...] = ()
    verbatim: tuple[Verbatim, ...] = ()

    def __post_init__(self) -> None:
        refuse_naive(self.requested_delivery)

    def amount(self) -> Decimal | None:
        """The exact, unrounded value of the line; None without a price."""
        return self.price.of(self.quantity.amount) if self.price else None


class OrderTotals(Canonical, frozen=True, kw_only=True):
    """What the document itself says it adds up to, each where given."""

    total: Money
    shipping: Money | None = None
    shipping_description: str | None = None
    tax: Tax | None = None


class Order(Canonical, frozen=True, kw_only=True):
    """
    id               the buyer's order number, exactly as written (some ERPs tell upper from lower case).
    version          the buyer's version number of the order, where given.
    document_id      the id of the document that carried it (cXML payloadID), to which answers refer.
    previous_document_id  the document that this change replaces (DocumentReference).
    kind             regular, blanket, release, ... as the protocol names it.
    valid_from, valid_until  of a blanket order.
    """

    id: str
    change: Change
    ordered_at: When | None
    currency: str | None
    lines: tuple[OrderLine, ...]
    document_id: str | None = None
    previous_document_id: str | None = None
    version: int | None = None
    internal_version: bool = False
    kind: str = "regular"
    agreement_id: str | None = None
    requisition_id: str | None = None
    test: bool = False
    totals: OrderTotals | None = None
    ship_to: Address | None = None
    bill_to: Address | None = None
    parties: tuple[Party, ...] = ()
    contacts: tuple[Contact, ...] = ()
    comments: tuple[Comment, ...] = ()
    charges: tuple[Charge, ...] = ()
    splits: tuple[Split, ...] = ()
    payment_terms: tuple[PaymentTerm, ...] = ()
    payment_card: PaymentCard | None = None
    delivery_terms: DeliveryTerms | None = None
    requested_delivery: When | None = None
    delivery_from: When | None = None
    delivery_until: When | None = None
    valid_from: When | None = None
    valid_until: When | None = None
    ship_complete: bool = False
    supplier_order_id: str | None = None
    followup_url: str | None = None
    identifiers: tuple[Identifier, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    extensions: tuple[Extension, ...] = ()
    verbatim: tuple[Verbatim, ...] = ()

    def __post_init__(self) -> None:
        numbers = [line.number for line in self.lines]
        if len(set(numbers)) != len(numbers):
            raise ValueError("line numbers are unique within an order")
        refuse_naive(self.ordered_at, self.requested_delivery, self.delivery_from, self.delivery_until)
        refuse_naive(self.valid_from, self.valid_until)
        if self.currency is None and self.change is not Change.DELETE:
            raise ValueError("an order has a currency; only a cancellation may name none")

    @property
    def sum_of_lines(self) -> Decimal | None:
        """Exact and unrounded, returns and cancelled lines left out; None when a counted line has no price."""
        counted = [line.amount() for line in self.lines if not line.is_return and line.change != "delete"]
        known = [amount for amount in counted if amount is not None]
        return exact_sum(known) if len(known) == len(counted) else None

"""What we answer to an order: the whole of it accepted or refused, or line by line (cXML ConfirmationRequest)."""

from enum import StrEnum

from schemas.base import Canonical, When, refuse_naive
from schemas.item import ItemDescription, ItemRef, Price, Quantity
from schemas.money import Money
from schemas.order import Tax
from schemas.party import Extension, Verbatim


class Answer(StrEnum):
    """accept and reject speak of the whole order; detail names the lines that differ; except accepts all the others."""

    ACCEPT = "accept"
    REJECT = "reject"
    EXCEPT = "except"
    DETAIL = "detail"
    BACKORDERED = "backordered"
    ALL_DETAIL = "allDetail"
    REPLACE = "replace"
    REQUEST_TO_PAY = "requestToPay"


class LinePart(Canonical, frozen=True, kw_only=True):
    """A part of a line and what becomes of it: `accept`, `reject`, `backordered`, `detail`, `unknown`, ..."""

    status: str
    quantity: Quantity
    price: Price | None = None
    tax: Tax | None = None
    shipping: Money | None = None
    ship_date: When | None = None
    delivery_date: When | None = None
    substitute: ItemRef | None = None
    substitute_description: ItemDescription | None = None
    comments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        refuse_naive(self.ship_date, self.delivery_date)


class LineReply(Canonical, frozen=True, kw_only=True):
    """The answer to one line; the parts' quantities add up to `quantity`, the ordered one."""

    number: int
    quantity: Quantity
    parts: tuple[LinePart, ...]
    verbatim: tuple[Verbatim, ...] = ()


class OrderReply(Canonical, frozen=True, kw_only=True):
    """
    id                 our number of the answer (confirmID).
    order_id           the buyer's order number, empty when the answer gives only `order_document_id`, the document that
                       carried the order.
    reason             text for people, required when the whole order is refused.
    previous_document_id  the answer that this one replaces entirely.
    """

    id: str | None
    answer: Answer
    at: When | None
    order_id: str
    order_date: When | None = None
    order_document_id: str | None = None
    previous_document_id: str | None = None
    reason: str | None = None
    comments: tuple[str, ...] = ()
    total: Money | None = None
    tax: Tax | None = None
    shipping: Money | None = None
    shipping_description: str | None = None
    lines: tuple[LineReply, ...] = ()
    extensions: tuple[Extension, ...] = ()
    verbatim: tuple[Verbatim, ...] = ()

    def __post_init__(self) -> None:
        refuse_naive(self.at, self.order_date)


class StatusUpdate(Canonical, frozen=True, kw_only=True):
    """The outcome that was owed after a first "accepted for later" (cXML StatusUpdateRequest).

    document_id is the document meant; `code` is a cXML Status code, `text` its canonical words."""

    document_id: str | None
    code: int
    text: str
    reason: str | None = None
    language: str | None = None
    order_id: str | None = None
    extensions: tuple[Extension, ...] = ()
    verbatim: tuple[Verbatim, ...] = ()

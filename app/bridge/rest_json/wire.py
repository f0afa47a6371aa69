"""The JSON that goes out and that comes back, as types.

An order travels as a CloudEvents 1.0 event. `data` names what every ERP needs in flat fields; `data.document` is the
whole canonical order with everything that the buyer's document said, extensions and unknown parts included. Amounts
and quantities are decimal texts. The bytes of one delivery are the same at every attempt, so the event has no time.
"""

from datetime import date, datetime
from decimal import Decimal

import msgspec


class Sent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what we write."""


class Price(Sent, frozen=True, kw_only=True):
    """`amount` pays for `per` price units; a line of q units costs q * factor * amount / per."""

    amount: Decimal
    currency: str
    per: Decimal
    per_unit: str | None
    factor: Decimal


class Line(Sent, frozen=True, kw_only=True):
    """`amount` is rounded to the currency's minor unit, half away from zero."""

    number: int
    sku: str | None
    quantity: Decimal
    unit: str | None
    price: Price | None = None
    amount: Decimal | None = None
    description: str | None = None
    buyer_sku: str | None = None
    requested_delivery: datetime | date | None = None
    is_return: bool = False


class OrderData(Sent, frozen=True, kw_only=True):
    """
    reference   the buyer's order number, exactly as written: what the look-up asks for.
    revision    1 for the order as first taken, one more for each change of it.
    customer    the customer's number in the ERP.
    currency    absent when a cancellation names no money.
    total       what the document says; with or without tax as the document has it.
    lines       those that are wanted: lines that the buyer took back are only in `document`.
    """

    reference: str
    revision: int
    customer: str
    currency: str | None = None
    total: Decimal | None = None
    requested_delivery: datetime | date | None = None
    lines: tuple[Line, ...]
    document: msgspec.Raw


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """CloudEvents 1.0, structured mode. `id` is also the idempotency key; `partitionkey` (an extension that CloudEvents
    documents) names the customer, in whose events order is kept."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    datacontenttype: str = "application/json"
    dataschema: str
    partitionkey: str
    data: OrderData


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an order that the ERP has: with any 2xx. `number` falls back to `id`."""

    id: str
    number: str | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("the ERP's id is empty")


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an order that the ERP refuses: with 400, 404, 409 or 422. `at` is a path in `data`."""

    code: str
    message: str
    at: str | None = None


class ListedLine(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    quantity: Decimal


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One order of the look-up's answer."""

    id: str
    number: str | None = None
    revision: int | None = None
    currency: str | None = None
    total: Decimal | None = None
    lines: tuple[ListedLine, ...]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the look-up: every order of that reference and customer that is not cancelled."""

    orders: tuple[Listed, ...]

"""Orders to JSON, and the ERP's answers to outcomes. Pure."""

from datetime import timedelta
from typing import Final

import msgspec

from app.bridge.adapter import (
    Accepted,
    CannotTell,
    Delivery,
    Found,
    FoundNone,
    FoundOne,
    FoundSeveral,
    Heard,
    Outcome,
    Rejected,
    Retry,
    Uncertain,
)
from app.bridge.comparison import wanted_lines, wanted_total
from app.bridge.rest_json import wire
from schemas.base import to_json
from schemas.money import round_line
from schemas.order import OrderLine

SCHEMA: Final = "urn:crossdock:rest-json:order:1"
TYPES: Final = {
    "create": "crossdock.order.create",
    "change": "crossdock.order.change",
    "cancel": "crossdock.order.cancel",
}
LONGEST_EXCERPT: Final = 500

_REFUSING: Final = frozenset({400, 404, 409, 422})
_encoder = msgspec.json.Encoder(decimal_format="string")


def event(delivery: Delivery, source: str) -> bytes:
    """The same bytes at every attempt of one delivery."""
    order = delivery.order
    total = wanted_total(order)
    return _encoder.encode(
        wire.Event(
            id=delivery.id,
            source=source,
            type=TYPES[delivery.kind],
            subject=delivery.reference,
            dataschema=SCHEMA,
            partitionkey=delivery.customer,
            data=wire.OrderData(
                reference=delivery.reference,
                revision=delivery.revision,
                customer=delivery.customer,
                currency=order.currency,
                total=total.amount if total else None,
                requested_delivery=order.requested_delivery,
                lines=tuple(_line(line) for line in wanted_lines(order)),
                document=msgspec.Raw(to_json(order)),
            ),
        )
    )


def _line(line: OrderLine) -> wire.Line:
    price = line.price
    amount = line.amount()
    return wire.Line(
        number=line.number,
        sku=line.item.supplier_id,
        quantity=line.quantity.amount,
        unit=line.quantity.unit,
        price=wire.Price(
            amount=price.amount.amount,
            currency=price.amount.currency,
            per=price.basis,
            per_unit=price.unit or line.quantity.unit,
            factor=price.factor,
        )
        if price
        else None,
        amount=round_line(amount, price.amount.currency) if price and amount is not None else None,
        description=line.description.text if line.description else None,
        buyer_sku=line.item.buyer_id,
        requested_delivery=line.requested_delivery,
        is_return=line.is_return,
    )


def outcome(status: int, body: bytes, after: timedelta | None) -> Outcome:
    """What an answer to an order means; `after` is its Retry-After.

    A refusal counts as one only in the ERP's own words: a 4xx without them comes from something in between (a wrong
    path, a lapsed login, a firewall), which took no order. A redirect, 408 and every 5xx leave open what was done
    before, a 503 too unless it says when to come back.
    """
    heard = Heard(status, excerpt(body))
    if 200 <= status < 300:
        try:
            taken = msgspec.json.decode(body, type=wire.Taken)
        except msgspec.DecodeError as error:
            return Uncertain(f"HTTP {status} without a readable id: {error}", heard)
        return Accepted(taken.id, taken.number or taken.id, heard)
    if status in _REFUSING:
        try:
            refusal = msgspec.json.decode(body, type=wire.Refusal)
        except msgspec.DecodeError:
            return Retry(f"HTTP {status} that is not a refusal in the ERP's words", after, heard)
        return Rejected(refusal.code, refusal.message, refusal.at, heard)
    if (400 <= status < 500 and status != 408) or (status == 503 and after is not None):
        return Retry(f"HTTP {status}", after, heard)
    return Uncertain(f"HTTP {status}", heard)


def found(status: int, body: bytes) -> Found:
    """What an answer to a look-up means. Only a 200 with a readable listing tells anything."""
    heard = Heard(status, excerpt(body))
    if status != 200:
        return CannotTell(f"HTTP {status}", heard)
    try:
        orders = msgspec.json.decode(body, type=wire.Listing).orders
    except msgspec.DecodeError as error:
        return CannotTell(f"HTTP 200 without a readable listing: {error}", heard)
    if not orders:
        return FoundNone()
    if len(orders) > 1:
        return FoundSeveral(tuple(order.id for order in orders))
    (one,) = orders
    return FoundOne(
        erp_id=one.id,
        number=one.number or one.id,
        lines=tuple((line.sku, line.quantity) for line in one.lines),
        total=one.total,
        currency=one.currency,
        revision=one.revision,
    )


def excerpt(body: bytes) -> str:
    """The beginning of a body as one line of printable text."""
    text = body[: LONGEST_EXCERPT * 4].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_EXCERPT]

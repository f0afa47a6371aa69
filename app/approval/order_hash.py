"""What exactly was approved, as one hash.

Canonical JSON (keys sorted, Decimals without trailing zeros, text NFC and trimmed) of everything that costs money or
changes where goods and bills go. Not in it: comments, contacts, our own ids, times of arrival."""

import hashlib
import json
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.approval.subject import requesters
from schemas.item import Price
from schemas.money import Money
from schemas.order import Order, OrderLine, Split, Tax
from schemas.party import Address


def order_hash(order: Order, *, customer: str) -> str:
    """SHA-256 in hex; `customer` is the customer's number."""
    content = {
        "customer": customer,
        "requester": sorted(requesters(order)),
        "currency": order.currency,
        "ship_to": _address(order.ship_to),
        "bill_to": _address(order.bill_to),
        "terms": [[term.days, term.discount_percent, _money(term.discount_amount)] for term in order.payment_terms],
        "delivery_terms": order.delivery_terms.code if order.delivery_terms else None,
        "total": _money(order.totals.total) if order.totals else None,
        "shipping": _money(order.totals.shipping) if order.totals else None,
        "tax": _tax(order.totals.tax) if order.totals else None,
        "charges": [[charge.kind, _money(charge.amount), charge.allowance] for charge in order.charges],
        "requested": order.requested_delivery,
        "splits": [_split(split) for split in order.splits],
        "lines": {str(line.number): _line(line) for line in order.lines},
    }
    return hashlib.sha256(json.dumps(_plain(content), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _line(line: OrderLine) -> dict[str, Any]:
    return {
        "item": [line.item.supplier_id, line.item.supplier_auxiliary_id, line.item.manufacturer_id, line.item.gtin],
        "name": line.description.text if line.description and line.item.supplier_id is None else None,
        "quantity": line.quantity.amount,
        "unit": line.quantity.unit,
        "price": _price(line.price),
        "tax": _tax(line.tax),
        "shipping": _money(line.shipping),
        "charges": [[charge.kind, _money(charge.amount), charge.allowance] for charge in line.charges],
        "requested": line.requested_delivery,
        "schedule": [[part.quantity.amount, part.quantity.unit, part.requested] for part in line.schedule],
        "ship_to": _address(line.ship_to),
        "splits": [_split(split) for split in line.splits],
        "change": line.change,
        "return": line.is_return,
    }


def _price(price: Price | None) -> list[Any] | None:
    return [_money(price.amount), price.basis, price.unit, price.factor] if price else None


def _money(money: Money | None) -> list[Any] | None:
    return [money.amount, money.currency] if money else None


def _tax(tax: Tax | None) -> list[Any] | None:
    if tax is None:
        return None
    return [_money(tax.amount), [[part.category, part.rate, _money(part.amount)] for part in tax.parts]]


def _split(split: Split) -> list[Any]:
    return [split.name, [[segment.name, segment.id] for segment in split.segments], _money(split.charge)]


def _address(address: Address | None) -> list[Any] | None:
    if address is None:
        return None
    return [
        address.id,
        address.name,
        list(address.deliver_to),
        list(address.street),
        address.postal_code,
        address.city,
        address.country,
    ]


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") or "0" if "." in text else text
        case datetime() | date():
            return value.isoformat()
        case str():
            return unicodedata.normalize("NFC", value).strip()
        case _:
            return value

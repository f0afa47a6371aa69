"""Orders that the demo's first buyer may send as they are: known item, unit, price and place."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from app.sandbox.buyer import VirtualBuyer
from app.sandbox.demo_data import ATLAS
from protocols.cxml import order_request
from schemas.item import Classification, ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.order import Change, Order, OrderLine, OrderTotals

PRICE = Decimal("58.90")


def an_order(number: str, quantity: int = 2, **more: Any) -> Order:
    """Up to 8 sets stay within the limit of approval."""
    line = OrderLine(
        number=1,
        quantity=Quantity(amount=Decimal(quantity), unit="SET"),
        item=ItemRef(supplier_id="TO-2010"),
        price=Price(amount=Money(amount=PRICE, currency="EUR")),
        description=ItemDescription(
            texts=(Text(text="Combination spanner set", language="en"),),
            classifications=(Classification(scheme="UNSPSC", code="27111706"),),
        ),
    )
    order = Order(
        id=number,
        change=Change.NEW,
        ordered_at=datetime.now(UTC),
        currency="EUR",
        lines=(line,),
        totals=OrderTotals(total=Money(amount=PRICE * quantity, currency="EUR")),
        ship_to=ATLAS.ship_to,
        bill_to=ATLAS.ship_to,
    )
    return msgspec.structs.replace(order, **more)


def order_bytes(buyer: VirtualBuyer, number: str, quantity: int = 2, **more: Any) -> bytes:
    return order_request.write(an_order(number, quantity, **more), buyer.envelope())

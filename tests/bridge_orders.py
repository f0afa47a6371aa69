"""Orders as the bridge sees them, for tests of what happens to them on the way."""

from datetime import UTC, datetime
from decimal import Decimal

from app.bridge.adapter import Delivery
from schemas.item import Classification, ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.order import Change, Order, OrderLine, OrderTotals, Split, SplitSegment
from schemas.party import Address, Extension, Verbatim


def euros(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def line(number: int, sku: str, quantity: str, price: str, **more: object) -> OrderLine:
    return OrderLine(
        number=number,
        quantity=Quantity(amount=Decimal(quantity), unit="C62"),
        item=ItemRef(supplier_id=sku),
        price=Price(amount=euros(price)),
        **more,  # type: ignore[arg-type]  # a test names what is special in its line
    )


def order(number: str = "PO-9", *lines: OrderLine, **more: object) -> Order:
    return Order(
        id=number,
        change=Change.NEW,
        ordered_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
        currency="EUR",
        lines=lines or (line(1, "BOLT-M8", "300", "0.05"), line(2, "NUT-M8", "10", "1.10")),
        **more,  # type: ignore[arg-type]  # a test names what is special in its order
    )


def full_order() -> Order:
    """Every kind of field that must not get lost between buyer and ERP."""
    return order(
        "PO-4711",
        OrderLine(
            number=1,
            quantity=Quantity(amount=Decimal(300), unit="C62"),
            item=ItemRef(
                supplier_id="BOLT-M8", supplier_auxiliary_id="c41-1", buyer_id="100-22", manufacturer_id="M8Z"
            ),
            description=ItemDescription(
                texts=(Text(text="Bolt M8 × 40, zinc", language="en"),),
                classifications=(Classification(scheme="UNSPSC", code="31161500"),),
            ),
            price=Price(amount=euros("5.00"), basis=Decimal(100), unit="C62"),
            requested_delivery=datetime(2026, 3, 9, tzinfo=UTC),
            splits=(
                Split(name="Default", segments=(SplitSegment(name="CostCenter", id="4500"),), charge=euros("15.00")),
            ),
            verbatim=(Verbatim(at="ItemDetail/Dimension[1]", content='<Dimension quantity="40"/>'),),
        ),
        line(2, "NUT-M8", "2.5", "0.333"),
        line(3, "WASHER", "7", "1.00", change="delete"),
        totals=OrderTotals(total=euros("15.83")),
        ship_to=Address(name="Plant 2", street=("Werkstraße 5",), city="Leipzig", postal_code="04109", country="DE"),
        extensions=(Extension(name="CostObject", value="A&B"),),
    )


def delivery(order: Order, *, kind: str = "create", revision: int = 1) -> Delivery:
    return Delivery(
        id="0195a1c2-0000-7000-8000-00000000d111",
        kind=kind,
        reference=order.id,
        revision=revision,
        customer="C-1001",
        order=order,
        correlation_id="0195a1c2-0000-7000-8000-00000000c0de",
    )

"""Orders for the tests of rules and approvals: one plain order, and the strategies that vary it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from app.approval.subject import Subject
from schemas.item import Classification, ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.order import Change, Order, OrderLine, OrderTotals, Split, SplitSegment
from schemas.party import Address, Contact, Email

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def money(amount: str, currency: str = "EUR") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


def line(
    number: int = 1,
    *,
    sku: str | None = "A-100",
    quantity: str = "10",
    price: str | None = "9.95",
    currency: str = "EUR",
    unit: str | None = "C62",
    unspsc: str | None = None,
    cost_center: str | None = None,
    **more: object,
) -> OrderLine:
    classifications = (Classification(scheme="UNSPSC", code=unspsc),) if unspsc else ()
    segments = (SplitSegment(name="CostCenter", id=cost_center),) if cost_center else ()
    return OrderLine(
        number=number,
        quantity=Quantity(amount=Decimal(quantity), unit=unit),
        item=ItemRef(supplier_id=sku),
        price=Price(amount=money(price, currency)) if price is not None else None,
        description=ItemDescription(texts=(Text(text="Láser toner"),), classifications=classifications),
        splits=(Split(name="x", segments=segments, charge=money("1", currency)),) if segments else (),
        **more,  # type: ignore[arg-type]
    )


def order(*lines: OrderLine, **more: object) -> Order:
    given = {
        "id": "PO-1",
        "change": Change.NEW,
        "ordered_at": AT,
        "currency": "EUR",
        "totals": OrderTotals(total=money("99.50")),
        "ship_to": Address(id="0001", country="DE", postal_code="10115"),
        "contacts": (Contact(role="endUser", emails=(Email(address="Ana@Example.com"),)),),
    }
    return Order(lines=lines or (line(),), **{**given, **more})  # type: ignore[arg-type]


def subject(given: Order | None = None, agreed: Mapping[int, str] | None = None, **more: object) -> Subject:
    prices = {number: Price(amount=money(amount)) for number, amount in (agreed or {}).items()}
    return Subject(
        order=given or order(),
        protocol="cxml",
        customer="10001",
        at=AT,
        agreed=prices,
        **more,  # type: ignore[arg-type]
    )

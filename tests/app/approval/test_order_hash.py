"""What is in the hash of an approved order, and what is not."""

from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from msgspec.structs import replace

from app.approval.order_hash import order_hash
from schemas.item import ItemDescription, ItemRef, Price, Quantity, Text
from schemas.order import Comment, Order, OrderTotals
from schemas.party import Address, Contact, Email


def hashed(of: Order, customer: str = "10001") -> str:
    return order_hash(of, customer=customer)


@pytest.mark.parametrize(
    "same",
    [
        order(line(price="9.950")),
        order(line(quantity="10.0")),
        order(comments=(Comment(text="urgent"),)),
        order(id="PO-2", document_id="other"),
        order(contacts=(Contact(role="endUser", name="Ana", emails=(Email(address=" ana@example.com"),)),)),
        order(ship_to=Address(id=" 0001", country="DE", postal_code="10115", city=None)),
    ],
    ids=["9.950", "10.0", "comment", "our ids", "mail in lower case", "blank before"],
)
def test_equal_orders_have_equal_hashes(same: Order) -> None:
    assert hashed(same) == hashed(order())


def test_composed_and_decomposed_text_is_the_same() -> None:
    def free(text: str) -> Order:
        return changed(item=ItemRef(), description=ItemDescription(texts=(Text(text=text),)))

    assert hashed(free("Láser")) == hashed(free("La\u0301ser"))
    assert hashed(free("Láser")) != hashed(free("Laser"))


def changed(**changes: Any) -> Order:
    return order(replace(line(), **changes))


@pytest.mark.parametrize(
    "other",
    [
        changed(item=ItemRef(supplier_id="A-101")),
        changed(quantity=Quantity(amount=Decimal(11), unit="C62")),
        changed(quantity=Quantity(amount=Decimal(10), unit="XBX")),
        changed(price=Price(amount=money("9.96"))),
        changed(price=Price(amount=money("9.95"), basis=Decimal(100))),
        changed(price=Price(amount=money("9.95", "USD"))),
        changed(ship_to=Address(id="0002")),
        order(line(cost_center="4712")),
        order(line(1, quantity="5"), line(2, quantity="5")),
        order(ship_to=Address(id="0002", country="DE", postal_code="10115")),
        order(bill_to=Address(id="9")),
        order(totals=OrderTotals(total=money("99.51"))),
        order(currency="USD"),
        order(contacts=()),
    ],
    ids=[
        "item",
        "quantity",
        "unit",
        "price",
        "price unit",
        "currency of the price",
        "ship-to of a line",
        "cost centre",
        "line split in two",
        "ship-to",
        "bill-to",
        "total",
        "currency",
        "requester",
    ],
)
def test_what_costs_or_moves_changes_the_hash(other: Order) -> None:
    assert hashed(other) != hashed(order())


def test_another_customer_is_another_order() -> None:
    assert hashed(order(), "10002") != hashed(order())

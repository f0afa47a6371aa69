"""Which boxes an order has for its approver, and what follows by reckoning from what is typed into them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from msgspec.structs import replace

from app.approval.flow import EDITABLE
from app.flows.order_edits import CannotEdit, boxes, edited
from schemas.item import Quantity
from schemas.order import Order, OrderTotals, ScheduleLine, Split, SplitSegment, Tax, TaxPart
from schemas.party import Address

PLACES = (("0001", Address(id="0001", country="DE")), ("0002", Address(id="0002", country="DE")))
TODAY = date(2026, 11, 22)


def changed(given: Order, *, taxed_total: bool = False, **typed: str) -> Order:
    named = {name.replace("line_1_", "lines.1."): value for name, value in typed.items()}
    return edited(given, boxes(given, EDITABLE, PLACES), PLACES, named, TODAY, taxed_total=taxed_total)


def names(given: Order) -> set[str]:
    return {box.name for box in boxes(given, EDITABLE, PLACES)}


def test_an_order_has_a_box_for_each_thing_that_it_says() -> None:
    assert names(order(line(cost_center="4711"))) == {
        "requested_date",
        "ship_to",
        "bill_to",
        "lines.1.quantity",
        "lines.1.cost_center.0",
        "comment",
    }


def test_a_catalogue_of_rules_has_a_box_for_every_word() -> None:
    assert {box.what for box in boxes(order(), EDITABLE, PLACES)} == set(EDITABLE)


PART = ScheduleLine(quantity=Quantity(amount=Decimal(10), unit="C62"), requested=date(2026, 12, 1))


@pytest.mark.parametrize(
    "more",
    [{"schedule": (PART,)}, {"is_return": True}, {"parent_number": 7}, {"change": "delete"}, {"change": "block"}],
)
def test_a_quantity_that_stands_elsewhere_too_or_is_gone_has_none(more: dict[str, Any]) -> None:
    assert "lines.1.quantity" not in names(order(line(**more)))


def test_a_line_keeps_the_hour_of_its_date() -> None:
    at = datetime(2026, 12, 1, 14, 30, tzinfo=UTC)
    now = changed(order(line(requested_delivery=at)), line_1_requested_date="2026-12-24")
    assert now.lines[0].requested_delivery == at.replace(day=24)


def tax(amount: str, *rates: str) -> Tax:
    return Tax(amount=money(amount), parts=tuple(TaxPart(category="vat", rate=Decimal(rate)) for rate in rates))


def totals(total: str, tax_: Tax | None = None) -> OrderTotals:
    return OrderTotals(total=money(total), tax=tax_)


@pytest.mark.parametrize(("taxed", "total"), [(False, "49.75"), (True, "59.21")])
def test_the_tax_of_an_order_of_one_rate_follows_its_lines(taxed: bool, total: str) -> None:
    before = order(totals=totals("118.41" if taxed else "99.50", tax("18.91", "19")))
    now = changed(before, taxed_total=taxed, line_1_quantity="5").totals
    assert now is not None
    assert now.tax is not None
    assert (now.total, now.tax.amount) == (money(total), money("9.46"))


def test_the_tax_of_a_line_follows_its_quantity() -> None:
    one, two = (line(number, tax=tax("18.91", "19")) for number in (1, 2))
    now = changed(order(one, two, totals=totals("199.00", tax("37.82"))), line_1_quantity="20")
    assert now.lines[0].tax is not None
    assert now.lines[0].tax.amount == money("37.82")
    assert now.totals == totals("298.50", tax("56.73"))


def test_one_tax_for_lines_of_several_rates_is_the_buyers_to_reckon() -> None:
    with pytest.raises(CannotEdit) as cannot:
        changed(order(totals=totals("99.50", tax("12.00", "19", "7"))), line_1_quantity="5")
    assert [(fault.at, fault.code) for fault in cannot.value.faults] == [("lines.1.quantity", "edit.several_taxes")]


def test_the_shares_of_accounts_add_up_to_the_line_again() -> None:
    shares = [
        Split(name=name, segments=(SplitSegment(name="CostCenter", id=name),), charge=money(amount))
        for name, amount in (("a", "33.17"), ("b", "33.17"), ("c", "33.16"))
    ]
    now = changed(order(replace(line(), splits=tuple(shares))), line_1_quantity="7")
    charges = [split.charge.amount for split in now.lines[0].splits]
    assert sum(charges) == Decimal("69.65")
    assert charges == [Decimal("23.22"), Decimal("23.22"), Decimal("23.21")]


def test_one_cost_center_of_several_changes_alone() -> None:
    shares = [
        Split(name=name, segments=(SplitSegment(name="CostCenter", id=name),), charge=money("1")) for name in "ab"
    ]
    given = order(replace(line(), splits=tuple(shares)))
    now = edited(
        given, boxes(given, EDITABLE, PLACES), PLACES, {"lines.1.cost_center.1": "c"}, TODAY, taxed_total=False
    )
    assert [split.segments[0].id for split in now.lines[0].splits] == ["a", "c"]

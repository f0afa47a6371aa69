"""Every difference between an order and what was agreed becomes a case, all at once, with expected and found."""

from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from msgspec.structs import replace
from order_desk import Desk, set_up

from app.flows.cases import Choice, Code, choices
from app.gateway import Gateway
from app.storage.orders import OrderState
from schemas.item import Price, Quantity
from schemas.order import Order, OrderTotals, ScheduleLine, Tax
from schemas.party import Address


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.rules({"auto_approve": [], "stages": [], "when_nobody_is_asked": "hold"})
    return made


def total(amount: str, currency: str = "EUR") -> OrderTotals:
    return OrderTotals(total=money(amount, currency))


def cases(desk: Desk, sent: Order) -> list[tuple[str, int | None, str | None, str | None]]:
    desk.send(sent)
    return [
        (case.code, case.line, case.expected, case.found)
        for case in desk.cases()
        if not case.code.startswith("approval.")
    ]


def test_an_order_as_agreed_has_no_case(desk: Desk) -> None:
    assert cases(desk, order()) == []


def priced(price: str, basis: str = "1", unit: str | None = None, factor: str = "1", currency: str = "EUR") -> Price:
    return Price(amount=money(price, currency), basis=Decimal(basis), unit=unit, factor=Decimal(factor))


BY_LINE: dict[str, tuple[dict[str, Any], tuple[str, int | None, str | None, str | None]]] = {
    "unknown item": ({"sku": "Z-1"}, ("item.unknown", 1, None, "Z-1")),
    "no item": ({"sku": None}, ("item.missing", 1, None, "Láser toner")),
    "unknown unit": ({"unit": "BX"}, ("unit.unknown", 1, "C62", "BX")),
    "no unit": ({"unit": None}, ("unit.missing", 1, "C62", None)),
    "another unit": ({"unit": "XBX"}, ("unit.other", 1, "C62", "XBX")),
    "zero": ({"quantity": "0"}, ("quantity.not_positive", 1, None, "0")),
    "negative": ({"quantity": "-3"}, ("quantity.not_positive", 1, None, "-3")),
    "five decimals": ({"quantity": "1.00001"}, ("quantity.not_whole", 1, None, "1.00001 C62")),
    "a cent too dear": ({"price": "9.96"}, ("price.off", 1, "EUR 9.95", "EUR 9.96")),
    "a cent too cheap": ({"price": "9.94"}, ("price.off", 1, "EUR 9.95", "EUR 9.94")),
    "a tenth of a cent": ({"price": "9.9501"}, ("price.off", 1, "EUR 9.95", "EUR 9.9501")),
}


@pytest.mark.parametrize("name", BY_LINE)
def test_a_line_that_differs_is_a_case(desk: Desk, name: str) -> None:
    changes, expected = BY_LINE[name]
    found = cases(desk, order(line(**changes)))
    assert expected in found
    assert {case[0] for case in found} <= {expected[0], "total.off", "price.not_agreed", "quantity.off_step"}


def test_all_differences_come_at_once(desk: Desk) -> None:
    sent = order(
        line(1, sku="Z-1"),
        line(2, unit="BX"),
        line(3, price="11"),
        currency="EUR",
        ship_to=Address(id="9", country="FR"),
        totals=total("1.00"),
    )
    assert [(code, number) for code, number, _, _ in cases(desk, sent)] == [
        ("item.unknown", 1),
        ("unit.unknown", 2),
        ("price.off", 3),
        ("total.off", None),
        ("ship_to.unknown", None),
    ]
    assert desk.order().state == OrderState.HELD


def test_minimum_and_step_are_kept(desk: Desk) -> None:
    sent = order(
        line(1, sku="A-200", unit="XBX", quantity="1", price="40"),
        line(2, sku="A-200", unit="XBX", quantity="5", price="40"),
        line(3, sku="A-300", unit="KGM", quantity="1.5", price="3.50"),
        totals=total("245.25"),
    )
    assert cases(desk, sent) == [
        ("quantity.below_minimum", 1, "2 XBX", "1 XBX"),
        ("quantity.off_step", 2, "2 XBX, then steps of 2", "5 XBX"),
    ]


@pytest.mark.parametrize("word", ["EA", "H87", "c62"])
def test_each_and_piece_count_the_same_as_one(desk: Desk, word: str) -> None:
    assert cases(desk, order(line(unit=word))) == []
    assert desk.revision().order().lines[0].quantity.unit == "C62"


def test_a_box_is_never_taken_as_each(desk: Desk) -> None:
    found = cases(desk, order(line(unit="XBX")))
    assert [(code, number) for code, number, _, _ in found] == [("unit.other", 1), ("price.not_agreed", 1)]


@pytest.mark.parametrize(
    ("terms", "word", "taken"),
    [
        ({"unit_words": {"Stck": "C62"}}, "stck ", True),
        ({"unit_lists": ["rec20", "x12"]}, "PC", True),
        ({"unit_lists": ["sap"]}, "ST", True),
        ({}, "PCE", False),
    ],
)
def test_the_customers_words_and_lists_say_what_a_unit_is(
    desk: Desk, terms: dict[str, Any], word: str, taken: bool
) -> None:
    desk.settings(**terms)
    found = cases(desk, order(line(unit=word)))
    assert (found == []) is taken


def test_the_customers_item_number_is_translated(desk: Desk) -> None:
    desk.settings(item_words={"4711": "A-100"})
    assert cases(desk, order(line(sku=" 4711 "))) == []
    revision = desk.revision()
    assert revision.order().lines[0].item.supplier_id == "A-100"
    assert revision.document().lines[0].item.supplier_id == " 4711 "
    assert revision.findings[0]["code"] == "item.mapped"


@pytest.mark.parametrize(
    ("terms", "price", "off"),
    [
        ({"price_tolerance_percent": "5"}, "10.4475", False),
        ({"price_tolerance_percent": "5"}, "10.4476", True),
        ({"price_tolerance_percent": "5"}, "9.4525", False),
        ({"price_tolerance_percent": "5"}, "9.4524", True),
        ({"price_tolerance_percent": "5", "price_tolerance_amount": "1.00"}, "10.05", False),
        ({"price_tolerance_percent": "5", "price_tolerance_amount": "1.00"}, "10.06", True),
    ],
)
def test_the_tolerance_of_prices_is_exact(desk: Desk, terms: dict[str, Any], price: str, off: bool) -> None:
    desk.settings(**terms, total_tolerance="100")
    assert [code for code, *_ in cases(desk, order(line(price=price)))] == (["price.off"] if off else [])


def test_a_price_for_a_hundred_is_the_same_price(desk: Desk) -> None:
    sent = order(replace(line(), price=priced("995.00", basis="100")))
    assert cases(desk, sent) == []


def test_a_price_for_another_unit_without_conversion_is_a_case(desk: Desk) -> None:
    sent = order(replace(line(), price=priced("9.95", unit="KGM")))
    assert ("price.unit_other", 1, "C62", "KGM") in cases(desk, sent)


def test_a_price_for_a_unit_that_nobody_knows_is_a_case(desk: Desk) -> None:
    sent = order(replace(line(), price=priced("9.95", unit="Sack")))
    assert ("price.unit_unknown", 1, None, "Sack") in cases(desk, sent)


def test_a_line_without_a_price_gets_the_agreed_one(desk: Desk) -> None:
    assert cases(desk, order(line(price=None))) == []
    assert desk.revision().order().lines[0].price == priced("9.95")
    assert desk.order().total == Decimal("99.50")


def test_without_any_price_the_line_is_a_case(desk: Desk) -> None:
    found = cases(desk, order(line(price=None, unit="XBX")))
    assert ("price.missing", 1, None, None) in found


@pytest.mark.parametrize(
    ("stated", "terms", "off"),
    [
        ("99.50", {}, False),
        ("99.51", {}, True),
        ("99.52", {"total_tolerance": "0.02"}, False),
        ("99.53", {"total_tolerance": "0.02"}, True),
        ("104.50", {"total_includes": ["shipping"]}, False),
        ("123.41", {"total_includes": ["shipping", "tax"]}, False),
        ("104.50", {}, True),
    ],
)
def test_the_total_is_held_against_its_parts(desk: Desk, stated: str, terms: dict[str, Any], off: bool) -> None:
    desk.settings(**terms)
    totals = OrderTotals(total=money(stated), shipping=money("5.00"), tax=Tax(amount=money("18.91")))
    assert [code for code, *_ in cases(desk, order(totals=totals))] == (["total.off"] if off else [])


def test_lines_are_rounded_before_they_are_added(desk: Desk) -> None:
    desk.settings(price_tolerance_percent="100")
    lines = [line(number, quantity="1", price="9.955") for number in (1, 2, 3)]
    assert cases(desk, order(*lines, totals=total("29.88"))) == []


def test_returns_and_cancelled_lines_stay_out_of_the_total(desk: Desk) -> None:
    sent = order(line(1), line(2, is_return=True), line(3, change="delete", sku="Z-1", unit="?"))
    assert cases(desk, sent) == []


def test_the_total_of_a_blanket_order_is_a_ceiling(desk: Desk) -> None:
    assert cases(desk, order(kind="blanket", totals=total("5000"))) == []
    desk.send(order(id="PO-2", kind="blanket", totals=total("99.49")))
    assert ("total.off", None) in desk.codes("PO-2")


def test_another_currency_than_the_customers_is_a_case(desk: Desk) -> None:
    sent = order(line(currency="USD"), currency="USD", totals=total("99.50", "USD"))
    assert cases(desk, sent) == [("currency.other", None, "EUR", "USD")]


def test_a_line_in_another_currency_than_the_order_is_a_case(desk: Desk) -> None:
    assert cases(desk, order(line(currency="USD"))) == [("currency.mixed", 1, "EUR", "USD")]


def test_a_total_in_another_currency_is_a_case(desk: Desk) -> None:
    assert cases(desk, order(totals=total("99.50", "USD"))) == [("total.off", None, "EUR", "USD 99.50")]


@pytest.mark.parametrize(
    ("ship_to", "code"),
    [
        (Address(id=" 0001 "), None),
        (Address(id="0001", postal_code="101 15", country="DE"), None),
        (Address(id="0001", postal_code="80331"), "ship_to.other"),
        (Address(id="0002"), "ship_to.unknown"),
        (Address(street=("hauptstr.  1",), postal_code="10115", country="DE"), None),
        (Address(street=("Hauptstr. 2",), postal_code="10115", country="DE"), "ship_to.unknown"),
        (Address(name="Ana Ltd"), "ship_to.unknown"),
        (None, "ship_to.missing"),
    ],
)
def test_goods_go_to_known_places_only(desk: Desk, ship_to: Address | None, code: str | None) -> None:
    assert [found[0] for found in cases(desk, order(ship_to=ship_to))] == ([code] if code else [])


def test_every_place_of_the_lines_and_schedules_is_looked_at(desk: Desk) -> None:
    part = ScheduleLine(
        quantity=Quantity(amount=Decimal(1)),
        requested=order().ordered_at,
        ship_to=Address(id="8"),  # type: ignore[arg-type]
    )
    sent = order(
        line(1, ship_to=Address(id="9"), schedule=(part,)),
        line(2, ship_to=Address(id="9")),
        totals=total("199.00"),
    )
    assert [(code, number, found) for code, number, _, found in cases(desk, sent)] == [
        ("ship_to.unknown", 1, "9"),
        ("ship_to.unknown", 1, "8"),
    ]


@pytest.mark.parametrize("code", Code)
def test_every_kind_of_case_can_be_settled(code: Code) -> None:
    assert Choice.CHECK_AGAIN in choices(code, {})


def test_cases_of_the_erp_are_sent_again() -> None:
    assert choices("erp.rejected", {"kind": "create"}) == (Choice.SEND_AGAIN, Choice.CHECK_AGAIN)

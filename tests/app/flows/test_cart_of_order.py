"""An order against the cart that came home before it, from the return to the desk."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from home_carts import bring_home, order_of, ordered, whole
from msgspec.structs import replace
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from sqlmodel import Session, select

from app.clock import SetClock
from app.flows import erase_data, settle_together
from app.flows.cart_comparison import CartComparison, Part, State, from_data
from app.flows.cases import Choice
from app.flows.consider_order import consider
from app.flows.order_book import OrderBook
from app.flows.take_order import Status
from app.gateway import Gateway
from app.jobs import housekeeping
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow
from app.storage.orders import OrderRow, OrderState
from app.storage.returned_carts import CartOrderRow
from schemas.cart import CartLine
from schemas.item import Quantity
from schemas.party import Address, Extension
from schemas.punchout import Operation


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("ops", "operator")
    made.person("lead", "approver")
    made.rules(SMALL_ORDERS_PASS)
    return made


def compared(desk: Desk, number: str = "PO-1") -> CartComparison | None:
    kept = desk.revision(number).cart
    return from_data(kept) if kept is not None else None


def states(desk: Desk, number: str = "PO-1") -> list[tuple[int | None, State]]:
    comparison = compared(desk, number)
    assert comparison is not None
    return [(line.line, line.state) for line in comparison.lines]


def with_quantity(line: CartLine, amount: str) -> Quantity:
    return replace(line.quantity, amount=Decimal(amount))


def without_id(line: CartLine) -> Any:
    return replace(line.item, supplier_auxiliary_id=None)


def test_an_order_as_the_cart_was_goes_straight_on(desk: Desk) -> None:
    cart = bring_home(desk, {"A-100": "2", "A-200": "2"})
    assert desk.send(whole(cart)).status is Status.ACCEPTED
    comparison = compared(desk)
    assert comparison is not None
    assert not comparison.differs
    assert states(desk) == [(1, State.KEPT), (2, State.KEPT)]
    assert comparison.carts[0].total == cart.total
    with desk.gateway.database.read() as session:
        links = session.exec(select(CartOrderRow)).all()
    assert [(link.cart_id, link.order_id) for link in links] == [(comparison.carts[0].id, desk.order().id)]


def test_an_order_that_names_no_cart_is_compared_with_none(desk: Desk) -> None:
    bring_home(desk, {"A-100": "10"})
    desk.send()
    assert desk.revision().cart is None


def test_differences_are_shown_and_hold_nothing_by_default(desk: Desk) -> None:
    first, second = bring_home(desk, {"A-100": "2", "A-300": "1"}).lines
    typed_in = replace(second.item, supplier_id="A-200", supplier_auxiliary_id=None)
    lines = (
        ordered(first, 1, quantity=with_quantity(first, "3")),
        ordered(second, 2, item=typed_in, quantity=Quantity(amount=Decimal(2), unit="XBX"), price=None),
    )
    desk.send(order_of(*lines, totals=None))
    assert desk.cases() == []
    assert states(desk) == [(1, State.CHANGED), (2, State.ADDED), (None, State.LOST)]


def test_another_item_under_the_id_of_a_line_waits_for_a_person(desk: Desk) -> None:
    (line,) = bring_home(desk, {"A-100": "2"}).lines
    other = replace(line.item, supplier_id="A-300")
    changed = ordered(line, 1, item=other, quantity=Quantity(amount=Decimal(2), unit="KGM"), price=None)
    desk.send(order_of(changed, totals=None))
    assert [(case.code, case.line, case.expected, case.found) for case in desk.cases()] == [
        ("cart.item", 1, "A-100", "A-300")
    ]
    desk.settle("ops", (0, Choice.RELEASE, "", "the buyer said so"))
    assert desk.order().state == OrderState.APPROVED


def test_what_the_terms_name_holds_and_can_be_allowed_for_good(desk: Desk) -> None:
    desk.settings(cart={"holds": ["quantity", "lost", "added"]})
    cart = bring_home(desk, {"A-100": "2", "A-300": "1"})
    line = cart.lines[0]
    added = ordered(line, 2, item=replace(line.item, supplier_auxiliary_id="typed"))
    desk.send(order_of(ordered(line, 1, quantity=with_quantity(line, "3")), added))
    assert desk.codes() == [("cart.quantity", 1), ("cart.added", 2), ("cart.lost", None)]
    assert [case.expected for case in desk.cases()] == ["2", None, "A-300 · 1 KGM"]
    desk.settle("ops", *((n, Choice.ALLOW_CHANGE, "", "") for n in range(3)))
    assert desk.order().state == OrderState.APPROVED
    with desk.gateway.database.read() as session:
        kept = session.get_one(CustomerRow, desk.customer.id).settings["orders"]
    assert kept["cart"] == {"holds": []}
    (again,) = bring_home(desk, {"A-100": "2"}).lines
    assert desk.send(order_of(ordered(again, 1, quantity=with_quantity(again, "3"))), id="PO-2").status == "accepted"


def test_orders_that_changed_carts_in_the_same_way_are_alike_whatever_was_found(desk: Desk) -> None:
    desk.settings(cart={"holds": ["quantity", "lost"]})
    for number in ("PO-A", "PO-B"):
        line, _ = bring_home(desk, {"A-100": "2", "A-300": "1"}).lines
        desk.send(order_of(ordered(line, 1, quantity=with_quantity(line, "3" if number == "PO-A" else "4"))), id=number)
    first = desk.cases("PO-A")[0]
    with desk.gateway.database.read() as session:
        found = settle_together.alike(session, first, Choice.ALLOW_CHANGE)
    assert [(case.code, case.found) for case in found] == [("cart.quantity", "3"), ("cart.quantity", "4")]
    assert Choice.ALLOW_CHANGE in settle_together.choices_for(found)
    assert Choice.ALLOW_CHANGE not in settle_together.choices_for(desk.cases("PO-A"))


def test_a_price_that_is_not_the_agreed_one_is_one_case(desk: Desk) -> None:
    desk.settings(cart={"holds": ["price"]})
    (line,) = bring_home(desk, {"A-100": "2"}).lines
    assert line.price is not None
    dearer = replace(line.price, amount=replace(line.price.amount, amount=Decimal("9.96")))
    desk.send(order_of(ordered(line, 1, price=dearer)))
    assert desk.codes() == [("price.off", 1)]


def test_a_cart_that_was_split_into_orders_loses_nothing(desk: Desk) -> None:
    desk.settings(cart={"holds": ["repeated"]})
    first, second = bring_home(desk, {"A-100": "2", "A-300": "1"}).lines
    desk.send(order_of(ordered(first, 1)), id="PO-A")
    desk.send(order_of(ordered(second, 1)), id="PO-B")
    assert states(desk, "PO-A") == [(1, State.KEPT), (None, State.LOST)]
    assert states(desk, "PO-B") == [(1, State.KEPT), (None, State.ELSEWHERE)]
    comparison = compared(desk, "PO-B")
    assert comparison is not None
    assert comparison.lines[1].orders == ("PO-A",)
    assert desk.order("PO-B").state == OrderState.APPROVED


def test_an_old_cart_that_is_ordered_again_is_told_unless_the_first_order_was_cancelled(desk: Desk) -> None:
    desk.settings(cart={"holds": ["repeated"]})
    cart = bring_home(desk, {"A-100": "2"})
    desk.send(whole(cart), id="PO-A")
    desk.send(whole(cart), id="PO-B")
    assert [(case.code, case.found) for case in desk.cases("PO-B")] == [("cart.repeated", "A-100 · 2 C62 · PO-A")]
    desk.cancel(id="PO-B")
    desk.cancel(id="PO-A")
    desk.gateway.database.write(lambda tx: _stands(tx, desk, "PO-A", OrderState.CANCELLED))
    desk.send(whole(cart), id="PO-C")
    assert desk.order("PO-C").state == OrderState.APPROVED


def _stands(tx: Session, desk: Desk, number: str, state: OrderState) -> None:
    tx.get_one(OrderRow, desk.order(number).id).state = state


def test_orders_that_were_considered_at_once_know_of_each_other_when_they_are_kept(desk: Desk) -> None:
    cart = bring_home(desk, {"A-100": "2"})
    documents = [replace(whole(cart), id=number, document_id=number) for number in ("PO-A", "PO-B")]
    with desk.gateway.database.read() as session:
        book, at = OrderBook(session, desk.gateway.memories), desk.gateway.clock.now()
        considered = [consider(book, desk.customer, document, "cxml", at) for document in documents]
    desk.write(lambda tx: desk.take(tx, documents[0], considered[0]))
    desk.write(lambda tx: desk.take(tx, documents[1], considered[1]))
    comparison = compared(desk, "PO-B")
    assert comparison is not None
    assert comparison.lines[0].repeated


def test_a_cart_is_known_long_after_its_visit(desk: Desk) -> None:
    cart = bring_home(desk, {"A-100": "2"})
    clock = desk.gateway.clock
    assert isinstance(clock, SetClock)
    clock.move(timedelta(days=60))
    housekeeping.clean(desk.gateway, clock.now())
    desk.send(whole(cart))
    assert states(desk) == [(1, State.KEPT)]


def test_one_order_may_come_from_several_carts(desk: Desk) -> None:
    (first,) = bring_home(desk, {"A-100": "2"}).lines
    (second,) = bring_home(desk, {"A-300": "1"}, buyer_cookie="c-2").lines
    desk.send(order_of(ordered(first, 1), ordered(second, 2)))
    comparison = compared(desk)
    assert comparison is not None
    assert len(comparison.carts) == 2
    assert not comparison.differs


def test_an_edited_cart_takes_the_place_of_the_one_before(desk: Desk) -> None:
    cart = bring_home(desk, {"A-100": "2", "A-300": "1"})
    edited = bring_home(
        desk, {"A-100": "5", "A-300": "1"}, operation=Operation.EDIT, buyer_cookie="other", lines=cart.lines
    )
    desk.send(whole(edited))
    comparison = compared(desk)
    assert comparison is not None
    assert (len(comparison.carts), comparison.differs) == (1, False)


@pytest.mark.parametrize("at_line", [False, True])
def test_where_line_ids_are_lost_the_buyers_cookie_leads_to_the_cart(desk: Desk, at_line: bool) -> None:
    cart = bring_home(desk, {"A-100": "2", "A-300": "1"}, buyer_cookie=" r7&x ")
    cookie = (Extension(name="Buyer-Cookie", value="r7&x"),)
    lines = [ordered(line, n, item=without_id(line)) for n, line in enumerate(cart.lines, 1)]
    if at_line:
        lines[1] = replace(lines[1], extensions=cookie)
    desk.send(order_of(*lines, extensions=() if at_line else cookie))
    comparison = compared(desk)
    assert comparison is not None
    assert [[part.part for part in line.differing] for line in comparison.lines] == [[Part.LINE_ID], [Part.LINE_ID]]


def test_nobody_is_shown_another_customers_cart(desk: Desk, gateway: Gateway) -> None:
    cart = bring_home(desk, {"A-100": "2"})
    at = gateway.clock.now()
    customer = CustomerRow(realm=LIVE, number="20002", name="Bob", currency="EUR", price_list="P1", created_at=at)
    desk.write(lambda tx: tx.add(customer))
    Desk(gateway, desk.partner, customer).send(
        whole(cart, extensions=(Extension(name="BuyerCookie", value="c-1"),)), ship_to=None
    )
    assert desk.revision().cart is None


def test_a_change_of_the_order_is_compared_anew(desk: Desk) -> None:
    (line,) = bring_home(desk, {"A-100": "2"}).lines
    desk.send(order_of(ordered(line, 1)))
    desk.update(order_of(ordered(line, 1, quantity=with_quantity(line, "4"))), version=2)
    assert states(desk) == [(1, State.CHANGED)]
    with desk.gateway.database.read() as session:
        assert len(session.exec(select(CartOrderRow)).all()) == 1


def test_an_erased_order_does_not_tell_where_its_goods_were_to_go(desk: Desk) -> None:
    place = Address(id="0009", name="Ana at home", street=("Weg 3",), country="DE")
    cart = bring_home(desk, {"A-100": "2"}, ship_to=place)
    desk.send(whole(cart))
    assert "Ana at home" in str(desk.revision().cart)
    desk.gateway.database.write(lambda tx: _stands(tx, desk, "PO-1", OrderState.REJECTED))
    desk.gateway.database.write(_nothing_on_its_way)
    erase_data.order_data(desk.gateway, desk.order().id, reason="asked for")
    assert "Ana" not in str(desk.revision().cart)
    assert states(desk) == [(1, State.KEPT)]


def _nothing_on_its_way(tx: Session) -> None:
    for row in tx.exec(select(DeliveryRow)):
        row.open = False

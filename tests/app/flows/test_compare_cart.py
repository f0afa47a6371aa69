"""Parts of a cart's line as platforms are known to change them on the way to an order."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from home_carts import order_of, ordered
from msgspec.structs import replace

from app.flows.cart_comparison import CartComparison, Part, Reason, State, from_data, quantity_deviations, to_data
from app.flows.cart_of_order import changes_that_hold
from app.flows.cases import Code, Difference
from app.flows.compare_cart import HomeCart, OrderedBefore, compare
from app.partners.agreement import CartTerms
from schemas.cart import Cart, CartLine
from schemas.item import Classification, ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.order import Order, OrderTotals, Tax
from schemas.party import Address, Extension

AT = datetime(2026, 3, 2, tzinfo=UTC)
BOLT = CartLine(
    quantity=Quantity(amount=Decimal(300), unit="C62"),
    item=ItemRef(supplier_id="0815", supplier_auxiliary_id="c41-1", manufacturer_id="M8Z", manufacturer_name="Fixwell"),
    description=ItemDescription(
        texts=(Text(text="Hexagon bolt M8 x 40, zinc plated"),),
        classifications=(Classification(scheme="UNSPSC", code="31161500"),),
        lead_days=2,
        extensions=(Extension(name="Stock", value="Hall 4"),),
    ),
    price=Price(amount=Money(amount=Decimal("4.155"), currency="EUR"), basis=Decimal(100)),
)
NUT = CartLine(
    quantity=Quantity(amount=Decimal(10), unit="XBX"),
    item=ItemRef(supplier_id="N-8", supplier_auxiliary_id="c41-2"),
    price=Price(amount=Money(amount=Decimal(7), currency="EUR")),
)


def home(*lines: CartLine, number: int = 1, **more: Any) -> HomeCart:
    total = sum((line.price.of(line.quantity.amount) for line in lines if line.price), Decimal(0))
    cart = Cart(
        buyer_cookie="x", operation_allowed="edit", total=Money(amount=total, currency="EUR").rounded(), lines=lines
    )
    return HomeCart(id=f"cart-{number}", returned_at=AT.replace(day=number), cart=cart, **more)


def held_against(order: Order, *carts: HomeCart, read: Order | None = None, **before: OrderedBefore) -> CartComparison:
    done = {("cart-1", int(name.removeprefix("line_"))): one for name, one in before.items()}
    comparison = compare(order, read or order, carts or (home(BOLT),), done)
    assert from_data(to_data(comparison)) == comparison
    return comparison


def price(amount: str, basis: str = "1", currency: str = "EUR") -> Price:
    return Price(amount=Money(amount=Decimal(amount), currency=currency), basis=Decimal(basis))


def described(**changes: Any) -> ItemDescription:
    assert BOLT.description
    return replace(BOLT.description, **changes)


def item(**changes: Any) -> ItemRef:
    return replace(BOLT.item, **changes)


def quantity(amount: str, unit: str | None = "C62") -> Quantity:
    return Quantity(amount=Decimal(amount), unit=unit)


def text(words: str) -> ItemDescription:
    return described(texts=(Text(text=words),))


@pytest.mark.parametrize(
    ("changes", "part", "state", "reason", "places"),
    [
        ({"description": text("Hexagon bolt M8")}, Part.DESCRIPTION, State.CHANGED, Reason.CUT, 15),
        ({"description": text("Hexagon bolt …")}, Part.DESCRIPTION, State.CHANGED, Reason.CUT, 14),
        (
            {"description": text("HEXAGON BOLT  M8 X 40, ZINC PLATED")},
            Part.DESCRIPTION,
            State.CHANGED,
            "spelling",
            None,
        ),
        ({"description": text("Bolt")}, Part.DESCRIPTION, State.CHANGED, None, None),
        ({"description": described(texts=())}, Part.DESCRIPTION, State.LOST, None, None),
        ({"description": described(classifications=())}, Part.CLASSIFICATION, State.LOST, None, None),
        ({"description": described(lead_days=3)}, Part.LEAD_TIME, State.CHANGED, None, None),
        ({"description": described(extensions=())}, Part.EXTRINSIC, State.LOST, None, None),
        ({"item": item(supplier_id="815")}, Part.ITEM, State.CHANGED, Reason.ZEROS, None),
        ({"item": item(supplier_auxiliary_id=None)}, Part.LINE_ID, State.LOST, None, None),
        ({"item": item(supplier_auxiliary_id="77")}, Part.LINE_ID, State.CHANGED, None, None),
        ({"item": item(manufacturer_id=None)}, Part.MANUFACTURER_PART, State.LOST, None, None),
        ({"item": item(manufacturer_name="Fix")}, Part.MANUFACTURER, State.CHANGED, Reason.CUT, 3),
        ({"quantity": quantity("299")}, Part.QUANTITY, State.CHANGED, None, None),
        ({"quantity": quantity("300", "XBX")}, Part.UNIT, State.CHANGED, None, None),
        ({"quantity": quantity("300", None)}, Part.UNIT, State.LOST, None, None),
        ({"price": price("4.16", "100")}, Part.PRICE, State.CHANGED, Reason.ROUNDED, 2),
        ({"price": price("4.15", "100")}, Part.PRICE, State.CHANGED, Reason.ROUNDED, 2),
        ({"price": price("0.04")}, Part.PRICE, State.CHANGED, Reason.ROUNDED, 2),
        ({"price": price("0.04155")}, Part.PRICE, State.KEPT, Reason.SAME_VALUE, None),
        ({"price": price("4.155")}, Part.PRICE, State.CHANGED, Reason.BASIS_LOST, None),
        ({"price": price("5", "100")}, Part.PRICE, State.CHANGED, None, None),
        ({"price": price("4.155", "100", "USD")}, Part.CURRENCY, State.CHANGED, None, None),
        ({"price": None}, Part.PRICE, State.LOST, None, None),
    ],
)
def test_a_changed_part_is_named_with_the_habit_behind_it(
    changes: dict[str, Any], part: Part, state: State, reason: Reason | None, places: int | None
) -> None:
    (line,) = held_against(order_of(ordered(BOLT, 1, **changes))).lines
    (found,) = [one for one in line.parts if one.part is part]
    assert (found.state, found.reason, found.places) == (state, reason, places)
    others = {one.part for one in line.differing} - {part}
    assert others <= {Part.PRICE} if part is Part.CURRENCY else not others
    assert line.state is (State.KEPT if found.state is State.KEPT else State.CHANGED)


def test_words_that_the_customers_tables_know_are_the_same_in_other_words() -> None:
    came = order_of(ordered(BOLT, 1, quantity=quantity("300", "Stk"), item=item(supplier_id="their-no")))
    read = order_of(ordered(BOLT, 1))
    comparison = held_against(came, read=read)
    assert {part.part: part.reason for part in comparison.lines[0].differing} == {
        Part.UNIT: Reason.MAPPED,
        Part.ITEM: Reason.MAPPED,
    }
    assert not changes_that_hold(comparison, CartTerms(holds=("item", "unit")), ())


def test_every_part_of_an_untouched_line_is_kept() -> None:
    comparison = held_against(order_of(ordered(BOLT, 1), ordered(NUT, 2)), home(BOLT, NUT))
    assert not comparison.differs
    assert {part.part for part in comparison.lines[0].kept} == set(Part) - {Part.BUYER_ITEM, Part.SHIP_TO, Part.TOTAL}


def test_lines_that_share_a_line_of_the_cart_count_together() -> None:
    halves = [ordered(BOLT, number, quantity=quantity("150")) for number in (1, 2)]
    comparison = held_against(order_of(*halves))
    assert [line.state for line in comparison.lines] == [State.KEPT, State.KEPT]
    assert {part.reason for line in comparison.lines for part in line.differing} == {Reason.SPLIT}
    more = held_against(order_of(*halves, ordered(BOLT, 3, quantity=quantity("75"))))
    assert quantity_deviations(more) == {1: 25, 2: 25, 3: 25}
    found = changes_that_hold(more, CartTerms(holds=("quantity",)), ())
    assert [(one.code, one.line, one.expected, one.found) for one in found] == [("cart.quantity", 1, "300", "375")]


def test_a_deviation_in_another_unit_is_not_told() -> None:
    assert quantity_deviations(held_against(order_of(ordered(BOLT, 1, quantity=quantity("3", "XBX"))))) == {}
    assert quantity_deviations(held_against(order_of(ordered(NUT, 1, item=ItemRef(supplier_id="other"))))) == {}


def test_a_cart_over_several_orders_is_whole_with_the_last_of_them() -> None:
    part = ordered(BOLT, 1, quantity=quantity("100"))
    rest = held_against(order_of(part), line_0=OrderedBefore(Decimal(200), ("PO-0",)))
    assert (rest.lines[0].state, rest.lines[0].repeated, rest.lines[0].orders) == (State.KEPT, False, ("PO-0",))
    again = held_against(order_of(ordered(BOLT, 1)), line_0=OrderedBefore(Decimal(300), ("PO-0",)))
    assert (again.lines[0].state, again.lines[0].repeated) == (State.KEPT, True)
    only_nuts = order_of(ordered(NUT, 1))
    elsewhere = held_against(only_nuts, home(BOLT, NUT), line_0=OrderedBefore(Decimal(300), ("PO-0",)))
    assert [line.state for line in elsewhere.lines] == [State.KEPT, State.ELSEWHERE]
    assert [line.state for line in held_against(only_nuts, home(BOLT, NUT)).lines] == [State.KEPT, State.LOST]


def test_an_edited_line_is_held_against_the_cart_that_it_came_home_in_last() -> None:
    edited = replace(BOLT, quantity=quantity("400"))
    comparison = held_against(order_of(ordered(edited, 1)), home(BOLT, NUT), home(edited, number=2))
    assert [(line.state, line.cart) for line in comparison.lines] == [(State.KEPT, 0), (State.LOST, 1)]


@pytest.mark.parametrize(
    ("place", "state"),
    [
        (Address(id="0001", country="DE"), State.KEPT),
        (Address(id="0002", country="DE"), State.CHANGED),
        (None, State.LOST),
    ],
)
def test_the_setup_requests_ship_to_is_compared(place: Address | None, state: State) -> None:
    asked = home(BOLT, ship_to=Address(id="0001", country="DE"))
    comparison = held_against(order_of(ordered(BOLT, 1), ship_to=place), asked)
    (found,) = [part for part in comparison.parts if part.part is Part.SHIP_TO]
    assert found.state is state
    held = changes_that_hold(comparison, CartTerms(holds=("ship_to",)), ())
    assert [one.code for one in held] == ([] if state is State.KEPT else ["cart.ship_to"])


def test_a_total_that_holds_tax_as_well_says_so() -> None:
    tax = Tax(amount=Money(amount=Decimal("13.30"), currency="EUR"))
    totals = OrderTotals(total=Money(amount=Decimal("83.30"), currency="EUR"), tax=tax)
    comparison = held_against(order_of(ordered(NUT, 1), totals=totals), home(NUT))
    assert [(part.part, part.reason) for part in comparison.parts] == [(Part.TOTAL, Reason.CHARGES)]
    assert not comparison.differs


@pytest.mark.parametrize(
    ("terms", "held"),
    [
        ({"holds": ()}, []),
        ({"holds": ("price",)}, ["cart.price"]),
        ({"holds": ("price",), "price_tolerance_percent": Decimal("0.2")}, []),
        ({"holds": ("price", "quantity"), "quantity_tolerance_percent": Decimal("0.5")}, ["cart.price"]),
        ({"holds": ("quantity",), "quantity_tolerance_percent": Decimal("0.3")}, ["cart.quantity"]),
    ],
)
def test_what_holds_is_the_customers_to_say(terms: dict[str, Any], held: list[str]) -> None:
    came = order_of(ordered(BOLT, 1, price=price("4.16", "100"), quantity=quantity("301")))
    assert [one.code for one in changes_that_hold(held_against(came), CartTerms(**terms), ())] == held


def test_what_is_asked_about_already_is_not_asked_twice() -> None:
    came = order_of(ordered(BOLT, 1, price=price("5", "100")))
    off = Difference(Code.PRICE_OFF, 1, "not the agreed one")
    assert changes_that_hold(held_against(came), CartTerms(holds=("price",)), (off,)) == ()


@pytest.mark.parametrize("name", ["quantity_tolerance_percent", "price_tolerance_percent"])
@pytest.mark.parametrize("limit", ["-1", "NaN"])
def test_a_tolerance_is_a_number_from_zero_up(name: str, limit: str) -> None:
    with pytest.raises(ValueError, match="from zero up"):
        CartTerms(**{name: Decimal(limit)})

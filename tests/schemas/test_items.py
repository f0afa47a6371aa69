"""What lines, carts and orders add up to, and what they refuse to be."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cart import Cart, CartLine
from schemas.item import ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.order import Change, Order, OrderLine, PaymentCard, PaymentTerm, TaxPart
from schemas.party import Address, Contact, Email, Extension, Identifier
from schemas.punchout import Operation, PunchoutRequest

ITEM = ItemRef(supplier_id="BOLT-M8")


def euros(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def order_line(number: int, quantity: str, price: str | None, **fields: object) -> OrderLine:
    return OrderLine(
        number=number,
        quantity=Quantity(amount=Decimal(quantity), unit="C62"),
        item=ITEM,
        price=None if price is None else Price(amount=euros(price)),
        **fields,
    )


def order(*lines: OrderLine) -> Order:
    return Order(id="1", change=Change.NEW, ordered_at=None, currency="EUR", lines=lines)


# Price


@pytest.mark.parametrize(
    ("amount", "basis", "factor", "quantity", "value"),
    [
        ("5.00", "1", "1", "3", "15.00"),
        ("5.00", "100", "1", "300", "15.00"),
        ("24", "12", "1", "360", "720"),
        ("1.20", "1", "0.5", "10", "6.0"),
        ("2.00", "1", "12", "3", "72.00"),
        ("5.00", "1", "1", "-2", "-10.00"),
        ("-5.00", "1", "1", "2", "-10.00"),
        ("5.00", "1", "1", "0", "0"),
        ("0.0000000001", "1", "1", "0.0000000001", "0.00000000000000000001"),
        ("123456789012345.6789", "1", "1", "987654321098765.4321", "121932631137021795223746380111.12635269"),
    ],
)
def test_a_line_costs_its_price_for_the_basis(amount: str, basis: str, factor: str, quantity: str, value: str) -> None:
    price = Price(amount=euros(amount), basis=Decimal(basis), factor=Decimal(factor))
    assert price.of(Decimal(quantity)) == Decimal(value)


DECIMALS = st.decimals(min_value="0.0001", max_value=10**12, places=4)


@given(DECIMALS, st.sampled_from([1, 10, 12, 100, 1000, 3, 7]), DECIMALS, DECIMALS)
def test_the_amount_is_exact_as_far_as_it_ends(amount: Decimal, basis: int, factor: Decimal, quantity: Decimal) -> None:
    value = Price(amount=Money(amount=amount, currency="EUR"), basis=Decimal(basis), factor=factor).of(quantity)
    true = Fraction(amount) * Fraction(quantity) * Fraction(factor) / basis
    assert abs(Fraction(value) - true) <= abs(true) * Fraction(1, 10**59)
    if basis in (1, 10, 100, 1000):
        assert Fraction(value) == true


@pytest.mark.parametrize("wrong", ["0", "-1", "NaN", "Infinity", "1E+40"])
def test_a_price_needs_a_basis_and_a_factor_above_zero(wrong: str) -> None:
    with pytest.raises(ValueError, match="greater than zero"):
        Price(amount=euros("5"), basis=Decimal(wrong))
    with pytest.raises(ValueError, match="greater than zero"):
        Price(amount=euros("5"), factor=Decimal(wrong))


@pytest.mark.parametrize("wrong", ["NaN", "-Infinity", "1E+31"])
def test_a_quantity_and_a_rate_are_plausible_numbers(wrong: str) -> None:
    with pytest.raises(ValueError, match="finite number"):
        Quantity(amount=Decimal(wrong))
    with pytest.raises(ValueError, match="finite number"):
        TaxPart(category="vat", rate=Decimal(wrong))
    with pytest.raises(ValueError, match="finite number"):
        PaymentTerm(days=30, discount_percent=Decimal(wrong))


@pytest.mark.parametrize("amount", ["0", "-1", "1.5"])
def test_a_quantity_of_any_sign_can_be_said(amount: str) -> None:
    assert Quantity(amount=Decimal(amount)).amount == Decimal(amount)


def test_the_first_description_is_the_text() -> None:
    assert ItemDescription(texts=(Text(text="Bolt"), Text(text="Schraube"))).text == "Bolt"
    assert ItemDescription().text is None


# Orders and carts


def test_an_order_adds_up_to_its_lines() -> None:
    assert order(order_line(1, "3", "5.005"), order_line(2, "2", "0.10")).sum_of_lines == Decimal("15.215")


def test_returns_and_cancelled_lines_do_not_count() -> None:
    lines = (
        order_line(1, "3", "5.00"),
        order_line(2, "1", "7.00", is_return=True),
        order_line(3, "1", "9.00", change="delete"),
        order_line(4, "1", "2.00", change="block"),
    )
    assert order(*lines).sum_of_lines == Decimal("17.00")


def test_an_order_with_an_unpriced_line_has_no_sum() -> None:
    assert order(order_line(1, "3", "5.00"), order_line(2, "1", None)).sum_of_lines is None
    assert order(order_line(1, "3", "5.00"), order_line(2, "1", None, change="delete")).sum_of_lines == 15
    assert order_line(2, "1", None).amount() is None


def test_an_order_without_lines_adds_up_to_nothing() -> None:
    assert order().sum_of_lines == 0


def test_line_numbers_are_unique() -> None:
    with pytest.raises(ValueError, match="line numbers are unique"):
        order(order_line(1, "1", "1"), order_line(1, "2", "1"))


def test_of_a_card_number_only_the_last_four_digits_can_be_kept() -> None:
    assert PaymentCard(last_four="1111").last_four == "1111"
    with pytest.raises(ValueError, match="last four"):
        PaymentCard(last_four="4111111111111111")


def cart_line(quantity: str, price: str | None) -> CartLine:
    return CartLine(
        quantity=Quantity(amount=Decimal(quantity)),
        item=ITEM,
        price=None if price is None else Price(amount=euros(price)),
    )


def cart(*lines: CartLine, operation: str = "edit", unchanged: bool = False) -> Cart:
    return Cart(buyer_cookie="c", operation_allowed=operation, total=euros("0"), lines=lines, unchanged=unchanged)


def test_a_cart_adds_up_to_its_priced_lines() -> None:
    assert cart(cart_line("3", "5.00"), cart_line("2", None)).sum_of_lines == Decimal("15.00")
    assert cart().sum_of_lines == 0


def test_an_unchanged_cart_carries_no_lines() -> None:
    assert cart(unchanged=True).lines == ()
    with pytest.raises(ValueError, match="carries no lines"):
        cart(cart_line("1", "1"), unchanged=True)


@pytest.mark.parametrize("operation", ["source", "delete", "", "EDIT"])
def test_a_cart_allows_one_of_three_later_operations(operation: str) -> None:
    with pytest.raises(ValueError, match="create, inspect or edit"):
        cart(operation=operation)


# Parties and shoppers


@pytest.mark.parametrize(
    ("scheme", "value", "same"),
    [
        ("NetworkId", "AN01-T", True),
        ("networkid", " an01-t ", True),
        ("NETWORKID ", "AN01-T", True),
        ("DUNS", "AN01-T", False),
        ("NetworkId", "AN01", False),
    ],
)
def test_identifiers_are_compared_trimmed_and_in_any_case(scheme: str, value: str, same: bool) -> None:
    ours, theirs = Identifier(scheme="NetworkId", value="AN01-T"), Identifier(scheme=scheme, value=value)
    assert (ours.folded() == theirs.folded()) is same


def mail(address: str) -> tuple[Email, ...]:
    return (Email(address=address),)


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({}, None),
        ({"extensions": (Extension(name="UserEmail", value=" ana@buyer.example "),)}, "ana@buyer.example"),
        ({"extensions": (Extension(name="USEREMAIL", value="ana@buyer.example"),)}, "ana@buyer.example"),
        ({"extensions": (Extension(name="UniqueName", value="ana"),)}, None),
        (
            {"extensions": (Extension(name="User", value="ana"), Extension(name="UniqueName", value="a@b.example"))},
            "a@b.example",
        ),
        (
            {
                "extensions": (
                    Extension(name="Email", value="1@b.example"),
                    Extension(name="Email", value="2@b.example"),
                )
            },
            "1@b.example",
        ),
        ({"extensions": (Extension(name="Email", value="<x>a@b.example</x>", markup=True),)}, None),
        (
            {
                "extensions": (Extension(name="CostCenter", value="c@d.example"),),
                "contacts": (Contact(), Contact(emails=mail("contact@b.example"))),
                "ship_to": Address(emails=mail("ship@b.example")),
            },
            "contact@b.example",
        ),
        ({"ship_to": Address(emails=mail("ship@b.example"))}, "ship@b.example"),
    ],
)
def test_the_shopper_is_found_wherever_an_address_stands(fields: dict[str, object], address: str | None) -> None:
    request = PunchoutRequest(operation=Operation.CREATE, buyer_cookie="c", **fields)
    assert request.user_email == address

"""Settling cases at the desk, and that a settled one does not come back."""

from decimal import Decimal

import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up

from app.errors import No, Refusal
from app.flows import release_hold
from app.flows.cases import Choice
from app.flows.decide_approval import ReasonCode
from app.gateway import Gateway
from app.storage.orders import HoldState, OrderState
from schemas.order import Order, OrderTotals
from schemas.party import Address


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("desk", "operator")
    made.person("lead", "approver")
    made.person("root", "admin", "operator")
    made.person("eye", "auditor")
    made.rules(SMALL_ORDERS_PASS)
    return made


def dear(price: str = "9.96") -> Order:
    return order(line(price=price), totals=OrderTotals(total=money(str(Decimal(price) * 10))))


def total(amount: str) -> OrderTotals:
    return OrderTotals(total=money(amount))


def test_an_accepted_price_lets_the_order_through(desk: Desk) -> None:
    desk.send(dear())
    desk.settle("desk", (0, Choice.ACCEPT_PRICE, "", "promised by phone"))
    assert desk.order().state == OrderState.APPROVED
    assert desk.deliveries() == [("create", 1)]
    case = desk.cases(state=HoldState.SETTLED)[0]
    assert (case.choice, case.reason, case.settled_by) == ("accept_price", "promised by phone", desk.people["desk"].id)
    assert desk.events() == ["order_taken", "case_settled", "approved_by_rule"]


def test_a_settled_price_is_not_a_rule_for_the_next_order(desk: Desk) -> None:
    desk.send(dear())
    desk.settle("desk", (0, Choice.ACCEPT_PRICE, "", "once"))
    desk.send(dear(), id="PO-2")
    assert desk.codes("PO-2") == [("price.off", 1)]


def test_a_settled_price_is_asked_again_when_the_buyer_changes_it(desk: Desk) -> None:
    desk.send(dear(), version=1)
    desk.settle("desk", (0, Choice.ACCEPT_PRICE, "", "once"))
    desk.update(dear("9.97"), version=2)
    assert desk.codes() == [("price.off", 1)]


def test_one_settled_case_leaves_the_others_open(desk: Desk) -> None:
    desk.send(order(line(price="9.96"), totals=total("1.00")))
    desk.settle("desk", (0, Choice.ACCEPT_PRICE, "", "ok"))
    assert (desk.order().state, desk.codes()) == (OrderState.HELD, [("total.off", None)])
    desk.settle("desk", (0, Choice.RELEASE, "", "typing error"))
    assert desk.order().state == OrderState.APPROVED


def test_a_unit_word_is_kept_for_the_customer(desk: Desk) -> None:
    desk.send(order(line(unit="Stück")))
    assert desk.codes() == [("unit.unknown", 1)]
    desk.settle("desk", (0, Choice.MAP_UNIT, "c62", ""))
    assert desk.order().state == OrderState.APPROVED
    desk.send(order(line(unit=" STÜCK ")), id="PO-2")
    assert desk.order("PO-2").state == OrderState.APPROVED


def test_an_item_number_is_kept_for_the_customer(desk: Desk) -> None:
    desk.send(order(line(sku="4711")))
    desk.settle("desk", (0, Choice.MAP_ITEM, "A-100", ""))
    desk.send(order(line(sku="4711")), id="PO-2")
    assert desk.order("PO-2").state == OrderState.APPROVED
    assert desk.revision("PO-2").order().lines[0].item.supplier_id == "A-100"


def test_a_rule_that_opens_another_difference_keeps_the_order_held(desk: Desk) -> None:
    desk.send(order(line(sku="4711", price="8.00"), totals=total("80.00")))
    desk.settle("desk", (0, Choice.MAP_ITEM, "A-100", ""))
    assert desk.codes() == [("price.off", 1)]


def test_a_ship_to_is_kept_for_the_customer(desk: Desk) -> None:
    place = Address(id="0002", name="Köln", postal_code="50667", country="DE")
    desk.send(order(ship_to=place))
    desk.settle("desk", (0, Choice.KEEP_ADDRESS, "", ""))
    desk.send(order(ship_to=place), id="PO-2")
    assert desk.order("PO-2").state == OrderState.APPROVED


@pytest.mark.parametrize(
    ("sent", "choice", "value", "reason"),
    [
        (order(line(unit="Stück")), Choice.MAP_UNIT, "Stk", ""),
        (order(line(unit="Stück")), Choice.RELEASE, "", "whatever"),
        (order(line(sku="4711")), Choice.MAP_ITEM, "Z-9", ""),
        (order(line(sku="4711")), Choice.MAP_ITEM, "", ""),
        (dear(), Choice.ACCEPT_PRICE, "", " "),
        (dear(), Choice.MAP_ITEM, "A-100", ""),
    ],
    ids=["no such unit", "a unit is never guessed", "no such item", "no item", "no reason", "not for this case"],
)
def test_a_settlement_that_does_not_fit_is_refused_and_changes_nothing(
    desk: Desk, sent: Order, choice: Choice, value: str, reason: str
) -> None:
    desk.send(sent)
    before = desk.codes()
    with pytest.raises(Refusal) as refused:
        desk.settle("desk", (0, choice, value, reason))
    assert refused.value.no is No.UNACCEPTABLE
    assert desk.codes() == before


def test_all_settlements_are_taken_or_none(desk: Desk) -> None:
    desk.send(order(line(price="9.96"), totals=total("1.00")))
    with pytest.raises(Refusal):
        desk.settle("desk", (0, Choice.ACCEPT_PRICE, "", "ok"), (1, Choice.RELEASE, "", ""))
    assert len(desk.cases()) == 2


@pytest.mark.parametrize("login", ["lead", "eye"])
def test_only_the_desk_settles(desk: Desk, login: str) -> None:
    desk.send(dear())
    with pytest.raises(Refusal) as refused:
        desk.settle(login, (0, Choice.ACCEPT_PRICE, "", "ok"))
    assert refused.value.no is No.FORBIDDEN


def test_an_operator_of_other_customers_does_not_see_the_order(desk: Desk) -> None:
    desk.person("other", "operator", customers=["another"])
    desk.send(dear())
    with pytest.raises(Refusal) as refused:
        desk.settle("other", (0, Choice.ACCEPT_PRICE, "", "ok"))
    assert refused.value.no is No.UNKNOWN_REFERENCE


def test_a_case_that_was_closed_meanwhile_is_a_conflict(desk: Desk) -> None:
    desk.send(dear(), version=1)
    case = desk.cases()[0]
    desk.update(dear("9.97"), version=2)
    settlement = release_hold.Settlement(case.id, Choice.ACCEPT_PRICE, reason="ok")
    with pytest.raises(Refusal) as refused:
        desk.write(
            lambda tx: release_hold.settle(tx, desk.gateway, desk.people["desk"], desk.order().id, [settlement], "page")
        )
    assert refused.value.no is No.CONFLICT


def test_who_settled_a_difference_does_not_approve_the_order(desk: Desk) -> None:
    desk.person("both", "operator", "approver")
    desk.send(order(line(quantity="20", price="9.96"), totals=total("199.20")))
    desk.settle("both", (0, Choice.ACCEPT_PRICE, "", "ok"))
    assert desk.order().state == OrderState.AWAITING_APPROVAL
    assert desk.asked() == ["lead"]


def test_a_held_order_is_rejected_with_a_reason(desk: Desk) -> None:
    desk.send(dear())
    person, order_id = desk.people["desk"], desk.order().id
    with pytest.raises(Refusal):
        desk.write(lambda tx: release_hold.reject(tx, desk.gateway, person, order_id, ReasonCode.PRICE, " ", "page"))
    desk.write(
        lambda tx: release_hold.reject(tx, desk.gateway, person, order_id, ReasonCode.PRICE, "price is off", "page")
    )
    assert (desk.order().state, desk.cases()) == (OrderState.REJECTED, [])
    assert desk.events()[-1] == "rejected_at_desk"


def test_a_rejected_order_can_be_corrected_by_the_buyer(desk: Desk) -> None:
    desk.send(dear(), version=1)
    person, order_id = desk.people["desk"], desk.order().id
    desk.write(lambda tx: release_hold.reject(tx, desk.gateway, person, order_id, ReasonCode.PRICE, "off", "page"))
    desk.update(order(), version=2)
    assert desk.order().state == OrderState.APPROVED
    assert desk.deliveries() == [("create", 2)]


def test_checking_again_asks_the_rules_that_were_set_right(desk: Desk) -> None:
    desk.rules({"match": {"field": "order.currency", "op": "=", "value": "USD"}, "when_nobody_is_asked": "hold"})
    desk.send()
    assert desk.codes() == [("approval.no_flow", None)]
    desk.settle("desk", (0, Choice.CHECK_AGAIN, "", ""))
    assert desk.codes() == [("approval.no_flow", None)]
    desk.rules(SMALL_ORDERS_PASS)
    desk.settle("desk", (0, Choice.CHECK_AGAIN, "", ""))
    assert desk.order().state == OrderState.APPROVED


def test_only_an_administrator_approves_in_place_of_the_rules(desk: Desk) -> None:
    desk.rules({"stages": [], "when_nobody_is_asked": "hold"})
    desk.send()
    with pytest.raises(Refusal) as refused:
        desk.settle("desk", (0, Choice.OVERRIDE, "", "urgent"))
    assert refused.value.no is No.FORBIDDEN
    desk.settle("root", (0, Choice.OVERRIDE, "", "urgent"))
    assert desk.order().state == OrderState.APPROVED
    assert desk.run().explanation["why"] == "overridden"


def test_a_case_that_is_gone_when_the_order_is_taken_again_is_closed(desk: Desk) -> None:
    desk.send(order(line(price="9.96", sku="4711"), line(2, unit="XBX"), totals=total("1.00")))
    desk.settings(item_words={"4711": "A-100"}, price_tolerance_percent="5", total_tolerance="500")
    index = desk.codes().index(("unit.other", 2))
    desk.settle("desk", (index, Choice.RELEASE, "", "boxes are fine"))
    assert desk.codes() == [("price.not_agreed", 2)]
    assert {case.code for case in desk.cases(state=HoldState.OBSOLETE)} == {"item.unknown", "total.off"}

"""New orders, changes and cancellations: what they come to, and what is refused."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up, two_stages

from app.clock import SetClock
from app.errors import No, Refusal
from app.flows.take_order import Status
from app.gateway import Gateway
from app.storage.audit import first_broken
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.orders import OrderState
from schemas.order import Change, Order, OrderTotals
from schemas.party import Contact, Email


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("lead", "approver", email="lead@seller.example")
    made.person("boss", "approver")
    made.rules(SMALL_ORDERS_PASS)
    return made


def big(quantity: str = "11", **more: Any) -> Order:
    stated = OrderTotals(total=money(str(Decimal(quantity) * Decimal("9.95"))))
    return order(line(quantity=quantity), totals=stated, **more)


def test_a_small_order_goes_straight_to_the_lane(desk: Desk) -> None:
    taken = desk.send()
    row = desk.order()
    assert (taken.status, row.state, row.promised) == (Status.ACCEPTED, OrderState.APPROVED, False)
    assert desk.deliveries() == [("create", 1)]
    assert desk.events() == ["order_taken", "approved_by_rule"]
    assert desk.run().explanation["why"] == "auto_approved"
    assert desk.run().order_hash == desk.revision().hash


def test_a_larger_order_waits_for_approval_and_the_buyer_is_told_later(desk: Desk) -> None:
    taken = desk.send(big())
    row = desk.order()
    assert (taken.status, row.state, row.promised) == (Status.LATER, OrderState.AWAITING_APPROVAL, True)
    assert desk.asked() == ["boss", "lead"]
    assert desk.deliveries() == []


def test_what_differs_is_held_before_any_rule_is_asked(desk: Desk) -> None:
    taken = desk.send(order(line(price="9.96"), totals=OrderTotals(total=money("99.60"))))
    assert (taken.status, desk.order().state) == (Status.LATER, OrderState.HELD)
    assert "price.off" in taken.reason
    assert desk.codes() == [("price.off", 1)]
    assert desk.deliveries() == []


def test_the_row_says_what_lists_and_answers_need(desk: Desk) -> None:
    taken = desk.send()
    row = desk.order()
    assert row.id == taken.order_id
    assert (row.number, row.protocol, row.currency, row.total) == ("PO-1", "cxml", "EUR", Decimal("99.50"))
    assert (row.document_id, row.requester, row.revision) == ("doc-1", "ana@example.com", 1)
    assert row.answer_to["theirs"] == {"scheme": "NetworkId", "value": "AN01-T"}


@pytest.mark.parametrize("number", ["", " ", "x" * 201])
def test_an_order_number_out_of_bounds_is_refused(desk: Desk, number: str) -> None:
    with pytest.raises(Refusal) as refused:
        desk.send(id=number)
    assert refused.value.no is No.UNACCEPTABLE


def test_the_same_number_again_as_new_is_a_conflict(desk: Desk) -> None:
    desk.send()
    with pytest.raises(Refusal, match="send type update") as refused:
        desk.send()
    assert refused.value.no is No.CONFLICT
    assert desk.deliveries() == [("create", 1)]


def test_order_numbers_are_told_apart_by_case(desk: Desk) -> None:
    desk.send(id="po-1")
    assert desk.send().status is Status.ACCEPTED


@pytest.mark.parametrize("change", [Change.UPDATE, Change.DELETE])
def test_a_change_to_an_unknown_order_is_refused(desk: Desk, change: Change) -> None:
    with pytest.raises(Refusal) as refused:
        desk.send(change=change)
    assert refused.value.no is No.UNKNOWN_REFERENCE


def test_another_customers_order_of_that_number_is_unknown(desk: Desk, gateway: Gateway) -> None:
    desk.send()
    other = set_up_other_customer(desk, gateway)
    with pytest.raises(Refusal) as refused:
        other.cancel()
    assert refused.value.no is No.UNKNOWN_REFERENCE
    assert desk.order().state == OrderState.APPROVED


def set_up_other_customer(desk: Desk, gateway: Gateway) -> Desk:
    at = gateway.clock.now()
    customer = CustomerRow(realm=LIVE, number="20002", name="Bob", currency="EUR", price_list="P1", created_at=at)
    desk.write(lambda tx: tx.add(customer))
    return Desk(gateway, desk.partner, customer)


def test_an_update_replaces_the_order_and_says_what_changed(desk: Desk) -> None:
    desk.send(big(version=1))
    taken = desk.update(big("12"), version=2, previous_document_id="doc-1")
    assert (taken.status, desk.order().revision, desk.order().version) == (Status.LATER, 2, 2)
    changes = {change["at"]: (change["before"], change["after"]) for change in desk.revision().changes}
    assert changes == {"lines[1].quantity.amount": ("11", "12"), "totals.total.amount": ("109.45", "119.40")}
    assert desk.asked() == ["boss", "lead"]
    assert desk.revision().findings == []
    assert desk.events() == ["order_taken", "stage_opened", "order_changed", "superseded", "stage_opened"]


def test_the_tasks_of_the_replaced_revision_are_cancelled(desk: Desk) -> None:
    desk.send(big(version=1))
    first = desk.task("lead")
    desk.update(big("12"), version=2)
    with pytest.raises(Exception, match="cancelled"):
        desk.decide("lead", approve=True, task=first.id)
    assert desk.order().state == OrderState.AWAITING_APPROVAL


@pytest.mark.parametrize("version", [1, 0])
def test_a_version_that_is_not_newer_is_a_conflict(desk: Desk, version: int) -> None:
    desk.send(big(version=1))
    with pytest.raises(Refusal, match="too old") as refused:
        desk.update(big("12"), version=version)
    assert refused.value.no is No.CONFLICT
    assert desk.order().revision == 1


def test_the_same_version_with_the_same_content_changes_nothing(desk: Desk) -> None:
    desk.send(big(version=1))
    taken = desk.update(big(), version=1)
    assert (taken.status, desk.order().revision) == (Status.LATER, 1)


def test_an_update_without_version_and_reference_is_taken_with_findings(desk: Desk) -> None:
    desk.send(big())
    desk.update(big("12"))
    assert [finding["code"] for finding in desk.revision().findings] == [
        "order.version_missing",
        "order.reference_missing",
    ]


def test_an_update_that_names_another_document_is_taken_with_a_finding(desk: Desk) -> None:
    desk.send(big(version=1))
    desk.update(big("12"), version=2, previous_document_id="doc-99")
    assert [finding["code"] for finding in desk.revision().findings] == ["order.reference_not_newest"]


def test_version_3_before_2_leaves_3(desk: Desk) -> None:
    desk.send(version=1)
    desk.update(big("12"), version=3)
    with pytest.raises(Refusal):
        desk.update(big("13"), version=2)
    assert desk.order().version == 3


def test_an_internal_version_is_kept_and_leaves_fulfilment_alone(desk: Desk) -> None:
    desk.send(version=1)
    taken = desk.update(big("12"), version=2, internal_version=True)
    row = desk.order()
    assert (taken.status, row.revision, row.state) == (Status.ACCEPTED, 1, OrderState.APPROVED)
    assert desk.deliveries() == [("create", 1)]


@pytest.mark.parametrize("price", ["9.95", "9.96"])
def test_cancelling_before_anything_was_sent_ends_everything(desk: Desk, price: str) -> None:
    amount = Decimal(price) * 11
    desk.send(order(line(quantity="11", price=price), totals=OrderTotals(total=money(str(amount)))))
    taken = desk.cancel()
    row = desk.order()
    assert (taken.status, row.state, row.promised) == (Status.ACCEPTED, OrderState.CANCELLED, False)
    assert desk.cases() == []
    assert desk.deliveries() == []
    assert desk.events()[-1] == "order_cancelled"


def test_cancelling_twice_changes_nothing(desk: Desk) -> None:
    desk.send(big())
    desk.cancel()
    assert desk.cancel().status is Status.ACCEPTED
    assert desk.events().count("order_cancelled") == 1


def test_a_cancelled_order_takes_no_change(desk: Desk) -> None:
    desk.send(big())
    desk.cancel()
    with pytest.raises(Refusal) as refused:
        desk.update(big("12"), version=2)
    assert refused.value.no is No.CONFLICT


def test_a_rule_that_forbids_the_order_rejects_it(desk: Desk) -> None:
    forbidden = {"field": "order.currency", "op": "=", "value": "EUR"}
    desk.rules({**SMALL_ORDERS_PASS, "block": [{"key": "b", "text": "Not before May", "when": forbidden}]})
    taken = desk.send()
    assert (taken.status, desk.order().state) == (Status.LATER, OrderState.REJECTED)
    assert desk.events() == ["order_taken", "rejected_by_rule"]


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        ({"match": {"field": "order.currency", "op": "=", "value": "USD"}}, "approval.no_flow"),
        ({"match": {"field": "order.bill_to.id", "op": "=", "value": "1"}}, "approval.cannot_tell"),
        ({"stages": [{"steps": [{"key": "s", "name": "S", "approver": {"role": "board"}}]}]}, "approval.nobody"),
        ({"stages": [{"steps": [{"key": "s", "name": "S", "approver": {"user": "gone"}}]}]}, "approval.nobody"),
        ({"stages": [], "when_nobody_is_asked": "hold"}, "approval.unasked"),
        (two_stages(quorum=3), "approval.nobody"),
    ],
    ids=["no flow fits", "match unknown", "empty role", "unknown person", "nobody asked", "quorum too large"],
)
def test_what_the_rules_cannot_decide_is_held(desk: Desk, definition: dict[str, Any], code: str) -> None:
    desk.outdated_rules({**SMALL_ORDERS_PASS, "auto_approve": [], **definition})
    assert desk.send().status is Status.LATER
    assert (desk.order().state, desk.codes()) == (OrderState.HELD, [(code, None)])
    assert desk.deliveries() == []


def test_the_customer_s_own_flow_comes_before_the_one_for_all(desk: Desk) -> None:
    own = {"stages": [{"steps": [{"key": "s", "name": "S", "approver": {"user": "boss"}}]}]}
    desk.rules(own, key="own", customer_id=desk.customer.id)
    desk.send()
    assert desk.asked() == ["boss"]


def test_the_flow_of_its_group_comes_between_its_own_and_the_one_for_all(desk: Desk) -> None:
    """Whatever their priorities; that of another group is not for it."""
    desk.settings(group="Automotive / North")
    asking_boss = {"stages": [{"steps": [{"key": "s", "name": "S", "approver": {"user": "boss"}}]}]}
    desk.rules(asking_boss, key="theirs", customer_group="automotive / south")
    desk.rules(SMALL_ORDERS_PASS, key="group", customer_group="automotive /  north")
    assert desk.send(id="PO-1").status is Status.ACCEPTED
    assert desk.run("PO-1").explanation["flow"] == "Group"
    desk.rules(asking_boss, key="own", customer_id=desk.customer.id)
    desk.send(id="PO-2")
    assert desk.asked("PO-2") == ["boss"]


def test_a_flow_that_does_not_fit_leaves_the_order_to_the_next(desk: Desk) -> None:
    own = {"match": {"field": "order.currency", "op": "=", "value": "USD"}, "when_nobody_is_asked": "hold"}
    desk.rules(own, key="own", customer_id=desk.customer.id)
    assert desk.send().status is Status.ACCEPTED


def test_a_customer_may_agree_to_go_without_rules(desk: Desk) -> None:
    desk.rules({"match": {"field": "order.currency", "op": "=", "value": "USD"}, "when_nobody_is_asked": "hold"})
    desk.settings(without_flow="approve")
    assert desk.send().status is Status.ACCEPTED
    assert desk.run().explanation["why"] == "no_flow"


@pytest.mark.parametrize("as_named", ["LEAD@seller.example", " lead "])
def test_who_asks_for_the_goods_is_not_asked_to_approve_them(desk: Desk, as_named: str) -> None:
    contact = Contact(role="endUser", emails=(Email(address=as_named),))
    desk.send(big(contacts=(contact,)))
    assert desk.asked() == ["boss"]


def test_people_of_other_customers_and_those_who_left_are_not_asked(desk: Desk) -> None:
    desk.person("elsewhere", "approver", customers=["another"])
    gone = desk.person("gone", "approver")
    desk.write(lambda tx: setattr(tx.merge(gone), "active", False))
    desk.send(big())
    assert desk.asked() == ["boss", "lead"]


def test_a_published_flow_does_not_move_a_running_one(desk: Desk) -> None:
    desk.send(big())
    version = desk.run().flow_version_id
    desk.rules(two_stages())
    assert desk.run().flow_version_id == version
    desk.decide("lead", approve=True)
    assert desk.order().state == OrderState.APPROVED


def test_everything_is_in_an_unbroken_record(desk: Desk, clock: SetClock) -> None:
    desk.send(big(version=1))
    clock.move(timedelta(hours=1))
    desk.update(big("12"), version=2)
    desk.decide("lead", approve=False)
    with desk.gateway.database.read() as session:
        assert first_broken(session) is None

"""Fields of a customer's own: declared, asked about by its rules alone, and kept while they are asked about."""

from typing import Any

import pytest
from approval_orders import line, order
from approval_rules import stages, user
from order_desk import Desk, set_up
from sqlmodel import select

from app.approval.operators import Type
from app.errors import No, Refusal
from app.flows import own_fields
from app.gateway import Gateway
from app.storage.audit import AuditRow
from app.web.orders.sentences import Speaker
from schemas.faults import Rejected
from schemas.order import Order
from schemas.party import Extension

BY = {"actor": "system", "channel": "command"}


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("ann", "approver")
    return made


def declare(desk: Desk, **changes: Any) -> None:
    given = {"name": "cost", "type": "money", "label": "Project cost", "extension": "ProjectCost", "currency": "EUR"}
    desk.write(lambda tx: own_fields.declare(tx, desk.gateway, desk.customer.id, {**given, **changes}, **BY))


def retire(desk: Desk, name: str = "cost") -> None:
    desk.write(lambda tx: own_fields.retire(tx, desk.gateway, desk.customer.id, name, **BY))


DEAR = {"field": "extra.cost", "op": ">", "value": "100.00", "currency": "EUR"}


def rules(desk: Desk, when: dict[str, Any] = DEAR, **scope: Any) -> None:
    desk.rules(stages([user("ann", condition=when)]), **(scope or {"customer_id": desk.customer.id}))


def costing(text: str, number: str = "PO-1") -> Order:
    return order(line(), id=number, extensions=(Extension(name="projectcost", value=text),))


@pytest.mark.parametrize(("text", "state"), [("100.01", "awaiting_approval"), ("100.00", "approved")])
def test_a_rule_asks_for_what_only_this_customer_says(desk: Desk, text: str, state: str) -> None:
    declare(desk)
    rules(desk)
    desk.send(costing(text))
    assert desk.order().state == state


def test_what_cannot_be_read_asks_people_and_says_what_stands_there(desk: Desk) -> None:
    declare(desk)
    rules(desk)
    desk.send(costing("about 90"))
    (step,) = desk.run().opened[0]
    assert Speaker("en").reasons(step["reasons"]) == [
        "Project cost is “about 90” in the order, which is no such value, so it cannot be compared with EUR\xa0100.00"
    ]


@pytest.mark.parametrize("scope", [{"customer_id": None}, {"customer_group": "automotive"}])
def test_rules_of_several_customers_cannot_ask_about_the_field_of_one(desk: Desk, scope: dict[str, Any]) -> None:
    declare(desk)
    with pytest.raises(Rejected) as rejected:
        rules(desk, **scope)
    assert "only its own rules may ask about them" in rejected.value.faults[0].message


@pytest.mark.parametrize(
    "change", [{"type": "decimal", "currency": None}, {"currency": "USD"}, {"of_line": True}], ids=str
)
def test_a_field_that_active_rules_ask_about_keeps_its_meaning(desk: Desk, change: dict[str, Any]) -> None:
    declare(desk)
    rules(desk)
    for refused in (lambda: declare(desk, **change), lambda: retire(desk)):
        with pytest.raises(Refusal, match="'Rules'") as refusal:
            refused()
        assert refusal.value.no is No.CONFLICT
    rules(desk, {"field": "order.line_count", "op": ">", "value": 0})
    declare(desk, **change)
    retire(desk)


def test_its_name_in_documents_changes_at_once_and_what_waited_for_it_is_judged_again(desk: Desk) -> None:
    declare(desk, extension="Typo")
    desk.rules({"match": DEAR, **stages([user("ann")])}, customer_id=desk.customer.id)
    desk.send(costing("250.00"))
    assert desk.order().state == "held"
    declare(desk, label="Cost of the project")
    assert own_fields.judge_waiting(desk.gateway, desk.customer, "cost") == 1
    assert desk.order().state == "awaiting_approval"
    desk.rules({"match": DEAR, **stages([user("ann")])}, customer_id=desk.customer.id)
    desk.send(costing("soon", "PO-2"))
    (reason,) = desk.run("PO-2").explanation["reasons"]
    assert reason["label"] == "Cost of the project"


def test_a_run_goes_on_with_rules_that_asked_about_a_field_which_was_retired_since(desk: Desk) -> None:
    """It cannot be told any more, so its second step is taken."""
    desk.person("bob", "approver")
    declare(desk)
    dear = user("bob", condition=DEAR)
    desk.rules(stages([user("ann")], [dear]), customer_id=desk.customer.id)
    desk.send(costing("1.00"))
    rules(desk, {"field": "order.line_count", "op": ">", "value": 99})
    retire(desk)
    desk.decide("ann", approve=True)
    assert desk.asked() == ["bob"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "Cost"}, "lower case"),
        ({"type": "float"}, "A type is one of money"),
        ({"currency": None}, "names its currency"),
        ({"currency": "XXQ"}, "no ISO 4217"),
        ({"label": " "}, "label"),
        ({"extension": "x" * 101}, "1 to 100"),
    ],
)
def test_what_is_no_field_is_refused(desk: Desk, given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        declare(desk, **given)


def test_the_record_says_what_it_was_and_is(desk: Desk) -> None:
    declare(desk)
    declare(desk)
    declare(desk, label="Cost")
    retire(desk)
    with desk.gateway.database.read() as session:
        rows = session.exec(select(AuditRow).order_by(AuditRow.sequence)).all()
    kept = [row for row in rows if row.event.startswith("own_field")]
    assert [row.event for row in kept] == ["own_field_set", "own_field_set", "own_field_retired"]
    assert kept[1].data["before"]["label"] == "Project cost"
    assert kept[1].data["after"]["label"] == "Cost"


def test_every_type_can_be_declared(desk: Desk) -> None:
    for type_ in Type:
        declare(desk, name=f"of_{type_}", type=type_, currency="EUR" if type_ is Type.MONEY else None)
    with desk.gateway.database.read() as session:
        assert {extra.type for extra in own_fields.of_customer(session, desk.customer.id)} == set(Type)

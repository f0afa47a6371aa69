"""Examples that rules must hold to: kept with an order, tried when the rules are published."""

import json
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from sqlmodel import Session, select

from app.errors import Refusal
from app.flows import flow_examples, flow_file, replace_examples
from app.flows.consider_order import read_flow
from app.flows.past_orders import Trial
from app.gateway import Gateway
from app.storage.approvals import FlowRow, FlowVersionRow
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.flow_examples import FlowExampleRow
from schemas.faults import Rejected
from schemas.order import OrderTotals


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("lead", "approver")
    made.person("ana", "flow_author")
    made.rules(SMALL_ORDERS_PASS)
    send(made, "PO-1", "1")
    send(made, "PO-2", "20")
    return made


def send(desk: Desk, number: str, quantity: str) -> None:
    total = money(str(Decimal(quantity) * Decimal("9.95")))
    desk.send(order(line(quantity=quantity), totals=OrderTotals(total=total), id=number))


def row_of(desk: Desk) -> FlowRow:
    with desk.gateway.database.read() as session:
        return session.exec(select(FlowRow)).one()


def add(desk: Desk, number: str, outcome: str, step: str | None = None) -> FlowExampleRow:
    by, row, order_row = desk.people["ana"], row_of(desk), desk.order(number)
    return desk.write(lambda tx: flow_examples.add(tx, desk.gateway, by, row, order_row, outcome=outcome, step=step))


def held(desk: Desk) -> list[tuple[str, bool]]:
    with desk.gateway.database.read() as session:
        flow = read_flow(session.exec(select(FlowVersionRow.definition)).one())
        tried = flow_examples.try_out(session, row_of(desk), flow, Trial(desk.gateway.clock.now()))
    return [(one.number, one.holds) for one in tried]


def test_an_example_holds_when_the_rules_make_of_its_order_what_it_says(desk: Desk) -> None:
    add(desk, "PO-1", "passes")
    add(desk, "PO-2", "asked", "lead")
    assert held(desk) == [("PO-1", True), ("PO-2", True)]


@pytest.mark.parametrize(
    ("number", "outcome", "step", "said"),
    [
        ("PO-1", "asked", None, "the order needs somebody, but now it needs nobody (Small orders)"),
        ("PO-1", "asked", "lead", "the order needs the step 'lead', but now it needs nobody (Small orders)"),
        ("PO-2", "passes", None, "the order needs nobody, but now it needs Purchasing lead"),
        ("PO-2", "asked", "finance", "the order needs the step 'finance', but now it needs Purchasing lead"),
        ("PO-2", "blocked", None, "the order is blocked, but now it needs Purchasing lead"),
    ],
)
def test_an_example_that_fails_forbids_to_publish_and_says_what_came(
    desk: Desk, number: str, outcome: str, step: str | None, said: str
) -> None:
    add(desk, number, outcome, step)
    with pytest.raises(Rejected) as refused:
        desk.rules({**SMALL_ORDERS_PASS, "merge_consecutive": True})
    assert [(fault.code, fault.at, fault.message) for fault in refused.value.faults] == [
        ("example.failed", f"examples[{number}]", said)
    ]


def test_an_example_stays_with_the_order_as_it_was(desk: Desk) -> None:
    add(desk, "PO-2", "asked")
    desk.update(
        order(line(quantity="1"), totals=OrderTotals(total=money("9.95")), id="PO-2"),
        version=2,
    )
    assert desk.order("PO-2").revision == 2
    assert held(desk) == [("PO-2", True)]


def test_what_is_no_example_is_refused(desk: Desk) -> None:
    add(desk, "PO-1", "passes")
    refusals: list[tuple[str, dict[str, Any]]] = [
        ("is an example of these rules already", {"number": "PO-1", "outcome": "passes"}),
        ("Say what the rules must make", {"number": "PO-2", "outcome": "approved"}),
        ("Say what the rules must make", {"number": "PO-2", "outcome": "held", "step": "lead"}),
    ]
    for said, example in refusals:
        with pytest.raises(Refusal, match=said):
            add(desk, **example)


def test_rules_of_one_customer_take_no_order_of_another(desk: Desk) -> None:
    other = CustomerRow(realm=LIVE, number="2", name="Other", currency="EUR", created_at=desk.gateway.clock.now())
    desk.write(lambda tx: tx.add(other))
    desk.rules(SMALL_ORDERS_PASS, customer_id=other.id)
    with pytest.raises(Refusal, match="not for this customer"):
        add(desk, "PO-1", "passes")


def test_a_removed_example_forbids_nothing_and_both_are_in_the_record(desk: Desk) -> None:
    example = add(desk, "PO-1", "blocked")
    by, row = desk.people["ana"], row_of(desk)
    desk.write(lambda tx: flow_examples.remove(tx, desk.gateway, by, row, example.id))
    with pytest.raises(Refusal, match="no such example"):
        desk.write(lambda tx: flow_examples.remove(tx, desk.gateway, by, row, example.id))
    desk.rules({**SMALL_ORDERS_PASS, "merge_consecutive": True})
    with desk.gateway.database.read() as session:
        assert flow_examples.listed(session, row) == []
        events = session.exec(select(AuditRow.event).where(AuditRow.actor == f"person:{by.id}")).all()
    assert events == ["flow_example_added", "flow_example_removed"]


def test_examples_go_into_a_file_and_come_back_as_the_only_ones(desk: Desk) -> None:
    add(desk, "PO-1", "passes")
    add(desk, "PO-2", "asked", "lead")
    row, by = row_of(desk), desk.people["ana"]
    with desk.gateway.database.read() as session:
        file = json.loads(flow_file.write(session, row, json.dumps(SMALL_ORDERS_PASS)))
    assert file["examples"] == [
        {"customer": "10001", "order": "PO-1", "revision": 1, "outcome": "passes"},
        {"customer": "10001", "order": "PO-2", "revision": 1, "outcome": "asked", "step": "lead"},
    ]
    send(desk, "PO-3", "1")
    first, second = file["examples"]
    others = [{**second, "outcome": "held"}, {**first, "order": "PO-3"}, {**first, "order": "PO-9"}]
    del others[0]["step"]
    read = flow_file.read(json.dumps({**file, "examples": others}).encode())

    def take(tx: Session) -> replace_examples.Plan:
        plan = replace_examples.plan(tx, row, read.examples)
        replace_examples.apply(tx, desk.gateway, by, row, plan)
        return plan

    plan = desk.write(take)
    assert [one.order for one in plan.missing] == ["PO-9"]
    with desk.gateway.database.read() as session:
        now = [(one.order, one.outcome, one.step) for _, one in flow_examples.listed(session, row)]
    assert now == [("PO-2", "held", None), ("PO-3", "passes", None)]
    assert desk.write(take).changes == (), "the same file changes nothing more"


def test_all_that_is_wrong_with_a_file_is_said_at_once() -> None:
    good = {"customer": "1", "order": "PO-1", "revision": 1, "outcome": "passes"}
    examples = [good, good, {**good, "order": "", "revision": True, "outcome": "x", "step": "a", "b": 1}, 7]
    with pytest.raises(Rejected) as refused:
        flow_file.read(json.dumps({"definition": {"stges": []}, "examples": examples, "c": 1}).encode())
    assert {fault.at for fault in refused.value.faults} == {
        *("c", "definition", "definition.stges", "examples[1]", "examples[3]"),
        *(f"examples[2].{name}" for name in ("order", "revision", "outcome", "step", "b")),
    }

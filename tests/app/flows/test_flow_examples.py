"""Examples that rules must hold to: kept with an order, tried when the rules are published."""

from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from sqlmodel import select

from app.errors import Refusal
from app.flows import flow_examples
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
        assert flow_examples.to_data(session, row) == []
        events = session.exec(select(AuditRow.event).where(AuditRow.actor == f"person:{by.id}")).all()
    assert events == ["flow_example_added", "flow_example_removed"]


def test_examples_are_told_as_json_by_the_numbers_that_people_know(desk: Desk) -> None:
    add(desk, "PO-1", "passes")
    add(desk, "PO-2", "asked", "lead")
    with desk.gateway.database.read() as session:
        told = flow_examples.to_data(session, row_of(desk))
    assert told == [
        {"customer": "10001", "order": "PO-1", "outcome": "passes"},
        {"customer": "10001", "order": "PO-2", "outcome": "asked", "step": "lead"},
    ]

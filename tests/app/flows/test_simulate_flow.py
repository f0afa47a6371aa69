"""Rules tried on the orders that came: what would differ, and that nothing is left of it."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up, two_stages
from sqlalchemy import func, select
from sqlmodel import Session
from sqlmodel import select as rows_of

from app.approval.definition import read
from app.approval.simulation import Outcome, Report
from app.clock import SetClock
from app.errors import Refusal
from app.flows import keep_simulation
from app.flows.simulate_flow import Choice, simulate
from app.gateway import Gateway
from app.storage.approvals import FlowRow
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.simulations import SimulationRow
from app.storage.tables import METADATA
from schemas.order import OrderTotals


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("lead", "approver")
    made.person("boss", "approver")
    made.rules(SMALL_ORDERS_PASS)
    return made


def send(desk: Desk, number: str, quantity: str) -> None:
    total = money(str(Decimal(quantity) * Decimal("9.95")))
    desk.send(order(line(quantity=quantity), totals=OrderTotals(total=total), id=number))


def flow_row(desk: Desk, key: str = "rules") -> FlowRow:
    with desk.gateway.database.read() as session:
        return session.exec(rows_of(FlowRow).where(FlowRow.key == key)).one()


def simulated(desk: Desk, definition: dict[str, Any], choice: Choice | None = None, key: str = "rules") -> Report:
    flow, now = read(json.dumps(definition)), desk.gateway.clock.now()
    return simulate(desk.gateway.database, flow_row(desk, key), flow, choice or Choice(), now)


def passing_up_to(amount: str) -> dict[str, Any]:
    (rule,) = SMALL_ORDERS_PASS["auto_approve"]
    return {**SMALL_ORDERS_PASS, "auto_approve": [{**rule, "when": {**rule["when"], "value": amount}}]}


def test_orders_that_would_be_treated_in_another_way_are_listed_the_newest_first(desk: Desk) -> None:
    for number, quantity in (("PO-1", "10"), ("PO-2", "20"), ("PO-3", "100"), ("PO-4", "15")):
        send(desk, number, quantity)
    report = simulated(desk, passing_up_to("200.00"))
    changed = [(one.number, one.before.outcome, one.after.outcome) for one in report.differences]
    assert changed == [("PO-4", Outcome.ASKED, Outcome.PASSES), ("PO-2", Outcome.ASKED, Outcome.PASSES)]
    assert (report.before.orders, report.before.stopped, report.after.stopped) == (4, 3, 1)
    (asked,) = report.differences[0].before.stages[0]
    assert (asked.name, asked.people) == ("Purchasing lead", ("Boss", "Lead"))
    assert (report.differences[0].total, report.differences[0].currency) == ("149.25", "EUR")


def test_the_active_rules_make_of_each_order_what_they_made_of_it(desk: Desk) -> None:
    desk.rules(two_stages())
    for number, quantity in (("PO-1", "1"), ("PO-2", "100")):
        send(desk, number, quantity)
    report = simulated(desk, two_stages())
    assert report.differences == ()
    assert (report.before.asked, report.before.decisions) == (2, 4)
    assert [desk.asked(number) for number in ("PO-1", "PO-2")] == [["boss", "lead"]] * 2


def test_how_long_people_took_is_what_they_are_expected_to_take(desk: Desk, clock: SetClock) -> None:
    send(desk, "PO-1", "20")
    clock.move(timedelta(hours=3))
    desk.decide("lead", approve=True)
    report = simulated(desk, passing_up_to("1.00"))
    assert (report.before.hours, report.differences) == (3.0, ())
    send(desk, "PO-2", "1")
    assert [one.after.hours for one in simulated(desk, passing_up_to("1.00")).differences] == [3.0]


@pytest.mark.parametrize(("choice", "tried"), [(Choice(orders=2), 2), (Choice(days=1), 1), (Choice(days=30), 3)])
def test_as_many_orders_are_tried_as_were_asked_for(desk: Desk, clock: SetClock, choice: Choice, tried: int) -> None:
    for number in ("PO-1", "PO-2", "PO-3"):
        clock.move(timedelta(days=2))
        send(desk, number, "10")
    report = simulated(desk, SMALL_ORDERS_PASS, choice)
    assert (report.before.orders, report.after.orders) == (tried, tried)


def test_rules_of_one_customer_are_tried_on_its_orders_alone(desk: Desk) -> None:
    send(desk, "PO-1", "20")
    other = CustomerRow(realm=LIVE, number="2", name="Other", currency="EUR", created_at=desk.gateway.clock.now())
    desk.write(lambda tx: tx.add(other))
    desk.rules(SMALL_ORDERS_PASS, key="own", customer_id=other.id)
    assert simulated(desk, passing_up_to("900.00"), key="own").before.orders == 0
    assert len(simulated(desk, passing_up_to("900.00")).differences) == 1


def test_rules_of_a_group_are_tried_on_the_orders_of_its_customers(desk: Desk) -> None:
    send(desk, "PO-1", "20")
    desk.rules(SMALL_ORDERS_PASS, key="group", customer_group="automotive")
    assert simulated(desk, passing_up_to("900.00"), key="group").before.orders == 0
    desk.settings(group="Automotive")
    assert len(simulated(desk, passing_up_to("900.00"), key="group").differences) == 1


def test_the_terms_of_a_customer_say_what_becomes_of_orders_that_no_rules_fit(desk: Desk) -> None:
    send(desk, "PO-1", "20")
    elsewhere = {**SMALL_ORDERS_PASS, "match": {"field": "order.currency", "op": "=", "value": "USD"}}
    assert simulated(desk, elsewhere).after.held == 1
    desk.settings(without_flow="approve")
    assert simulated(desk, elsewhere).after.passes == 1


def test_a_cancelled_order_is_tried_as_it_was_before(desk: Desk) -> None:
    desk.send(order(line(quantity="20"), totals=OrderTotals(total=money("199.00"))))
    desk.cancel()
    assert len(simulated(desk, passing_up_to("900.00")).differences) == 1


def test_a_simulation_writes_nothing(desk: Desk) -> None:
    send(desk, "PO-1", "20")
    before = everything(desk)
    assert simulated(desk, passing_up_to("900.00")).differences
    assert everything(desk) == before


def everything(desk: Desk) -> dict[str, int]:
    with desk.gateway.database.read() as session:
        return {name: count(session, name) for name in METADATA.tables}


def count(session: Session, name: str) -> int:
    return session.connection().execute(select(func.count()).select_from(METADATA.tables[name])).scalar_one()


def test_progress_is_told_and_may_end_it(desk: Desk) -> None:
    for number in range(3):
        send(desk, f"PO-{number}", "10")
    told: list[tuple[int, int]] = []
    flow, now = read(json.dumps(SMALL_ORDERS_PASS)), desk.gateway.clock.now()
    simulate(desk.gateway.database, flow_row(desk), flow, Choice(), now, lambda *at: told.append(at))
    assert told == [(0, 3), (3, 3)]


def begun(desk: Desk, definition: dict[str, Any], choice: Choice | None = None) -> str:
    row, text = flow_row(desk), json.dumps(definition)
    return desk.write(
        lambda tx: (
            keep_simulation.begin(
                tx,
                desk.gateway,
                desk.people["lead"],
                row,
                source="draft",
                definition=text,
                choice=choice or Choice(),
            ).id
        )
    )


def kept(desk: Desk, simulation_id: str) -> SimulationRow:
    with desk.gateway.database.read() as session:
        return session.get_one(SimulationRow, simulation_id)


def test_a_kept_simulation_writes_its_report_and_nothing_else(desk: Desk) -> None:
    send(desk, "PO-1", "20")
    before = everything(desk)
    simulation_id = begun(desk, passing_up_to("900.00"))
    keep_simulation.run(desk.gateway, simulation_id)
    assert everything(desk) == {**before, "cd_simulations": 1}
    row = kept(desk, simulation_id)
    assert (row.state, row.done, row.total) == ("done", 1, 1)
    report = msgspec.json.decode(row.report or "", type=Report)
    assert [one.number for one in report.differences] == ["PO-1"]


def test_a_third_simulation_waits_until_another_has_ended_or_its_process_is_gone(desk: Desk, clock: SetClock) -> None:
    begun(desk, SMALL_ORDERS_PASS)
    begun(desk, SMALL_ORDERS_PASS)
    with pytest.raises(Refusal, match="Other simulations are running"):
        begun(desk, SMALL_ORDERS_PASS)
    clock.move(timedelta(minutes=2))
    begun(desk, SMALL_ORDERS_PASS)


def test_a_simulation_that_fails_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr(keep_simulation, "simulate", fail)
    simulation_id = begun(desk, SMALL_ORDERS_PASS)
    with pytest.raises(OSError, match="disk"):
        keep_simulation.run(desk.gateway, simulation_id)
    assert kept(desk, simulation_id).state == "failed"


@pytest.mark.parametrize("choice", [Choice(orders=0), Choice(orders=5_001), Choice(days=0), Choice(days=401)])
def test_more_than_can_be_waited_for_is_refused(desk: Desk, choice: Choice) -> None:
    with pytest.raises(Refusal, match="Choose 1 to"):
        begun(desk, SMALL_ORDERS_PASS, choice)

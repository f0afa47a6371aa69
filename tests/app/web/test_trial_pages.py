"""The pages on which rules are tried on past orders and on their examples."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from people_at_work import Browser, application, give_passwords, hash_cheaply
from sqlmodel import Session, select

from app.flows import edit_flow
from app.gateway import Gateway
from app.storage.approvals import FlowRow, FlowVersionRow
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.simulations import SimulationRow
from schemas.order import OrderTotals

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("ana", "flow_author")
    made.person("eye", "auditor")
    give_passwords(made)
    made.rules(SMALL_ORDERS_PASS)
    for number, quantity in (("PO-1", "1"), ("PO-2", "20"), ("PO-3", "90")):
        total = money(str(Decimal(quantity) * Decimal("9.95")))
        made.send(order(line(quantity=quantity), totals=OrderTotals(total=total), id=number))
    return made


def draft(desk: Desk, definition: dict[str, Any]) -> str:
    """The path of the rules, which have this draft now."""

    def work(tx: Session) -> str:
        row, version = tx.exec(select(FlowRow)).one(), tx.exec(select(FlowVersionRow)).one()
        begun = edit_flow.begin_draft(tx, desk.gateway, desk.people["ana"], row, version)
        begun.definition = json.dumps(definition)
        tx.add(begun)
        return f"/admin/rules/flows/{row.id}"

    return desk.write(work)


def passing_up_to(amount: str) -> dict[str, Any]:
    (rule,) = SMALL_ORDERS_PASS["auto_approve"]
    return {**SMALL_ORDERS_PASS, "auto_approve": [{**rule, "when": {**rule["when"], "value": amount}}]}


async def test_a_draft_is_tried_and_the_report_names_what_would_differ(desk: Desk) -> None:
    path = draft(desk, passing_up_to("300.00"))
    ana = await Browser(application(desk.gateway)).sign_in("ana")
    await ana.go(f"{path}/simulate")
    await ana.post(f"{path}/simulate", {"source": "draft", "days": "90", "orders": "100"})
    assert ana.path.startswith(f"{path}/simulate/")
    for said in ("would have stopped 1 of 3 orders", "The active ones stop 2.", "PO-2", "Purchasing lead: Paula"):
        assert said in ana.text
    assert "PO-3" not in ana.text
    report = ana.path
    await ana.go(f"{report}?after=held")
    assert "PO-2" not in ana.text
    await ana.go(f"{report}/export.csv")
    rows = list(csv.DictReader(io.StringIO(ana.answer.content.decode("utf-8-sig"))))
    assert [(row["number"], row["before"], row["after"], row["rule"]) for row in rows] == [
        ("PO-2", "asked", "passes", "Small orders")
    ]
    await ana.go(f"{report}/export.xlsx")
    assert ana.answer.content[:2] == b"PK"
    await ana.go(f"{path}/simulate")
    assert "3 orders tried" in ana.text


async def test_what_is_no_number_of_orders_and_no_draft_that_can_be_read_is_refused(desk: Desk) -> None:
    path = draft(desk, {"stages": [{"steps": []}]})
    ana = await Browser(application(desk.gateway)).sign_in("ana")
    await ana.post(f"{path}/simulate", {"source": "draft", "days": "90", "orders": "many"})
    assert "Choose 1 to 5000 orders" in ana.text
    await ana.post(f"{path}/simulate", {"source": "draft", "days": "90"})
    assert ana.answer.status_code == 400
    assert "a stage has at least one step" in ana.text
    await ana.post(f"{path}/simulate", {"source": "7"})
    assert ana.answer.status_code == 404


async def test_a_running_trial_says_how_far_it_is_and_one_that_fell_silent_that_it_was_broken_off(desk: Desk) -> None:
    path = draft(desk, SMALL_ORDERS_PASS)
    now = desk.gateway.clock.now()
    row = SimulationRow(
        realm=LIVE,
        flow_id=path.rpartition("/")[2],
        source="draft",
        definition="{}",
        orders=5_000,
        asked_by=desk.people["ana"].id,
        state="running",
        done=1_200,
        total=4_000,
        began_at=now,
        seen_at=now,
    )
    desk.write(lambda tx: tx.add(row))
    eye = await Browser(application(desk.gateway)).sign_in("eye")
    await eye.go(f"{path}/simulate/{row.id}")
    assert "1,200 of 4,000 orders are tried" in eye.text
    assert eye.answer.headers["refresh"] == "2"
    desk.write(lambda tx: setattr(tx.merge(row), "state", "failed"))
    await eye.go(f"{path}/simulate/{row.id}")
    assert "broken off" in eye.text
    assert "refresh" not in eye.answer.headers


async def test_examples_are_added_by_number_and_tried_with_a_draft_or_a_version(desk: Desk) -> None:
    path = draft(desk, passing_up_to("300.00"))
    ana = await Browser(application(desk.gateway)).sign_in("ana")
    await ana.post(f"{path}/examples", {"order": "PO-2", "outcome": "asked", "step": "lead"})
    assert ana.path == f"{path}/examples"
    assert "does not hold" in ana.text
    assert "passes by itself (Small orders)" in ana.text
    await ana.go(f"{path}/examples?source=1")
    assert "holds people are asked" in ana.text
    await ana.post(f"{path}/examples", {"order": "PO-9", "outcome": "asked"})
    assert "There is no order of this number." in ana.text


async def test_the_page_of_an_order_leads_authors_to_the_examples_of_its_rules(desk: Desk) -> None:
    path = draft(desk, SMALL_ORDERS_PASS)
    ana = await Browser(application(desk.gateway)).sign_in("ana")
    eye = await Browser(application(desk.gateway)).sign_in("eye")
    await ana.go(f"/orders/{desk.order('PO-2').id}")
    await ana.follow("Make it an example of its rules")
    assert ana.path == f"{path}/examples"
    assert 'value="PO-2"' in ana.answer.text
    await eye.go(f"/orders/{desk.order('PO-2').id}")
    assert "Make it an example" not in eye.text


async def test_an_example_is_removed(desk: Desk) -> None:
    path = draft(desk, SMALL_ORDERS_PASS)
    ana = await Browser(application(desk.gateway)).sign_in("ana")
    await ana.post(f"{path}/examples", {"order": "PO-2", "outcome": "asked"})
    example = ana.text.partition("/examples/")[2].partition("/remove")[0]
    await ana.post(f"{path}/examples/{example}/remove", {})
    assert "PO-2" not in ana.text


async def test_rules_of_customers_whom_one_does_not_serve_are_not_there(desk: Desk) -> None:
    path = draft(desk, SMALL_ORDERS_PASS)
    other = CustomerRow(realm=LIVE, number="2", name="Other", currency="EUR", created_at=desk.gateway.clock.now())
    desk.write(lambda tx: tx.add(other))
    desk.person("theirs", "flow_author", customers=[other.id])
    give_passwords(desk)
    theirs = await Browser(application(desk.gateway)).sign_in("theirs")
    for address in (f"{path}/simulate", f"{path}/examples", f"{path}/simulate/x", f"{path}/simulate/x/export.csv"):
        await theirs.go(address)
        assert theirs.answer.status_code == 404, address

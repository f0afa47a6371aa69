"""Approvals by the API: who is asked, why, what a system decides in a person's name, and rules tried on past orders."""

from decimal import Decimal
from typing import Any

import httpx
import pyotp
import pytest
from approval_orders import line, money, order
from httpx import ASGITransport
from order_desk import SMALL_ORDERS_PASS, Desk, set_up, two_stages
from people_at_work import HOST, application
from sqlmodel import Session, col, select

from app.flows import api_keys
from app.gateway import Gateway
from app.seal import Place
from app.storage import second_factors
from app.storage.api_keys import Scope
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.second_factors import SecondFactorRow
from schemas.order import OrderTotals

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

APPROVALS = "/api/v1/approvals"


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("boss", "approver")
    made.person("clerk", "operator")
    made.rules(two_stages())
    for number in ("PO-1", "PO-2"):
        total = OrderTotals(total=money(str(20 * Decimal("9.95"))))
        made.send(order(line(quantity="20"), totals=total, id=number))
    return made


def caller(desk: Desk, *scopes: Scope, **wanted: Any) -> httpx.AsyncClient:
    asked = api_keys.Wanted(**{"name": "ERP", "scopes": scopes or list(Scope), **wanted})
    _, key = desk.write(
        lambda tx: api_keys.issue(tx, desk.gateway, asked, realm=LIVE, actor="system", channel="command")
    )
    transport = ASGITransport(application(desk.gateway), client=("192.0.2.7", 40_000))
    return httpx.AsyncClient(transport=transport, base_url=HOST, headers={"Authorization": f"Bearer {key}"})


def other_customer(desk: Desk) -> CustomerRow:
    row = CustomerRow(realm=LIVE, number="20020", name="Other", currency="EUR", created_at=desk.gateway.clock.now())
    desk.write(lambda tx: tx.add(row))
    return row


def verdict(desk: Desk, number: str = "PO-2", **more: Any) -> dict[str, Any]:
    return {"person": "paula", "approve": True, "order_hash": desk.run(number).order_hash, **more}


def at(desk: Desk, login: str = "paula", number: str = "PO-2") -> str:
    return f"{APPROVALS}/{desk.task(login, number).id}/decision"


async def test_tasks_are_listed_by_state_assignee_and_customer_page_by_page(desk: Desk) -> None:
    api = caller(desk)
    page = (await api.get(APPROVALS, params={"assignee": "Paula", "state": "open", "limit": "1"})).json()
    (first,) = page["approvals"]
    assert (first["order"], first["assignee"], first["step_name"]) == ("PO-2", "paula", "Purchasing lead")
    assert (first["order_hash"], first["order_state"]) == (desk.run("PO-2").order_hash, "awaiting_approval")
    assert first["total"] == {"amount": "199.00", "currency": "EUR"}
    rest = (await api.get(APPROVALS, params={"assignee": "paula", "cursor": page["next"]})).json()
    assert ([one["order"] for one in rest["approvals"]], "next" in rest) == (["PO-1"], False)
    for query in ({"state": "approved"}, {"assignee": "nobody"}):
        assert (await api.get(APPROVALS, params=query)).json() == {"approvals": []}


async def test_a_decision_in_a_persons_name_goes_the_way_of_one_on_a_page_and_names_the_key(desk: Desk) -> None:
    api = caller(desk)
    answer = await api.post(at(desk), json=verdict(desk))
    assert (answer.status_code, answer.json()["state"], answer.json()["decided_by"]) == (200, "approved", "paula")
    assert desk.asked("PO-2") == ["boss"]
    with desk.gateway.database.read() as session:
        entry = session.exec(select(AuditRow).where(col(AuditRow.task_id) == answer.json()["id"])).one()
    assert (entry.actor, entry.channel) == (f"person:{desk.people['paula'].id}", "api")
    assert len(entry.data["key"]) == 8


async def test_the_same_decision_again_is_answered_as_the_first_time_and_another_is_a_conflict(desk: Desk) -> None:
    api, no = caller(desk), verdict(desk, approve=False, code="price", text="Too dear")
    first, again = [await api.post(at(desk), json=no) for _ in range(2)]
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (first.json()["reason_code"], first.json()["order_state"]) == ("price", "rejected")
    assert len([event for event in desk.events("PO-2") if event == "rejected"]) == 1
    for other in (verdict(desk), {**no, "text": "Far too dear"}, {**no, "person": "boss"}):
        refused = await api.post(at(desk), json=other)
        assert refused.status_code in (404, 409), other
        assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"approve": False}, 400),
        ({"approve": False, "code": "price", "text": " "}, 400),
        ({"send_back": True, "code": "price", "text": "fewer"}, 400),
        ({"approve": False, "send_back": True, "code": "price", "text": "fewer"}, 400),
        ({"order_hash": "0" * 64}, 409),
        ({"person": "nobody"}, 403),
        ({"person": "clerk"}, 403),
    ],
)
async def test_what_a_page_would_refuse_is_refused(desk: Desk, change: dict[str, Any], status: int) -> None:
    answer = await caller(desk).post(at(desk), json=verdict(desk, **change))
    assert answer.status_code == status
    assert desk.task("paula", "PO-2").state == "open"


async def test_an_order_is_sent_back_where_the_rules_allow_it(desk: Desk) -> None:
    desk.rules({**two_stages(), "send_back": {}})
    desk.send(order(line(quantity="20"), totals=OrderTotals(total=money("199.00")), id="PO-3"))
    api = caller(desk)
    back = verdict(desk, "PO-3", approve=False, send_back=True, code="quantity", text="10 will do")
    first, again = [await api.post(at(desk, number="PO-3"), json=back) for _ in range(2)]
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (200, first.json())
    assert (first.json()["state"], first.json()["order_state"]) == ("sent_back", "sent_back")


async def test_whoever_asked_for_the_goods_does_not_decide_by_the_api_either(desk: Desk) -> None:
    mine = desk.person("ana", "approver", email="ana@example.com")
    desk.send(order(line(quantity="20"), totals=OrderTotals(total=money("199.00")), id="PO-3"))
    assert mine.login not in desk.asked("PO-3")
    answer = await caller(desk).post(at(desk, number="PO-3"), json=verdict(desk, "PO-3", person="ana"))
    assert answer.status_code == 404


@pytest.fixture
def large(desk: Desk) -> Desk:
    """Paula has a second factor, and PO-9 is above what a link decides."""
    desk.send(order(line(quantity="60"), totals=OrderTotals(total=money(str(60 * Decimal("9.95")))), id="PO-9"))

    def enrol(tx: Session) -> None:
        keys, now, person = desk.gateway.keys, desk.gateway.clock.now(), desk.people["paula"]
        second_factors.begin(tx, keys, LIVE, person.id, now)
        tx.get_one(SecondFactorRow, person.id).confirmed_at = now

    desk.write(enrol)
    return desk


def code_of(desk: Desk) -> str:
    with desk.gateway.database.read() as session:
        row = session.get_one(SecondFactorRow, desk.people["paula"].id)
        secret = desk.gateway.keys.open_text(row.sealed, Place("cd_second_factors", row.person_id, "sealed"))
    return pyotp.TOTP(secret.reveal()).at(desk.gateway.clock.now())


async def test_above_what_a_link_decides_a_key_brings_a_code_of_the_person(large: Desk) -> None:
    api, said, path = caller(large, Scope.APPROVALS_DECIDE), verdict(large, "PO-9"), at(large, number="PO-9")
    without = await api.post(path, json=said)
    assert without.status_code == 403
    assert "second_factor" in without.json()["detail"]
    wrong = await api.post(path, json={**said, "second_factor": "000000"})
    assert (wrong.status_code, "does not fit" in wrong.json()["detail"]) == (403, True)
    with large.gateway.database.read() as session:
        failed = session.exec(select(AuditRow).where(AuditRow.event == "second_factor_failed")).one()
    assert failed.channel == "api"
    stale = await api.post(path, json={**said, "order_hash": "0" * 64, "second_factor": code_of(large)})
    assert stale.status_code == 409
    right = {**said, "second_factor": code_of(large)}
    first, again = [await api.post(path, json=right) for _ in range(2)]
    assert (first.status_code, first.json()["state"], first.json()) == (200, "approved", again.json())


async def test_a_key_for_large_orders_needs_no_code(large: Desk) -> None:
    api = caller(large, Scope.APPROVALS_DECIDE, Scope.APPROVALS_DECIDE_LARGE)
    assert (await api.post(at(large, number="PO-9"), json=verdict(large, "PO-9"))).status_code == 200


async def test_codes_are_counted_by_person(large: Desk) -> None:
    api, said = caller(large, Scope.APPROVALS_DECIDE), verdict(large, "PO-9", second_factor="000000")
    answers = [await api.post(at(large, number="PO-9"), json=said) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert answers[-1].headers["Retry-After"] == "900"


async def test_everything_that_is_wrong_with_a_body_is_told_at_once(desk: Desk) -> None:
    answer = await caller(desk).post(at(desk), json={"approve": "yes", "code": "dear", "colour": "red"})
    assert answer.status_code == 400
    found = {fault["at"]: fault["code"] for fault in answer.json()["errors"]}
    assert found == {
        "person": "body.missing",
        "order_hash": "body.missing",
        "approve": "body.unreadable",
        "code": "body.unreadable",
        "colour": "body.unknown",
    }
    for body in (b"", b"[]", b"\xff", b'{"person": "a'):
        assert (await caller(desk, name=str(body)).post(at(desk), content=body)).status_code == 400


async def test_a_key_reaches_tasks_of_its_customers_alone_and_needs_the_scope(desk: Desk) -> None:
    other = other_customer(desk)
    stranger = caller(desk, customers=[other.id])
    assert (await stranger.get(APPROVALS)).json() == {"approvals": []}
    foreign = await stranger.post(at(desk), json=verdict(desk))
    missing = await stranger.post(f"{APPROVALS}/x/decision", json=verdict(desk))
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.json()["detail"] == missing.json()["detail"]
    reader = caller(desk, Scope.APPROVALS_READ, Scope.ORDERS_READ, name="reader")
    assert (await reader.post(at(desk), json=verdict(desk))).status_code == 403
    assert (await reader.get(APPROVALS)).status_code == 200


async def test_an_order_is_explained_in_the_language_that_is_asked_for(desk: Desk) -> None:
    api = caller(desk)
    answer = await api.get("/api/v1/orders/PO-2/explanation", headers={"Accept-Language": "es"})
    assert (answer.status_code, answer.headers["content-language"]) == (200, "es")
    told = answer.json()
    assert (told["why"], told["run"], told["flow"], told["version"]) == ("asked", "open", "Rules", 1)
    assert told["text"] == "Las reglas «Rules» consultaron a personas."
    assert [(step["key"], step["people"]) for step in told["steps"]] == [("lead", ["Boss", "Paula"])]
    german = await api.get("/api/v1/orders/PO-2/explanation", headers={"Accept-Language": "de-AT, en;q=0.5"})
    assert german.headers["content-language"] == "de"
    assert german.json()["text"] not in ("", told["text"], "People were asked by the rules “Rules”.")
    desk.rules(SMALL_ORDERS_PASS)
    desk.send(order(line(quantity="1"), totals=OrderTotals(total=money("9.95")), id="PO-4"))
    told = (await api.get("/api/v1/orders/PO-4/explanation")).json()
    assert (told["why"], told["rule"]) == ("auto_approved", "Small orders")
    (because,) = told["because"]
    assert because["data"]["actual"] == {"money": "9.95", "currency": "EUR"}
    assert "9.95" in because["text"]


async def test_rules_are_tried_on_past_orders_and_every_fault_of_theirs_is_told(desk: Desk) -> None:
    api = caller(desk)
    trial = {"definition": {"stages": [], "when_nobody_is_asked": "hold"}, "orders": 10}
    report = (await api.post("/api/v1/flows/rules/simulate", json=trial)).json()
    assert (report["before"]["asked"], report["after"]["held"]) == (2, 2)
    assert [one["number"] for one in report["differences"]] == ["PO-2", "PO-1"]
    wrong = {"definition": {"stages": [{"steps": []}], "block": 1}, "orders": 501, "days": 0}
    answer = await api.post("/api/v1/flows/rules/simulate", json=wrong)
    assert answer.status_code == 400
    assert {fault["at"] for fault in answer.json()["errors"]} >= {"orders", "days", "block", "stages[0].steps"}
    assert (await api.post("/api/v1/flows/none/simulate", json=trial)).status_code == 404
    stranger = caller(desk, customers=[other_customer(desk).id], name="stranger")
    assert (await stranger.post("/api/v1/flows/rules/simulate", json=trial)).status_code == 404

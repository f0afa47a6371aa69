"""The API: who is let in, with what, and what is told of whose orders."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from approval_orders import line, money, order
from httpx import ASGITransport
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from people_at_work import HOST, Browser, application, give_passwords, hash_cheaply
from sqlmodel import col, select

from app.clock import SetClock
from app.errors import No, Refusal
from app.flows import api_keys as flow
from app.gateway import Gateway
from app.storage import audit
from app.storage.api_keys import ApiKeyRow, Scope
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRevisionRow, OrderRow, OrderState
from app.web.tries import Limits, Tries
from schemas.base import from_json
from schemas.order import Order, OrderTotals

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

ORDERS = "/api/v1/orders"


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver")
    made.rules(SMALL_ORDERS_PASS)
    return made


def issue(desk: Desk, name: str = "ERP", realm: str = LIVE, **wanted: Any) -> str:
    asked = flow.Wanted(**{"name": name, "scopes": [Scope.ORDERS_READ], **wanted})
    return desk.write(lambda tx: flow.issue(tx, desk.gateway, asked, realm=realm, actor="system", channel="command"))[1]


def rows(desk: Desk) -> list[ApiKeyRow]:
    with desk.gateway.database.read() as session:
        return list(session.exec(select(ApiKeyRow).order_by(col(ApiKeyRow.created_at))))


class Caller:
    """A machine with a key."""

    def __init__(self, desk: Desk, key: str | None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        self.app = application(desk.gateway)
        transport = ASGITransport(self.app, client=("192.0.2.7", 40_000))
        self.client = httpx.AsyncClient(transport=transport, base_url=HOST, headers=headers)

    async def get(self, path: str = ORDERS, **query: str) -> httpx.Response:
        return await self.client.get(path, params=query or None)


def send(desk: Desk, number: str, quantity: str = "11") -> None:
    desk.send(
        order(
            line(quantity=quantity),
            totals=OrderTotals(total=money(str(Decimal(quantity) * Decimal("9.95")))),
            id=number,
        )
    )


async def test_a_key_reads_the_orders_and_pages_through_them(desk: Desk) -> None:
    for number in range(5):
        send(desk, f"PO-{number}")
    caller = Caller(desk, issue(desk))
    found, cursor = [], {}
    for _ in range(3):
        page = (await caller.get(limit="2", **cursor)).json()
        found += [one["number"] for one in page["orders"]]
        cursor = {"cursor": page["next"]} if "next" in page else {}
    assert cursor == {}
    assert found == ["PO-4", "PO-3", "PO-2", "PO-1", "PO-0"]


async def test_an_order_is_told_as_canonical_json_with_its_state(desk: Desk) -> None:
    send(desk, "PO/1 ä")
    answer = await Caller(desk, issue(desk)).get(f"{ORDERS}/PO/1%20%C3%A4")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    told = answer.json()
    assert from_json(json.dumps(told["document"]), Order).id == "PO/1 ä"
    summary = told["summary"]
    assert summary["total"] == {"amount": "109.45", "currency": "EUR"}
    assert (summary["state"], summary["customer"]) == ("awaiting_approval", desk.customer.number)
    assert summary["open_cases"] == 0


@only_sqlite
async def test_orders_are_chosen_by_state_day_and_customer(desk: Desk) -> None:
    send(desk, "PO-1")
    send(desk, "PO-2", quantity="1")
    caller = Caller(desk, issue(desk))
    day = desk.gateway.clock.now().date()
    for query, numbers in (
        ({"state": "approved"}, ["PO-2"]),
        ({"state": "held"}, []),
        ({"customer": desk.customer.number, "since": day.isoformat(), "until": day.isoformat()}, ["PO-2", "PO-1"]),
        ({"since": (day + timedelta(days=1)).isoformat()}, []),
    ):
        assert [one["number"] for one in (await caller.get(**query)).json()["orders"]] == numbers


@only_sqlite
async def test_everything_that_is_wrong_with_a_query_is_told_at_once(desk: Desk) -> None:
    answer = await Caller(desk, issue(desk)).get(
        f"{ORDERS}?state=new&since=1.1.2026&limit=201&cursor=%27&color=red&customer=none&until=2026-01-01&until=2026-01-02"
    )
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    at = {fault["at"]: fault["code"] for fault in answer.json()["errors"]}
    assert at == {
        "state": "query.unreadable",
        "since": "query.unreadable",
        "limit": "query.unreadable",
        "cursor": "query.unreadable",
        "color": "query.unknown",
        "customer": "query.unknown_customer",
        "until": "query.repeated",
    }


def other_customer(desk: Desk) -> CustomerRow:
    row = CustomerRow(realm=LIVE, number="20020", name="Other", currency="EUR", created_at=desk.gateway.clock.now())
    desk.write(lambda tx: tx.add(row))
    return row


async def test_a_key_reaches_its_customers_alone(desk: Desk) -> None:
    send(desk, "PO-1")
    other = other_customer(desk)
    stranger = Caller(desk, issue(desk, "B", customers=[other.id]))
    owner = Caller(desk, issue(desk, "A", customers=[desk.customer.id]))
    assert (await stranger.get()).json()["orders"] == []
    missing, foreign = await stranger.get(f"{ORDERS}/PO-9"), await stranger.get(f"{ORDERS}/PO-1")
    assert (missing.status_code, foreign.status_code) == (404, 404)
    assert missing.json()["detail"] == foreign.json()["detail"]
    no_such, not_mine = await stranger.get(customer="9"), await stranger.get(customer=desk.customer.number)
    assert (no_such.status_code, not_mine.status_code) == (400, 400)
    assert [one["number"] for one in (await owner.get()).json()["orders"]] == ["PO-1"]
    assert (await owner.get(f"{ORDERS}/PO-1")).status_code == 200


@only_sqlite
async def test_a_number_that_two_customers_use_needs_the_customer(desk: Desk) -> None:
    send(desk, "PO-1")
    other = other_customer(desk)

    def double(tx: Any) -> None:
        kept = tx.exec(select(OrderRow)).one()
        tx.add(OrderRow(**{**kept.model_dump(), "id": desk.gateway.ids(), "customer_id": other.id}))

    desk.write(double)
    caller = Caller(desk, issue(desk))
    assert (await caller.get(f"{ORDERS}/PO-1")).status_code == 409
    told = (await caller.get(f"{ORDERS}/PO-1", customer=desk.customer.number)).json()
    assert told["summary"]["customer"] == desk.customer.number


@only_sqlite
async def test_a_cancelled_order_is_told_as_it_came(desk: Desk) -> None:
    send(desk, "PO-1")

    def cancelled(tx: Any) -> None:
        kept = tx.exec(select(OrderRow)).one()
        kept.state = OrderState.CANCELLED
        tx.exec(select(OrderRevisionRow)).one().checked = None

    desk.write(cancelled)
    told = (await Caller(desk, issue(desk)).get(f"{ORDERS}/PO-1")).json()
    assert (told["summary"]["state"], told["document"]["id"]) == ("cancelled", "PO-1")


@only_sqlite
async def test_without_a_key_nothing_is_told(desk: Desk) -> None:
    answer = await Caller(desk, None).get()
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Bearer ")


@only_sqlite
async def test_wrong_expired_revoked_and_unknown_keys_look_alike(desk: Desk, clock: SetClock) -> None:
    good = issue(desk, "good", days=None)
    short = issue(desk, "short", days=1)
    revoked = issue(desk, "revoked", days=None)
    key_id = revoked.split("_")[2]
    desk.write(lambda tx: flow.revoke(tx, desk.gateway, key_id, realm=LIVE, actor="system", channel="command"))
    assert (await Caller(desk, short).get()).status_code == 200
    clock.move(timedelta(days=1))
    wrong = good[:-1] + ("a" if good[-1] != "a" else "b")
    told = set()
    for key in (wrong, short, revoked, "cd_live_aaaaaaaa_" + "a" * 32, "x", good.replace("live", "test"), good + "x"):
        answer = await Caller(desk, key).get()
        assert answer.status_code == 401
        told.add((answer.json()["detail"], answer.headers["www-authenticate"]))
    assert len(told) == 1
    assert (await Caller(desk, good).get()).status_code == 200


@only_sqlite
async def test_a_key_of_another_realm_shows_it_and_sees_no_real_business(desk: Desk) -> None:
    send(desk, "PO-1")
    key = issue(desk, realm="sandbox")
    assert key.startswith("cd_test_")
    assert (await Caller(desk, key).get()).json() == {"orders": []}
    assert (await Caller(desk, key).get(f"{ORDERS}/PO-1")).status_code == 404


@only_sqlite
async def test_a_key_without_the_scope_is_refused_with_its_name(desk: Desk) -> None:
    key = issue(desk)
    desk.write(lambda tx: setattr(tx.exec(select(ApiKeyRow)).one(), "scopes", []))
    answer = await Caller(desk, key).get()
    assert answer.status_code == 403
    assert 'error="insufficient_scope", scope="orders:read"' in answer.headers["www-authenticate"]


@only_sqlite
async def test_a_basic_login_is_no_key(desk: Desk) -> None:
    key = issue(desk)
    caller = Caller(desk, None)
    answer = await caller.client.get(ORDERS, headers={"Authorization": f"Basic {key}"})
    assert answer.status_code == 401


@only_sqlite
async def test_a_key_that_calls_too_often_is_asked_to_wait(desk: Desk) -> None:
    caller = Caller(desk, issue(desk))
    caller.app.state.limits = Limits(calls=Tries("3/hour"))
    answers = [await caller.get() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "3600"
    other = {"Authorization": f"Bearer {issue(desk, 'other')}"}
    assert (await caller.client.get(ORDERS, headers=other)).status_code == 200


@only_sqlite
async def test_guessing_is_counted_by_address(desk: Desk) -> None:
    caller = Caller(desk, "cd_live_aaaaaaaa_" + "a" * 32)
    answers = [await caller.get() for _ in range(31)]
    assert answers[-2].status_code == 401
    assert (answers[-1].status_code, answers[-1].headers["content-type"]) == (429, "application/problem+json")


@only_sqlite
@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/v1/nothing", 404), ("POST", ORDERS, 405)])
async def test_what_there_is_not_is_a_problem_document(desk: Desk, method: str, path: str, status: int) -> None:
    answer = await Caller(desk, issue(desk)).client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@only_sqlite
async def test_the_last_use_is_noted_coarsely(desk: Desk, clock: SetClock) -> None:
    caller = Caller(desk, issue(desk))
    await caller.get()
    first = rows(desk)[0].used_at
    clock.move(timedelta(minutes=9))
    await caller.get()
    assert rows(desk)[0].used_at == first
    clock.move(timedelta(minutes=2))
    await caller.get()
    assert rows(desk)[0].used_at == clock.now()


async def test_a_second_key_takes_over_what_the_first_may(desk: Desk) -> None:
    first = issue(desk, customers=[desk.customer.id])
    second = issue(desk, scopes=None)
    assert [key.customers for key in rows(desk)] == [[desk.customer.id]] * 2
    for key in (first, second):
        assert (await Caller(desk, key).get()).status_code == 200
    with pytest.raises(Refusal) as refused:
        issue(desk)
    assert refused.value.no is No.CONFLICT


@only_sqlite
@pytest.mark.parametrize(
    "wanted", [{"scopes": None}, {"name": " "}, {"name": "x" * 101}, {"days": 0}, {"days": 9_999}, {"customers": ["x"]}]
)
async def test_a_key_that_makes_no_sense_is_not_made(desk: Desk, wanted: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        issue(desk, **wanted)
    assert rows(desk) == []


async def test_the_record_knows_keys_and_the_database_no_secret(desk: Desk) -> None:
    key = issue(desk)
    key_id, secret = key.split("_")[2:]
    for _ in range(2):
        desk.write(lambda tx: flow.revoke(tx, desk.gateway, key_id, realm=LIVE, actor="system", channel="command"))
    with desk.gateway.database.read() as session:
        entries = [row for row in session.exec(select(AuditRow)) if row.event.startswith("key_")]
        assert [row.event for row in entries] == ["key_created", "key_revoked"]
        assert {row.data["key"] for row in entries} == {key_id}
        assert audit.first_broken(session) is None
    assert secret not in repr((entries, rows(desk)))


@only_sqlite
async def test_an_administrator_makes_a_key_that_is_shown_once(desk: Desk) -> None:
    desk.person("root", "admin")
    desk.person("eye", "auditor")
    give_passwords(desk)
    root = await Browser(application(desk.gateway)).sign_in("root")
    form = {"name": "<b>ERP", "scope": "orders:read", "days": "30", "customer": desk.customer.id}
    await root.post("/admin/keys", form)
    assert root.answer.status_code == 200
    key = next(word for word in root.text.split() if word.startswith("cd_live_") and "…" not in word)
    assert "<b>ERP" in root.text
    assert (await Caller(desk, key).get()).status_code == 200
    await root.go("/admin/keys")
    assert key not in root.answer.text
    eye = await Browser(application(desk.gateway)).sign_in("eye")
    await eye.go("/admin/keys")
    assert (eye.answer.status_code, "Make the key" in eye.text) == (200, False)
    path = f"/admin/keys/{key.split('_')[2]}/revoke"
    assert (await eye.post(path)).answer.status_code == 403
    await root.post(path)
    assert (root.path, "revoked" in root.text) == ("/admin/keys", True)
    assert (await Caller(desk, key).get()).status_code == 401


@only_sqlite
@pytest.mark.parametrize("changed", [{"days": "soon"}, {"scope": "everything"}, {"name": ""}, {"customer": "x"}])
async def test_a_form_that_makes_no_sense_makes_no_key(desk: Desk, changed: dict[str, str]) -> None:
    desk.person("root", "admin")
    give_passwords(desk)
    root = await Browser(application(desk.gateway)).sign_in("root")
    await root.post("/admin/keys", {"name": "ERP", "scope": "orders:read", "days": "30", **changed})
    assert (root.answer.status_code, rows(desk)) == (400, [])

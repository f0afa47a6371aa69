"""The lists of records: who sees which, nothing of another realm or customer, no secret, and no way to write."""

import csv
import io
import re

import pytest
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from people_at_work import Browser, application, at_work, give_passwords, hash_cheaply
from sqlmodel import select

from app.gateway import Gateway
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.catalog import ItemRow
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow, Role
from app.web.records.views import VIEWS

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

LEDGER = "admin operator auditor"
SEES = {
    "partners": "admin auditor",
    "customers": "admin auditor",
    "items": LEDGER,
    "prices": LEDGER,
    "people": "admin auditor",
    "orders": LEDGER,
    "exchanges": LEDGER,
    "flows": "admin flow_author auditor",
    "flow-versions": "admin flow_author auditor",
    "deliveries": LEDGER,
    "dispatches": LEDGER,
    "audit": "admin auditor",
}


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    for role in Role:
        made.person(role, role)
    made.person("part", "admin", customers=[made.customer.id])
    give_passwords(made)
    made.rules(SMALL_ORDERS_PASS)
    made.send()
    return made


async def test_every_list_shows_its_rows_and_one_of_them(desk: Desk) -> None:
    root = await at_work(desk, "admin")
    await root.go("/admin/records")
    assert root.path == "/admin/records/partners/list"
    for view in VIEWS:
        await root.go(f"/admin/records/{view.key}/list")
        assert root.answer.status_code == 200, view.key
        keys = re.findall(r"detail\?pk=([^\"&]+)", root.answer.text)
        if view.key not in ("dispatches", "exchanges"):
            assert keys, view.key
        if keys:
            await root.go(f"/admin/records/{view.key}/detail?pk={keys[0]}")
            assert root.answer.status_code == 200, view.key
            assert ("1: 10 C62" in root.text) is (view.key == "orders")
        for field in view.fields:
            await root.go(f"/admin/records/{view.key}/list?sort={field.name}__desc&q=a")
            # What is not shown, or has no order, is not sorted by.
            assert root.answer.status_code in (200, 400), (view.key, field.name)


@only_sqlite
@pytest.mark.parametrize("role", Role)
async def test_each_role_sees_the_lists_of_its_table(desk: Desk, role: Role) -> None:
    browser = await at_work(desk, role)
    for key, roles in SEES.items():
        may = role in roles.split()
        for page in (f"{key}/list", f"{key}/all.csv"):
            await browser.go(f"/admin/records/{page}")
            assert browser.answer.status_code == (200 if may else 403), page
        if may:
            menu = set(re.findall(r"/admin/records/([a-z-]+)/list", (await browser.go("/admin/records")).answer.text))
            assert menu == {other for other, theirs in SEES.items() if role in theirs.split()}


@only_sqlite
async def test_nothing_can_be_written_through_the_library(desk: Desk) -> None:
    root = await at_work(desk, "admin")
    token = await csrf(root)
    for key in SEES:
        for page in (f"{key}/create", f"{key}/edit?pk=1"):
            assert (await root.go(f"/admin/records/{page}")).answer.status_code == 403, page
            await root.post(f"/admin/records/{page}", {"name": "x"}, **token)
            assert root.answer.status_code == 405, page
        for act in ("action?name=delete&pks=1", "action?name=export&pks=1", "row-action?name=delete&pk=1", "import"):
            await root.post(f"/admin/records/_api/{key}/{act}", **token)
            assert root.answer.status_code in (400, 405), (key, act)
    with desk.gateway.database.read() as session:
        assert len(session.exec(select(PersonRow)).all()) == len(desk.people)


async def csrf(browser: Browser) -> dict[str, str]:
    await browser.go("/admin/records/items/list")
    return {"X-CSRFToken": browser.client.cookies["starlette_admin_csrftoken"]}


async def test_items_are_switched_off_together_and_each_is_in_the_record(desk: Desk) -> None:
    root = await at_work(desk, "admin")
    token = await csrf(root)
    with desk.gateway.database.read() as session:
        items = session.exec(select(ItemRow)).all()
    chosen = "&".join(f"pks={item.id}" for item in items)
    for name, active in (("switch_off", False), ("switch_off", False), ("switch_on", True)):
        await root.post(f"/admin/records/_api/items/action?name={name}&{chosen}", **token)
        assert root.answer.status_code == 200
        with desk.gateway.database.read() as session:
            assert {item.active for item in session.exec(select(ItemRow))} == {active}
    with desk.gateway.database.read() as session:
        entries = session.exec(select(AuditRow).where(AuditRow.event == "item_withdrawn")).all()
    assert {entry.data["sku"] for entry in entries} == {item.sku for item in items}
    assert len(entries) == len(items)
    assert entries[0].actor == f"person:{desk.people['admin'].id}"


@only_sqlite
async def test_people_are_let_in_no_more_by_the_rules_of_their_page(desk: Desk) -> None:
    root = await at_work(desk, "admin")
    token = await csrf(root)
    chosen = "&".join(f"pks={desk.people[login].id}" for login in ("approver", "auditor"))
    await root.post(f"/admin/records/_api/people/action?name=let_out&{chosen}", **token)
    assert root.answer.status_code == 200
    await root.post(f"/admin/records/_api/people/action?name=let_out&{chosen}&pks={desk.people['admin'].id}", **token)
    assert root.answer.status_code == 400
    assert "Nobody would be left to administer" in root.answer.json()["msg"]
    with desk.gateway.database.read() as session:
        gone = {person.login for person in session.exec(select(PersonRow)) if not person.active}
        entries = session.exec(select(AuditRow).where(AuditRow.event == "person_disabled")).all()
    assert gone == {"approver", "auditor"}
    assert len(entries) == 2


@only_sqlite
@pytest.mark.parametrize("role", ["auditor", "operator"])
async def test_only_an_administrator_switches(desk: Desk, role: str) -> None:
    browser = await at_work(desk, role)
    token = await csrf(browser)
    assert "Switch off" not in browser.text
    await browser.post("/admin/records/_api/items/action?name=switch_off&pks=1", **token)
    assert browser.answer.status_code == 403
    with desk.gateway.database.read() as session:
        assert {item.active for item in session.exec(select(ItemRow))} == {True}


@only_sqlite
async def test_an_act_needs_the_token_of_a_page_and_comes_from_our_own_site(desk: Desk) -> None:
    root = await at_work(desk, "admin")
    token = await csrf(root)
    path = "/admin/records/_api/items/action?name=switch_off&pks=1"
    assert (await root.post(path)).answer.status_code == 403
    assert (await root.post(path, **{**token, "Sec-Fetch-Site": "cross-site"})).answer.status_code == 403
    # Another process of the site, and this one after a restart, take it.
    other = Browser(application(desk.gateway))
    other.client.cookies = root.client.cookies
    assert (await other.post(path, **token)).answer.status_code == 200


@only_sqlite
async def test_rows_of_another_realm_and_another_customer_are_not_there(desk: Desk) -> None:
    at = desk.gateway.clock.now()
    elsewhere = CustomerRow(realm="sandbox", number="9", name="Elsewhere", currency="EUR", created_at=at)
    other = CustomerRow(realm=LIVE, number="8", name="Other", currency="EUR", created_at=at)
    desk.write(lambda tx: tx.add_all([elsewhere, other]))
    for login, sees in (("admin", {"Ana Ltd", "Other"}), ("part", {"Ana Ltd"})):
        browser = await at_work(desk, login)
        await browser.go("/admin/records/customers/list")
        assert {name for name in ("Ana Ltd", "Other", "Elsewhere") if name in browser.text} == sees
        for hidden in {elsewhere.id, other.id, "x", "'"} - ({other.id} if login == "admin" else set()):
            await browser.go(f"/admin/records/customers/detail?pk={hidden}")
            assert browser.answer.status_code == 404
        await browser.go("/admin/records/customers/all.csv")
        assert {row[2] for row in rows(browser)[1:]} == sees
    for key in ("partners", "items", "people", "audit"):
        assert (await browser.go(f"/admin/records/{key}/list")).answer.status_code == 403


def rows(browser: Browser) -> list[list[str]]:
    return list(csv.reader(io.StringIO(browser.answer.content.decode("utf-8-sig"))))


async def test_a_list_becomes_a_file_by_the_filter_of_the_page(desk: Desk) -> None:
    desk.person("formula", "approver", email="=cmd@x.example")
    root = await at_work(desk, "admin")
    await root.go("/admin/records/people/all.csv?q=formula")
    head, found = rows(root)
    assert dict(zip(head, found, strict=True))["email"] == "'=cmd@x.example"
    assert root.answer.headers["content-disposition"] == 'attachment; filename="people.csv"'
    since = '{"logic":"and","rules":[{"field":"created_at","filter":"between","value":"%s","value2":"%s"}]}'
    await root.go("/admin/records/people/list?filter=" + since % ("2020-01-01T00:00", "2021-01-01T00:00"))
    assert root.answer.status_code in (200, 400)


def test_no_secret_is_among_the_columns() -> None:
    for view in VIEWS:
        names = {field.name for field in view.fields}
        assert not {name for name in names if re.search("password|sealed|secret|body|token|key_", name)}, view.key


@only_sqlite
async def test_only_the_lists_have_scripts_within_the_page_and_nobody_frames_them(desk: Desk) -> None:
    root = await at_work(desk, "admin")
    policy = (await root.go("/admin/records/items/list")).answer.headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in (await root.go("/admin")).answer.headers["content-security-policy"]
    stranger = Browser(application(desk.gateway))
    stranger.client.follow_redirects = False
    assert "unsafe-inline" not in (await stranger.go("/admin/records/")).answer.headers["content-security-policy"]


@only_sqlite
async def test_the_lists_speak_the_readers_language(desk: Desk) -> None:
    desk.write(lambda tx: setattr(tx.get_one(PersonRow, desk.people["admin"].id), "language", "es"))
    root = await at_work(desk, "admin")
    await root.go("/admin/records/items/list")
    for said in ("Artículos del catálogo", "Columnas", "Buscar"):
        assert said in root.answer.text, said

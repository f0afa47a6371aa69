"""The pages of approvers, the desk, orders, the ledger and the administration."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from people_at_work import Browser, application, at_work, give_passwords, hash_cheaply
from python_calamine import CalamineWorkbook
from sqlmodel import Session

from app.gateway import Gateway
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRow, OrderState
from app.web.admin import routes as admin
from app.web.approvals import routes as approvals
from app.web.desk import routes as desk_routes
from app.web.endpoint import Auth
from app.web.exchanges import routes as exchanges
from app.web.orders import routes as orders_routes
from app.web.people import routes as people
from schemas.order import Order, OrderTotals

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

NASTY = "<script>alert(1)</script>{{7*7}}"


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("bob", "approver")
    made.person("otto", "operator")
    made.person("root", "admin")
    made.person("eye", "auditor")
    give_passwords(made)
    made.rules(SMALL_ORDERS_PASS)
    return made


def big(number: str = "PO-1", quantity: str = "11", **more: Any) -> Order:
    stated = OrderTotals(total=money(str(Decimal(quantity) * Decimal("9.95"))))
    return order(line(quantity=quantity), totals=stated, id=number, **more)


def off(number: str = "PO-1") -> Order:
    return order(line(price="9.96"), totals=OrderTotals(total=money("99.60")), id=number)


async def test_an_approver_reads_why_and_approves(desk: Desk) -> None:
    desk.send(big())
    paula = await at_work(desk, "paula")
    await paula.follow("PO-1")
    assert "People were asked by the rules “Rules”." in paula.text
    assert "You decide on EUR 109.45 for Ana Ltd." in paula.text.replace("\xa0", " ")
    await paula.post(paula.path, {"decision": "approve", "order_hash": paula.hidden("order_hash")})
    assert paula.answer.status_code == 200
    assert "Your answer to this order: approved." in paula.text
    assert desk.order().state == OrderState.APPROVED
    await paula.go("/approvals")
    assert "Nothing waits for you." in paula.text


async def test_a_no_needs_a_reason_and_keeps_what_was_typed(desk: Desk) -> None:
    desk.send(big())
    paula = await at_work(desk, "paula")
    await paula.follow("PO-1")
    no = {"decision": "reject", "order_hash": paula.hidden("order_hash"), "reason": NASTY}
    await paula.post(paula.path, no)
    assert paula.answer.status_code == 400
    assert "says why" in paula.text
    assert NASTY in paula.text
    assert "<script>alert" not in paula.answer.text
    await paula.post(paula.path, {**no, "code": "budget"})
    assert desk.order().state == OrderState.REJECTED
    await paula.go(f"/orders/{desk.order().id}")
    assert NASTY in paula.text
    assert "<script>alert" not in paula.answer.text


@pytest.mark.parametrize("choice", [{}, {"decision": ""}, {"decision": "maybe"}])
async def test_a_form_that_posts_itself_decides_nothing(desk: Desk, choice: dict[str, str]) -> None:
    desk.send(big())
    paula = await at_work(desk, "paula")
    await paula.follow("PO-1")
    await paula.post(paula.path, {**choice, "order_hash": paula.hidden("order_hash"), "code": "", "reason": ""})
    assert paula.answer.status_code == 400
    assert desk.order().state == OrderState.AWAITING_APPROVAL


async def test_a_get_never_decides(desk: Desk) -> None:
    desk.send(big())
    paula = await at_work(desk, "paula")
    path = f"/approvals/{desk.task('paula').id}"
    hashed = desk.run().order_hash
    for method in ("GET", "HEAD"):
        await paula.client.request(method, f"{path}?decision=approve&order_hash={hashed}")
    assert desk.order().state == OrderState.AWAITING_APPROVAL


async def test_a_decision_from_another_site_is_refused(desk: Desk) -> None:
    desk.send(big())
    paula = await at_work(desk, "paula")
    decision = {"decision": "approve", "order_hash": desk.run().order_hash}
    await paula.post(f"/approvals/{desk.task('paula').id}", decision, **{"Sec-Fetch-Site": "cross-site"})
    assert paula.answer.status_code == 403
    assert desk.order().state == OrderState.AWAITING_APPROVAL


async def test_who_comes_second_reads_who_was_faster(desk: Desk) -> None:
    desk.send(big())
    paula = await at_work(desk, "paula")
    await paula.follow("PO-1")
    decision = {"decision": "approve", "order_hash": paula.hidden("order_hash")}
    desk.decide("bob", approve=True)
    await paula.post(paula.path, decision)
    assert paula.answer.status_code == 200
    assert "Bob was faster." in paula.text
    assert desk.deliveries() == [("create", 1)]


async def test_an_order_that_changed_meanwhile_is_shown_again(desk: Desk) -> None:
    desk.send(big(), version=1)
    paula = await at_work(desk, "paula")
    await paula.follow("PO-1")
    stale = paula.hidden("order_hash")
    path = paula.path
    desk.update(big(quantity="12"), version=2)
    await paula.post(path, {"decision": "approve", "order_hash": stale})
    assert "no longer needed" in paula.text
    await paula.post(f"/approvals/{desk.task('paula').id}", {"decision": "approve", "order_hash": stale})
    assert paula.answer.status_code == 409
    assert "changed after you opened" in paula.text
    assert "lines[1].quantity.amount 11 12" in paula.text


async def test_another_persons_task_and_a_missing_one_look_alike(desk: Desk) -> None:
    desk.send(big())
    bob = await at_work(desk, "bob")
    pages = []
    for task_id in (desk.task("paula").id, "nothing"):
        for act in ("go", "post"):
            await (bob.go if act == "go" else bob.post)(f"/approvals/{task_id}")
            assert bob.answer.status_code == 404
            pages.append(bob.answer.text.replace(bob.answer.headers["x-request-id"], "its number"))
    assert len(set(pages)) == 1


async def test_the_inbox_is_filtered(desk: Desk) -> None:
    desk.send(big("PO-1"))
    desk.send(big("PO-2_100%"))
    paula = await at_work(desk, "paula")
    await paula.go("/approvals?q=2_1")
    assert "PO-2_100%" in paula.text
    assert "PO-1" not in paula.text
    await paula.go("/approvals?q=%25")
    assert "PO-1" not in paula.text
    desk.decide("bob", approve=True)
    await paula.go("/approvals?show=closed")
    assert "PO-1" in paula.text
    assert "no longer needed" in paula.text


async def test_the_desk_settles_a_case(desk: Desk) -> None:
    desk.send(off())
    otto = await at_work(desk, "otto")
    await (await otto.go("/desk")).follow("PO-1")
    assert "The price differs from the agreement" in otto.text
    case = desk.cases()[0].id
    await otto.post(otto.path, {f"choice:{case}": "accept_price"})
    assert otto.answer.status_code == 400
    assert "say why" in otto.text
    await otto.post(otto.path, {f"choice:{case}": "accept_price", f"reason:{case}": NASTY})
    assert otto.path == f"/orders/{desk.order().id}"
    assert desk.order().state == OrderState.APPROVED
    assert NASTY in otto.text
    assert "<script>alert" not in otto.answer.text


async def test_nothing_chosen_settles_nothing(desk: Desk) -> None:
    desk.send(off())
    otto = await at_work(desk, "otto")
    await (await otto.go("/desk")).follow("PO-1")
    case = desk.cases()[0].id
    await otto.post(otto.path, {f"choice:{case}": "", f"reason:{case}": "x"})
    assert otto.answer.status_code == 400
    assert len(desk.cases()) == 1


async def test_the_desk_rejects_with_a_reason(desk: Desk) -> None:
    desk.send(off())
    otto = await at_work(desk, "otto")
    path = f"/desk/{desk.order().id}/reject"
    await otto.post(path, {"code": "nonsense", "text": "x"})
    assert otto.answer.status_code == 400
    await otto.post(path, {"code": "price", "text": " "})
    assert otto.answer.status_code == 400
    await otto.post(path, {"code": "price", "text": "the contract says 9.95"})
    assert desk.order().state == OrderState.REJECTED
    assert "the contract says 9.95" in otto.text


async def test_the_desk_is_filtered(desk: Desk) -> None:
    desk.send(off("PO-1"))
    desk.send(order(line(unit="Sack"), id="PO-2"))
    otto = await at_work(desk, "otto")
    await otto.go("/desk?code=unit.unknown")
    assert "PO-2" in otto.text
    assert "PO-1" not in otto.text
    await otto.go("/desk?q=SACK")
    assert "PO-2" in otto.text
    assert "PO-1" not in otto.text


async def test_an_auditor_looks_on(desk: Desk) -> None:
    desk.send(off())
    eye = await at_work(desk, "eye")
    path = f"/desk/{desk.order().id}"
    await eye.go(path)
    assert eye.answer.status_code == 200
    assert "Settle and take the order again" not in eye.text
    await eye.post(path, {"choice:x": "release"})
    assert eye.answer.status_code == 403


async def test_an_administrator_decides_in_place_of_others(desk: Desk) -> None:
    desk.send(big())
    root = await at_work(desk, "root")
    path = f"/orders/{desk.order().id}"
    await root.go(path)
    assert "Decide in place of the approvers" in root.text
    await root.post(f"{path}/override", {"decision": "approve", "reason": " "})
    assert root.answer.status_code == 400
    await root.post(f"{path}/override", {"decision": "approve", "reason": "plant stands still"})
    assert desk.order().state == OrderState.APPROVED
    assert "Decided by an administrator · Root · plant stands still" in root.text


@pytest.mark.parametrize("login", ["paula", "otto", "eye"])
async def test_nobody_else_does(desk: Desk, login: str) -> None:
    desk.send(big())
    person = await at_work(desk, login)
    await person.post(f"/orders/{desk.order().id}/override", {"decision": "approve", "reason": "x"})
    assert person.answer.status_code == 403
    assert desk.order().state == OrderState.AWAITING_APPROVAL


async def test_the_list_is_filtered_and_goes_on(desk: Desk) -> None:
    for number in range(52):
        desk.send(id=f"A-{number:02}")
    desk.send(off("B-1"))
    root = await at_work(desk, "root")
    await root.go("/orders")
    assert "B-1" in root.text
    assert "A-02" not in root.text
    await root.follow("Older ones")
    assert "A-02" in root.text
    assert "B-1" not in root.text
    await root.go("/orders?state=held")
    assert "B-1" in root.text
    assert "A-51" not in root.text
    await root.go("/orders?since=2026-03-02&until=2026-03-02&q=a-51")
    assert "A-51" in root.text
    await root.go("/orders?until=2026-03-01")
    assert "No order fits the filter." in root.text
    await root.go("/orders?state=nonsense&since=yesterday&customer=x' OR 1=1")
    assert "No order fits the filter." in root.text


FORMULA = "=cmd|'/C calc'!A0"


async def test_an_export_holds_what_the_filter_selects_and_no_formula(desk: Desk) -> None:
    desk.send(id=FORMULA)
    desk.send(id="0007")
    desk.send(off("B-1"))
    root = await at_work(desk, "root")
    await root.go("/orders/export.csv?state=approved")
    rows = list(csv.DictReader(io.StringIO(root.answer.content.decode("utf-8-sig"))))
    assert [row["number"] for row in rows] == ["0007", f"'{FORMULA}"]
    assert rows[0]["total"] == "99.50"
    assert "attachment" in root.answer.headers["content-disposition"]
    await root.go("/orders/export.xlsx?state=approved")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(root.answer.content)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in sheet] == ["number", "0007", FORMULA]


async def test_the_timeline_tells_the_whole_story(desk: Desk) -> None:
    desk.send(big(), version=1)
    desk.update(big(quantity="12"), version=2)
    desk.decide("paula", approve=True)
    otto = await at_work(desk, "otto")
    await otto.go(f"/orders/{desk.order().id}")
    for said in ("Order received", "Change received", "Approved", "Paula", "New order to the ERP", "lines[1].quantity"):
        assert said in otto.text


async def test_everything_a_buyer_wrote_is_shown_as_text(desk: Desk) -> None:
    desk.send(order(line(sku=NASTY, unit=NASTY), id=NASTY))
    for login, path in (("otto", "/desk"), ("otto", f"/desk/{desk.order(NASTY).id}"), ("root", "/orders")):
        person = await at_work(desk, login)
        await person.go(path)
        assert NASTY in person.text
        assert "<script>alert" not in person.answer.text


SECRET_MESSAGE = b"""<?xml version="1.0"?>
<cXML payloadID="m1" timestamp="2026-03-02T09:00:00+00:00"><Header><From><Credential domain="N"><Identity>A</Identity>
</Credential></From><To><Credential domain="D"><Identity>1</Identity></Credential></To><Sender><Credential domain="N">
<Identity>A</Identity><SharedSecret>canary-1</SharedSecret></Credential><UserAgent>x</UserAgent></Sender></Header>
<Request><X><PCard number="canary-2" expiration="2027-01"/></X></Request></cXML>"""


@pytest.mark.parametrize(
    "body",
    [SECRET_MESSAGE, SECRET_MESSAGE[:-30], SECRET_MESSAGE.split(b"</SharedSecret>")[0], b"\xff" + SECRET_MESSAGE],
    ids=["whole", "cut off", "cut within the secret", "no text"],
)
async def test_no_secret_is_on_the_page_of_a_message(desk: Desk, body: bytes) -> None:
    exchange_id = desk.message(body)
    otto = await at_work(desk, "otto")
    await otto.go("/exchanges?q=m1&direction=in")
    await otto.go(f"/exchanges/{exchange_id}/message.txt")
    assert otto.answer.status_code == 200
    assert "canary" not in otto.answer.text
    await otto.go(f"/exchanges/{exchange_id}")
    assert otto.answer.status_code == 200
    assert "canary" not in otto.answer.text
    assert "SharedSecret" in otto.text
    if body.endswith(b"</cXML>"):
        assert "***" in otto.text


async def test_orders_and_messages_are_found_by_the_number_of_their_request(desk: Desk) -> None:
    desk.send(order(line(), id="PO-1"))
    desk.send(order(line(), id="PO-2"))
    desk.message(b"<cXML/>", request_id="atlas-4711")

    def name(tx: Session) -> None:
        tx.get_one(OrderRow, desk.order("PO-1").id).request_id = "atlas-4711"

    desk.write(name)
    root = await at_work(desk, "root")
    await root.go("/orders?q=atlas-4711")
    assert "PO-1" in root.text
    assert "PO-2" not in root.text
    await root.follow("PO-1")
    await root.follow("atlas-4711")
    assert root.path.startswith("/exchanges")
    assert "m1" in root.text
    await root.go("/exchanges?q=atlas-4712")
    assert "m1" not in root.text


async def test_the_administration_lists_people_partners_and_the_record(desk: Desk) -> None:
    desk.send()
    eye = await at_work(desk, "eye")
    await eye.go("/admin")
    for said in ("Buyer", "Ana Ltd", "Rules (1)"):
        assert said in eye.text
    await eye.follow("People")
    for said in ("Paula", "Approver"):
        assert said in eye.text
    await eye.go("/admin/record?verify=1")
    assert "The chain is whole" in eye.text
    assert "Approved by a rule" in eye.text
    await eye.post("/admin/rules", {"name": "Mine", "customer": desk.customer.id, "priority": "50"})
    assert eye.answer.status_code == 403


def other_customer(desk: Desk) -> CustomerRow:
    at = desk.gateway.clock.now()
    customer = CustomerRow(realm=LIVE, number="20002", name="Bob Inc", currency="EUR", price_list="P1", created_at=at)
    desk.write(lambda tx: tx.add(customer))
    return customer


async def test_people_of_one_customer_see_nothing_of_another(desk: Desk) -> None:
    """Every page that names an order, by everybody who serves another customer: never anything but 404."""
    elsewhere = [other_customer(desk).id]
    for login, role in (("p2", "approver"), ("o2", "operator"), ("a2", "admin"), ("e2", "auditor")):
        desk.person(login, role, customers=elsewhere)
    give_passwords(desk)
    desk.send(off("SECRET-PO"))
    order_id, case = desk.order("SECRET-PO").id, desk.cases("SECRET-PO")[0].id
    exchange_id = desk.order("SECRET-PO").exchange_id
    for login in ("p2", "o2", "a2", "e2"):
        person = await at_work(desk, login)
        for path in ("/orders", "/orders?q=SECRET", "/orders/export.csv", "/desk", "/exchanges", "/approvals"):
            await person.go(path)
            assert "SECRET-PO" not in person.answer.text
        for path in (f"/orders/{order_id}", f"/desk/{order_id}", f"/exchanges/{exchange_id}"):
            await person.go(path)
            assert person.answer.status_code in (403, 404), (login, path)
        for path, data in (
            (f"/desk/{order_id}", {f"choice:{case}": "accept_price", f"reason:{case}": "x"}),
            (f"/desk/{order_id}/reject", {"code": "price", "text": "x"}),
            (f"/orders/{order_id}/override", {"decision": "approve", "reason": "x"}),
            ("/admin/rules", {"name": "Mine", "customer": desk.customer.id, "priority": "50"}),
        ):
            await person.post(path, data)
            assert person.answer.status_code in (403, 404), (login, path)
    assert desk.order("SECRET-PO").state == OrderState.HELD


ENDPOINTS = (
    *people.ENDPOINTS,
    *approvals.ENDPOINTS,
    *desk_routes.ENDPOINTS,
    *orders_routes.ENDPOINTS,
    *exchanges.ENDPOINTS,
    *admin.ENDPOINTS,
)


async def test_no_page_of_people_is_open_to_anybody(desk: Desk) -> None:
    browser = Browser(application(desk.gateway))
    browser.client.follow_redirects = False
    for endpoint in ENDPOINTS:
        path = endpoint.path.replace("{", "").replace("}", "")
        if endpoint.auth is not Auth.PERSON:
            continue
        for method in endpoint.methods:
            await (browser.go(path) if method == "GET" else browser.post(path))
            expected = 303 if method == "GET" else 401
            assert browser.answer.status_code == expected, path
            if method == "GET":
                assert browser.answer.headers["location"].startswith("/login?next=")


async def test_each_role_opens_the_pages_of_its_role(desk: Desk) -> None:
    for login in ("paula", "otto", "root", "eye"):
        person = await at_work(desk, login)
        for path in ("/approvals", "/desk", "/orders", "/exchanges", "/admin", "/admin/record"):
            await person.go(path)
            endpoint = next(e for e in ENDPOINTS if e.path == path)
            allowed = not endpoint.roles or desk.people[login].has(*endpoint.roles)  # type: ignore[arg-type]
            assert person.answer.status_code == (200 if allowed else 403), (login, path)


@pytest.mark.parametrize("language", ["es", "pt"])
async def test_the_reasons_are_told_in_the_readers_language_and_numbers(desk: Desk, language: str) -> None:
    step = {
        "key": "fin",
        "name": "Finance",
        "approver": {"user": "paula"},
        "condition": {"field": "order.total_net", "op": ">", "value": "1000.00", "currency": "EUR"},
    }
    desk.rules({"stages": [{"steps": [step]}]})
    desk.send(big(quantity="1000"))
    paula = await at_work(desk, "paula", language)
    await paula.go(f"/approvals/{desk.task('paula').id}")
    said = paula.text.replace("\xa0", " ")
    expected = {
        "es": "total del pedido sin impuestos 9.950,00 EUR es más que 1.000,00 EUR",
        "pt": "total do pedido sem impostos EUR 9.950,00 é mais que EUR 1.000,00",
    }
    assert expected[language] in said

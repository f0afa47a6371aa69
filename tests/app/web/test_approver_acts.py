"""What approvers and those whom they ask do on the pages besides saying yes or no, and what a robot can do there."""

from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, order
from lxml import html
from msgspec.structs import replace
from order_desk import Desk, set_up
from people_at_work import Browser, at_work, give_passwords, hash_cheaply
from sqlmodel import Session

from app.gateway import Gateway
from app.storage.budgets import BudgetRow
from app.storage.orders import OrderRevisionRow, OrderState
from protocols.cxml.attachments import Part, pack
from schemas.base import to_json
from schemas.order import Attachment

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

PAULA: dict[str, Any] = {"key": "lead", "name": "Purchasing lead", "approver": {"user": "paula"}}
BOSS: dict[str, Any] = {"key": "boss", "name": "Head of purchasing", "approver": {"user": "bob"}}


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("bob", "approver")
    made.person("req", "auditor", email="ana@example.com")
    made.person("part", "approver", customers=["another"])
    made.person("root", "admin")
    give_passwords(made)
    made.rules({"stages": [{"steps": [PAULA]}, {"steps": [BOSS]}]})
    return made


async def on_task(desk: Desk, login: str) -> Browser:
    browser = await at_work(desk, login)
    return await browser.go(f"/approvals/{desk.task(login).id}")


async def test_who_is_next_is_told_before_anybody_decides(desk: Desk) -> None:
    desk.send()
    paula = await on_task(desk, "paula")
    assert "Next: Head of purchasing (Bob)." in paula.text
    desk.decide("paula", approve=True)
    bob = await on_task(desk, "bob")
    assert "Nobody else is asked after this." in bob.text
    assert "Paula: approved" in bob.text


async def test_why_comes_before_the_lines_and_names_the_values(desk: Desk) -> None:
    when = {"field": "order.total_net", "op": ">", "value": "50.00", "currency": "EUR"}
    desk.rules({"stages": [{"steps": [{**PAULA, "condition": when}]}]})
    desk.send()
    paula = await on_task(desk, "paula")
    said = paula.text.replace("\xa0", " ")
    assert "order total without tax EUR 99.50 is more than EUR 50.00" in said
    assert said.index("is more than EUR 50.00") < said.index("Láser toner")


async def test_why_nobody_was_asked_stands_on_the_orders_page(desk: Desk) -> None:
    when = {"field": "order.total_net", "op": "<=", "value": "500.00", "currency": "EUR"}
    desk.rules({"auto_approve": [{"key": "small", "text": "Small orders", "when": when}]})
    desk.send()
    root = await at_work(desk, "root")
    await root.go(f"/orders/{desk.order().id}")
    assert "Why nobody was asked" in root.text
    assert "the rule “Small orders” of “Rules” approved it" in root.text
    assert "EUR 99.50 is at most EUR 500.00" in root.text.replace("\xa0", " ")


async def test_what_could_not_be_told_is_named_where_the_order_is_held(desk: Desk) -> None:
    taxed = {"field": "order.total_gross", "op": ">", "value": "50.00", "currency": "EUR"}
    desk.rules({"match": taxed, "stages": [{"steps": [PAULA]}]})
    desk.send()
    root = await at_work(desk, "root")
    await root.go(f"/orders/{desk.order().id}")
    assert "Held: whether the rules “Rules” apply cannot be told." in root.text
    assert "order total with tax is not known, so it cannot be compared with EUR 50.00" in root.text.replace(
        "\xa0", " "
    )


async def test_a_stage_that_asks_nobody_is_named(desk: Desk) -> None:
    when = {"field": "order.total_net", "op": ">", "value": "5000.00", "currency": "EUR"}
    desk.rules({"stages": [{"steps": [{**PAULA, "condition": when}]}, {"steps": [BOSS]}]})
    desk.send()
    assert "Stage 1 asks nobody: none of its steps is needed." in (await on_task(desk, "bob")).text


async def test_who_is_asked_again_sees_what_differs(desk: Desk) -> None:
    desk.send(version=1)
    desk.decide("paula", approve=True)
    desk.update(order(line(quantity="20"), totals=None), version=2)
    paula = await on_task(desk, "paula")
    assert "What differs from what was asked about before" in paula.text
    assert "1 Quantity 10 20" in paula.text


async def test_the_budget_of_the_cost_centre_stands_before_the_lines(desk: Desk) -> None:
    def keep(amount: str) -> None:
        row = BudgetRow(
            customer_id=desk.customer.id,
            cost_center="4711",
            period="2026-03",
            realm=desk.customer.realm,
            amount=Decimal(amount),
            currency="EUR",
            set_at=desk.gateway.clock.now(),
        )
        desk.write(lambda tx: tx.merge(row))

    desk.send(order(line(cost_center="4711")))
    paula = await on_task(desk, "paula")
    assert "Budget of cost centre" not in paula.text
    for amount, said in (
        ("100.00", "EUR 0.50 are left with this order."),
        ("90.00", "exceeded with this order by EUR 9.50."),
    ):
        keep(amount)
        paula = await on_task(desk, "paula")
        assert f"Budget of cost centre 4711: {said}" in paula.text.replace("\xa0", " ")


async def test_a_task_is_handed_on_for_good(desk: Desk) -> None:
    desk.rules({"stages": [{"steps": [PAULA]}]})
    desk.send()
    paula = await on_task(desk, "paula")
    path = f"{paula.path}/hand-on"
    await paula.post(path, {"to": "", "text": "yours"})
    assert (paula.answer.status_code, "Choose a person." in paula.text) == (400, True)
    await paula.post(path, {"to": desk.people["req"].id, "text": "yours"})
    assert (paula.answer.status_code, "may not decide it" in paula.text) == (400, True)
    assert "yours" in paula.answer.text
    await paula.post(path, {"to": desk.people["bob"].id, "text": "yours"})
    assert "handed on" in paula.text
    assert desk.asked() == ["bob"]
    assert "yours" in (await on_task(desk, "bob")).text
    await paula.post(path, {"to": desk.people["bob"].id})
    assert "Your answer changes nothing." in paula.text


async def test_a_question_reaches_who_is_asked_and_the_answer_who_asked(desk: Desk) -> None:
    desk.send()
    paula = await on_task(desk, "paula")
    task = paula.path
    await paula.post(f"{task}/ask", {"to": desk.people["req"].id, "text": " "})
    assert (paula.answer.status_code, "Write what you want to know." in paula.text) == (400, True)
    await paula.post(f"{task}/ask", {"to": desk.people["req"].id, "text": "<b>Why</b> ten?"})
    assert "Paula asks Req <b>Why</b> ten?" in paula.text
    req = await at_work(desk, "req")
    await req.go(task)
    assert req.path == f"/orders/{desk.order().id}"
    await req.post(f"{req.path}/answer", {"task": req.hidden("task"), "text": "For the new plant."})
    assert "Req answers Paula For the new plant." in req.text
    assert "Your answer" not in req.text
    await paula.go(task)
    assert "For the new plant." in paula.text
    assert desk.asked() == ["paula"]


async def test_who_was_not_asked_answers_nothing(desk: Desk) -> None:
    desk.send()
    task = desk.task("paula").id
    bob = await at_work(desk, "bob")
    await bob.post(f"/orders/{desk.order().id}/answer", {"task": task, "text": "because"})
    assert bob.answer.status_code == 404
    assert "answered" not in desk.events()


async def test_a_remark_stays_with_the_order(desk: Desk) -> None:
    desk.send()
    paula = await on_task(desk, "paula")
    await paula.post(f"/orders/{desk.order().id}/comment", {"text": "Same as last year."})
    assert "Same as last year." in (await on_task(desk, "paula")).text
    req = await at_work(desk, "req")
    await req.post(f"/orders/{desk.order().id}/comment", {"text": "x"})
    assert req.answer.status_code == 403


async def test_the_requester_takes_the_order_back_with_a_reason(desk: Desk) -> None:
    desk.send()
    req = await at_work(desk, "req")
    path = f"/orders/{desk.order().id}"
    assert "Take the order back" in (await req.go(path)).text
    await req.post(f"{path}/withdraw", {"text": " "})
    assert req.answer.status_code == 400
    await req.post(f"{path}/withdraw", {"text": "ordered elsewhere"})
    assert "ordered elsewhere" in req.text
    assert desk.asked() == []
    paula = await at_work(desk, "paula")
    assert "Take the order back" not in (await paula.go(path)).text
    await paula.post(f"{path}/withdraw", {"text": "x"})
    assert paula.answer.status_code == 404


OF_A_TASK = ("", "/hand-on", "/ask")
OF_AN_ORDER = ("/answer", "/comment", "/withdraw")


@pytest.mark.parametrize("login", ["part", "bob"])
async def test_the_acts_of_others_tasks_are_not_there(desk: Desk, login: str) -> None:
    """For who works for another customer nothing of the order is; for who was not asked nothing of the task."""
    desk.send()
    browser, task, found = await at_work(desk, login), desk.task("paula").id, desk.order().id
    given = {"decision": "approve", "order_hash": desk.run().order_hash, "to": desk.people["bob"].id, "text": "x"}
    paths = [f"/approvals/{task}{act}" for act in OF_A_TASK]
    paths += [f"/orders/{found}{act}" for act in OF_AN_ORDER] if login == "part" else []
    for path in paths:
        await browser.post(path, {**given, "task": task})
        assert browser.answer.status_code == 404, path
    gets = [f"/approvals/{task}", *((f"/orders/{found}", f"/orders/{found}/attachments/1") if login == "part" else ())]
    for path in gets:
        assert (await browser.go(path)).answer.status_code == 404, path
    assert (desk.asked(), desk.order().state) == (["paula"], OrderState.AWAITING_APPROVAL)


FILE = Part(data=b"<script>alert(1)</script>", media_type="text/html", content_id="a", name="../../étui <1>.html")


def with_file(desk: Desk) -> str:
    """Gives the order a document with a file; the address of the file."""
    media_type, body = pack(b"<x/>", [FILE])
    exchange_id = desk.message(body, media_type)
    attached = (
        Attachment(reference="cid:a", name=FILE.name, media_type=FILE.media_type, size=25, sha256=FILE.sha256),
        Attachment(reference="https://buyer.example/plan.pdf", name="plan.pdf"),
    )

    def work(tx: Session) -> None:
        row = tx.get_one(OrderRevisionRow, desk.revision().id)
        checked = row.order()
        row.exchange_id, row.checked = exchange_id, to_json(replace(checked, attachments=attached)).decode()

    desk.write(work)
    return f"/orders/{desk.order().id}/attachments/1"


async def test_a_file_that_came_along_goes_out_as_bytes_under_a_harmless_name(desk: Desk) -> None:
    desk.send()
    path = with_file(desk)
    paula = await on_task(desk, "paula")
    links = html.document_fromstring(paula.answer.text).xpath(f"//a[@href='{path}']")
    assert [link.text_content() for link in links] == [FILE.name]
    assert "plan.pdf" in paula.text
    await paula.go(path)
    assert paula.answer.content == FILE.data
    assert paula.answer.headers["content-type"] == "application/octet-stream"
    assert paula.answer.headers["x-content-type-options"] == "nosniff"
    assert paula.answer.headers["content-disposition"] == 'attachment; filename="tui_1_.html"'
    for wrong in ("2", "3", "0", "x", "-1", "99999999"):
        await paula.go(f"/orders/{desk.order().id}/attachments/{wrong}")
        assert paula.answer.status_code == 404


PAGES = ("/approvals", "/approvals?show=others", "/approvals?show=closed", "/approvals?show=decided", "/account")


async def test_a_robot_that_sends_every_form_as_it_stands_decides_nothing(desk: Desk) -> None:
    """With a session even: every form is sent as the page filled it, with each of its buttons."""
    desk.send()
    paula = await at_work(desk, "paula")
    sent = 0
    for path in (*PAGES, f"/approvals/{desk.task('paula').id}", f"/orders/{desk.order().id}"):
        await paula.go(path)
        root = html.document_fromstring(paula.answer.text)
        for form in root.forms:
            target = form.get("action") or path
            if target.startswith(("/logout", "/account")):
                continue
            given: dict[str, Any] = {}
            for name, value in form.form_values():
                given.setdefault(name, []).append(value)
            for button in form.xpath(".//button") or [None]:
                pressed = {} if button is None or not button.get("name") else {button.get("name"): button.get("value")}
                await paula.client.request(
                    form.method, target, data={**given, **pressed}, headers={"Sec-Fetch-Site": "same-origin"}
                )
                sent += 1
    assert sent >= 8
    assert (desk.asked(), desk.order().state) == (["paula"], OrderState.AWAITING_APPROVAL)
    assert set(desk.events()) == {"order_taken", "stage_opened", "opened"}


# Changing the order


async def test_an_approver_changes_what_the_rules_allow_and_sees_all_faults_at_once(desk: Desk) -> None:
    step = {"key": "lead", "name": "Lead", "approver": {"role": "approver"}, "may_edit": ["quantity", "comment"]}
    desk.rules({"stages": [{"steps": [step]}]})
    desk.send()
    paula = await on_task(desk, "paula")
    path = f"/approvals/{desk.task('paula').id}/edit"
    boxes = html.document_fromstring(paula.answer.text).xpath("//details[@id='edit']//*[@name]/@name")
    assert boxes == ["order_hash", "comment", "lines.1.quantity"]
    sent = {"order_hash": desk.run().order_hash, "comment": "x" * 1001, "lines.1.quantity": "0"}
    await paula.post(path, sent)
    assert paula.answer.status_code == 400
    page = html.document_fromstring(paula.answer.text)
    for name, told in (
        ("comment", "Write at most 1000 characters."),
        ("lines.1.quantity", "Write a number above zero"),
    ):
        (box,) = page.xpath(f"//*[@name='{name}']")
        assert told in page.get_element_by_id(box.get("aria-describedby")).text_content()
    assert page.xpath("//details[@id='edit']/@open") != []
    await paula.post(path, {**sent, "comment": "by the back door", "lines.1.quantity": "5"})
    assert "You have changed this order, so others decide on it." in paula.text
    assert (sorted(desk.asked()), desk.revision().order().lines[0].quantity.amount) == (["bob"], Decimal(5))
    await paula.post(path, {**sent, "comment": "", "lines.1.quantity": "6"})
    assert "This is no longer needed." in paula.text
    bob = await on_task(desk, "bob")
    await bob.post(f"/approvals/{desk.task('bob').id}/edit", {**sent, "lines.1.quantity": "7"})
    assert bob.answer.status_code == 409
    assert "changed after you opened the page" in bob.text


async def test_where_the_rules_allow_no_change_there_is_no_form_for_it(desk: Desk) -> None:
    desk.send()
    paula = await on_task(desk, "paula")
    assert "Change the order" not in paula.text
    await paula.post(f"/approvals/{desk.task('paula').id}/edit", {"order_hash": desk.run().order_hash, "comment": "x"})
    assert paula.answer.status_code == 404


async def test_an_order_is_sent_back_from_its_page(desk: Desk) -> None:
    desk.send()
    paula = await on_task(desk, "paula")
    assert "Send back for a change" not in paula.text
    path, back = f"/approvals/{desk.task('paula').id}", {"decision": "send_back", "code": "quantity"}
    await paula.post(path, {**back, "order_hash": desk.run().order_hash, "reason": "5 will do"})
    assert paula.answer.status_code == 400
    desk.rules({"stages": [{"steps": [PAULA]}], "send_back": {"due_hours": 8}})
    desk.send(order(id="PO-2"))
    path = f"/approvals/{desk.task('paula', 'PO-2').id}"
    await paula.go(path)
    assert "Send back for a change" in paula.text
    given = {**back, "order_hash": desk.run("PO-2").order_hash}
    await paula.post(path, given)
    assert paula.answer.status_code == 400
    await paula.post(path, {**given, "reason": "5 will do"})
    assert "Paula has sent the order back: it waits until the buyer changes or cancels it. The change is due on" in (
        paula.text
    )
    await paula.go("/approvals?show=decided")
    assert "sent back for a change" in paula.text
    await paula.go("/approvals/figures")
    assert "Sent back for a change, by reason" in paula.text

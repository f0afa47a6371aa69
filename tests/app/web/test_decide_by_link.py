"""Deciding by the link of a mail: what decides, what never does, and whom the link tells what."""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from log_lines import logged
from lxml import html
from mail_desk import Outbox, with_mail
from mail_server import mail_server
from order_desk import Desk, set_up
from people_at_work import Browser, application, give_passwords, hash_cheaply
from sqlmodel import select
from starlette.applications import Starlette

from app import metrics
from app.clock import SetClock
from app.flows import keep_profile
from app.gateway import Gateway
from app.storage.approval_links import VALID, ApprovalLinkRow
from app.storage.mails import State
from schemas.order import OrderTotals

pytestmark = pytest.mark.anyio

EVERYTHING_IS_ASKED: dict[str, Any] = {
    "stages": [{"steps": [{"key": "lead", "name": "Purchasing lead", "approver": {"role": "approver"}}]}]
}
LINK = re.compile(r"https://crossdock\.example(/approve/[\w-]+)")


@pytest.fixture
def outbox(gateway: Gateway) -> Iterator[Outbox]:
    with mail_server() as box:
        yield Outbox(with_mail(gateway, box), box)


@pytest.fixture
def desk(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    desk = set_up(outbox.gateway)
    desk.person("paula", "approver", email="Paula@buyer.example")
    give_passwords(desk)
    desk.rules(EVERYTHING_IS_ASKED)
    return desk


@pytest.fixture
def app(desk: Desk) -> Starlette:
    return application(desk.gateway)


@pytest.fixture
def browser(app: Starlette) -> Browser:
    return Browser(app)


def large() -> Any:
    """998.00 EUR at the agreed price."""
    return order(line(quantity="100", price="9.95"), totals=OrderTotals(total=money("995.00")))


def link_in(outbox: Outbox) -> str:
    outbox.send_all()
    text = outbox.box.mails[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    found = LINK.search(text)
    assert found is not None
    return found[1]


async def choose(browser: Browser, path: str, decision: str, **more: str) -> Browser:
    await browser.go(path)
    return await browser.post(path, {"nonce": browser.hidden("nonce"), "decision": decision, **more})


async def test_who_is_asked_gets_a_mail_and_decides_by_its_link(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    desk.send()
    path = link_in(outbox)
    (mail,) = outbox.box.mails
    assert mail["To"] == "paula@buyer.example"
    assert mail["Subject"] == "Please decide: order PO-1"
    for part in mail.iter_parts():
        text = part.get_content()  # type: ignore[union-attr]
        assert all(told in text for told in ("PO-1", "99.50", "ana@example.com", "Purchasing lead", path))
        assert "A-100" not in text, "no lines"
    await browser.go(path)
    assert browser.answer.status_code == 200
    assert "This task belongs to Paula." in browser.text
    await choose(browser, path, "approve")
    assert "Paula approved this order on" in browser.text
    assert desk.order().state == "approved"
    assert "approved" in desk.events()


async def test_a_no_needs_its_reason_and_keeps_what_was_written(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    desk.send()
    path = link_in(outbox)
    await choose(browser, path, "reject", reason="too dear")
    assert browser.answer.status_code == 400
    assert "too dear" in browser.answer.text
    assert desk.asked() == ["paula"]
    await choose(browser, path, "reject", reason="too dear", code="price")
    assert "Paula rejected this order on" in browser.text
    assert desk.order().state == "rejected"


async def test_a_link_sends_the_order_back_where_the_rules_allow_it(
    outbox: Outbox, desk: Desk, browser: Browser
) -> None:
    desk.send()
    await choose(browser, link_in(outbox), "send_back", reason="5 will do", code="quantity")
    assert browser.answer.status_code == 400
    desk.rules({"stages": [{"steps": [{"key": "s", "name": "S", "approver": {"user": "paula"}}]}], "send_back": {}})
    desk.send(order(id="PO-2"))
    await choose(browser, link_in(outbox), "send_back", reason="5 will do", code="quantity")
    assert "Paula sent this order back for a change on" in browser.text
    assert desk.order("PO-2").state == "sent_back"


async def test_a_scanner_that_opens_everything_and_submits_every_form_decides_nothing(
    outbox: Outbox, desk: Desk, browser: Browser
) -> None:
    desk.send()
    path = link_in(outbox)
    for part in outbox.box.mails[-1].iter_parts():
        for found in LINK.findall(part.get_content()):  # type: ignore[union-attr]
            await browser.client.head(found)
            await browser.client.get(found, headers={"Purpose": "prefetch"})
    page = await browser.client.get(path)
    root = html.document_fromstring(page.text)
    assert root.xpath("//script") == []
    assert root.forms
    for form in root.forms:
        given = dict(form.form_values())
        buttons = [button for button in form.iter("button", "input") if button.get("type") not in ("hidden", "radio")]
        for button in buttons:
            pressed = {button.get("name"): button.get("value", "")} if button.get("name") else {}
            target = form.get("action") or path
            headers = {"Sec-Fetch-Site": "same-origin"}
            answer = await browser.client.request(form.method, target, data={**given, **pressed}, headers=headers)
            assert answer.status_code == 400
    assert desk.asked() == ["paula"]
    assert desk.order().state == "awaiting_approval"


async def test_another_site_cannot_post_to_it(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    desk.send()
    path = link_in(outbox)
    await browser.go(path)
    given = {"nonce": browser.hidden("nonce"), "decision": "approve"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = await browser.client.post(path, data=given, headers=headers)
        assert answer.status_code == 403
    assert desk.asked() == ["paula"]


async def test_the_page_counts_for_ten_minutes_and_for_its_own_task(
    outbox: Outbox, desk: Desk, browser: Browser, clock: SetClock
) -> None:
    desk.send()
    desk.send(order(id="PO-2"))
    outbox.send_all()
    first, second = (LINK.search(mail.get_body(("plain",)).get_content())[1] for mail in outbox.box.mails)  # type: ignore[union-attr, index]
    await browser.go(first)
    nonce = browser.hidden("nonce")
    for path, given in ((second, nonce), (first, ""), (first, nonce[:-4] + "AAAA"), (first, "AA")):
        await browser.post(path, {"nonce": given, "decision": "approve"})
        assert browser.answer.status_code == 409
    clock.move(timedelta(minutes=10, seconds=1))
    await browser.post(first, {"nonce": nonce, "decision": "approve"})
    assert browser.answer.status_code == 409
    assert "open for too long" in browser.text
    assert desk.asked() == ["paula"]


async def test_an_order_that_changed_meanwhile_is_not_decided_as_it_was(
    outbox: Outbox, desk: Desk, browser: Browser
) -> None:
    desk.send()
    path = link_in(outbox)
    await browser.go(path)
    nonce = browser.hidden("nonce")
    desk.update(order(line(quantity="20"), totals=OrderTotals(total=money("199.00"))))
    await browser.post(path, {"nonce": nonce, "decision": "approve"})
    assert desk.order().state == "awaiting_approval"
    assert "no longer needed" in browser.text
    assert desk.asked() == ["paula"]
    newer = link_in(outbox)
    assert newer != path


async def test_above_the_amount_it_asks_for_a_login_and_keeps_the_choice(
    outbox: Outbox, desk: Desk, browser: Browser
) -> None:
    desk.send(large())
    path = link_in(outbox)
    await choose(browser, path, "reject", code="budget", reason="niño: not this year")
    assert browser.path == "/login"
    assert path.rpartition("/")[2] not in str(browser.answer.url)
    assert desk.asked() == ["paula"]
    await browser.sign_in("paula", next_=browser.hidden("next"))
    assert browser.path.startswith("/approvals/")
    assert "You chose to reject. Confirm it below." in browser.text
    assert "niño: not this year" in browser.answer.text
    assert desk.asked() == ["paula"], "a GET never decides"
    given = {"order_hash": browser.hidden("order_hash"), "code": "budget", "reason": "niño: not this year"}
    await browser.post(browser.path, {**given, "decision": "reject"})
    assert desk.order().state == "rejected"


async def test_who_is_signed_in_decides_above_the_amount_too(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    desk.send(large())
    path = link_in(outbox)
    await browser.sign_in("paula")
    await choose(browser, path, "approve")
    assert "Paula approved this order on" in browser.text


@pytest.mark.parametrize(
    ("limit", "asks"), [({"amount": "995.00", "currency": "EUR"}, False), ({"amount": "0.00", "currency": "EUR"}, True)]
)
async def test_the_rules_say_up_to_which_amount_the_link_is_enough(
    outbox: Outbox, desk: Desk, browser: Browser, limit: dict[str, str], asks: bool
) -> None:
    desk.rules({**EVERYTHING_IS_ASKED, "link_limit": limit})
    desk.send(order() if asks else large())
    await choose(browser, link_in(outbox), "approve")
    assert (browser.path == "/login") is asks
    assert desk.asked() == (["paula"] if asks else [])


async def test_the_link_of_who_stands_in_says_for_whom(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    desk.person("otto", "approver", email="otto@buyer.example")
    desk.rules({"stages": [{"steps": [{"key": "a", "name": "Lead", "approver": {"user": "paula"}}]}]})
    begins = desk.gateway.clock.now().replace(tzinfo=None) - timedelta(days=1)
    paula, otto, by = desk.people["paula"], desk.people["otto"], {"actor": "system", "channel": "command"}
    ends = begins + timedelta(days=5)
    desk.write(lambda tx: keep_profile.add_absence(tx, desk.gateway, paula, begins, ends, otto, **by))
    desk.send()
    outbox.send_all()
    (path,) = (
        found[1]
        for mail in outbox.box.mails
        if mail["To"] == "otto@buyer.example"
        for found in LINK.finditer(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    )
    await choose(browser, path, "approve")
    assert "This task belongs to Otto. The decision is made in the place of Paula." in browser.text
    assert "Otto approved this order on" in browser.text
    task = desk.task("paula")
    assert (task.decided_by, task.acting_for) == (otto.id, paula.id)


async def test_somebody_else_who_is_signed_in_does_not(outbox: Outbox, desk: Desk, app: Starlette) -> None:
    desk.send(large())
    desk.person("otto", "approver")
    give_passwords(desk)
    path = link_in(outbox)
    other = Browser(app)
    await other.sign_in("otto")
    await choose(other, path, "approve")
    assert desk.asked() == ["paula"]


async def test_a_decided_task_says_who_and_when(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    desk.person("otto", "approver")
    desk.send()
    outbox.send_all()
    path = link_in(outbox)
    desk.decide("otto", approve=True)
    await browser.go(path)
    assert browser.answer.status_code == 200
    assert "Otto has decided." in browser.text
    await browser.post(path, {"nonce": "x", "decision": "reject"})
    assert (browser.answer.status_code, desk.order().state) == (200, "approved")


async def test_it_ends_after_two_weeks(outbox: Outbox, desk: Desk, browser: Browser, clock: SetClock) -> None:
    desk.send()
    path = link_in(outbox)
    clock.move(VALID)
    await browser.go(path)
    assert browser.answer.status_code == 410
    assert "expired" in browser.text
    await browser.post(path, {"nonce": "x", "decision": "approve"})
    assert desk.asked() == ["paula"]


async def test_who_left_does_not_decide(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    desk.send()
    path = link_in(outbox)

    def leave(tx: Any) -> None:
        person = tx.get_one(type(desk.people["paula"]), desk.people["paula"].id)
        person.active = False

    desk.write(leave)
    assert (await browser.go(path)).answer.status_code == 404


async def test_links_that_lead_nowhere_are_counted(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    desk.send()
    path = link_in(outbox)
    altered = [f"{path}x", path.upper().replace("/APPROVE", "/approve"), "/approve/x", f"/approve/{'x' * 5_000}"]
    statuses = [(await browser.client.get(altered[number % 4])).status_code for number in range(21)]
    assert statuses == [404] * 20 + [429]
    assert (await browser.go(path)).answer.status_code == 200, "what is right costs nothing"


async def test_the_headers_keep_the_token_in(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    desk.send()
    answer = (await browser.go(link_in(outbox))).answer
    assert answer.headers["referrer-policy"] == "strict-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_the_token_is_kept_as_its_digest_and_told_to_nobody(outbox: Outbox, desk: Desk, browser: Browser) -> None:
    with logged() as stream:
        desk.send()
        path = link_in(outbox)
        await choose(browser, path, "approve")
        await browser.go(path)
    token = path.rpartition("/")[2]
    assert token not in stream.getvalue()
    assert token.encode() not in metrics.exposition()
    with outbox.gateway.database.read() as session:
        (link,) = session.exec(select(ApprovalLinkRow))
    assert link.sealed is None, "its mail has left"
    assert token not in link.model_dump_json()
    assert all(token not in row.model_dump_json() for row in outbox.rows())


async def test_a_task_is_mailed_once(outbox: Outbox, desk: Desk) -> None:
    desk.person("otto", "approver", email="otto@buyer.example")
    desk.rules({"stages": [{"steps": [{**EVERYTHING_IS_ASKED["stages"][0]["steps"][0], "quorum": "all"}]}]})
    desk.send()
    desk.decide("paula", approve=True)
    assert sorted(row.recipient for row in outbox.rows()) == ["otto@buyer.example", "paula@buyer.example"]


async def test_what_is_decided_before_its_mail_leaves_is_not_mailed(outbox: Outbox, desk: Desk) -> None:
    desk.send()
    desk.decide("paula", approve=True)
    outbox.send_all()
    assert [row.state for row in outbox.rows()] == [State.NEEDLESS]
    assert outbox.box.taken == []


async def test_without_an_address_or_a_mail_server_nobody_is_written_to(gateway: Gateway) -> None:
    desk = set_up(gateway)
    desk.person("paula", "approver", email="paula@buyer.example")
    desk.rules(EVERYTHING_IS_ASKED)
    desk.send()
    with gateway.database.read() as session:
        assert session.exec(select(ApprovalLinkRow)).all() == []


@pytest.mark.parametrize(("language", "word"), [("de", "Genehmigen"), ("fr", "Approuver"), ("es", "Aprobar")])
async def test_mail_and_page_speak_the_receivers_language(
    outbox: Outbox, desk: Desk, browser: Browser, language: str, word: str
) -> None:
    def speak(tx: Any) -> None:
        tx.get_one(type(desk.people["paula"]), desk.people["paula"].id).language = language

    desk.write(speak)
    desk.send()
    await browser.go(link_in(outbox))
    assert word in browser.text
    assert outbox.box.mails[0]["Content-Language"] == language


def test_the_amount_is_the_settings_own_and_in_its_currency(gateway: Gateway) -> None:
    settings = gateway.settings
    assert settings.decides_by_link(money("500.00"))
    assert not settings.decides_by_link(money("500.01"))
    assert not settings.decides_by_link(money("1.00", "USD"))
    assert not settings.decides_by_link(None)
    never = settings.model_copy(update={"approve_by_link": "0 EUR"})
    assert not never.decides_by_link(money(str(Decimal("0.01"))))

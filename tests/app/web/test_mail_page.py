"""The page of mails and alerts: who sees it, what it shows, and its filter."""

import re
from dataclasses import replace

import pytest
from order_desk import Desk, set_up
from people_at_work import Browser, application, give_passwords, hash_cheaply
from sqlmodel import select

from app.gateway import Gateway
from app.storage import alerts
from app.storage.mails import MailRow
from app.storage.people import PersonRow

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    desk = set_up(gateway)
    desk.person("olga", "operator")
    desk.person("paula", "approver")
    give_passwords(desk)
    return desk


def keep(desk: Desk, recipient: str, state: str, reason: str | None = None) -> None:
    now = desk.gateway.clock.now()
    row = MailRow(
        realm="live",
        correlation_id="c",
        created_at=now,
        touched_at=now,
        kind="alerts",
        recipient=recipient,
        language="en",
        state=state,
        open=state == "pending",
        reason=reason,
    )
    desk.write(lambda tx: tx.add(row))


async def test_an_operator_sees_what_became_of_mails_and_what_was_raised(desk: Desk) -> None:
    keep(desk, "ops@shop.example", "sent")
    keep(desk, "gone@shop.example", "refused", "550 no such user <script>")
    now = desk.gateway.clock.now()
    desk.write(lambda tx: alerts.note(tx, "live", "delivery.late", "main", {"order": "PO-7"}, 3, now))
    browser = Browser(application(desk.gateway))
    await browser.sign_in("olga", next_="/operations/mail")
    assert browser.answer.status_code == 200
    for text in ("ops@shop.example", "550 no such user <script>", "delivery.late", "PO-7", "No mail server is set"):
        assert text in browser.text
    await browser.go("/operations/mail?state=refused")
    assert "gone@shop.example" in browser.text
    assert "ops@shop.example" not in browser.text
    await browser.go("/operations/mail?state=nonsense&kind=x%27")
    assert "ops@shop.example" in browser.text


async def test_an_approver_does_not(desk: Desk) -> None:
    browser = Browser(application(desk.gateway))
    await browser.sign_in("paula")
    assert (await browser.go("/operations/mail")).answer.status_code == 403


async def test_a_mail_that_was_given_up_is_sent_again_by_a_button(desk: Desk) -> None:
    keep(desk, "gone@shop.example", "refused", "550 no such user")
    desk.write(lambda tx: setattr(tx.exec(select(MailRow)).one(), "data", {"entries": []}))
    browser = await Browser(application(desk.gateway)).sign_in("olga")
    await browser.go("/operations/mail")
    (path,) = re.findall(r'action="(/operations/mail/[^"]+/again)"', browser.answer.text)
    await browser.post(path, {})
    assert "to be sent" in browser.text
    assert "Send again" not in browser.text
    assert (await browser.post(path, {})).answer.status_code == 409
    assert (await browser.post("/operations/mail/none/again", {})).answer.status_code == 404


async def test_people_who_could_not_be_told_are_named_until_they_have_an_address(desk: Desk) -> None:
    paula = desk.people["paula"]
    desk.rules({"stages": [{"steps": [{"key": "lead", "name": "Lead", "approver": {"user": "paula"}}]}]})
    settings = desk.gateway.settings.model_copy(update={"smtp_host": "127.0.0.1", "mail_from": "x@shop.example"})
    desk.gateway = replace(desk.gateway, settings=settings)
    desk.send()
    browser = await Browser(application(desk.gateway)).sign_in("olga")
    await browser.go("/operations/mail")
    assert "People without a mail address" in browser.text
    assert "Paula" in browser.text
    desk.write(lambda tx: setattr(tx.get_one(PersonRow, paula.id), "email", "paula@shop.example"))
    await browser.go("/operations/mail")
    assert "People without a mail address" not in browser.text

"""The page of mails and alerts: who sees it, what it shows, and its filter."""

import pytest
from order_desk import Desk, set_up
from people_at_work import Browser, application, give_passwords, hash_cheaply

from app.gateway import Gateway
from app.storage import alerts
from app.storage.mails import MailRow

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    desk = set_up(gateway, ())
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

"""An approver on a phone, between two meetings, and whoever settles cases there: everything fits, axe finds nothing,
and what is pressed is large."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from approval_orders import line, money, order
from chromium import Watched, browsing, look, sign_in
from order_desk import Desk, set_up
from people_at_work import PASSWORD, give_passwords, hash_cheaply
from playwright.sync_api import Page, expect
from sqlmodel import Session

from app.clock import SetClock
from app.gateway import Gateway
from app.storage import approval_links
from app.storage.orders import OrderState
from schemas.order import OrderTotals

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.fixture
def desk(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    clock.move(datetime.now(UTC) - clock.now())
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("bob", "approver")
    made.person("olga", "operator")
    give_passwords(made)
    large = {"field": "order.total_net", "op": ">", "value": "50.00", "currency": "EUR"}
    lead = {"key": "lead", "name": "Purchasing lead", "approver": {"user": "paula"}, "condition": large, "due_hours": 8}
    boss = {"key": "boss", "name": "Head of purchasing", "approver": {"user": "bob"}}
    made.rules({"stages": [{"steps": [lead]}, {"steps": [boss]}]})
    return made


def link_to(desk: Desk, number: str) -> str:
    """The address that a mail about the order would hold."""
    gateway, task = desk.gateway, desk.task("paula", number)

    def work(tx: Session) -> str:
        row = approval_links.begin(
            tx,
            gateway.keys,
            link_id=gateway.ids(),
            realm=task.realm,
            task_id=task.id,
            person_id=task.assignee_id,
            now=gateway.clock.now(),
        )
        assert row is not None
        token = approval_links.token_of(row, gateway.keys)
        assert token is not None
        return f"/approve/{token.reveal()}"

    return desk.write(work)


@pytest.mark.parametrize("width", [360, 1280])
def test_everything_fits_and_an_order_is_approved(
    site: str, desk: Desk, clock: SetClock, tmp_path: Path, width: int
) -> None:
    for number, quantity in (("PO-2026-000000000000000017", "30"), ("PO-2", "20"), ("PO-3", "10")):
        totals = OrderTotals(total=money(str(int(quantity) * 995 / 100)))
        desk.send(order(line(quantity=quantity), totals=totals, id=number))
    desk.update(order(line(quantity="31"), totals=None, id="PO-2026-000000000000000017"), version=2)
    with browsing(viewport={"width": width, "height": 800}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        sign_in(page, site, "paula", PASSWORD)
        page.wait_for_url("**/approvals")
        look(page, tmp_path / f"inbox-{width}.png")
        page.get_by_text("Filter and order").click()
        look(page, tmp_path / f"filters-{width}.png")
        for box in page.get_by_role("checkbox").all()[:2]:
            box.check()
        page.get_by_role("button", name="Approve the chosen ones").click()
        look(page, tmp_path / f"together-{width}.png")
        page.goto(f"{site}/approvals")
        page.get_by_role("link", name="PO-2026-000000000000000017").click()
        for part in ("Ask somebody about it", "Hand it on for good"):
            if page.get_by_text(part).count():
                page.get_by_text(part).click()
        page.locator("label[for=no]").click()
        look(page, tmp_path / f"task-{width}.png")
        assert page.locator("#reason").is_visible()
        yes, send = page.locator("label[for=yes]"), page.get_by_role("button", name="Send the decision")
        assert all((one.bounding_box() or {"height": 0})["height"] >= 44 for one in (yes, send))
        yes.click()
        assert not page.locator("#reason").is_visible()
        send.click()
        expect(page.get_by_text("Your answer to this order: approved.")).to_be_visible()
        look(page, tmp_path / f"decided-{width}.png")
        page.goto(f"{site}/orders/{desk.order('PO-2').id}")
        look(page, tmp_path / f"order-{width}.png")
        page.goto(f"{site}/approvals/figures")
        look(page, tmp_path / f"figures-{width}.png")
        page.goto(f"{site}{link_to(desk, 'PO-2')}")
        look(page, tmp_path / f"link-{width}.png")
        browser.clear_cookies()
        settle_cases(page, site, desk, tmp_path, width)
    assert watched.complaints == []
    assert desk.asked("PO-2026-000000000000000017", "approved") == ["paula"]
    assert desk.order("PO-3").state == OrderState.AWAITING_APPROVAL


def settle_cases(page: Page, site: str, desk: Desk, tmp_path: Path, width: int) -> None:
    """One by a rule, and then the others that it settles."""
    for number in ("S-1", "S-2", "S-3"):
        desk.send(order(line(unit="Sack", quantity="2"), totals=None, id=number))
    desk.send(order(line(quantity="2"), totals=OrderTotals(total=money("1.00")), id="S-4"))
    fault = {"code": "order.no_lines", "at": "/cXML/Request/OrderRequest", "message": "no lines", "weight": "fault"}
    desk.message(b"<cXML/>", state="refused", faults=[fault])
    sign_in(page, site, "olga", PASSWORD, then="/desk")
    page.wait_for_url(lambda url: "/login" not in url)
    page.get_by_text("Filter and order").click()
    look(page, tmp_path / f"desk-{width}.png")
    page.get_by_role("link", name="S-1").click()
    page.get_by_text("Work on this case").click()
    page.get_by_label("Note (kept with the order)").fill("asked by phone")
    page.get_by_role("button", name="Add the note").click()
    page.get_by_text("Work on this case").click()
    page.get_by_role("button", name="Take it").click()
    expect(page.get_by_text("asked by phone").first).to_be_visible()
    look(page, tmp_path / f"case-{width}.png")
    page.get_by_label("It means the unit").check()
    page.get_by_label("Our item number or unit code").fill("C62")
    page.get_by_role("button", name="Settle and take the order again").click()
    expect(page.get_by_text("It settles 2 further cases")).to_be_visible()
    look(page, tmp_path / f"foreseen-{width}.png")
    page.get_by_label("Yes, settle these cases so").check()
    page.get_by_role("button", name="Settle", exact=True).click()
    expect(page.get_by_role("heading", name="2 cases settled")).to_be_visible()
    look(page, tmp_path / f"settled-{width}.png")
    page.goto(f"{site}/desk")
    page.get_by_role("checkbox").last.check()
    page.get_by_role("button", name="Settle the chosen ones").click()
    look(page, tmp_path / f"chosen-{width}.png")
    page.goto(f"{site}/desk?list=refused")
    look(page, tmp_path / f"refused-{width}.png")
    page.goto(f"{site}/desk/figures")
    look(page, tmp_path / f"touchless-{width}.png")
    assert [desk.order(number).state for number in ("S-1", "S-2", "S-4")] == ["awaiting_approval"] * 2 + ["held"]

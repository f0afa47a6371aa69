"""Approval from end to end, each part real: an author builds a flow of three stages in a browser, sees which past
orders it would treat in another way, and publishes it; an order comes by cXML; two people approve it on a phone and a
third by the link of a mail; it is at the ERP."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chromium import Watched, browsing, look, sign_in
from console import Demo, demo, run
from demo_orders import order_bytes
from fault_site import until
from mail_server import Mailbox, mail_server
from playwright.sync_api import Page, expect

from app.sandbox.buyer import VirtualBuyer
from app.sandbox.erp import ErpView

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
APPROVERS = {"ana": "Ana Buyer", "ben": "Ben Budget", "carl": "Carl Controller"}
PAST, LARGE = 40, 5
"""Orders that came before the new rules, and those of them that people were asked about."""
LINK = re.compile(r"http://127\.0\.0\.1:\d+/approve/[\w-]+")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def shop(copied: Callable[[], Path], mailbox: Mailbox) -> Iterator[Demo]:
    data = copied()
    mail = {
        "CROSSDOCK_SMTP_HOST": "127.0.0.1",
        "CROSSDOCK_SMTP_PORT": str(mailbox.port),
        "CROSSDOCK_SMTP_SECURITY": "none",
        "CROSSDOCK_MAIL_FROM": "approvals@shop.example",
    }
    with demo(data, **mail) as started:
        add(data, "flora", "Flora Flow", "flow_author")
        for login, name in APPROVERS.items():
            add(data, login, name, "approver")
            told(data, "person", "limit", login, "5000.00", "EUR")
        yield started


def told(data: Path, *arguments: str, stdin: bytes = b"") -> None:
    done = run(*arguments, "--data", str(data), stdin=stdin)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def add(data: Path, login: str, name: str, role: str) -> None:
    options = ["--name", name, "--role", role, "--email", f"{login}@shop.example", "--password-stdin"]
    told(data, "person", "add", login, *options, stdin=f"{PASSWORD}\n".encode())


def post(shop: Demo, number: str, quantity: int) -> None:
    buyer = VirtualBuyer(shop.access.cxml)
    assert buyer.post(order_bytes(buyer, number, quantity)).code in (200, 201)
    buyer.close()


@contextmanager
def signed_in(shop: Demo, login: str, width: int) -> Iterator[Page]:
    with browsing(viewport={"width": width, "height": 800}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        sign_in(page, shop.access.base_url, login, PASSWORD)
        page.wait_for_url(lambda url: "/login" not in url)
        yield page
        assert watched.complaints == []


def ask(page: Page, stage: int, name: str, login: str) -> None:
    """In the stage's first step. What is typed is saved on the way, and the sentence says who that is."""
    step = f"stages.{stage}.steps.0"
    page.locator(f"[id='{step}.name']").fill(name)
    page.locator(f"[id='{step}.approver.by']").select_option("user")
    who = page.locator(f"[id='{step}.approver.name']")
    who.fill(login)
    who.press("Tab")
    expect(page.locator(f"[id='{step}'] .cd-sentence")).to_contain_text(APPROVERS[login])


def test_from_the_editor_to_the_erp(shop: Demo, mailbox: Mailbox, tmp_path: Path) -> None:
    for number in range(PAST):
        post(shop, f"PAST-{number:02}", 20 if number < LARGE else 2)

    with signed_in(shop, "flora", 1280) as page:
        page.goto(f"{shop.access.base_url}/admin/rules?q=Atlas")
        page.get_by_role("table").first.get_by_role("link").first.click()
        page.get_by_role("button", name="New draft from it").click()
        page.locator("button[value='remove:stages.1']").click()
        page.locator("[id='stages.1']").wait_for(state="detached")
        ask(page, 0, "Purchasing lead", "ana")
        for stage, (name, login) in enumerate((("Budget", "ben"), ("Controlling", "carl")), 1):
            page.get_by_role("button", name="Add a stage").click()
            page.locator(f"[id='stages.{stage}.steps.0.name']").wait_for()
            ask(page, stage, name, login)
        page.locator("[id='link_limit.amount']").fill("2000.00")
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.locator("[id='link_limit.amount']").press("Enter")
        look(page, tmp_path / "editor.png")
        page.get_by_role("link", name="Versions").click()
        page.get_by_role("link", name="Try on past orders").click()
        page.get_by_role("button", name="Try", exact=True).click()
        expect(page.get_by_text(f"{LARGE} orders would be treated in another way")).to_be_visible()
        expect(page.get_by_text(f"would have stopped {LARGE} of {PAST} orders")).to_be_visible()
        look(page, tmp_path / "simulation.png")
        page.get_by_role("link", name="The rules").click()
        page.get_by_role("link", name="Edit the draft").click()
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("in force")).to_be_visible()
        look(page, tmp_path / "published.png")

    post(shop, "PO-STORY", 20)
    for login in ("ana", "ben"):
        assert ErpView(shop.access.erp_url).orders("PO-STORY") == []
        with signed_in(shop, login, 360) as page:
            page.goto(f"{shop.access.base_url}/approvals")
            look(page, tmp_path / f"inbox-{login}.png")
            page.get_by_role("link", name="PO-STORY").click()
            look(page, tmp_path / f"task-{login}.png")
            page.get_by_text("Approve", exact=True).click()
            page.get_by_role("button", name="Send the decision").click()
            expect(page.get_by_text("Your answer to this order")).to_be_visible()

    links: list[str] = []
    until(lambda: links.extend(links_to(mailbox, "carl")) or bool(links), "the mail is there", 30)
    with browsing(viewport={"width": 360, "height": 800}) as browser:
        page = browser.new_page()
        page.goto(links[0])
        look(page, tmp_path / "link.png")
        assert ErpView(shop.access.erp_url).orders("PO-STORY") == []
        page.get_by_text("Approve", exact=True).click()
        page.get_by_role("button", name="Send the decision").click()
        expect(page.get_by_text("Carl Controller approved this order")).to_be_visible()
    arrived = ErpView(shop.access.erp_url).wait_for("PO-STORY")
    assert arrived is not None
    assert [line.quantity for line in arrived.lines] == [20]
    assert ErpView(shop.access.erp_url).doubles() == 0


def links_to(mailbox: Mailbox, login: str) -> list[str]:
    mails = [mail for mail in mailbox.mails if f"{login}@shop.example" in str(mail["To"])]
    bodies = [mail.get_body(("plain",)) for mail in mails]
    return [found for body in bodies if body is not None for found in LINK.findall(body.get_content())]

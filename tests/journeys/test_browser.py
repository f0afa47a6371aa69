"""The shop in a frame of another site with all cookies blocked, and an approver's yes: in a real browser, on the real
command."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Watched, browsing
from console import Demo
from demo_orders import order_bytes
from playwright.sync_api import Page, expect
from portal import Portal
from serving import served

from app.sandbox.access import DemoAccess
from app.sandbox.buyer import VirtualBuyer
from app.sandbox.erp import ErpView
from schemas.punchout import Operation, PunchoutRequest

pytestmark = pytest.mark.browser


@pytest.fixture
def portal() -> Iterator[Portal]:
    """At `localhost`, which is another site than 127.0.0.1."""
    made = Portal()
    with served(made.app()) as url:
        made.url = url.replace("127.0.0.1", "localhost")
        yield made


def test_a_cart_goes_home_from_a_frame_of_another_site_without_cookies(
    buyer: VirtualBuyer, portal: Portal, running: Demo, tmp_path: Path
) -> None:
    reply, start = buyer.punch_out(
        PunchoutRequest(operation=Operation.CREATE, buyer_cookie="r<7>", return_url=f"{portal.url}/back", language="en")
    )
    assert start is not None, reply
    with browsing(cookies=False, viewport={"width": 1000, "height": 800}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        page.goto(f"{portal.url}/portal?start={start}")
        shop = page.frame_locator("iframe")
        shop.get_by_role("searchbox").fill("hexagon screw")
        shop.get_by_role("searchbox").press("Enter")
        row = shop.locator("#row-FA-1001")
        row.get_by_role("textbox").fill("3")
        row.get_by_role("button", name="Add").click()
        expect(shop.locator("#to-cart")).to_contain_text("14.55")
        page.screenshot(path=tmp_path / "shop.png")
        shop.locator("#to-cart").click()
        shop.get_by_role("heading", name="Check and return").wait_for()
        page.screenshot(path=tmp_path / "cart.png")
        shop.get_by_role("button", name="Return cart").click()
        page.get_by_role("heading", name="Received").wait_for()
        assert browser.cookies() == []
    assert watched.complaints == []
    assert watched.hosts == {portal.url.removeprefix("http://"), f"127.0.0.1:{running.port}"}
    (line,) = portal.cart.lines
    assert (portal.cart.buyer_cookie, line.item.supplier_id) == ("r<7>", "FA-1001")
    assert str(portal.cart.total) == "EUR 14.55"


def test_an_approver_says_yes_in_a_browser(
    buyer: VirtualBuyer, access: DemoAccess, erp: ErpView, running: Demo, tmp_path: Path
) -> None:
    assert buyer.post(order_bytes(buyer, "BROWSER-1", 20)).code == 201
    with browsing(viewport={"width": 1000, "height": 800}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        sign_in(page, access, "approver")
        page.screenshot(path=tmp_path / "inbox.png")
        page.get_by_role("link", name="BROWSER-1").click()
        page.screenshot(path=tmp_path / "task.png", full_page=True)
        page.locator("label[for=yes]").click()
        page.get_by_role("button", name="Send the decision").click()
        expect(page.get_by_text("Approved").first).to_be_visible()
        page.screenshot(path=tmp_path / "decided.png")
    assert erp.wait_for("BROWSER-1") is not None
    assert watched.complaints == []
    assert watched.hosts == {f"127.0.0.1:{running.port}"}


def test_a_held_order_is_seen_at_the_desk(
    buyer: VirtualBuyer, access: DemoAccess, running: Demo, tmp_path: Path
) -> None:
    body = order_bytes(buyer, "BROWSER-2").replace(b">SET<", b">XYZ<")
    assert buyer.post(body).code == 201
    with browsing(viewport={"width": 1000, "height": 800}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        sign_in(page, access, "operator")
        page.get_by_role("link", name="Desk", exact=True).click()
        page.screenshot(path=tmp_path / "desk.png")
        page.get_by_role("link", name="BROWSER-2").first.click()
        expect(page.get_by_text("XYZ").first).to_be_visible()
        page.screenshot(path=tmp_path / "case.png", full_page=True)
    assert watched.complaints == []
    assert watched.hosts == {f"127.0.0.1:{running.port}"}


def sign_in(page: Page, access: DemoAccess, role: str) -> None:
    user = access.user(role)
    page.goto(access.base_url)
    page.get_by_label("Name").fill(user.name)
    page.get_by_label("Password").fill(user.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)

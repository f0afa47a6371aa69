"""The shop in a frame of the buyer's own page, in a real browser that keeps no cookie: `localhost` and `127.0.0.1` are
different sites to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from chromium import Watched, browsing, violations
from playwright.sync_api import FrameLocator, Locator, Page
from portal import Portal
from serving import served
from shop_visits import BuyerSide, add_buyer, line, stock_shop

from app.gateway import Gateway
from app.web.routes import assemble
from schemas.cart import Cart

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@dataclass
class Meeting:
    """Both sides up: the shop at `localhost`, the portal at `127.0.0.1`."""

    shop: str
    portal: Portal
    buyer: BuyerSide

    def start(self, operation: str = "create", **more: object) -> str:
        url = self.buyer.punch_out(operation, return_url=f"{self.portal.url}/back", **more)
        return f"{self.shop}/start/{url.rpartition('/')[2]}"

    def framed(self, page: Page, operation: str = "create", **more: object) -> FrameLocator:
        page.goto(f"{self.portal.url}/portal?start={self.start(operation, **more)}")
        return page.frame_locator("iframe[name=shop]")

    def received(self, page: Page) -> Cart:
        page.wait_for_url("**/back")
        page.get_by_role("heading", name="Received").wait_for()
        return self.portal.cart


@pytest.fixture
def meeting(gateway: Gateway) -> Iterator[Meeting]:
    stock_shop(gateway)
    buyer = add_buyer(gateway, return_hosts=("127.0.0.1",))
    portal = Portal()
    shop = assemble(gateway, allowed_hosts=("localhost",))
    with served(shop) as shop_url, served(portal.app()) as portal_url:
        portal.url = portal_url
        yield Meeting(shop_url.replace("127.0.0.1", "localhost"), portal, buyer)


def add(shop: FrameLocator | Page, sku: str, quantity: str) -> None:
    shop.get_by_role("searchbox").fill(sku)
    shop.get_by_role("searchbox").press("Enter")
    field_ = shop.locator(f"[id='quantity-{sku}']")
    field_.fill(quantity)
    field_.press("Enter")
    shop.get_by_text(f"{quantity} in the cart").wait_for()


def skus(cart: Cart) -> dict[str | None, str]:
    return {one.item.supplier_id: f"{one.quantity.amount:f}" for one in cart.lines}


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_create_add_reload_return_without_any_cookie(meeting: Meeting, scripts: bool) -> None:
    with browsing(cookies=False, scripts=scripts, viewport={"width": 800, "height": 700}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        shop = meeting.framed(page)
        add(shop, "SF-3001", "12")
        if scripts:
            assert page.evaluate("document.cookie = 'kept=1'; document.cookie") == ""
            assert page.frames[1].evaluate("document.cookie = 'kept=1'; document.cookie") == ""
        address = page.frames[1].url
        page.frames[1].goto(address)
        shop.get_by_role("link", name="Return cart (1)").wait_for()
        add(shop, "FA-1020", "300")
        shop.get_by_role("link", name="Return cart (2)").click()
        shop.get_by_role("heading", name="Check and return").wait_for()
        shop.get_by_role("button", name="Return cart").click()
        if not scripts:
            shop.get_by_role("button", name="Continue").click()
        cart = meeting.received(page)
        assert skus(cart) == {"SF-3001": "12", "FA-1020": "300"}
        assert browser.cookies() == []
    _, request = meeting.portal.received[0]
    assert request.headers["origin"] == meeting.shop
    assert request.headers["referer"] == f"{meeting.shop}/"
    assert "cookie" not in request.headers
    assert watched.complaints == []
    assert watched.hosts == {meeting.shop.removeprefix("http://"), meeting.portal.url.removeprefix("http://")}


def test_edit_in_a_frame_keeps_the_lines_identity(meeting: Meeting) -> None:
    with browsing(cookies=False) as browser:
        page = browser.new_page()
        watched = Watched(page)
        lines = (line("SF-3001", "5", "aux-1"), line("GONE-1", "2", "aux-2", "Old product"))
        shop = meeting.framed(page, "edit", lines=lines)
        shop.get_by_text("You are changing a cart of your system").wait_for()
        shop.get_by_role("button", name="Remove Old product").click()
        shop.get_by_text("The line was removed.").wait_for()
        shop.get_by_label("Quantity of Nitrile gloves").fill("6")
        shop.get_by_role("button", name="Return cart").click()
        shop.get_by_text("The cart has changed since you saw it.").wait_for()
        shop.get_by_role("button", name="Return cart").click()
        (only,) = meeting.received(page).lines
        assert (only.item.supplier_auxiliary_id, f"{only.quantity.amount:f}") == ("aux-1", "6")
        assert watched.complaints == []


@pytest.mark.parametrize("operation", ["inspect", "edit", "create"])
def test_leaving_a_frame_changes_nothing(meeting: Meeting, operation: str) -> None:
    with browsing(cookies=False) as browser:
        page = browser.new_page()
        lines = () if operation == "create" else (line("SF-3001", "5", "aux-1"),)
        shop = meeting.framed(page, operation, lines=lines)
        shop.get_by_role("button", name="Close" if operation == "inspect" else "Cancel").click()
        assert meeting.received(page).unchanged


def tab_to(page: Page, target: Locator) -> None:
    """Presses Tab until the target has the focus, and sees to it that the focus can be seen."""
    for _ in range(120):
        if target.evaluate("e => e === document.activeElement"):
            assert target.evaluate("e => getComputedStyle(e).outlineStyle") != "none"
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not reach it")


def test_a_purchase_with_the_keyboard_alone(meeting: Meeting) -> None:
    with browsing(cookies=False) as browser:
        page = browser.new_page()
        page.goto(meeting.start())
        tab_to(page, page.get_by_role("link", name="Skip to content"))
        tab_to(page, page.get_by_role("searchbox"))
        page.keyboard.type("nitrile")
        page.keyboard.press("Enter")
        page.get_by_text("2 products").wait_for()
        quantity = page.locator("[id='quantity-SF-3001']")
        tab_to(page, quantity)
        page.keyboard.press("Control+A")
        page.keyboard.type("3")
        page.keyboard.press("Enter")
        page.get_by_text("3 in the cart").wait_for()
        assert quantity.evaluate("e => e === document.activeElement")
        page.keyboard.press("Control+Home")
        page.reload()
        tab_to(page, page.get_by_role("link", name="Return cart (1)"))
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("button", name="Return cart"))
        page.keyboard.press("Enter")
        assert skus(meeting.received(page)) == {"SF-3001": "3"}


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_double_press_back_and_reload_add_nothing_twice(meeting: Meeting, scripts: bool) -> None:
    with browsing(cookies=False, scripts=scripts) as browser:
        page = browser.new_page()
        page.goto(meeting.start())
        page.get_by_role("searchbox").fill("SF-3001")
        page.get_by_role("searchbox").press("Enter")
        page.locator("[id='quantity-SF-3001']").fill("2")
        page.get_by_role("button", name="Add Nitrile").dblclick()
        page.get_by_text("2 in the cart").wait_for()
        page.reload()
        page.get_by_text("2 in the cart").wait_for()
        page.get_by_role("link", name="Return cart (1)").click()
        page.get_by_role("heading", name="Check and return").wait_for()
        page.go_back()
        page.get_by_text("2 in the cart").wait_for()
        page.get_by_role("link", name="Return cart (1)").click()
        assert page.get_by_label("Quantity of Nitrile gloves").input_value() == "2"
        page.get_by_role("button", name="Return cart").dblclick()
        if not scripts:
            page.get_by_role("button", name="Continue").click()
        assert skus(meeting.received(page)) == {"SF-3001": "2"}


def test_the_back_button_after_the_return_finds_an_ended_session(meeting: Meeting) -> None:
    with browsing(cookies=False) as browser:
        page = browser.new_page()
        page.goto(meeting.start())
        add(page, "SF-3001", "1")
        address = page.url
        page.get_by_role("link", name="Return cart (1)").click()
        page.get_by_role("button", name="Return cart").click()
        meeting.received(page)
        page.goto(address)
        page.get_by_role("heading", name="Your session has ended").wait_for()
        assert len(meeting.portal.received) == 1


def test_two_tabs_show_one_cart_and_the_later_change_counts(meeting: Meeting) -> None:
    with browsing(cookies=False) as browser:
        first = browser.new_page()
        first.goto(meeting.start())
        add(first, "SF-3001", "2")
        first.get_by_role("link", name="Return cart (1)").click()
        second = browser.new_page()
        second.goto(first.url)
        second.get_by_label("Quantity of Nitrile gloves").fill("5")
        second.get_by_role("button", name="Update quantities").last.click()
        second.get_by_text("The cart was updated.").wait_for()
        first.get_by_label("Quantity of Nitrile gloves").fill("9")
        first.get_by_role("button", name="Update quantities").last.click()
        first.get_by_text("The cart was changed in another window meanwhile.").wait_for()
        first.get_by_role("button", name="Return cart").click()
        assert skus(meeting.received(first)) == {"SF-3001": "9"}
        second.reload()
        second.get_by_role("heading", name="Your session has ended").wait_for()


def test_a_page_that_may_not_frame_the_shop_shows_none_of_it(meeting: Meeting, gateway: Gateway) -> None:
    stranger = Portal()
    with served(stranger.app()) as url, browsing(cookies=False) as browser:
        page = browser.new_page()
        page.goto(f"{url}/portal?start={meeting.start()}")
        page.wait_for_timeout(500)
        assert "All products" not in page.frames[1].content()


SPILLS = """[...document.querySelectorAll('.button, .row > *, .bar *, h1, h2, p, li')]
    .filter(e => e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1)
    .map(e => e.className + ': ' + e.textContent.trim().slice(0, 40))"""
"""Elements whose text runs out of their box."""


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_no_page_is_wider_than_its_window_in_any_language(meeting: Meeting, width: int) -> None:
    with browsing(viewport={"width": width, "height": 800}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        for language in ("en", "es-MX", "pt-BR", "fr", "de"):
            lines = (line("SF-3001", "5"), line("FA-1010", "150"), line("LU-1130", "1.5"), line("GONE", "1"))
            page.goto(meeting.start("edit", lines=lines, language=language))
            prefix = page.url.removesuffix("cart")
            for path in ("cart", "", "?shelf=electrical", "?q=nothing+at+all", "item/EL-4002", "item/NOPE"):
                page.goto(prefix + path)
                assert page.locator("html").get_attribute("lang") == language
                assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (language, path)
                assert page.evaluate(SPILLS) == [], (language, path)
        assert watched.complaints == []
        assert watched.hosts == {meeting.shop.removeprefix("http://")}


@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_no_fault_on_any_page(meeting: Meeting, width: int) -> None:
    with browsing(viewport={"width": width, "height": 800}) as browser:
        page = browser.new_page()
        lines = (line("SF-3001", "5"), line("FA-1010", "150"), line("LU-1130", "1.5"), line("GONE", "1"))
        for operation in ("edit", "inspect"):
            page.goto(meeting.start(operation, lines=lines))
            prefix = page.url.removesuffix("cart")
            for path in ("cart", "", "?q=nothing+at+all", "item/EL-4002", "item/NOPE"):
                page.goto(prefix + path)
                assert violations(page) == [], (operation, path)
        page.goto(meeting.start())
        page.locator("[id='quantity-CL-7001']").fill("1.5")
        page.get_by_role("button", name="Add Paper towel").click()
        page.get_by_text("Only whole units can be ordered.").first.wait_for()
        assert violations(page) == [], "wrong quantity"
        page.goto(meeting.shop + "/p/unknown/")
        assert violations(page) == [], "ended"

"""The pages of a person's account in a real browser: narrow, in each language, without scripts, by keyboard."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pyotp
import pytest
from chromium import Watched, browsing, violations
from order_desk import Desk, set_up
from people_at_work import PASSWORD, give_passwords, hash_cheaply
from playwright.sync_api import Page
from serving import served

from app.clock import SetClock
from app.gateway import Gateway
from app.storage.people import PersonRow
from app.web.routes import assemble

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

LANGUAGES = ("en", "es", "pt")


@pytest.fixture
def desk(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    clock.move(datetime.now(UTC) - clock.now())
    made = set_up(gateway)
    for language in LANGUAGES:
        made.person(language, "admin")
    give_passwords(made)
    for language in LANGUAGES:
        made.write(lambda tx, one=language: setattr(tx.get_one(PersonRow, made.people[one].id), "language", one))
    return made


@pytest.fixture
def shop(desk: Desk) -> Iterator[str]:
    with served(assemble(desk.gateway, allowed_hosts=("127.0.0.1",))) as url:
        yield url


def sign_in(page: Page, shop: str, login: str) -> None:
    page.goto(f"{shop}/login")
    page.locator("#login").fill(login)
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")


def look(page: Page, language: str) -> None:
    assert page.locator("html").get_attribute("lang") == language
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, page.url
    assert violations(page) == [], page.url


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_fit_and_axe_finds_nothing(shop: str, clock: SetClock, width: int) -> None:
    for language in LANGUAGES:
        with browsing(viewport={"width": width, "height": 800}) as browser:
            page = browser.new_page()
            watched = Watched(page)
            sign_in(page, shop, language)
            page.wait_for_url("**/orders")
            for path in ("/account", "/account/second-factor", "/admin/keys"):
                page.goto(f"{shop}{path}")
                look(page, language)
            page.goto(f"{shop}/account/second-factor")
            page.locator("main form button").click()
            look(page, language)
            assert page.locator("svg.segno path").count() >= 1
            secret = page.locator("p.cd-verbatim").inner_text().replace(" ", "")
            page.locator("#confirm").fill(pyotp.TOTP(secret).at(clock.now()))
            page.keyboard.press("Enter")
            page.locator("ul.cd-codes").wait_for()
            look(page, language)
            page.goto(f"{shop}/account/second-factor")
            look(page, language)
            assert watched.complaints == []
            assert watched.hosts == {shop.removeprefix("http://")}


def test_two_steps_without_scripts_and_by_keyboard(shop: str, clock: SetClock) -> None:
    with browsing(scripts=False, viewport={"width": 360, "height": 800}) as browser:
        page = browser.new_page()
        sign_in(page, shop, "en")
        page.wait_for_url("**/orders")
        page.goto(f"{shop}/account/second-factor")
        page.get_by_role("button", name="Add a second factor").focus()
        page.keyboard.press("Enter")
        secret = page.locator("p.cd-verbatim").inner_text().replace(" ", "")
        page.get_by_label("Code of your device").fill(pyotp.TOTP(secret).at(clock.now()))
        page.keyboard.press("Enter")
        recovery = page.locator("ul.cd-codes li").first.inner_text()
        page.get_by_role("button", name="Sign out").click()
        sign_in(page, shop, "en")
        page.wait_for_url("**/login/code")
        page.get_by_label("Code of your second factor").fill(recovery)
        page.keyboard.press("Enter")
        page.wait_for_url("**/orders")

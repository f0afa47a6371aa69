"""The pages of a person's account in a real browser: narrow, in each language, without scripts, by keyboard."""

from datetime import UTC, datetime

import chromium
import pyotp
import pytest
from chromium import Watched, browsing, sign_in
from order_desk import Desk, set_up
from people_at_work import PASSWORD, give_passwords, hash_cheaply
from playwright.sync_api import Page

from app.clock import SetClock
from app.gateway import Gateway
from app.storage.people import PersonRow

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


def look(page: Page, language: str) -> None:
    assert page.locator("html").get_attribute("lang") == language
    chromium.look(page)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_fit_and_axe_finds_nothing(site: str, clock: SetClock, width: int) -> None:
    for language in LANGUAGES:
        with browsing(viewport={"width": width, "height": 800}) as browser:
            page = browser.new_page()
            watched = Watched(page)
            sign_in(page, site, language, PASSWORD)
            page.wait_for_url("**/orders")
            for path in ("/account", "/account/second-factor", "/admin/keys"):
                page.goto(f"{site}{path}")
                look(page, language)
            page.goto(f"{site}/account/second-factor")
            page.locator("main form button").click()
            look(page, language)
            assert page.locator("svg.segno path").count() >= 1
            secret = page.locator("p.cd-verbatim").inner_text().replace(" ", "")
            page.locator("#confirm").fill(pyotp.TOTP(secret).at(clock.now()))
            page.keyboard.press("Enter")
            page.locator("ul.cd-codes").wait_for()
            look(page, language)
            page.goto(f"{site}/account/second-factor")
            look(page, language)
            assert watched.complaints == []
            assert watched.hosts == {site.removeprefix("http://")}


def test_two_steps_without_scripts_and_by_keyboard(site: str, clock: SetClock) -> None:
    with browsing(scripts=False, viewport={"width": 360, "height": 800}) as browser:
        page = browser.new_page()
        sign_in(page, site, "en", PASSWORD)
        page.wait_for_url("**/orders")
        page.goto(f"{site}/account/second-factor")
        page.get_by_role("button", name="Add a second factor").focus()
        page.keyboard.press("Enter")
        secret = page.locator("p.cd-verbatim").inner_text().replace(" ", "")
        page.get_by_label("Code of your device").fill(pyotp.TOTP(secret).at(clock.now()))
        page.keyboard.press("Enter")
        recovery = page.locator("ul.cd-codes li").first.inner_text()
        page.get_by_role("button", name="Sign out").click()
        sign_in(page, site, "en", PASSWORD)
        page.wait_for_url("**/login/code")
        page.get_by_label("Code of your second factor").fill(recovery)
        page.keyboard.press("Enter")
        page.wait_for_url("**/orders")

"""The lists of records in a real browser: their scripts run under the page's policy, and nobody else is asked."""

from datetime import UTC, datetime

import pytest
from chromium import Watched, browsing, sign_in
from order_desk import Desk, set_up
from people_at_work import PASSWORD, give_passwords, hash_cheaply
from sqlmodel import select

from app.clock import SetClock
from app.gateway import Gateway
from app.storage.catalog import ItemRow

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.fixture
def desk(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    clock.move(datetime.now(UTC) - clock.now())
    made = set_up(gateway)
    made.person("root", "admin")
    give_passwords(made)
    return made


def test_rows_are_chosen_and_switched_off(site: str, desk: Desk) -> None:
    with browsing(viewport={"width": 360, "height": 800}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        sign_in(page, site, "root", PASSWORD, then="/admin/records/items/list")
        # The address of the login page ends in the same words.
        page.wait_for_url(lambda url: "/login" not in url)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.get_by_label("Select all rows").check()
        page.get_by_text("With selected").click()
        page.get_by_text("Switch off").click()
        with page.expect_navigation():
            page.get_by_role("button", name="Yes, Proceed").click()
        page.goto(f"{site}/admin/records/items/list")
        page.get_by_role("button", name="Filters").click()
        page.goto(f"{site}/admin/records/orders/list")
        assert watched.complaints == []
        assert watched.hosts == {site.removeprefix("http://")}
    with desk.gateway.database.read() as session:
        assert {item.active for item in session.exec(select(ItemRow))} == {False}

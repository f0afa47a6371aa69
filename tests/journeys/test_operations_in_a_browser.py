"""The operators' page in a real browser: narrow and wide, in each language, without scripts, by keyboard."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import figures_traffic as traffic
import pytest
from chromium import Watched, browsing, violations
from playwright.sync_api import BrowserContext
from serving import served
from sqlmodel import Session

from app.clock import SetClock
from app.gateway import Gateway
from app.jobs import count_hours
from app.storage import breakers, processes
from app.storage.base import LIVE
from app.storage.deliveries import DeliveryRow
from app.storage.orders import OrderRow
from app.storage.people import PersonRow, PersonSessionRow, session_key
from app.web.routes import assemble

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

LONG = "A partner with a name that is longer than any column was made for, and goes on, GmbH & Co. KG"
INNER_SCROLL = """() => [...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1
    && getComputedStyle(e).overflowX === 'visible' && e.clientWidth > 0 && !e.closest('svg')
    && !e.closest('.cd-table-room, .cd-chart-room, .visually-hidden')).map(e => e.outerHTML.slice(0, 120))"""


@pytest.fixture
def shop(gateway: Gateway, clock: SetClock) -> Iterator[str]:
    clock.move(datetime.now(UTC) - clock.now())
    now = clock.now()
    trades = traffic.month(gateway, 600, partners=6, days=8)
    orders = [traffic.order(trade, now, f"PO-OPEN-{n}", "held") for n, trade in enumerate(trades)]
    traffic.put(gateway, OrderRow, orders)
    traffic.put(
        gateway,
        DeliveryRow,
        (
            traffic.delivery(trade, of, now - timedelta(minutes=3 ** (n + 1)), None, "waiting")
            for n, (trade, of) in enumerate(zip(trades, orders, strict=True))
        ),
    )

    def work(tx: Session) -> None:
        tx.add(traffic.PartnerRow(realm=LIVE, name=LONG, created_at=now))
        processes.began(tx, "worker-1", now, works=True)
        for _ in range(breakers.FAILURES):
            breakers.Breakers(tx).failed("main", now, "down", probe=False)
        for language in ("en", "es", "pt"):
            person = PersonRow(
                realm=LIVE,
                login=language,
                name="Otto",
                password="-",
                roles=["operator"],
                language=language,
                created_at=now,
            )
            tx.add(person)
            tx.flush()
            key = session_key(language)
            tx.add(PersonSessionRow(id_sha256=key, realm=LIVE, person_id=person.id, began_at=now, seen_at=now))

    gateway.database.write(work)
    count_hours.run(gateway)
    with served(assemble(gateway, allowed_hosts=("127.0.0.1",))) as url:
        yield url


def sign_in(browser: BrowserContext, language: str) -> None:
    cookie = {"name": "__Host-crossdock", "value": language, "domain": "127.0.0.1", "path": "/", "secure": True}
    browser.add_cookies([cookie])  # type: ignore[list-item]


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_the_page_fits_and_axe_finds_nothing(shop: str, width: int) -> None:
    with browsing(viewport={"width": width, "height": 800}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        for language, period in (("en", "24h"), ("es", "7d"), ("pt", "30d")):
            sign_in(browser, language)
            page.goto(f"{shop}/operations?period={period}")
            assert page.locator("html").get_attribute("lang") == language
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (language, period)
            assert page.evaluate(INNER_SCROLL) == [], (language, period)
            assert violations(page) == [], (language, period)
        assert watched.complaints == []
        assert watched.hosts == {shop.removeprefix("http://")}


def test_it_works_without_scripts_and_by_keyboard(shop: str) -> None:
    with browsing(scripts=False, viewport={"width": 1000, "height": 800}) as browser:
        sign_in(browser, "en")
        page = browser.new_page()
        page.goto(f"{shop}/operations")
        page.get_by_label("Period").focus()
        page.keyboard.press("7")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/operations?period=7d*")
        summary = page.locator("#documents-card summary")
        summary.focus()
        page.keyboard.press("Enter")
        page.get_by_role("link", name="cXML refused").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**sort=documents.-series_2**")
        assert page.locator("#documents-card details").get_attribute("open") is not None
        page.get_by_label("Name contains").fill("longer than any")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=longer**")
        assert page.locator("#partners-card tbody tr").count() == 1
        assert page.url.count("period=7d") == 1

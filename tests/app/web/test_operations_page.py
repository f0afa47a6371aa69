"""The operators' page: what needs a person, what happened, the same numbers as tables and files, for who may see it."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import figures_traffic as traffic
import pytest
from figures_traffic import Trade
from lxml import html
from order_desk import Desk
from people_at_work import Browser, application, give_passwords, hash_cheaply
from python_calamine import CalamineWorkbook
from sqlalchemy import event
from sqlmodel import Session

from app.clock import SetClock
from app.formats import formats
from app.gateway import Gateway
from app.jobs import count_hours
from app.storage import breakers, lane_stops, processes
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.database import Database
from app.storage.deliveries import DeliveryRow
from app.storage.exchanges import ExchangeRow
from app.storage.hourly import begin_of, hour_of
from app.storage.orders import HoldRow, OrderRevisionRow, OrderRow
from app.storage.partners import PartnerIdentityRow, PartnerRow
from app.web.operations.period import Period, span
from app.web.operations.tables import Column, Kind, Table

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def desk(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    (trade,) = traffic.traders(gateway, 1)
    with gateway.database.read() as session:
        partner, customer = session.get_one(PartnerRow, trade.partner), session.get_one(CustomerRow, trade.customer)
    made = Desk(gateway, partner, customer)
    made.person("otto", "operator")
    made.person("nora", "operator", customers=[])
    made.person("paula", "approver")
    give_passwords(made)
    gateway.database.write(lambda tx: processes.began(tx, "worker-1", clock.now(), works=True))
    return made


@pytest.fixture
def trade(desk: Desk) -> Trade:
    return Trade(desk.partner.id, desk.customer.id)


async def otto_at(desk: Desk, path: str = "/operations", login: str = "otto", language: str = "en") -> Browser:
    browser = await Browser(application(desk.gateway), language=language).sign_in(login)
    return await browser.go(path)


async def test_all_is_well_when_nothing_waits(desk: Desk) -> None:
    otto = await otto_at(desk, "/")
    assert otto.path == "/operations"
    assert "All is well" in otto.text
    assert "Needs a person now" not in otto.text
    assert otto.text.count("Nothing in this period.") == 7


async def test_what_needs_a_person_is_named_with_the_way_to_it(desk: Desk, trade: Trade, clock: SetClock) -> None:
    now, gateway = clock.now(), desk.gateway
    late = now - 2 * DAY
    orders = [
        traffic.order(trade, late, "PO-LATE", "held", promised=True),
        traffic.order(trade, now, "PO-ASKED", "awaiting_approval"),
        traffic.order(trade, now, "PO-DEAD", "held"),
    ]
    traffic.put(gateway, OrderRow, orders)
    waiting = traffic.delivery(trade, orders[0], late, None, "waiting")
    dead = traffic.delivery(trade, orders[2], now, now, "dead")
    replaced = traffic.delivery(trade, orders[2], now, now, "dead", revision=2, superseded=True)
    traffic.put(gateway, DeliveryRow, [waiting, dead, replaced])

    def work(tx: Session) -> None:
        tx.add(
            OrderRevisionRow(
                realm=LIVE, order_id=orders[0]["id"], number=1, change="new", exchange_id="e", received="{}", at=late
            )
        )
        case = {"realm": LIVE, "order_id": orders[2]["id"], "customer_id": trade.customer, "revision": 1}
        tx.add(HoldRow(**case, code="erp.dead", message="m", state="open", opened_at=now))
        tx.add(HoldRow(**case, code="erp.dead", message="m", state="settled", opened_at=now))
        lane_stops.pause(tx, LIVE, f"{trade.customer}:main", at=now, by="otto")
        for _ in range(breakers.FAILURES):
            breakers.Breakers(tx).failed("main", now, "down", probe=False)
            breakers.Breakers(tx).failed("sandbox/other", now, "down", probe=False)
        processes.began(tx, "worker-2", late, works=True)

    gateway.database.write(work)
    otto = await otto_at(desk)
    shown = html.document_fromstring(otto.answer.text).xpath("//ul[@class='cd-needs']/li")
    said = {" ".join(item.text_content().split()): [a.get("href") for a in item.xpath(".//a")] for item in shown}
    assert said == {
        "1 worker is silent: worker-2": ["/operations/work"],
        "1 ERP does not answer and is not called: main": ["/operations/work"],
        "1 reply to a buyer is overdue: PO-LATE": [f"/orders/{orders[0]['id']}"],
        "1 delivery to an ERP has come to a stop": ["/desk"],
        "1 lane is stuck": ["/operations/work"],
        "1 lane was stopped by a person": ["/operations/work"],
        "1 case waits at the desk": ["/desk"],
        "1 order waits for approval": ["/orders?state=awaiting_approval"],
    }
    for href in ("/desk", "/operations/work", "/orders?state=awaiting_approval"):
        assert (await otto.go(href)).answer.status_code == 200
    nora = await otto_at(desk, login="nora")
    assert "worker-2" in nora.text
    for others in ("PO-LATE", "at the desk", "waits for approval", "stuck", "stopped"):
        assert others not in nora.text


async def test_no_worker_at_all_is_told(desk: Desk) -> None:
    desk.gateway.database.write(lambda tx: processes.ended(tx, "worker-1"))
    assert "No worker runs" in (await otto_at(desk)).text


async def test_approvers_may_not_see_it(desk: Desk) -> None:
    paula = await otto_at(desk, login="paula")
    assert paula.answer.status_code == 403
    assert "/operations" not in [a.get("href") for a in html.document_fromstring(paula.answer.text).xpath("//nav//a")]
    assert (await paula.go("/operations/export.csv?table=partners")).answer.status_code == 403


def busy(desk: Desk, trade: Trade, other: Trade) -> None:
    """Three documents of one partner, one of them refused, and one of another, an hour ago and today."""
    now, took = desk.gateway.clock.now(), timedelta(milliseconds=50)
    faults = [{"code": "order.total", "at": "/", "message": "m"}]
    traffic.put(
        desk.gateway,
        ExchangeRow,
        [
            *traffic.answered(trade, now - HOUR, took),
            *traffic.answered(trade, now - HOUR, took, "refused", faults=faults),
            *traffic.answered(trade, now - 20 * HOUR, took),
            *traffic.answered(other, now - MINUTE, took, protocol="edifact"),
        ],
    )
    count_hours.run(desk.gateway)


@pytest.fixture
def other(desk: Desk, clock: SetClock) -> Trade:
    made = Trade(traffic.new_id(), traffic.new_id())

    def work(tx: Session) -> None:
        at = clock.now()
        tx.add(PartnerRow(id=made.partner, realm=LIVE, name="=cmd|' /C calc'!A0", created_at=at))
        tx.add(CustomerRow(id=made.customer, realm=LIVE, number="C-9", name="Other", currency="EUR", created_at=at))

    desk.gateway.database.write(work)
    return made


def table(browser: Browser, card: str) -> list[list[str]]:
    rows = html.document_fromstring(browser.answer.text).xpath(f"//*[@id='{card}-card']//tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row.xpath("td")] for row in rows]


async def test_documents_are_shown_by_protocol_and_outcome(desk: Desk, trade: Trade, other: Trade) -> None:
    busy(desk, trade, other)
    otto = await otto_at(desk)
    page = html.document_fromstring(otto.answer.text)
    (said,) = page.xpath("//*[@id='documents-says']/text()")
    assert said == "cXML accepted: 2; cXML refused: 1; EDIFACT accepted: 1"
    assert len(page.xpath("//*[@id='documents-card']//*[local-name()='rect'][starts-with(@class, 'cd-c')]")) == 4 + 3
    rows = table(otto, "documents")
    assert len(rows) == 24
    assert [sum(int(row[n]) for row in rows) for n in (1, 2, 3)] == [2, 1, 1]
    assert table(otto, "faults") == [["order.total", "1"]]
    assert {tuple(row[1:]) for row in table(otto, "answered")} == {("–", "–"), ("52 ms", "56 ms")}


async def test_partners_say_when_they_were_seen_and_what_fails(desk: Desk, trade: Trade, other: Trade) -> None:
    busy(desk, trade, other)
    otto = await otto_at(desk)
    rows = table(otto, "partners")
    assert [row[0] for row in rows] == ["Partner 001", "=cmd|' /C calc'!A0"]
    assert [row[2:4] + row[5:] for row in rows] == [["3", "1", "order.total (1)"], ["1", "0", "–"]]
    otto = await otto_at(desk, "/operations?sort=partners.documents")
    assert [row[2] for row in table(otto, "partners")] == ["1", "3"]
    otto = await otto_at(desk, "/operations?q=partner+0")
    assert [row[0] for row in table(otto, "partners")] == ["Partner 001"]


async def test_a_partner_is_seen_alone(desk: Desk, trade: Trade, other: Trade) -> None:
    busy(desk, trade, other)
    otto = await otto_at(desk, f"/operations?partner={other.partner}&period=7d")
    (said,) = html.document_fromstring(otto.answer.text).xpath("//*[@id='documents-says']/text()")
    assert said == "EDIFACT accepted: 1"
    assert len(table(otto, "partners")) == 1
    assert (await otto_at(desk, "/operations?partner=nobody")).answer.status_code == 404


async def test_who_serves_some_customers_sees_their_figures_only(desk: Desk, trade: Trade, other: Trade) -> None:
    busy(desk, trade, other)

    def work(tx: Session) -> None:
        name = {"role": "sender", "domain": "d", "identity": "i", "domain_folded": "d", "identity_folded": "i"}
        tx.add(PartnerIdentityRow(realm=LIVE, partner_id=other.partner, customer_id=other.customer, **name))

    desk.write(work)
    desk.person("olga", "operator", customers=[other.customer])
    give_passwords(desk)
    olga = await otto_at(desk, login="olga")
    (said,) = html.document_fromstring(olga.answer.text).xpath("//*[@id='documents-says']/text()")
    assert said == "EDIFACT accepted: 1"
    assert "Partner 001" not in olga.text
    assert (await olga.go(f"/operations?partner={trade.partner}")).answer.status_code == 404
    assert "Partner 001" not in (await olga.go("/operations/export.csv?table=partners")).answer.text


async def test_each_table_is_a_file_without_formulas(desk: Desk, trade: Trade, other: Trade) -> None:
    busy(desk, trade, other)
    otto = await otto_at(desk)
    links = html.document_fromstring(otto.answer.text).xpath("//*[@class='cd-files']//a/@href")
    for link in links:
        assert (await otto.go(link)).answer.status_code == 200
        assert "attachment" in otto.answer.headers["content-disposition"]
    assert len(links) == 2 * 4
    await otto.go("/operations/export.csv?table=partners")
    rows = list(csv.reader(io.StringIO(otto.answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["partner", "last_seen", "documents", "not_taken", "fails_most"]
    assert rows[2][0] == "'=cmd|' /C calc'!A0"
    await otto.go("/operations/export.xlsx?table=partners")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(otto.answer.content)).get_sheet_by_index(0)
    assert sheet.to_python()[1][:1] == ["Partner 001"]
    assert (await otto.go("/operations/export.csv?table=passwords")).answer.status_code == 404


@pytest.mark.parametrize(
    "query", ["period=9y", "sort=x", "sort=partners.x.y", "period=7d&sort=documents.-since", "q=%3Cb%3E"]
)
async def test_whatever_is_asked_the_page_answers(desk: Desk, trade: Trade, other: Trade, query: str) -> None:
    busy(desk, trade, other)
    otto = await otto_at(desk, f"/operations?{query}")
    assert otto.answer.status_code == 200
    assert "<b>" not in otto.answer.text


@pytest.mark.parametrize("language", ["en", "es", "pt"])
async def test_each_language_has_its_words_and_formats(desk: Desk, trade: Trade, other: Trade, language: str) -> None:
    busy(desk, trade, other)
    text = (await otto_at(desk, language=language)).text
    titles = {"en": "Documents received", "es": "Documentos recibidos", "pt": "Documentos recebidos"}
    assert titles[language] in text
    assert "UTC" in text
    assert ("9:15:00 AM" in text) == (language == "en")


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    event.listen(database._reading, "before_cursor_execute", note)
    yield seen
    event.remove(database._reading, "before_cursor_execute", note)


async def test_a_view_makes_the_same_number_of_statements_however_much_there_is(desk: Desk) -> None:
    otto = await otto_at(desk)
    made = []
    for partners in (2, 30):
        trade_more(desk, partners)
        for period in ("24h", "30d"):
            with statements(desk.gateway.database) as seen:
                await otto.go(f"/operations?period={period}")
            made.append(len(seen))
    assert otto.answer.status_code == 200
    assert len(set(made)) == 1, made
    assert made[0] <= 50


def trade_more(desk: Desk, partners: int) -> None:
    now = desk.gateway.clock.now()
    made = [Trade(traffic.new_id(), desk.customer.id) for _ in range(partners)]
    rows = [
        PartnerRow(id=one.partner, realm=LIVE, name=f"{partners}-{n}", created_at=now) for n, one in enumerate(made)
    ]
    desk.write(lambda tx: tx.add_all(rows))
    times = [now - MINUTE * n for n in range(120)]
    traffic.put(
        desk.gateway, ExchangeRow, (row for one in made for at in times for row in traffic.answered(one, at, MINUTE))
    )


MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Madrid", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"])
@pytest.mark.parametrize("at", ["2026-03-29T00:30", "2026-03-29T12:00", "2026-10-25T01:30", "2026-07-01T23:59"])
@pytest.mark.parametrize("period", Period)
def test_every_hour_of_a_span_falls_into_one_step(zone: str, at: str, period: Period) -> None:
    now = datetime.fromisoformat(at + "+00:00")
    found = span(period, now, ZoneInfo(zone))
    assert found.begins[0] == found.since
    assert found.until == hour_of(now)
    steps = [found.step_of(hour) for hour in range(found.since, found.until + 1)]
    assert steps == sorted(steps)
    assert set(steps) == set(range(len(found.begins)))
    assert {Period.DAY: 24, Period.WEEK: 28, Period.MONTH: 30}[period] - 1 <= len(found.begins) <= 30
    times = found.times(formats("en"))
    assert len(times.labels) == len(times.axis) == len(found.begins)


def test_a_month_is_cut_at_local_midnight() -> None:
    found = span(Period.MONTH, datetime.fromisoformat("2026-07-15T12:00+00:00"), MADRID)
    assert {begin_of(hour).astimezone(MADRID).hour for hour in found.begins} == {0}


def test_a_table_is_sorted_with_nothing_last() -> None:
    of = Table(
        "t",
        [Column("name", "Name"), Column("n", "N", Kind.NUMBER)],
        [("b", 2), ("a", None), ("C", 10)],
        ["1", "2", "3"],
    )
    assert [row[0] for row in of.sorted_by("name").rows] == ["a", "b", "C"]
    assert [row[1] for row in of.sorted_by("n").rows] == [2, 10, None]
    assert of.sorted_by("-n").links == ["3", "1", "2"]
    assert of.sorted_by("nothing") is of

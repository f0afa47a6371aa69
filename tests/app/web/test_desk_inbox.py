"""The desk as an inbox: what its filters leave, who works on a case, several settled at once, refused documents."""

import csv
import io
from datetime import timedelta

import pytest
from approval_orders import line, money, order
from lxml import html
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from people_at_work import Browser, at_work, give_passwords, hash_cheaply
from python_calamine import CalamineWorkbook
from sqlmodel import Session

from app.clock import SetClock
from app.flows import settle_together
from app.gateway import Gateway
from app.jobs import sweep
from app.storage.base import LIVE
from app.storage.ledger import quarantine, seal_quarantined
from app.storage.orders import HoldState, OrderState
from schemas.order import Order, OrderTotals

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("olga", "operator")
    made.person("otto", "operator")
    made.person("far", "operator", customers=["another"])
    made.person("eye", "auditor")
    made.person("lead", "approver")
    give_passwords(made)
    made.rules(SMALL_ORDERS_PASS)
    return made


def in_sacks(number: str, **changes: object) -> Order:
    return order(line(unit="Sack"), id=number, **changes)


def dear(number: str) -> Order:
    return order(line(price="9.96"), totals=OrderTotals(total=money("99.60")), id=number)


def numbers(browser: Browser) -> list[str]:
    """Of the orders that the page lists, in their order."""
    cells = html.document_fromstring(browser.answer.text).xpath("//tbody//a[contains(@class, 'cd-verbatim')]")
    return [cell.text_content() for cell in cells]


async def send(browser: Browser, path: str, **data: object) -> Browser:
    """Posts a form whose values may be repeated."""
    browser.answer = await browser.client.post(path, data=data, headers={"Sec-Fetch-Site": "same-origin"})
    return browser


FILTERS = {
    "": ["A-1", "B-2", "B-3"],
    "?sort=newest": ["B-3", "B-2", "A-1"],
    "?sort=due": ["A-1", "B-2", "B-3"],
    "?code=unit": ["A-1", "B-3"],
    "?code=price.off&sort=newest": ["B-2"],
    "?code=price.off&customer={customer}": ["B-2"],
    "?q=sack": ["A-1", "B-3"],
    "?q=b-": ["B-2", "B-3"],
    "?partner={partner}&protocol=cxml": ["A-1", "B-2", "B-3"],
    "?partner=nobody": [],
    "?protocol=edifact": [],
    "?whose=mine": ["B-2"],
    "?whose=nobody": ["A-1", "B-3"],
    "?overdue=1": ["A-1"],
    "?overdue=1&sort=due": ["A-1"],
    "?whose=everybody&sort=colour&after=x~y&code=no.such": [],
}


async def test_a_filter_leaves_what_fits_in_its_order(desk: Desk, clock: SetClock) -> None:
    desk.send(in_sacks("A-1"))
    clock.move(timedelta(hours=47))
    desk.send(dear("B-2"))
    desk.send(in_sacks("B-3"))
    clock.move(timedelta(hours=1))
    olga = await at_work(desk, "olga")
    await olga.post(f"/desk/cases/{desk.cases('B-2')[0].id}/take")
    found = {}
    for query in FILTERS:
        await olga.go("/desk" + query.format(customer=desk.customer.id, partner=desk.partner.id))
        found[query] = numbers(olga)
    assert found == FILTERS


async def test_pages_follow_one_another_without_a_gap(desk: Desk, clock: SetClock) -> None:
    sent = [f"N-{number:03}" for number in range(53)]
    for place, number in enumerate(sent):
        desk.send(in_sacks(number))
        clock.move(timedelta(seconds=place % 3))
    olga = await at_work(desk, "olga")
    for sort in ("oldest", "newest", "due"):
        first = numbers(await olga.go(f"/desk?sort={sort}"))
        assert len(first) == 50
        await olga.follow("Next page")
        assert sorted([*first, *numbers(olga)]) == sent


@only_sqlite
async def test_the_list_goes_out_as_files_and_whoever_serves_others_sees_nothing(desk: Desk) -> None:
    desk.send(in_sacks("A-1"))
    olga = await at_work(desk, "olga")
    text = (await olga.go("/desk/export.csv")).answer.content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["number"], row["partner"], row["code"], row["found"]) == ("A-1", "Buyer", "unit.unknown", "Sack")
    book = CalamineWorkbook.from_filelike(io.BytesIO((await olga.go("/desk/export.xlsx")).answer.content))
    assert [cells[0] for cells in book.get_sheet_by_index(0).to_python()] == ["number", "A-1"]
    far = await at_work(desk, "far")
    case = desk.cases("A-1")[0]
    assert numbers(await far.go("/desk")) == []
    assert "A-1" not in (await far.go("/desk/export.csv")).answer.text
    assert (await far.go(f"/desk/alike/{case.id}")).answer.status_code == 404
    assert (await far.post(f"/desk/cases/{case.id}/take")).answer.status_code == 404
    assert (await send(far, "/desk/together", case=[case.id], choice="check_again", sure="yes")).path == "/desk"


async def test_a_case_is_taken_given_noted_and_let_go_on_the_record(desk: Desk) -> None:
    desk.send(in_sacks("A-1"))
    case = desk.cases("A-1")[0]
    olga = await at_work(desk, "olga")
    await olga.post(f"/desk/cases/{case.id}/take")
    assert desk.cases("A-1")[0].assignee_id == desk.people["olga"].id
    assert (await olga.post(f"/desk/cases/{case.id}/give", {"to": desk.people["eye"].id})).answer.status_code == 400
    await olga.post(f"/desk/cases/{case.id}/give", {"to": desk.people["otto"].id})
    assert (await olga.post(f"/desk/cases/{case.id}/note", {"text": " "})).answer.status_code == 400
    await olga.post(f"/desk/cases/{case.id}/note", {"text": "asked Ana <b>by phone</b>"})
    assert "Worked on by Otto" in olga.text
    assert "Olga asked Ana <b>by phone</b>" in olga.text
    await olga.post(f"/desk/cases/{case.id}/let-go")
    assert "Work on a case · Olga · Unknown unit · given to Otto" in olga.text
    assert desk.events("A-1") == ["order_taken", *["case_assigned"] * 2, "case_noted", "case_assigned"]
    eye = await at_work(desk, "eye")
    assert (await eye.post(f"/desk/cases/{case.id}/take")).answer.status_code == 403
    desk.cancel(id="A-1")
    assert (await olga.post(f"/desk/cases/{case.id}/take")).answer.status_code == 409
    assert "was closed meanwhile" in olga.text


async def test_a_case_that_is_overdue_is_told_once(desk: Desk, clock: SetClock) -> None:
    desk.send(in_sacks("A-1"))
    clock.move(timedelta(hours=47))
    sweep.sweep(desk.gateway, clock.now())
    assert desk.cases("A-1")[0].overdue_told_at is None
    clock.move(timedelta(hours=2))
    sweep.sweep(desk.gateway, clock.now())
    told_at = desk.cases("A-1")[0].overdue_told_at
    assert told_at == clock.now()
    clock.move(timedelta(hours=1))
    sweep.sweep(desk.gateway, clock.now())
    assert desk.cases("A-1")[0].overdue_told_at == told_at
    assert "1 case waits longer than it should." in (await (await at_work(desk, "olga")).go("/desk")).text


async def test_several_cases_are_foreseen_and_then_settled_each_for_itself(desk: Desk) -> None:
    desk.send(dear("P-1"))
    desk.send(order(line(price="9.96"), totals=OrderTotals(total=money("1.00")), id="P-2"))
    desk.send(dear("P-3"))
    desk.send(in_sacks("P-4"))
    prices = [desk.cases(number)[0].id for number in ("P-1", "P-2", "P-3")]
    olga = await at_work(desk, "olga")
    await send(olga, "/desk/together", case=[*prices, desk.cases("P-4")[0].id])
    assert "choose cases of one kind" in olga.text
    await send(olga, "/desk/together", case=prices, choice="accept_price", asked="yes")
    assert olga.answer.status_code == 400
    chosen = {"case": prices, "choice": "accept_price", "reason": "promised by phone"}
    await send(olga, "/desk/together", **chosen)
    assert "goes to the ERP 2 orders" in olga.text
    assert "stays held The total is not the sum of the lines" in olga.text
    assert [desk.order(number).state for number in ("P-1", "P-2")] == [OrderState.HELD] * 2
    desk.cancel(id="P-3")
    await send(olga, "/desk/together", **chosen, shown="yes", sure="yes")
    assert olga.path.startswith("/desk/runs/")
    assert "2 cases settled" in olga.text
    assert "Not settled by you P-3 · Cancelled · closed meanwhile: The price differs from the agreement" in olga.text
    assert "Still held for another cause P-2" in olga.text
    assert [desk.order(number).state for number in ("P-1", "P-2")] == [OrderState.APPROVED, OrderState.HELD]
    assert desk.events("P-1") == ["order_taken", "case_settled", "approved_by_rule"]
    assert desk.cases("P-2", HoldState.SETTLED)[0].reason == "promised by phone"


async def test_a_kept_rule_is_offered_for_the_other_cases_of_the_customer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in ("R-1", "R-2", "R-3"):
        desk.send(in_sacks(number))
    desk.send(order(line(unit="Kiste"), id="R-4"))
    olga = await at_work(desk, "olga")
    case = desk.cases("R-1")[0]
    await olga.post(f"/desk/{desk.order('R-1').id}", {f"choice:{case.id}": "map_unit", f"value:{case.id}": "c62"})
    assert "It settles 2 further cases of 2 orders." in olga.text
    assert "goes to the ERP 2 orders" in olga.text
    assert desk.order("R-2").state == OrderState.HELD
    monkeypatch.setattr("app.web.desk.together.AT_ONCE", 1)
    cases = [desk.cases(number)[0].id for number in ("R-2", "R-3")]
    await send(olga, "/desk/together", case=cases, choice="map_unit", value="c62", sure="yes")
    assert "2 cases settled" in (await olga.go(olga.path)).text
    assert [desk.order(number).state for number in ("R-2", "R-3", "R-4")] == [
        *[OrderState.APPROVED] * 2,
        OrderState.HELD,
    ]
    assert desk.cases("R-3", HoldState.SETTLED)[0].settled_by == desk.people["olga"].id


@only_sqlite
async def test_a_run_that_was_broken_off_says_so(desk: Desk, clock: SetClock) -> None:
    desk.send(in_sacks("R-1"))
    ids = [desk.cases("R-1")[0].id]
    chosen = settle_together.Chosen(settle_together.Choice.MAP_UNIT, "C62")
    run = desk.write(lambda tx: settle_together.begin(tx, desk.gateway, desk.people["olga"], ids, chosen))
    olga = await at_work(desk, "olga")
    assert (await olga.go(f"/desk/runs/{run.id}")).answer.headers["Refresh"] == "2"
    clock.move(timedelta(minutes=2))
    assert "This was broken off." in (await olga.go(f"/desk/runs/{run.id}")).text
    assert "Refresh" not in olga.answer.headers


async def test_refused_documents_are_listed_with_their_reason_and_strangers_for_who_sees_all(desk: Desk) -> None:
    fault = {"code": "order.no_lines", "at": "/cXML", "message": "no lines", "weight": "fault"}
    refused = desk.message(b"<cXML/>", state="refused", faults=[fault])
    desk.message(b"<cXML/>", state="accepted", control_id="m2")

    def stranger(tx: Session) -> None:
        values = {
            "id": "q1", "realm": LIVE, "transport": "http", "remote": "203.0.113.9", "protocol": "cxml",
            "reason": "nobody here is known as duns/9", "claimed": [{"scheme": "duns", "value": "9"}],
            "media_type": "text/xml", "at": desk.gateway.clock.now(), "size": 7, "kept": 7, "sha256": "0",
        }  # fmt: skip
        sealed = seal_quarantined(desk.gateway.keys, "q1", b"<cXML/>")
        quarantine(tx, values, sealed, rows=10, size=1_000)

    desk.write(stranger)
    eye = await at_work(desk, "eye")
    await eye.go("/desk?list=refused")
    assert "/cXML: no lines [order.no_lines]" in eye.text
    links = html.document_fromstring(eye.answer.text).xpath("//tbody//a/@href")
    assert links == [f"/exchanges/{refused}"]
    for query, found in (
        ("state=conflict", 0),
        ("state=refused&q=m1&protocol=cxml", 1),
        (f"partner={desk.partner.id}", 1),
    ):
        await eye.go(f"/desk?list=refused&{query}")
        assert len(html.document_fromstring(eye.answer.text).xpath("//tbody//a")) == found
    assert "no lines" in (await eye.go("/desk/refused/export.csv")).answer.text
    await eye.go("/desk?list=refused&state=strangers")
    assert "nobody here is known as duns/9" in eye.text
    assert "203.0.113.9" in (await eye.go("/desk/strangers/q1")).text
    far = await at_work(desk, "far")
    assert "no lines" not in (await far.go("/desk?list=refused")).text
    for path in (
        "/desk?list=refused&state=strangers",
        "/desk/refused/export.csv?state=strangers",
        "/desk/strangers/q1",
    ):
        assert (await far.go(path)).answer.status_code == 404


async def test_orders_that_needed_nobody_are_told_from_those_that_waited_for_a_person(
    desk: Desk, clock: SetClock
) -> None:
    for number in ("T-1", "T-2"):
        desk.send(order(line(), totals=None, id=number))
    clock.move(timedelta(days=1))
    desk.send(order(line(quantity="20"), totals=None, id="T-3"))
    desk.send(order(line(unit="Sack", quantity="20"), id="T-4"))
    desk.send(order(line(), totals=None, id="T-5", test=True))
    desk.settle("olga", (0, settle_together.Choice.MAP_UNIT, "C62", ""), number="T-4")
    olga = await at_work(desk, "olga")
    await olga.go("/desk/figures")
    assert "75 % without the desk" in olga.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "50 % without anybody" in olga.text.replace("\N{NO-BREAK SPACE}", " ")

    async def table(query: str) -> list[list[str]]:
        text = (await olga.go(f"/desk/figures/export.csv?{query}")).answer.content.decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))[1:]

    assert await table("table=touchless") == [
        ["2026-03-03", "2", "1", "1", "50.0", "0.0"],
        ["2026-03-02", "2", "0", "0", "100.0", "100.0"],
    ]
    assert [[code, number] for code, _, number in await table("table=causes")] == [
        ["total.off", "1"],
        ["unit.unknown", "1"],
        ["approval.asked", "1"],
    ]
    assert await table(f"table=causes&partner={desk.partner.id}") != []
    assert await table("table=touchless&partner=another") == []
    clock.move(timedelta(days=89))
    olga = await at_work(desk, "olga")
    assert [row[0] for row in await table("table=touchless")] == ["2026-03-03"]

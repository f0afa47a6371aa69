"""The inbox of approvers: whose tasks it lists, what its filters leave, page by page, as files, several at once."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from lxml import html
from order_desk import Desk, set_up
from people_at_work import Browser, at_work, give_passwords, hash_cheaply
from python_calamine import CalamineWorkbook

from app.clock import SetClock
from app.flows import keep_profile
from app.gateway import Gateway
from app.storage.orders import OrderState
from schemas.order import Order, OrderTotals

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

EVERYBODY: dict[str, Any] = {
    "stages": [
        {"steps": [{"key": "lead", "name": "Purchasing lead", "approver": {"role": "approver"}, "due_hours": 8}]}
    ]
}


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("bob", "approver")
    made.person("root", "admin")
    give_passwords(made)
    made.rules(EVERYBODY)
    return made


def of(number: str, quantity: str = "10") -> Order:
    stated = OrderTotals(total=money(str(Decimal(quantity) * Decimal("9.95"))))
    return order(line(quantity=quantity), totals=stated, id=number)


def numbers(browser: Browser) -> list[str]:
    """Of the orders that the page lists, in their order."""
    cells = html.document_fromstring(browser.answer.text).xpath("//tbody//a[contains(@class, 'cd-verbatim')]")
    return [cell.text_content() for cell in cells]


async def ticks(browser: Browser) -> dict[str, str]:
    """Order number to the value of its tick."""
    rows = html.document_fromstring((await browser.go("/approvals")).answer.text).xpath("//tr[.//input[@name='task']]")
    return {row.xpath(".//a")[0].text_content(): row.xpath(".//input[@name='task']/@value")[0] for row in rows}


async def send_together(browser: Browser, values: list[str], **more: str) -> None:
    """Posts a form whose `task` is repeated."""
    browser.answer = await browser.client.post(
        "/approvals/together", data={"task": values, **more}, headers={"Sec-Fetch-Site": "same-origin"}
    )


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", ["A-1", "A-2", "B-3"]),
        ("?sort=newest", ["B-3", "A-2", "A-1"]),
        ("?q=b-", ["B-3"]),
        ("?q=ana@example", ["A-1", "A-2", "B-3"]),
        ("?currency=EUR&least=99.50&most=199", ["A-1", "A-2"]),
        ("?currency=EUR&least=99.51", ["A-2", "B-3"]),
        ("?currency=USD&most=1000000", []),
        ("?least=1000", ["A-1", "A-2", "B-3"]),
        ("?currency=EUR&sort=amount", ["B-3", "A-2", "A-1"]),
        ("?waits=1", ["A-1"]),
        ("?waits=overdue", ["A-1"]),
        ("?sort=due", ["A-1", "A-2", "B-3"]),
        ("?waits=yesterday&sort=colour&least=much&after=x~y", ["A-1", "A-2", "B-3"]),
        ("?customer=nobody", []),
        ("?rules=nothing", []),
    ],
)
async def test_a_filter_leaves_what_fits_in_its_order(desk: Desk, clock: SetClock, query: str, left: list[str]) -> None:
    for number, quantity in (("A-1", "10"), ("A-2", "20"), ("B-3", "100")):
        desk.send(of(number, quantity))
        clock.move(timedelta(hours=25) if number == "A-1" else timedelta(minutes=1))
    paula = await at_work(desk, "paula")
    await paula.go(f"/approvals{query}")
    assert numbers(paula) == left


@only_sqlite
async def test_tasks_are_found_by_the_rules_and_the_step_that_asked(desk: Desk) -> None:
    desk.send(of("A-1"))
    paula = await at_work(desk, "paula")
    await paula.go("/approvals")
    options = html.document_fromstring(paula.answer.text).xpath("//select[@name='rules']/option")
    labelled = {option.text_content(): option.get("value") for option in options}
    for label in ("Rules", "Rules · Purchasing lead"):
        assert numbers(await paula.go(f"/approvals?rules={labelled[label]}")) == ["A-1"]
    assert numbers(await paula.go(f"/approvals?rules={labelled['Rules']}/boss")) == []


@pytest.mark.parametrize("sort", ["oldest", "newest", "due", "amount"])
async def test_pages_follow_one_another_without_a_gap(desk: Desk, clock: SetClock, sort: str) -> None:
    sent = [f"N-{number:03}" for number in range(53)]
    for place, number in enumerate(sent):
        desk.send(of(number, str(10 + 10 * (place % 7))))
        clock.move(timedelta(seconds=place % 3))
    paula = await at_work(desk, "paula")
    await paula.go(f"/approvals?currency=EUR&sort={sort}")
    first = numbers(paula)
    assert len(first) == 50
    await paula.follow("Next page")
    assert sorted([*first, *numbers(paula)]) == sent
    assert "Next page" not in paula.text


def away(desk: Desk, login: str, delegate: str) -> None:
    begins = desk.gateway.clock.now().replace(tzinfo=None) - timedelta(days=2)
    desk.write(
        lambda tx: keep_profile.add_absence(
            tx,
            desk.gateway,
            desk.people[login],
            begins,
            begins + timedelta(days=9),
            desk.people[delegate],
            actor="system",
            channel="command",
        )
    )


@only_sqlite
async def test_who_stands_in_sees_for_whom_and_the_record_says_both(desk: Desk) -> None:
    desk.rules({"stages": [{"steps": [{"key": "a", "name": "Lead", "approver": {"user": "paula"}}]}]})
    away(desk, "paula", "bob")
    desk.send(of("A-1"))
    bob = await at_work(desk, "bob")
    await bob.go("/approvals")
    assert "for Paula" in bob.text
    await bob.follow("A-1")
    assert "The decision is made in the place of Paula." in bob.text
    await bob.post(bob.path, {"decision": "approve", "order_hash": bob.hidden("order_hash")})
    await bob.go("/approvals?show=decided")
    assert "for Paula" in bob.text
    await bob.go(f"/orders/{desk.order('A-1').id}")
    assert "Bob, for Paula" in bob.text


@only_sqlite
async def test_what_waits_for_others_is_of_customers_whose_orders_one_sees(desk: Desk) -> None:
    desk.person("part", "approver", customers=["another"])
    give_passwords(desk)
    desk.rules({"stages": [{"steps": [{"key": "a", "name": "Lead", "approver": {"user": "paula"}}]}]})
    desk.send(of("A-1"))
    bob = await at_work(desk, "bob")
    assert "Nothing waits for you." in (await bob.go("/approvals")).text
    await bob.go("/approvals?show=others")
    assert (numbers(bob), "Paula" in bob.text) == (["A-1"], True)
    paula = await at_work(desk, "paula")
    assert numbers(await paula.go("/approvals?show=others")) == []
    part = await at_work(desk, "part")
    assert numbers(await part.go("/approvals?show=others")) == []


@only_sqlite
async def test_a_later_stage_is_in_no_list_and_no_count_before_the_first_closes(desk: Desk) -> None:
    first = {"key": "a", "name": "Lead", "approver": {"user": "paula"}}
    second = {"key": "b", "name": "Boss", "approver": {"user": "bob"}}
    desk.rules({"stages": [{"steps": [first]}, {"steps": [second]}]})
    desk.send(of("A-1"))
    bob = await at_work(desk, "bob")
    await bob.go("/approvals")
    assert numbers(bob) == []
    assert "For me 0" in bob.text
    desk.decide("paula", approve=True, number="A-1")
    await bob.go("/approvals")
    assert numbers(bob) == ["A-1"]
    assert "For me 1" in bob.text


@only_sqlite
async def test_an_overdue_task_is_told_in_words(desk: Desk, clock: SetClock) -> None:
    desk.send(of("A-1"))
    clock.move(timedelta(days=3))
    paula = await at_work(desk, "paula")
    await paula.go("/approvals")
    assert "1 order waits longer for you than it should." in paula.text
    assert "overdue since" in paula.text


FORMULA = "=cmd|'/C calc'!A0"


@only_sqlite
async def test_a_list_as_a_file_holds_what_the_filter_leaves_and_no_formula(desk: Desk) -> None:
    for number in (FORMULA, "0007", "B-1"):
        desk.send(of(number))
    desk.decide("paula", approve=False, number="0007", text="-1 is too few")
    desk.decide("paula", approve=False, number=FORMULA, text="no")
    desk.decide("bob", approve=False, number="B-1", text="no")
    paula = await at_work(desk, "paula")
    await paula.go("/approvals/export.csv?show=decided")
    rows = list(csv.DictReader(io.StringIO(paula.answer.content.decode("utf-8-sig"))))
    assert [row["number"] for row in rows] == ["0007", f"'{FORMULA}"]
    assert (rows[0]["reason_code"], rows[0]["reason"], rows[0]["decided_by"]) == ("price", "'-1 is too few", "Paula")
    await paula.go("/approvals/export.xlsx?show=decided")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(paula.answer.content)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in sheet] == ["number", "0007", FORMULA]


@only_sqlite
async def test_only_what_is_small_or_was_opened_can_be_ticked(desk: Desk) -> None:
    desk.send(of("SMALL", "50"))
    desk.send(of("LARGE", "100"))
    paula = await at_work(desk, "paula")
    assert set(await ticks(paula)) == {"SMALL"}
    await (await paula.go("/approvals")).follow("LARGE")
    assert set(await ticks(paula)) == {"SMALL", "LARGE"}
    desk.update(of("LARGE", "200"), version=2)
    assert set(await ticks(paula)) == {"SMALL"}
    assert desk.events("LARGE").count("opened") == 1


@only_sqlite
async def test_one_that_was_not_opened_is_not_approved_with_the_others(desk: Desk) -> None:
    desk.send(of("SMALL"))
    desk.send(of("LARGE", "100"))
    paula = await at_work(desk, "paula")
    large = f"{desk.task('paula', 'LARGE').id} {desk.run('LARGE').order_hash}"
    await send_together(paula, [*(await ticks(paula)).values(), large], sure="yes", shown="yes")
    assert "LARGE : Open this order before you approve it." in paula.text
    assert (desk.order("SMALL").state, desk.order("LARGE").state) == (OrderState.APPROVED, OrderState.AWAITING_APPROVAL)


@only_sqlite
async def test_several_are_approved_together_and_one_closed_meanwhile_is_named(desk: Desk) -> None:
    for number in ("A-1", "A-2", "A-3"):
        desk.send(of(number))
    paula = await at_work(desk, "paula")
    ticked = list((await ticks(paula)).values())
    await send_together(paula, ticked)
    assert "Approve 3 orders" in paula.text
    assert desk.deliveries() == [], "the first page decides nothing"
    await send_together(paula, ticked, shown="yes")
    assert paula.answer.status_code == 400
    assert desk.deliveries() == [], "nor does the second without its tick"
    desk.decide("bob", approve=True, number="A-2")
    await send_together(paula, ticked, shown="yes", sure="yes")
    assert "2 orders approved" in paula.text
    assert "A-2 : Your decision is no longer needed. Bob has decided." in paula.text
    assert [desk.events(number).count("approved") for number in ("A-1", "A-2", "A-3")] == [1, 1, 1]


@only_sqlite
async def test_nobody_approves_the_tasks_of_others_together(desk: Desk) -> None:
    desk.rules({"stages": [{"steps": [{"key": "a", "name": "Lead", "approver": {"user": "paula"}}]}]})
    desk.send(of("A-1"))
    bob = await at_work(desk, "bob")
    value = f"{desk.task('paula', 'A-1').id} {desk.run('A-1').order_hash}"
    await send_together(bob, [value], shown="yes", sure="yes")
    assert bob.path == "/approvals"
    assert desk.order("A-1").state == OrderState.AWAITING_APPROVAL


@only_sqlite
async def test_an_order_that_an_administrator_decided_is_marked_in_every_list(desk: Desk) -> None:
    desk.send(of("A-1"))
    root = await at_work(desk, "root")
    override = {"decision": "approve", "reason": "plant stands still"}
    await root.post(f"/orders/{desk.order('A-1').id}/override", override)
    await root.go("/orders")
    assert "decided by an administrator" in root.text
    paula = await at_work(desk, "paula")
    await paula.go("/approvals?show=closed")
    assert "decided by an administrator" in paula.text


@only_sqlite
async def test_figures_tell_how_long_steps_take_and_why_orders_are_refused(desk: Desk, clock: SetClock) -> None:
    for number, hours, approve in (("A-1", 1, True), ("A-2", 3, False), ("A-3", 8, False)):
        desk.send(of(number))
        clock.move(timedelta(hours=hours))
        desk.decide("paula", approve=approve, number=number)
    desk.send(of("A-4"))
    clock.move(timedelta(days=3))
    paula = await at_work(desk, "paula")
    await paula.go("/approvals/figures")
    assert "1 wait for me 1 of these longer than they should" in paula.text
    await paula.go("/approvals/figures/export.csv?table=steps")
    rows = list(csv.DictReader(io.StringIO(paula.answer.content.decode("utf-8-sig"))))
    assert rows == [{"rules": "Rules", "step": "Purchasing lead", "median": "10800000", "decisions": "3"}]
    await paula.go("/approvals/figures/export.csv?table=reasons")
    assert paula.answer.content.decode("utf-8-sig").splitlines()[1:] == ["price,Price,2"]
    assert (await paula.go("/approvals/figures/export.xlsx?table=x")).answer.status_code == 404
    clock.move(timedelta(days=31))
    paula = await at_work(desk, "paula")
    assert "Nothing in this period." in (await paula.go("/approvals/figures")).text

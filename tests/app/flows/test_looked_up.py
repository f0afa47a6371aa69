"""Rules that ask for what the order does not say: sums, budgets, rates, the requester, the customer, the catalog."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from approval_orders import line, money, order
from approval_rules import stages, user
from conftest import AT
from home_carts import bring_home
from msgspec.structs import replace
from order_desk import Desk, set_up
from sqlmodel import Session, select
from statements import statements_of

from app.approval.explanation import from_data
from app.approval.fields import FIELDS, Source
from app.approval.rates import Rate
from app.clock import SetClock
from app.flows import judge_again, keep_figures, keep_profile, looked_up, take_order
from app.flows.consider_order import consider
from app.flows.keep_figures import Budget
from app.flows.order_book import OrderBook
from app.gateway import Gateway
from app.storage.audit import AuditRow
from app.storage.catalog import ItemRow
from app.storage.database import Database
from schemas.order import Order, OrderTotals

TODAY = AT.date()
BY = {"actor": "system", "channel": "command"}


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("ann", "approver")
    return made


def rules(desk: Desk, *when: dict[str, Any]) -> None:
    """Whoever fulfils one of the conditions is asked about, everything else passes."""
    desk.rules(stages([user("ann", condition={"any": list(when)})]))


def about(field: str, op: str, value: Any = None, currency: str | None = None) -> dict[str, Any]:
    given = {"field": field, "op": op, "value": value, "currency": currency}
    return {name: said for name, said in given.items() if said is not None}


def asked(number: str, quantity: str = "10", **changes: Any) -> Order:
    """9.95 EUR a piece, for cost centre 4711."""
    total = money(f"{Decimal(quantity) * Decimal('9.95'):.2f}")
    lines = line(quantity=quantity, cost_center="4711")
    return order(lines, id=number, totals=OrderTotals(total=total), **changes)


def budget(desk: Desk, amount: str, period: str = "2026-03", currency: str = "EUR") -> None:
    found = Budget("4711", period, money(amount, currency))
    customer = desk.customer
    desk.write(lambda tx: keep_figures.set_budget(tx, desk.gateway, customer, found, **BY))


def rate(desk: Desk, day: date = TODAY) -> None:
    found = Rate(base="EUR", target="USD", factor=Decimal("1.1"), day=day, source="ECB")
    desk.write(lambda tx: keep_figures.set_rate(tx, desk.gateway, "live", found, **BY))


def state(desk: Desk, number: str) -> str:
    return desk.order(number).state


@pytest.mark.parametrize("field", ["requester.total_today", "requester.total_30_days", "cost_center.month_total"])
def test_orders_that_were_split_are_seen_as_what_they_are(desk: Desk, field: str) -> None:
    rules(desk, about(field, ">", "250.00", "EUR"))
    for number in ("PO-1", "PO-2", "PO-3"):
        desk.send(asked(number))
    assert [state(desk, number) for number in ("PO-1", "PO-2", "PO-3")] == ["approved", "approved", "awaiting_approval"]


def test_what_was_considered_before_others_came_is_considered_again(desk: Desk) -> None:
    """As a server does it: each is considered beside the transaction that keeps it, here all before any is kept."""
    rules(desk, about("requester.total_today", ">", "250.00", "EUR"))
    sent = [asked(number) for number in ("PO-1", "PO-2", "PO-3")]
    with desk.gateway.database.read() as session:
        book = OrderBook(session, desk.gateway.memories)
        found = [consider(book, desk.customer, one, "cxml", desk.gateway.clock.now()) for one in sent]
    assert not any(take_order.goes_straight_through(desk.caller(), one, c) for one, c in zip(sent, found, strict=True))
    for one, considered in zip(sent, found, strict=True):
        desk.write(partial(desk.take, sent=one, considered=considered))
    assert [state(desk, one.id) for one in sent] == ["approved", "approved", "awaiting_approval"]


def test_orders_that_come_to_two_servers_at_once_do_not_pass_side_by_side(desk: Desk) -> None:
    within = about("requester.total_today", "<=", "150.00", "EUR")
    desk.rules({"auto_approve": [{"key": "few", "text": "Few", "when": within}], **stages([user("ann")])})
    both = Barrier(2)

    def take(tx: Session, number: str) -> None:
        tx.exec(select(ItemRow.id).limit(1)).all()
        # On SQLite there is one that writes, and the other one waits for it.
        with suppress(BrokenBarrierError):
            both.wait(0.5)
        desk.take(tx, asked(number))

    second = Database(desk.gateway.database.url)
    second.start()
    try:
        with ThreadPoolExecutor(2) as pool:
            servers = {"PO-1": desk.gateway.database, "PO-2": second}
            for done in [pool.submit(server.write, partial(take, number=one)) for one, server in servers.items()]:
                done.result()
    finally:
        second.stop()
    assert sorted((state(desk, "PO-1"), state(desk, "PO-2"))) == ["approved", "awaiting_approval"]


def test_yesterday_the_rejected_and_other_people_do_not_count_today(desk: Desk, clock: SetClock) -> None:
    rules(desk, about("requester.total_today", ">", "250.00", "EUR"))
    desk.send(asked("PO-1"))
    clock.at = AT + timedelta(days=1)
    desk.send(asked("PO-2"))
    desk.send(asked("PO-3", contacts=()))
    desk.send(asked("PO-4"))
    assert state(desk, "PO-4") == "approved"
    desk.cancel(id="PO-4")
    desk.send(asked("PO-5"))
    assert state(desk, "PO-5") == "approved"
    desk.send(asked("PO-6"))
    assert state(desk, "PO-6") == "awaiting_approval"


def test_a_change_does_not_count_the_order_twice(desk: Desk) -> None:
    rules(desk, about("requester.total_today", ">", "250.00", "EUR"))
    desk.send(asked("PO-1"), version=1)
    desk.update(asked("PO-1", "20"), version=2)
    assert state(desk, "PO-1") == "approved"


@pytest.mark.parametrize(
    ("amount", "period", "outcome"),
    [
        ("199.00", "2026-03", "approved"),
        ("198.99", "2026-03", "awaiting_approval"),
        ("199.00", "2026", "approved"),
        ("198.99", "2026", "awaiting_approval"),
        ("9999.00", "2026-02", "awaiting_approval"),
    ],
)
def test_a_budget_that_an_order_exceeds_asks_people(desk: Desk, amount: str, period: str, outcome: str) -> None:
    """Without a budget for the day it is not known, and then people are asked as well."""
    budget(desk, amount, period)
    rules(desk, about("cost_center.budget_left", "<", "0.00", "EUR"))
    desk.send(asked("PO-1"))
    desk.send(asked("PO-2"))
    assert state(desk, "PO-2") == outcome


def test_the_months_budget_goes_before_the_years(desk: Desk) -> None:
    budget(desk, "9999.00", "2026")
    budget(desk, "1.00")
    rules(desk, about("cost_center.budget_left", "<", "0.00", "EUR"))
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == "awaiting_approval"


SMALL_IN_DOLLARS = about("order.total_net", "<", "1000.00", "USD")
NEVER = about("order.line_count", ">", 500)


def for_small_orders(desk: Desk, **more: Any) -> None:
    desk.rules({"match": SMALL_IN_DOLLARS, **stages([user("ann", condition=NEVER)]), **more})


@pytest.mark.parametrize(
    ("days", "outcome"), [(None, "held"), (0, "approved"), (7, "approved"), (8, "held"), (-1, "held")]
)
def test_a_rate_is_used_while_it_is_at_most_seven_days_old(desk: Desk, days: int | None, outcome: str) -> None:
    if days is not None:
        rate(desk, AT.date() - timedelta(days=days))
    for_small_orders(desk)
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == outcome


def test_the_rate_that_was_used_stays_with_the_run(desk: Desk) -> None:
    rate(desk)
    rules(desk, about("order.total_net", ">", "50.00", "USD"))
    desk.send(asked("PO-1"))
    (step,) = desk.run().opened[0]
    (reason,) = map(from_data, step["reasons"])
    assert reason.rate == Rate(base="EUR", target="USD", factor=Decimal("1.1"), day=AT.date(), source="ECB")


def test_a_held_order_is_judged_again_when_its_rate_arrives_and_no_other_is(desk: Desk) -> None:
    for_small_orders(desk)
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == "held"
    rate(desk)
    assert judge_again.judge_waiting(desk.gateway, "live", judge_again.asks_for_budget) == 0
    assert state(desk, "PO-1") == "held"
    assert judge_again.judge_waiting(desk.gateway, "live", judge_again.asks_for_rate) == 1
    assert (state(desk, "PO-1"), desk.codes("PO-1")) == ("approved", [])


def test_a_budget_that_arrives_lets_held_orders_go(desk: Desk) -> None:
    when = about("cost_center.budget_left", ">=", "0.00", "EUR")
    desk.rules({"match": when, **stages([user("ann", condition=NEVER)])})
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == "held"
    budget(desk, "500.00")
    waits, customer = judge_again.asks_for_budget, desk.customer.id
    assert judge_again.judge_waiting(desk.gateway, "live", waits, customer) == 1
    assert state(desk, "PO-1") == "approved"
    with desk.gateway.database.read() as session:
        assert session.exec(select(AuditRow).where(AuditRow.event == "budget_set")).one().data["amount"] == "500.00"


@pytest.mark.parametrize(
    ("limit", "outcome"), [("99.50", "approved"), ("99.49", "awaiting_approval"), (None, "awaiting_approval")]
)
def test_what_the_requester_may_approve_alone_is_asked_of_the_profile(
    desk: Desk, limit: str | None, outcome: str
) -> None:
    ana = desk.person("ana", "approver", email="ana@example.com")
    if limit is not None:
        desk.write(lambda tx: keep_profile.set_limit(tx, desk.gateway, ana, money(limit), **BY))
    rules(desk, {"field": "order.total_net", "op": ">", "other_field": "requester.self_limit"})
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == outcome


@pytest.mark.parametrize(
    ("groups", "outcome"), [(["plant"], "approved"), (["plant", "lab"], "awaiting_approval"), ([], "awaiting_approval")]
)
def test_the_requesters_group_is_known_when_there_is_one(desk: Desk, groups: list[str], outcome: str) -> None:
    ana = desk.person("ana", "approver", email="ana@example.com")
    desk.write(lambda tx: keep_profile.set_groups(tx, desk.gateway, ana, groups, **BY))
    rules(desk, {"not": about("requester.group", "=", "plant")})
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == outcome


@pytest.mark.parametrize(
    ("terms", "condition", "outcome"),
    [
        ({}, about("customer.on_hold", "is_true"), "approved"),
        ({"on_hold": True}, about("customer.on_hold", "is_true"), "awaiting_approval"),
        ({"group": "automotive"}, about("customer.group", "=", "automotive"), "awaiting_approval"),
        ({"group": "food"}, about("customer.group", "=", "automotive"), "approved"),
        ({}, about("customer.group", "is_empty"), "awaiting_approval"),
    ],
)
def test_the_customers_terms_are_asked(
    desk: Desk, terms: dict[str, Any], condition: dict[str, Any], outcome: str
) -> None:
    desk.settings(**terms)
    rules(desk, condition)
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == outcome


def test_a_customer_is_new_until_the_first_order(desk: Desk) -> None:
    rules(desk, about("customer.is_new", "is_true"))
    desk.send(asked("PO-1"))
    desk.send(asked("PO-2"))
    assert (state(desk, "PO-1"), state(desk, "PO-2")) == ("awaiting_approval", "approved")


@pytest.mark.parametrize(
    ("stock", "lead_days", "condition", "outcome"),
    [
        ("10", None, about("line.stock_missing", "is_true"), "approved"),
        ("9", None, about("line.stock_missing", "is_true"), "awaiting_approval"),
        (None, None, about("line.stock_missing", "is_true"), "awaiting_approval"),
        (None, 5, about("line.lead_days", ">", 5), "approved"),
        (None, 6, about("line.lead_days", ">", 5), "awaiting_approval"),
    ],
)
def test_the_catalog_is_asked_about_a_line(
    desk: Desk, stock: str | None, lead_days: int | None, condition: dict[str, Any], outcome: str
) -> None:
    def keep(tx: Session) -> None:
        item = tx.exec(select(ItemRow).where(ItemRow.sku == "A-100")).one()
        item.stock, item.lead_days = Decimal(stock) if stock else None, lead_days

    desk.write(keep)
    rules(desk, {"any_line": condition})
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == outcome


@pytest.mark.parametrize(
    ("values", "condition", "outcome"),
    [
        ({"supplier": "S-77"}, about("line.supplier", "=", "s-77"), "awaiting_approval"),
        ({"supplier": "S-78"}, about("line.supplier", "=", "s-77"), "approved"),
        ({"hazardous": True}, about("line.hazardous", "is_true"), "awaiting_approval"),
        ({"hazardous": False}, about("line.hazardous", "is_true"), "approved"),
        ({}, about("line.hazardous", "is_true"), "awaiting_approval"),
    ],
)
def test_the_catalog_says_whose_an_item_is_and_whether_it_is_dangerous(
    desk: Desk, values: dict[str, Any], condition: dict[str, Any], outcome: str
) -> None:
    desk.write(lambda tx: tx.exec(select(ItemRow).where(ItemRow.sku == "A-100")).one().sqlmodel_update(values) and None)
    rules(desk, {"any_line": condition})
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == outcome


def credit(desk: Desk, amount: str, currency: str = "EUR") -> None:
    left = money(amount, currency)
    desk.write(lambda tx: keep_figures.keep_credit(tx, desk.gateway, desk.customer, left, **BY))


@pytest.mark.parametrize(
    ("amount", "outcome"), [("199.00", "approved"), ("198.99", "awaiting_approval"), (None, "awaiting_approval")]
)
def test_orders_that_came_since_a_credit_was_set_are_taken_off(
    desk: Desk, clock: SetClock, amount: str | None, outcome: str
) -> None:
    desk.send(asked("PO-0"))
    clock.move(timedelta(hours=1))
    if amount is not None:
        credit(desk, amount)
    rules(desk, about("customer.credit_left", "<", "0.00", "EUR"))
    for number in ("PO-1", "PO-2"):
        clock.move(timedelta(hours=1))
        desk.send(asked(number, contacts=()))
    assert state(desk, "PO-2") == outcome


def test_an_order_that_waits_for_a_credit_goes_on_when_it_is_set(desk: Desk) -> None:
    when = about("customer.credit_left", ">=", "0.00", "EUR")
    desk.rules({"match": when, **stages([user("ann", condition=NEVER)])})
    desk.send(asked("PO-1"))
    assert state(desk, "PO-1") == "held"
    credit(desk, "500.00")
    assert judge_again.judge_waiting(desk.gateway, "live", judge_again.asks_for_credit, desk.customer.id) == 1
    assert state(desk, "PO-1") == "approved"


def test_an_item_is_new_until_it_is_in_an_order_that_was_not_cancelled(desk: Desk) -> None:
    rules(desk, {"any_line": about("line.is_new_item", "is_true")})
    desk.send(asked("PO-1"), version=1)
    desk.update(asked("PO-1", "20"), version=2)
    assert state(desk, "PO-1") == "awaiting_approval", "the order itself does not count"
    desk.cancel(id="PO-1")
    desk.send(asked("PO-2"))
    desk.send(asked("PO-3"))
    assert (state(desk, "PO-2"), state(desk, "PO-3")) == ("awaiting_approval", "approved")


@pytest.mark.parametrize(
    ("quantities", "outcome"),
    [(["12"], "approved"), (["13"], "awaiting_approval"), (["7", "6"], "awaiting_approval")],
)
def test_a_quantity_is_held_against_the_cart_that_went_home_with_it(
    desk: Desk, quantities: list[str], outcome: str
) -> None:
    (carted,) = bring_home(desk, {"A-100": "10"}).lines
    rules(desk, {"any_line": about("line.quantity_deviation_percent", ">", "20")})
    lines = [line(n, quantity=quantity) for n, quantity in enumerate(quantities, 1)]
    lines = [replace(one, item=carted.item) for one in lines]
    total = sum((Decimal(quantity) for quantity in quantities), Decimal(0)) * Decimal("9.95")
    desk.send(order(*lines, id="PO-1", totals=OrderTotals(total=money(f"{total:.2f}"))))
    assert state(desk, "PO-1") == outcome


def test_nothing_is_looked_up_that_no_rule_asks_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rules(desk, about("order.total_net", ">", "5000.00", "EUR"))
    with statements_of(desk.gateway.database, monkeypatch) as plain:
        desk.send(asked("PO-1"))
    unasked = ("cd_rates", "cd_budgets", "received_at >=", "cd_credits", "cd_own_fields", "LIMIT 500")
    assert not [sql for sql in plain if any(table in sql for table in unasked)]
    rules(desk, about("cost_center.budget_left", "<", "0.00", "EUR"))
    budget(desk, "1000.00")
    with statements_of(desk.gateway.database, monkeypatch) as asking:
        desk.send(asked("PO-2"))
    assert [sql for sql in asking if "cd_budgets" in sql]


def test_every_field_is_in_the_document_or_looked_up() -> None:
    beside = {field.key for field in FIELDS.values() if field.source in (Source.PEOPLE, Source.SUMS, Source.CUSTOMER)}
    beside |= {field.key for field in FIELDS.values() if field.source is Source.CATALOG}
    source = Path(looked_up.__file__).read_text(encoding="utf-8")
    assert {key for key in beside if f'"{key}":' not in source} == {"customer.id", "requester.department"}

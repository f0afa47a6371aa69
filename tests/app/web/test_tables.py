"""Exchange rates and budgets on pages: seen, filtered, typed, read from files; whose they are, and what follows."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from approval_orders import line, money, order
from approval_rules import stages, user
from order_desk import Desk, set_up
from people_at_work import Browser, application, give_passwords, hash_cheaply
from sqlmodel import col, select

from app.gateway import Gateway
from app.storage.audit import AuditRow
from app.storage.budgets import BudgetRow
from app.storage.customers import CustomerRow
from app.storage.rates import RateRow
from schemas.order import OrderTotals

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    other = CustomerRow(realm="live", number="20020", name="Other", currency="EUR", created_at=gateway.clock.now())
    made.write(lambda tx: tx.add(other))
    made.person("root", "admin")
    made.person("fay", "flow_author", customers=[made.customer.id])
    made.person("ann", "approver")
    give_passwords(made)
    return made


async def at_work(desk: Desk, login: str, language: str = "en") -> Browser:
    return await Browser(application(desk.gateway), language=language).sign_in(login)


def kept(desk: Desk, table: Any) -> list[Any]:
    with desk.gateway.database.read() as session:
        return list(session.exec(select(table)))


def hidden(browser: Browser) -> dict[str, str]:
    return {name: browser.hidden(name) for name in ("text", "agreed")}


async def test_a_rate_is_typed_as_its_reader_writes_it_and_seen_before_it_is_kept(desk: Desk) -> None:
    root = await at_work(desk, "root", "es")
    typed = {"row.base": "USD", "row.target": "EUR", "row.day": "2026-11-23", "row.source": "BCE"}
    await root.post("/admin/rates/import", {**typed, "row.factor": "1.234"})
    assert "ninguno 1.234" in root.text, "it is read as a Spaniard reads it, and shown"
    assert "1234\r\n" not in root.text
    await root.post("/admin/rates/import", {**typed, "row.factor": "0,9215"})
    assert "ninguno 0,9215" in root.text
    assert kept(desk, RateRow) == []
    await root.post("/admin/rates/import/apply", hidden(root))
    assert "Se cambiaron 2 filas." not in root.text
    assert "Se cambió 1 fila." in root.text
    assert [row.factor for row in kept(desk, RateRow)] == [Decimal("0.9215")]
    with desk.gateway.database.read() as session:
        said = session.exec(select(AuditRow).where(AuditRow.event == "rate_set")).one()
    assert (said.channel, said.data["factor"], said.data["before"]) == ("page", "0.9215", None)
    await root.go("/admin/record?event=kind:changes")
    assert "Tipo de cambio fijado" in root.text
    await root.post("/admin/rates/import", {**typed, "row.factor": ""})
    await root.post("/admin/rates/import/apply", hidden(root))
    assert kept(desk, RateRow) == []


async def test_rates_are_filtered_and_exported_as_they_are_filtered(desk: Desk) -> None:
    root = await at_work(desk, "root")
    rows = "USD,EUR,2026-11-23,0.92,ECB\nUSD,EUR,2026-10-23,0.91,ECB\nGBP,EUR,2026-11-23,1.17,=bank"
    await root.post("/admin/rates/import", {"text": f"base,target,day,factor,source\n{rows}"})
    await root.post("/admin/rates/import/apply", hidden(root))
    await root.go("/admin/rates?base=usd&day=2026-11")
    assert "USD EUR 2026-11-23 0.92 ECB" in root.text
    assert "0.91" not in root.text
    await root.go("/admin/rates/export.csv?target=EUR&base=gbp")
    assert list(csv.reader(io.StringIO(root.answer.content.decode("utf-8-sig")))) == [
        ["base", "target", "day", "factor", "source"],
        ["GBP", "EUR", "2026-11-23", "1.17", "'=bank"],
    ]
    await root.go("/admin/rates/export.xlsx")
    assert root.answer.content.startswith(b"PK")


async def test_all_that_is_wrong_is_told_by_line_and_column_in_the_readers_language(desk: Desk) -> None:
    root = await at_work(desk, "root", "pt")
    lines = (
        "customer;cost_center;period;amount;currency",
        "99999;4711;2026-11;1,00;EUR",
        "10001;;11/2026;1,005;EUR",
        "10001;4711;2026;5.000,00;EUR",
        "10001;4711;2026;;EUR",
    )
    await root.post("/admin/budgets/import", {"text": "\n".join(lines)})
    assert root.answer.status_code == 400
    for said in (
        "Linha 2, Cliente (customer): não há cliente com este número 99999",
        "Linha 3, Centro de custo (cost_center): um centro de custo tem de 1 a 100 caracteres",
        "Linha 3, Período (period): não é um mês (2026-11) nem um ano (2026) 11/2026",
        "Linha 3, Valor (amount): tem mais casas decimais que EUR 1,005",
        "Linha 5: a linha 4 trata do mesmo",
    ):
        assert said in root.text, root.text[150:900]
    assert kept(desk, BudgetRow) == []


async def test_an_author_for_one_customer_has_its_budgets_alone_and_only_looks_at_rates(desk: Desk) -> None:
    root, fay = await at_work(desk, "root"), await at_work(desk, "fay")
    rows = "20020,1,2026,7.00,EUR\n10001,2,2026,8.00,EUR"
    await root.post("/admin/budgets/import", {"text": f"customer,cost_center,period,amount,currency\n{rows}"})
    await root.post("/admin/budgets/import/apply", hidden(root))
    await fay.go("/admin/budgets")
    assert ("8.00" in fay.text, "7.00" in fay.text, "Other" in fay.text) == (True, False, False)
    await fay.go("/admin/budgets/export.csv")
    assert "20020" not in fay.answer.text
    await fay.post("/admin/budgets/import", {"text": "customer,cost_center,period,amount,currency\n20020,1,2026,9,EUR"})
    assert "there is no customer of this number 20020" in fay.text
    await fay.post("/admin/budgets/import", {"text": "cost_center,period,amount,currency\n2,2026,9.00,EUR"})
    await fay.post("/admin/budgets/import/apply", hidden(fay))
    assert sorted(str(row.amount) for row in kept(desk, BudgetRow)) == ["7.00", "9.00"]
    await fay.go("/admin/rates")
    assert fay.answer.status_code == 200
    assert "Set a rate" not in fay.text
    await fay.post("/admin/rates/import", {"text": "base,target,day,factor,source\nUSD,EUR,2026-11-23,1,me"})
    assert fay.answer.status_code == 403


async def test_a_budget_that_is_set_on_the_page_lets_a_held_order_go(desk: Desk) -> None:
    left = {"field": "cost_center.budget_left", "op": ">=", "value": "0.00", "currency": "EUR"}
    never = {"field": "order.line_count", "op": ">", "value": 99}
    desk.rules({"match": left, **stages([user("ann", condition=never)])})
    lines = line(quantity="10", cost_center="4711")
    desk.send(order(lines, id="PO-1", totals=OrderTotals(total=money("99.50"))))
    assert desk.order("PO-1").state == "held"
    root = await at_work(desk, "root")
    row = {"row.customer": "10001", "row.cost_center": "4711", "row.period": "2026", "row.amount": "500"}
    await root.post("/admin/budgets/import", {**row, "row.currency": "eur"})
    await root.post("/admin/budgets/import/apply", hidden(root))
    assert "1 held order was judged again." in root.text
    assert desk.order("PO-1").state == "approved"


async def test_people_and_groups_come_in_from_a_file(desk: Desk) -> None:
    root = await at_work(desk, "root")
    await root.post("/admin/people/file", {"text": "login,groups\nann,finance|board\nfay,\n"})
    assert "ann Groups – board|finance" in root.text
    await root.post("/admin/people/file/apply", hidden(root))
    text = "login,name,roles,customers,manager,active\nnew,New One,approver,10001,ann,no\nann,Ann B,approver,all,,yes\n"
    await root.post("/admin/people/file", {"text": text})
    await root.post("/admin/people/file/apply", hidden(root))
    await root.go("/admin/people/people.csv")
    found = {row["login"]: row for row in csv.DictReader(io.StringIO(root.answer.content.decode("utf-8-sig")))}
    assert found["new"] | {"email": "", "groups": ""} == found["new"]
    assert [found["new"][name] for name in ("name", "roles", "customers", "manager", "active")] == [
        *("New One", "approver", "10001", "ann", "no"),
    ]
    assert (found["ann"]["name"], found["ann"]["groups"]) == ("Ann B", "board|finance")
    bad = "login,name,roles,customers,manager,active,email\nx,,boss,7,x,perhaps,nowhere\n"
    await root.post("/admin/people/file", {"text": bad})
    assert root.text.count("Line 2, ") == 6
    await root.post("/admin/people/file", {"text": "login,roles\nroot,approver\n"})
    await root.post("/admin/people/file/apply", hidden(root))
    assert root.answer.status_code == 409
    assert "Nobody would be left to administer" in root.text
    with desk.gateway.database.read() as session:
        events = list(session.exec(select(AuditRow.event).order_by(col(AuditRow.sequence).desc()).limit(3)))
    assert "person_roles" not in events

"""The administration's pages of people, and what everybody says of their own absences."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from order_desk import Desk, set_up
from people_at_work import Browser, application, at_work, give_passwords, hash_cheaply
from sqlmodel import select

from app.clock import SetClock
from app.gateway import Gateway
from app.storage import approver_profiles
from app.storage.approver_profiles import AbsenceRow, ApprovalLimitRow, OwnerRow
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow, by_login

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver", email="paula@shop.example")
    made.person("bob", "approver")
    made.person("root", "admin")
    made.person("eye", "auditor")
    made.person("part", "admin", customers=[made.customer.id])
    give_passwords(made)
    return made


def page_of(desk: Desk, login: str) -> str:
    return f"/admin/people/{desk.people[login].id}"


def kept(desk: Desk, login: str) -> PersonRow:
    with desk.gateway.database.read() as session:
        person = by_login(session, LIVE, login)
    assert person is not None
    return person


def entries(desk: Desk, event: str) -> list[AuditRow]:
    with desk.gateway.database.read() as session:
        return list(session.exec(select(AuditRow).where(AuditRow.event == event)))


def said(desk: Desk, event: str) -> dict[str, Any]:
    (entry,) = entries(desk, event)
    assert entry.channel == "page"
    assert entry.actor.startswith("person:")
    return entry.data


async def test_everybody_is_listed_and_filtered(desk: Desk, clock: SetClock) -> None:
    root = await at_work(desk, "root")
    await root.go("/admin/people")
    assert {"Paula", "Bob", "Root", "Eye", "Part"} <= set(root.text.split())
    assert str(clock.now().year) in root.text
    for query, there, away in (
        ("q=PAULA%40", "Paula", "Bob"),
        ("role=auditor", "Eye", "Paula"),
        ("state=inactive", "None.", "Paula"),
        ("factor=no&role=approver", "Bob", "Eye"),
        ("factor=yes", "None.", "Bob"),
    ):
        await root.go(f"/admin/people?{query}")
        assert there in root.text, query
        assert away not in root.text, query


async def test_a_new_person_signs_in_with_the_password_that_is_shown_once(desk: Desk) -> None:
    root = await at_work(desk, "root")
    form = {"login": " Nina ", "name": "Nina", "role": "operator", "customer": desk.customer.id}
    await root.post("/admin/people", form)
    password = root.text.partition("never again: ")[2].split()[0]
    await root.go(f"/admin/people/{kept(desk, 'nina').id}")
    assert password not in root.answer.text
    nina = await Browser(application(desk.gateway)).sign_in("nina", password)
    assert nina.path == "/operations"
    assert kept(desk, "nina").signed_in_at is not None
    added = {"person": kept(desk, "nina").id, "roles": ["operator"], "customers": [desk.customer.id]}
    assert said(desk, "person_added") == added


@pytest.mark.parametrize(
    ("form", "status", "reason"),
    [
        ({"login": "paula", "name": "P", "role": "operator"}, 409, "There is a person paula already."),
        ({"login": "x", "name": "X"}, 400, "Choose at least one of the roles"),
        ({"login": "x", "name": "X", "role": "king"}, 400, "Choose at least one of the roles"),
        ({"login": "x", "name": " ", "role": "operator"}, 400, "A name has 1 to 200 characters."),
        ({"login": "x", "name": "X", "role": "operator", "email": "a@b@c"}, 400, "This is no mail address."),
        ({"login": "x", "name": "X", "role": "operator", "customer": "nobody"}, 404, "There is no such customer."),
    ],
)
async def test_what_keeps_a_person_from_being_added_is_said_on_the_page(
    desk: Desk, form: dict[str, str], status: int, reason: str
) -> None:
    root = await at_work(desk, "root")
    await root.post("/admin/people", form)
    assert root.answer.status_code == status
    assert reason in root.text
    assert entries(desk, "person_added") == []


async def test_other_roles_end_every_session(desk: Desk) -> None:
    root, paula = await at_work(desk, "root"), await at_work(desk, "paula")
    await root.post(f"{page_of(desk, 'paula')}/roles", {"role": "operator"})
    assert root.path == page_of(desk, "paula")
    await paula.go("/account")
    assert paula.path == "/login"
    assert said(desk, "person_roles") == {
        "person": desk.people["paula"].id,
        "roles": ["operator"],
        "before": ["approver"],
    }
    assert entries(desk, "person_customers") == []


async def test_what_waits_for_a_person_who_is_let_in_no_more_is_not_left_with_them(desk: Desk) -> None:
    step = {"key": "lead", "name": "Lead", "approver": {"user": "paula"}, "escalate_to": {"user": "bob"}}
    desk.rules({"stages": [{"steps": [step]}]})
    desk.send()
    assert desk.task("paula").state == "open"
    root, paula = await at_work(desk, "root"), await at_work(desk, "paula")
    await root.post(f"{page_of(desk, 'paula')}/active", {"active": "no"})
    await paula.go("/account")
    assert paula.path == "/login"
    assert desk.task("paula").state == "cancelled"
    assert said(desk, "person_disabled")["before"] == {"active": True}
    await root.post(f"{page_of(desk, 'paula')}/active", {"active": "yes"})
    assert (await paula.sign_in("paula")).path == "/approvals"


@pytest.mark.parametrize(
    ("act", "form"),
    [("active", {"active": "no"}), ("roles", {"role": "auditor"}), ("roles", {"role": "admin", "customer": "own"})],
)
async def test_an_administrator_of_everything_is_always_left(desk: Desk, act: str, form: dict[str, str]) -> None:
    form = {key: desk.customer.id if value == "own" else value for key, value in form.items()}
    root = await at_work(desk, "root")
    await root.post(f"{page_of(desk, 'root')}/{act}", form)
    assert root.answer.status_code == 409
    assert "Nobody would be left to administer" in root.text
    person = kept(desk, "root")
    assert (person.active, person.roles, person.customers) == (True, ["admin"], None)


async def test_limits_manager_groups_hours_and_what_they_answer_for(desk: Desk) -> None:
    root, page = await at_work(desk, "root"), page_of(desk, "paula")
    customer, bob = desk.customer.id, desk.people["bob"].id
    for act, form in (
        ("limit", {"currency": "eur", "amount": "5000.00"}),
        ("limit", {"currency": "USD", "amount": "10"}),
        ("limit", {"currency": "USD"}),
        ("manager", {"manager": bob}),
        ("groups", {"groups": "Buyers\r\n\r\n Leads "}),
        (
            "hours",
            {"zone": "Europe/Berlin", "weekday": "0", "begins": "08:00", "ends": "12:30", "holidays": "2026-12-25"},
        ),
        ("owner", {"customer": customer, "kind": "cost_center.owner", "code": "4711"}),
        ("account", {"name": "Paula P", "email": "", "language": "de"}),
    ):
        await root.post(f"{page}/{act}", form)
        assert (root.answer.status_code, root.path) == (200, page), act
    for shown in ("Paula P", ">5,000<", 'value="Europe/Berlin"', "4711", "Buyers\nLeads"):
        assert shown in root.answer.text, shown
    with desk.gateway.database.read() as session:
        profile = approver_profiles.profile(session, LIVE, desk.people["paula"].id)
        assert (profile.manager_id, profile.groups, profile.weekdays, profile.ends) == (
            bob,
            ["Buyers", "Leads"],
            [0],
            "12:30",
        )
    assert said(desk, "limit_dropped")["before"] == "10"
    assert said(desk, "groups_set")["before"] == []
    assert said(desk, "hours_set")["before"]["zone"] == "UTC"
    assert said(desk, "person_changed")["fields"] == ["name", "email", "language"]
    await root.post(f"{page}/disown", {"customer": customer, "kind": "cost_center.owner", "code": "4711"})
    with desk.gateway.database.read() as session:
        assert session.exec(select(OwnerRow)).all() == []


@pytest.mark.parametrize(
    ("act", "form", "status"),
    [
        ("limit", {"currency": "EUR", "amount": "1,5"}, 400),
        ("limit", {"currency": "EUR", "amount": "-1"}, 400),
        ("limit", {"currency": "EUR", "amount": "NaN"}, 400),
        ("limit", {"currency": "XXX1", "amount": "1"}, 400),
        ("limit", {"currency": "EUR"}, 404),
        ("manager", {"manager": "nobody"}, 404),
        ("hours", {"zone": "UTC", "weekday": "7", "begins": "09:00", "ends": "17:00"}, 400),
        ("hours", {"zone": "Moon", "weekday": "1", "begins": "09:00", "ends": "17:00"}, 400),
        ("hours", {"zone": "UTC", "weekday": "1", "begins": "x", "ends": "17:00"}, 400),
        ("absence", {"from": "2026-01-01T09:00", "until": ""}, 400),
        ("absence", {"from": "2026-01-01T09:00Z", "until": "2026-01-02T09:00"}, 400),
        ("back", {"absence": "none"}, 404),
        ("owner", {"customer": "none", "kind": "customer.owner"}, 404),
        ("disown", {"customer": "none", "kind": "customer.owner"}, 404),
        ("account", {"name": "", "email": "", "language": ""}, 400),
        ("account", {"name": "P", "email": "", "language": "ja"}, 400),
        ("fly", {}, 404),
    ],
)
async def test_what_is_refused_changes_nothing(desk: Desk, act: str, form: dict[str, str], status: int) -> None:
    root = await at_work(desk, "root")
    before = len(entries(desk, "signed_in"))
    await root.post(f"{page_of(desk, 'paula')}/{act}", form)
    assert root.answer.status_code == status
    with desk.gateway.database.read() as session:
        assert {entry.event for entry in session.exec(select(AuditRow))} == {"signed_in"}
    assert before == 1


async def test_an_absence_is_entered_by_the_person_or_for_them(desk: Desk, clock: SetClock) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    when = {"from": f"{tomorrow:%Y-%m-%dT%H:%M}", "until": f"{tomorrow + timedelta(days=7):%Y-%m-%dT%H:%M}"}
    paula, root = await at_work(desk, "paula"), await at_work(desk, "root")
    await paula.post("/account/absences", {**when, "delegate": desk.people["bob"].id})
    assert paula.path == "/account"
    assert f"{tomorrow:%Y-%m-%d %H:%M}" in paula.text
    assert "Bob" in paula.text
    await root.post(f"{page_of(desk, 'paula')}/absence", when)
    assert root.answer.status_code == 409
    assert "Paula is away already at that time" in root.text
    absence = root.hidden("absence")
    bob = await at_work(desk, "bob")
    assert (await bob.post("/account/absences/end", {"absence": absence})).answer.status_code == 404
    await root.post(f"{page_of(desk, 'paula')}/back", {"absence": absence})
    with desk.gateway.database.read() as session:
        assert session.exec(select(AbsenceRow)).all() == []
    assert [(e.event, e.actor) for e in (*entries(desk, "absence_added"), *entries(desk, "absence_ended"))] == [
        ("absence_added", f"person:{desk.people['paula'].id}"),
        ("absence_ended", f"person:{desk.people['root'].id}"),
    ]


async def test_who_works_for_some_customers_keeps_people_of_those_only(desk: Desk) -> None:
    at = desk.gateway.clock.now()
    elsewhere = CustomerRow(realm=LIVE, number="2", name="Bob Inc", currency="EUR", created_at=at)
    desk.write(lambda tx: tx.add(elsewhere))
    desk.person("ours", "operator", customers=[desk.customer.id])
    desk.person("theirs", "operator", customers=[elsewhere.id])
    part = await at_work(desk, "part")
    await part.go("/admin/people")
    assert "Ours" in part.text
    assert not {"Theirs", "Paula", "Root"} & set(part.text.split())
    for login in ("theirs", "root"):
        assert (await part.go(page_of(desk, login))).answer.status_code == 404
        assert (await part.post(f"{page_of(desk, login)}/active", {"active": "no"})).answer.status_code == 404
        assert (await part.post(f"{page_of(desk, login)}/password")).answer.status_code == 404
        assert kept(desk, login).active
    for customers in ({}, {"customer": elsewhere.id}):
        await part.post(f"{page_of(desk, 'ours')}/roles", {"role": "operator", **customers})
        assert part.answer.status_code in (403, 404)
        await part.post("/admin/people", {"login": "mole", "name": "Mole", "role": "admin", **customers})
        assert part.answer.status_code == 403
    assert kept(desk, "ours").customers == [desk.customer.id]
    await part.post(f"{page_of(desk, 'ours')}/roles", {"role": "approver", "customer": desk.customer.id})
    assert kept(desk, "ours").roles == ["approver"]


async def test_an_auditor_reads_and_changes_nothing(desk: Desk) -> None:
    eye = await at_work(desk, "eye")
    await eye.go(page_of(desk, "paula"))
    assert eye.answer.status_code == 200
    assert "Save" not in eye.text
    await eye.post(f"{page_of(desk, 'paula')}/active", {"active": "no"})
    assert eye.answer.status_code == 403


async def test_limits_go_out_and_come_in_after_a_look_at_the_differences(desk: Desk) -> None:
    root = await at_work(desk, "root")
    for login, amount in (("paula", "100"), ("bob", "200"), ("eye", "300")):
        await root.post(f"{page_of(desk, login)}/limit", {"currency": "EUR", "amount": amount})
    await root.go("/admin/people/limits.csv")
    rows = list(csv.reader(io.StringIO(root.answer.content.decode("utf-8-sig"))))
    assert rows == [
        ["login", "currency", "amount"],
        ["bob", "EUR", "200"],
        ["eye", "EUR", "300"],
        ["paula", "EUR", "100"],
    ]
    sent = "login;currency;amount\npaula;EUR;150,50\nbob;EUR;\neye;EUR;300\nroot;USD;7\n".encode("utf-8-sig")
    files = {"file": ("limits.csv", sent)}
    headers = {"Sec-Fetch-Site": "same-origin"}
    root.answer = await root.client.post("/admin/people/limits", files=files, headers=headers)
    for shown in (
        "3 differences, 1 row stays",
        "paula EUR Amount 100 150.50",
        "bob EUR Amount 200 none",
        "root USD Amount none 7",
    ):
        assert shown in root.text, shown
    with desk.gateway.database.read() as session:
        assert session.get_one(ApprovalLimitRow, (desk.people["paula"].id, "EUR")).amount == 100
    agreed = {"text": root.hidden("text"), "agreed": root.hidden("agreed")}
    await root.post(f"{page_of(desk, 'paula')}/limit", {"currency": "EUR", "amount": "101"})
    await root.post("/admin/people/limits/apply", agreed)
    assert root.answer.status_code == 409
    assert "paula EUR Amount 101 150.50" in root.text
    await root.post("/admin/people/limits/apply", {**agreed, "agreed": root.hidden("agreed")})
    assert root.path.startswith("/admin/people")
    await root.go("/admin/people/limits.csv")
    after = list(csv.reader(io.StringIO(root.answer.content.decode("utf-8-sig"))))[1:]
    assert after == [["eye", "EUR", "300"], ["paula", "EUR", "150.50"], ["root", "USD", "7"]]
    assert entries(desk, "limit_set")[-2].data["before"] == "101"


async def test_everything_that_is_wrong_with_a_file_is_said_at_once(desk: Desk) -> None:
    root = await at_work(desk, "root")
    lines = (
        "login,currency,amount",
        "nobody,EUR,1",
        "paula,EUR,1.005",
        "paula,EUR,2",
        "paula,EUR,3",
        "bob,XYZ,x",
        "eye,EUR,-1",
        "eye",
    )
    await root.post("/admin/people/limits", {"text": "\n".join(lines)})
    assert root.answer.status_code == 400
    for said_ in (
        "Line 2, Signs in as (login): there is nobody with this login nobody",
        "Line 3, Amount (amount): has more decimals than EUR 1.005",
        "Line 5: line 4 is about the same",
        "Line 6, Amount (amount): is no number such as 5000.00 x",
        "Line 6, Currency (currency): is no ISO 4217 currency XYZ",
        "Line 7, Amount (amount): is below zero -1",
        "Line 8: has 1 cells where the first line has 3",
    ):
        assert said_ in root.text, said_
    await root.post("/admin/people/limits/apply", {"text": "\n".join(lines), "agreed": "x"})
    assert root.answer.status_code == 409
    await root.post("/admin/people/limits", {"text": "who,what\n"})
    assert "Line 1: the first line lacks login, currency, amount" in root.text
    assert entries(desk, "limit_set") == []

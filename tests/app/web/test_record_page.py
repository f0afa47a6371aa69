"""The page of the audit record: found by person, kind and day, kept as a file, seen by whom it concerns."""

import csv
import io
from datetime import timedelta

import pytest
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from people_at_work import Browser, application, give_passwords, hash_cheaply
from python_calamine import CalamineWorkbook

from app.cli import people as commands
from app.clock import SetClock
from app.flows import api_keys, keep_person
from app.gateway import Gateway
from app.storage import audit
from app.storage.api_keys import Scope
from app.storage.base import LIVE
from app.storage.people import PersonRow
from app.web.admin.events import KINDS, NAMES

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("root", "admin")
    made.person("part", "admin", customers=[])
    give_passwords(made)
    made.rules(SMALL_ORDERS_PASS)
    made.send()
    paula = made.people["paula"].id
    made.write(lambda tx: keep_person.set_roles(tx, gateway, tx.get_one(PersonRow, paula), ["operator"], **commands.BY))
    wanted = api_keys.Wanted(name="erp", scopes=[Scope.ORDERS_READ], customers=None, days=10)
    made.write(lambda tx: api_keys.issue(tx, gateway, wanted, realm=LIVE, actor=audit.by("gone"), channel="command"))
    clock.move(timedelta(days=3))
    return made


async def events(browser: Browser, query: str) -> list[str]:
    await browser.go(f"/admin/record/export.csv?{query}")
    assert browser.answer.status_code == 200
    return [row[2] for row in csv.reader(io.StringIO(browser.answer.content.decode("utf-8-sig")))][1:]


async def test_entries_are_found_by_person_kind_and_day(desk: Desk, clock: SetClock) -> None:
    stranger = Browser(application(desk.gateway))
    await stranger.sign_in("root", "a wrong password")
    root = await Browser(application(desk.gateway)).sign_in("root")
    assert await events(root, "event=kind:sign_in") == ["signed_in", "sign_in_failed"]
    assert {"key_created", "person_roles", "flow_published"} <= set(await events(root, "event=kind:changes"))
    assert set(await events(root, "event=kind:orders")) == {"order_taken", "approved_by_rule"}
    assert await events(root, f"person={desk.people['paula'].id}") == ["person_roles"]
    assert await events(root, f"person={desk.people['root'].id}&event=signed_in") == ["signed_in"]
    today = clock.now().date()
    assert await events(root, f"since={today}") == ["signed_in", "sign_in_failed"]
    assert "person_roles" in await events(root, f"until={today - timedelta(days=1)}")
    assert await events(root, f"since={today + timedelta(days=1)}") == []
    everything = await events(root, "")
    for odd in ("since=x&until=9999-12-31", "event=nothing", "event=kind:", "person='&before=x"):
        found = await events(root, odd)
        assert found == ([] if "person" in odd else everything), odd
    await root.go(f"/admin/record?person={desk.people['paula'].id}")
    assert "Roles of a person changed: Paula" in root.text
    assert '"before": [ "approver" ]' in root.text
    await root.go("/admin/record/export.xlsx?event=person_roles")
    (sheet,) = CalamineWorkbook.from_filelike(io.BytesIO(root.answer.content)).sheet_names
    rows = CalamineWorkbook.from_filelike(io.BytesIO(root.answer.content)).get_sheet_by_name(sheet).to_python()
    assert [row[2] for row in rows] == ["event", "person_roles"]


async def test_who_works_for_some_customers_sees_what_concerns_those(desk: Desk) -> None:
    part = await Browser(application(desk.gateway)).sign_in("part")
    assert await events(part, "") == ["signed_in"]

    def give(tx: object) -> None:
        tx.get_one(PersonRow, desk.people["part"].id).customers = [desk.customer.id]  # type: ignore[attr-defined]

    desk.write(give)
    assert set(await events(part, "")) == {"signed_in", "order_taken", "approved_by_rule"}
    await part.go("/admin/record")
    assert "Paula" not in part.text


async def test_older_entries_follow_within_the_filter(desk: Desk) -> None:
    root = await Browser(application(desk.gateway)).sign_in("root")
    at = desk.gateway.clock.now()
    entries = [{"realm": LIVE, "at": at, "actor": "system", "channel": "command", "event": "replayed"}] * 150
    desk.write(lambda tx: audit.append(tx, *entries))
    await root.go("/admin/record?event=replayed")
    assert root.answer.text.count(">Tried again<") - root.answer.text.count("option") <= 100
    await root.follow("Older ones")
    assert "event=replayed" in str(root.answer.url)
    assert "Older ones" not in root.text


def test_every_kind_has_its_events_and_each_event_one_kind() -> None:
    sorted_in = [event for kind in KINDS.values() for event in kind.events]
    assert sorted(sorted_in) == sorted(NAMES)

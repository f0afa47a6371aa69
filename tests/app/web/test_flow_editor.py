"""The editor of approval rules: every button, who may, two authors at once, files in and out."""

import json
from dataclasses import replace
from typing import Any

import pytest
from lxml import html
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from people_at_work import Browser, at_work, give_passwords, hash_cheaply
from sqlmodel import select

from app.approval import definition as definitions
from app.approval.fields import FIELDS
from app.approval.flow import EDITABLE
from app.approval.operators import Operator
from app.flows.replace_examples import Plan
from app.gateway import Gateway
from app.storage import flow_drafts
from app.storage.approvals import FlowRow, FlowVersionRow
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.web.admin.flow_editor import labels

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

NASTY = "<script>alert(1)</script>{{7*7}}"
NET = {"field": "order.total_net", "op": ">", "value": "5000.00", "currency": "EUR"}
EVERYTHING: dict[str, Any] = {
    "match": {"any": [NET, {"not": {"field": "order.payment_card", "op": "is_true"}}]},
    "block": [
        {
            "key": "b",
            "text": "Not there",
            "when": {"field": "order.ship_to.country", "op": "not_in", "value": ["DE", "AT"]},
        }
    ],
    "warn": [
        {
            "key": "w",
            "text": "Many",
            "when": {
                "count_lines": {
                    "where": {"field": "line.on_contract", "op": "is_false"},
                    "op": "between",
                    "value": [2, 9],
                }
            },
        }
    ],
    "auto_approve": [
        {
            "key": "a",
            "text": "Cheap",
            "when": {
                "sum_lines": {
                    "where": {
                        "all": [
                            {"field": "line.unspsc", "op": "starts_with", "value": "43"},
                            {"field": "line.quantity", "op": ">", "value": "1"},
                        ]
                    },
                    "field": "line.net",
                    "op": "<=",
                    "value": "100.00",
                    "currency": "EUR",
                }
            },
        }
    ],
    "stages": [
        {
            "steps": [
                {
                    "key": "lead",
                    "name": "Lead",
                    "approver": {"role": "approver"},
                    "quorum": 2,
                    "reject": "unreachable",
                    "condition": {"any_line": {"field": "line.net", "op": ">", "other_field": "line.unit_price"}},
                    "min_limit": {"amount": "100.00", "currency": "EUR"},
                    "due_hours": 16,
                    "remind_hours": 8,
                    "on_timeout": "escalate",
                    "escalate_to": {"user": "root"},
                    "may_edit": ["comment", "quantity"],
                    "allow_self": True,
                    "self_limit": {"amount": "50.00", "currency": "EUR"},
                    "watchers": [{"user": "root"}, {"field": "cost_center.owner"}],
                },
                {"key": "other", "name": "Other", "approver": {"manager_of": "requester"}, "min_limit": "total"},
            ]
        },
        {"steps": [{"key": "boss", "name": "Boss", "approver": {"hierarchy": "requester"}}]},
    ],
    "when_nobody_is_asked": "hold",
    "merge_consecutive": True,
    "final_approver": {"user": "root"},
    "tolerance": {"percent": "5", "amount": {"amount": "20.00", "currency": "EUR"}},
    "later_date": "new_run",
    "link_limit": {"amount": "250.00", "currency": "EUR"},
}
"""Says everything that can be said."""


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("ana", "flow_author")
    made.person("bob", "flow_author")
    made.person("root", "admin")
    made.person("paula", "approver")
    made.person("own", "flow_author", customers=[made.customer.id])
    made.person("boss", "admin", customers=[made.customer.id])
    give_passwords(made)
    return made


async def drafting(desk: Desk, login: str = "ana", definition: dict[str, Any] | None = None) -> Browser:
    """In front of a new draft."""
    author = await at_work(desk, login)
    await author.post("/admin/rules", {"name": "Ours", "customer": desk.customer.id, "priority": "50"})
    if definition is not None:
        path = author.path.removesuffix("/draft")
        await author.post(f"{path}/import/take", {"seen": "1", "agreed": Plan().digest, "file": json.dumps(definition)})
    return author


def controls(browser: Browser) -> dict[str, str]:
    """What a browser would post of the editor without a button."""
    (form,) = html.document_fromstring(browser.answer.text).xpath("//form[@id='editor']")
    return {name: value for name, value in form.form_values() if isinstance(value, str)}


async def press(browser: Browser, button: str, **changes: str) -> Browser:
    """`changes` of controls, whose names are written with two underscores for each dot."""
    named = {name.replace("__", "."): value for name, value in changes.items()}
    data = {**controls(browser), **named, "do": button}
    return await browser.post(browser.path, data)


def stored(desk: Desk) -> dict[str, Any]:
    with desk.gateway.database.read() as session:
        draft = flow_drafts.of_flow(session, session.exec(select(FlowRow)).one().id)
        assert draft is not None
        found: dict[str, Any] = json.loads(draft.definition)
        return found


async def test_rules_are_begun_for_a_group_of_customers(desk: Desk) -> None:
    desk.settings(group="automotive")
    ana = await at_work(desk, "ana")
    assert '<option value="automotive">' in ana.answer.text
    new = {"name": "Group", "customer": "group", "priority": "50"}
    await ana.post("/admin/rules", {**new, "group": " "})
    assert ana.answer.status_code == 400
    await ana.post("/admin/rules", {**new, "group": "automotive "})
    await ana.go(ana.path.removesuffix("/draft"))
    assert "in the group “automotive”" in ana.text
    await ana.go("/admin/rules?customer=group")
    assert "group “automotive”" in ana.text


async def test_the_customer_s_own_fields_are_declared_and_offered_to_its_rules_alone(desk: Desk) -> None:
    own, fields = await at_work(desk, "own"), f"/admin/rules/{desk.customer.id}/fields"
    given = {"name": "project", "type": "text", "label": "<Project>", "extension": "Project", "place": "line"}
    await own.post(fields, {**given, "name": "Project no"})
    assert own.answer.status_code == 400
    assert 'value="Project no"' in own.answer.text
    await own.post(fields, given)
    assert (own.path, own.answer.status_code) == (fields, 200)
    assert "line.extra.project" in own.text
    when = {"any_line": {"field": "line.extra.project", "op": "=", "value": "Atlas"}}
    editor = await drafting(desk, "own", {"match": when, **SMALL_ORDERS_PASS})
    assert '<option value="line.extra.project" selected>&lt;Project&gt;</option>' in editor.answer.text
    assert await press(editor, "save")
    assert stored(desk)["match"] == when
    await press(editor, "publish")
    assert "<Project> is Atlas" in (await editor.go(f"{editor.path}/versions/1")).text
    await own.post(f"{fields}/project/retire")
    assert own.answer.status_code == 409
    assert "Active rules ask about 'line.extra.project'" in own.text
    await own.go(f"/admin/rules/{other_customers_flow(desk)}/fields")
    assert own.answer.status_code == 404
    ana = await at_work(desk, "ana")
    await ana.post("/admin/rules", {"name": "All", "customer": "all", "priority": "50"})
    assert "line.extra.project" not in ana.answer.text


async def test_a_page_posted_as_it_is_changes_nothing(desk: Desk) -> None:
    ana = await drafting(desk, definition=EVERYTHING)
    before = stored(desk)
    assert definitions.to_json(definitions.read(json.dumps(EVERYTHING))) == json.dumps(
        before, separators=(",", ":"), ensure_ascii=False
    )
    await press(ana, "save")
    assert stored(desk) == before


async def test_a_draft_is_written_and_published_by_its_buttons_alone(desk: Desk) -> None:
    ana = await drafting(desk)
    assert "Fill in a text of 1 to 200 characters." in ana.text
    await press(ana, "publish")
    assert ana.answer.status_code == 400
    assert "Nothing was published." in ana.text
    await press(ana, "save", stages__0__steps__0__name="Purchasing lead")
    await press(ana, "add_rule:auto_approve")
    await press(
        ana,
        "save",
        auto_approve__0__text="Small orders",
        auto_approve__0__when__field="order.total_net",
    )
    assert "An amount of money needs a currency." in ana.text
    await press(
        ana,
        "save",
        auto_approve__0__when__op="<=",
        auto_approve__0__when__value="100.00",
    )
    assert (
        "An order is approved without asking when order total without tax is at most EUR\xa0100.00."
        in ana.text.replace("EUR 100", "EUR\xa0100")
    )
    await press(ana, "publish")
    assert ana.path == f"/admin/rules/flows/{flow(desk).id}"
    assert "1 in force Ana" in ana.text
    desk.send()
    assert desk.order().state == "approved"


def flow(desk: Desk) -> FlowRow:
    with desk.gateway.database.read() as session:
        return session.exec(select(FlowRow)).one()


async def test_only_operators_of_the_fields_type_are_offered_and_money_has_a_currency(desk: Desk) -> None:
    ana = await drafting(desk, definition={"match": NET, "when_nobody_is_asked": "hold"})
    offered = html.document_fromstring(ana.answer.text).xpath("//select[@name='match.op']/option/@value")
    assert offered == ["=", "!=", ">", "<", ">=", "<=", "between", "is_empty"]
    assert "match.currency" in controls(ana)
    await press(ana, "save", match__field="order.currency")
    offered = html.document_fromstring(ana.answer.text).xpath("//select[@name='match.op']/option/@value")
    assert offered == ["=", "!=", "in", "not_in", "is_empty"]
    assert "match.currency" not in controls(ana)


async def test_every_button_of_conditions(desk: Desk) -> None:
    ana = await drafting(desk)
    await press(ana, "add:match")
    assert stored(desk)["match"] == {"field": "", "op": "", "value": ""}
    await press(ana, "save", match__field="order.payment_card")
    first = {"field": "order.payment_card", "op": "is_true"}
    await press(ana, "add:match", match__new="any_line")
    assert stored(desk)["match"] == {"all": [first, {"any_line": {"field": "", "op": "", "value": ""}}]}
    await press(ana, "add:match.of.1", match__of__1__of__0__field="line.is_return")
    await press(ana, "save", match__of__1__of__1__field="line.hazardous")
    lines = [{"field": "line.is_return", "op": "is_true"}, {"field": "line.hazardous", "op": "is_true"}]
    assert stored(desk)["match"] == {"all": [first, {"any_line": {"all": lines}}]}
    await press(ana, "down:match.of.1.of.0")
    await press(ana, "up:match.of.1")
    assert stored(desk)["match"] == {"all": [{"any_line": {"all": lines[::-1]}}, first]}
    await press(ana, "save", match__kind="any", match__of__0__kind="every_line")
    assert stored(desk)["match"] == {"any": [{"every_line": {"all": lines[::-1]}}, first]}
    await press(ana, "remove:match.of.0.of.1")
    await press(ana, "remove:match.of.0.of.0")
    assert stored(desk)["match"] == {"any": [first]}
    await press(ana, "remove:match")
    assert "match" not in stored(desk)


async def test_every_button_of_stages_and_steps(desk: Desk) -> None:
    ana = await drafting(desk, definition=EVERYTHING)

    def keys() -> list[list[str]]:
        return [[step["key"] for step in stage["steps"]] for stage in stored(desk)["stages"]]

    await press(ana, "add_stage:")
    await press(ana, "add_step:stages.2")
    assert keys() == [["lead", "other"], ["boss"], ["step-1", "step-2"]]
    await press(ana, "up:stages.1")
    await press(ana, "down:stages.1.steps.0")
    assert keys() == [["boss"], ["other", "lead"], ["step-1", "step-2"]]
    await press(ana, "remove:stages.2.steps.0")
    await press(ana, "remove:stages.0")
    assert keys() == [["other", "lead"], ["step-2"]]
    await press(ana, "add_watcher:stages.1.steps.0")
    await press(ana, "save", **{"stages.1.steps.0.watchers.0.by": "group"})
    await press(ana, "save", **{"stages.1.steps.0.watchers.0.name": "finance"})
    assert stored(desk)["stages"][1]["steps"][0]["watchers"] == [{"group": "finance"}]
    await press(ana, "remove:stages.1.steps.0.watchers.0")
    assert "watchers" not in stored(desk)["stages"][1]["steps"][0]


@pytest.mark.parametrize("button", ["", "nonsense", "remove:", "up:match.of.99", "add:stages", "add_rule:stages"])
async def test_a_button_that_there_is_not_only_saves(desk: Desk, button: str) -> None:
    ana = await drafting(desk)
    before = stored(desk)
    await press(ana, button)
    assert ana.answer.status_code == 200
    assert stored(desk) == before


async def test_faults_stand_beside_their_rows_and_the_summary_leads_there(desk: Desk) -> None:
    ana = await drafting(desk, definition=EVERYTHING)
    await press(ana, "save", **{"match.of.0.value": "lots", "stages.0.steps.0.due_hours": "0"})
    page = html.document_fromstring(ana.answer.text)
    for name in ("match.of.0", "stages.0.steps.0.due_hours"):
        assert page.xpath(f"//*[@id='{name}-why']"), name
        assert page.xpath(f"//a[@href='#{name}']"), name
        assert page.xpath(f"//*[@id='{name}']"), name
    assert page.get_element_by_id("match.of.0.value").get("aria-describedby") == "match.of.0-why"


async def test_who_comes_second_is_told_who_was_first_and_loses_nothing(desk: Desk) -> None:
    ana = await drafting(desk)
    bob = await at_work(desk, "bob")
    await bob.go(ana.path)
    await press(ana, "save", stages__0__steps__0__name="Hers")
    await press(bob, "save", stages__0__steps__0__name="His")
    assert bob.answer.status_code == 409
    assert "Ana has saved this draft meanwhile" in bob.text
    assert controls(bob)["stages.0.steps.0.name"] == "His"
    assert stored(desk)["stages"][0]["steps"][0]["name"] == "Hers"
    await press(bob, "save")
    assert stored(desk)["stages"][0]["steps"][0]["name"] == "His"


async def test_what_an_author_writes_is_shown_as_text(desk: Desk) -> None:
    ana = await drafting(desk)
    await press(ana, "add_rule:warn")
    await press(ana, "add_watcher:stages.0.steps.0")
    named = {f"stages.0.steps.0.{part}": NASTY for part in ("name", "approver.by", "quorum", "on_timeout", "due_hours")}
    named |= {"stages.0.steps.0.may_edit." + NASTY: "yes", "stages.0.steps.0.watchers.0.name": NASTY}
    await press(ana, "save", warn__0__text=NASTY, warn__0__when__field=NASTY, later_date=NASTY, **named)
    assert "<script>alert" not in ana.answer.text
    assert controls(ana)["warn.0.text"] == NASTY
    await ana.go(f"{ana.path}?at={NASTY}")
    assert "<script>alert" not in ana.answer.text


async def test_versions_are_kept_retired_and_begin_a_draft(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS, customer_id=desk.customer.id)
    ana = await at_work(desk, "ana")
    here = f"/admin/rules/flows/{flow(desk).id}"
    await ana.go(f"{here}/versions/1")
    assert "Small orders : An order is approved without asking when" in ana.text
    await ana.post(f"{here}/versions/1/draft")
    assert ana.path == f"{here}/draft"
    assert controls(ana)["auto_approve.0.text"] == "Small orders"
    await ana.post(f"{here}/draft/discard")
    assert ana.path == here
    await ana.post(f"{here}/versions/1/retire")
    assert "1 retired" in ana.text
    await ana.post(here, {"name": "Renamed", "priority": "60"})
    await ana.go("/admin/rules?state=retired&q=RENA")
    assert "Renamed Ana Ltd 60 – – – –" in ana.text
    await ana.go("/admin/rules?state=active")
    assert "Renamed" not in ana.text
    desk.send()
    assert desk.codes() == [("approval.no_flow", None)]


async def test_a_definition_goes_out_as_a_file_and_comes_in_after_a_dry_run(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS, customer_id=desk.customer.id)
    ana = await at_work(desk, "ana")
    here = f"/admin/rules/flows/{flow(desk).id}"
    await ana.go(f"{here}/versions/1/export.json")
    assert ana.answer.headers["content-disposition"] == 'attachment; filename="rules-1.json"'
    file = ana.answer.json()
    assert definitions.read(json.dumps(file["definition"])) == definitions.read(json.dumps(SMALL_ORDERS_PASS))
    desk.send()
    example = {"customer": desk.customer.number, "order": desk.order().number, "revision": 1, "outcome": "passes"}
    file["examples"] = [example, {**example, "order": "elsewhere"}]
    changed = json.dumps(file).replace("100.00", "250.00").replace("Purchasing lead", "Head of purchasing")
    await upload(ana, here, changed)
    assert "3 differences" in ana.text
    assert f"{example['customer']} elsewhere (revision 1)" in ana.text
    for said in (
        *(f"examples[{example['customer']} {example['order']}] – passes by itself (revision 1)",),
        "auto_approve[small].when",
        "is at most EUR\xa0250.00",
        "stages[0].steps[lead].name",
        "Head of purch",
    ):
        assert said.replace("\xa0", " ") in ana.text.replace("\xa0", " ")
    with desk.gateway.database.read() as session:
        assert flow_drafts.of_flow(session, flow(desk).id) is None
    taken = {"seen": ana.hidden("seen"), "agreed": ana.hidden("agreed"), "file": changed}
    await ana.post(f"{here}/import/take", {**taken, "agreed": "other examples"})
    assert ana.answer.status_code == 409
    await ana.post(f"{here}/import/take", taken)
    assert ana.path == f"{here}/draft"
    await ana.go(f"{here}/draft/export.json")
    assert ana.answer.json()["examples"] == [example]
    assert stored(desk)["stages"][0]["steps"][0]["name"] == "Head of purchasing"


async def upload(browser: Browser, here: str, body: str) -> None:
    headers = {"Sec-Fetch-Site": "same-origin"}
    browser.answer = await browser.client.post(
        f"{here}/import", files={"file": ("../../x.json", body.encode())}, headers=headers
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ('{"stges": []}', "Did you mean “stages”?"),
        (json.dumps({"match": {"field": "order.totl_net"}}), "Did you mean “order total without tax”?"),
        ('{"stages": []}' + " " * 65_536, "The rules are too long to be kept."),
    ],
    ids=["empty", "half", "key", "field", "long"],
)
async def test_a_file_with_faults_is_refused_with_all_of_them(desk: Desk, body: str, says: str) -> None:
    ana = await drafting(desk)
    here = ana.path.removesuffix("/draft")
    before = stored(desk)
    await upload(ana, here, body)
    assert ana.answer.status_code == 400
    assert says in ana.text
    await ana.post(f"{here}/import/take", {"seen": "1", "file": body[:60_000] or "{"})
    assert ana.answer.status_code == 400
    assert stored(desk) == before


async def test_an_upload_over_a_draft_that_somebody_changed_is_refused(desk: Desk) -> None:
    ana = await drafting(desk)
    here = ana.path.removesuffix("/draft")
    await upload(ana, here, json.dumps(SMALL_ORDERS_PASS))
    taken = {"seen": "1", "agreed": ana.hidden("agreed"), "file": json.dumps(SMALL_ORDERS_PASS)}
    await ana.post(f"{here}/import/take", taken)
    await ana.post(f"{here}/import/take", {**taken, "file": '{"when_nobody_is_asked": "hold"}'})
    assert ana.answer.status_code == 409


def other_customers_flow(desk: Desk) -> str:
    at = desk.gateway.clock.now()
    other = CustomerRow(realm=LIVE, number="20002", name="Bob Inc", currency="EUR", created_at=at)
    desk.write(lambda tx: tx.add(other))
    desk.rules(SMALL_ORDERS_PASS, key="theirs", customer_id=other.id)
    desk.rules(SMALL_ORDERS_PASS, key="everybody's")
    desk.rules(SMALL_ORDERS_PASS, key="everybody's group", customer_group="automotive")
    return other.id


@pytest.mark.parametrize("login", ["own", "boss"])
async def test_who_is_bound_to_a_customer_writes_its_rules_and_nothing_else(desk: Desk, login: str) -> None:
    other = other_customers_flow(desk)
    own = await drafting(desk, login)
    assert own.path.endswith("/draft")
    await press(own, "save", stages__0__steps__0__name="Lead")
    await press(own, "publish")
    assert own.answer.status_code == 200
    await own.go("/admin/rules")
    assert "Theirs" not in own.text
    assert "Everybody" not in own.text
    for wanted in (other, "all", "group"):
        await own.go(f"/admin/rules/{wanted}")
        assert own.answer.status_code == 404
        await own.post("/admin/rules", {"name": "x", "customer": wanted, "priority": "50", "group": "automotive"})
        assert own.answer.status_code == 404
    with desk.gateway.database.read() as session:
        foreign = session.exec(select(FlowRow).where(FlowRow.key != "ours")).all()
    assert len(foreign) == 3
    for row in foreign:
        here = f"/admin/rules/flows/{row.id}"
        for path in ("", "/versions/1", "/versions/1/export.json", "/draft", "/draft/export.json", "/import"):
            await own.go(here + path)
            assert own.answer.status_code == 404, path
        for path in ("", "/versions/1/draft", "/versions/1/retire", "/draft", "/draft/discard", "/import/take"):
            await own.post(here + path, {"definition": json.dumps(SMALL_ORDERS_PASS), "seen": "0", "name": "x"})
            assert own.answer.status_code == 404, path
        await upload(own, here, json.dumps(SMALL_ORDERS_PASS))
        assert own.answer.status_code == 404
    with desk.gateway.database.read() as session:
        versions = session.exec(select(FlowVersionRow)).all()
    assert [version.state for version in versions] == ["active"] * 4


@pytest.mark.parametrize("language", ["es", "pt"])
async def test_sentences_and_faults_speak_the_authors_language(desk: Desk, language: str) -> None:
    ana = await drafting(desk, definition=EVERYTHING)
    ana.client.headers["Accept-Language"] = language
    await ana.go(ana.path)
    assert "5.000,00" in ana.text
    for english in (" is more than ", "Asked", "Nobody", " when ", "Value"):
        assert english not in ana.text
    before = stored(desk)
    await press(ana, "save")
    assert stored(desk) == before, "what is shown in the language's notation is read in it"


async def test_an_author_types_numbers_as_their_language_writes_them(desk: Desk) -> None:
    ana = await drafting(desk, definition={"match": NET, "when_nobody_is_asked": "hold"})
    ana.client.headers["Accept-Language"] = "es"
    typed = {"7.500,25": ("7500.25", "7.500,25"), "7.500": ("7500", "7.500,00"), "7500.25": ("7500.25", "7.500,25")}
    for text, (kept, said) in typed.items():
        await press(ana, "save", match__value=text)
        assert stored(desk)["match"]["value"] == kept
        assert f"es más de {said}" in ana.text.replace("\xa0", " ")
    await press(ana, "save", match__value="7,5,0")
    assert stored(desk)["match"]["value"] == controls(ana)["match.value"] == "7,5,0"


async def test_everything_that_can_be_chosen_has_a_name(desk: Desk) -> None:
    assert set(labels.EDITABLE) == set(EDITABLE)
    assert set(labels.OPERATORS) == set(labels.COMPARED) == set(Operator)
    assert {key.partition(".")[0] for key in FIELDS} == set(labels.AREAS)


async def test_what_is_refused_at_publishing_leads_to_its_place(desk: Desk) -> None:
    ana = await drafting(desk)
    named = {"stages.0.steps.0.name": "Lead", "stages.0.steps.0.approver.by": "group"}
    await press(ana, "save", **named)
    await press(ana, "publish", **{"stages.0.steps.0.approver.name": "legal"})
    assert ana.answer.status_code == 400
    alert = html.document_fromstring(ana.answer.text).xpath("//*[@role='alert']")[0]
    assert [link.get("href") for link in alert.xpath(".//a")] == ["#stages.0.steps.0.approver"]
    assert "Stage 1, Lead: Nobody active answers to this name." in ana.text
    assert stored(desk)["stages"][0]["steps"][0]["approver"] == {"group": "legal"}


async def test_the_largest_definition_goes_through_the_form(desk: Desk) -> None:
    leaves = [{"field": "line.name", "op": "in", "value": [f"&+ value {i}" for i in range(15)]} for _ in range(160)]
    step = {**EVERYTHING["stages"][0]["steps"][0], "condition": NET}
    steps = [{**step, "key": f"s{i}", "name": f"Step {i}"} for i in range(30)]
    largest = {**EVERYTHING, "match": {"any_line": {"any": leaves}}, "stages": [{"steps": steps}]}
    assert 45_000 < len(definitions.to_json(definitions.read(json.dumps(largest)))) < definitions.MOST_BYTES
    ana = await drafting(desk, definition=largest)
    await press(ana, "down:stages.0.steps.0")
    assert ana.answer.status_code == 200
    moved = {**largest, "stages": [{"steps": [steps[1], steps[0], *steps[2:]]}]}
    assert definitions.read(json.dumps(stored(desk))) == definitions.read(json.dumps(moved))


async def test_who_wrote_rules_is_told_on_the_page_that_another_must_publish_them(desk: Desk) -> None:
    desk.gateway = replace(desk.gateway, settings=desk.gateway.settings.model_copy(update={"rules_by_two": True}))
    ana = await drafting(desk, definition=EVERYTHING)
    await press(ana, "publish")
    assert ana.answer.status_code == 403
    assert "somebody else must publish them" in ana.text
    assert controls(ana)["stages.0.steps.0.name"] == "Lead"

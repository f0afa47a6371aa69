"""What each role may do: one table, held against what is declared and against what is answered."""

import re
from collections.abc import Iterator

import pytest
from order_desk import Desk, set_up
from people_at_work import Browser, application, give_passwords, hash_cheaply

from app.gateway import Gateway
from app.storage.people import Role
from app.web.endpoint import Auth
from app.web.routes import ENDPOINTS

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

EVERYBODY = "admin flow_author operator approver auditor"
LEDGER = "admin operator auditor"
SEES_RULES = "admin flow_author auditor"
FIGURES = ("rates", "budgets")

MAY = {
    "GET /": EVERYBODY,
    "POST /logout": EVERYBODY,
    "POST /logout/everywhere": EVERYBODY,
    "GET /account": EVERYBODY,
    "POST /account/absences": EVERYBODY,
    "POST /account/absences/end": EVERYBODY,
    "POST /account/sessions/{key}/end": EVERYBODY,
    "GET /account/second-factor": EVERYBODY,
    "POST /account/second-factor/begin": EVERYBODY,
    "POST /account/second-factor/confirm": EVERYBODY,
    "POST /account/second-factor/recovery-codes": EVERYBODY,
    "POST /account/second-factor/remove": EVERYBODY,
    "GET /approvals": "approver",
    "GET /approvals/export.csv": "approver",
    "GET /approvals/export.xlsx": "approver",
    "GET /approvals/figures": "admin approver auditor",
    "GET /approvals/figures/export.csv": "admin approver auditor",
    "GET /approvals/figures/export.xlsx": "admin approver auditor",
    "POST /approvals/together": "approver",
    "GET /approvals/{task_id}": EVERYBODY,
    "POST /approvals/{task_id}/hand-on": "approver",
    "POST /approvals/{task_id}/ask": "approver",
    "POST /approvals/{task_id}/edit": "approver",
    "POST /approvals/{task_id}": "approver",
    "GET /desk": LEDGER,
    "GET /desk/export.csv": LEDGER,
    "GET /desk/export.xlsx": LEDGER,
    "GET /desk/figures": LEDGER,
    "GET /desk/figures/export.csv": LEDGER,
    "GET /desk/figures/export.xlsx": LEDGER,
    "GET /desk/refused/export.csv": LEDGER,
    "GET /desk/refused/export.xlsx": LEDGER,
    "GET /desk/strangers/{document_id}": LEDGER,
    "GET /desk/alike/{case_id}": LEDGER,
    "GET /desk/runs/{run_id}": LEDGER,
    "GET /desk/{order_id}": LEDGER,
    "POST /desk/together": "admin operator",
    "POST /desk/cases/{case_id}/{act}": "admin operator",
    "POST /desk/{order_id}": "admin operator",
    "POST /desk/{order_id}/reject": "admin operator",
    "GET /orders": EVERYBODY,
    "GET /orders/export.csv": EVERYBODY,
    "GET /orders/export.xlsx": EVERYBODY,
    "GET /orders/{order_id}": EVERYBODY,
    "GET /orders/{order_id}/evidence.zip": LEDGER,
    "GET /orders/{order_id}/evidence-raw.zip": "auditor",
    "GET /orders/{order_id}/attachments/{number}": EVERYBODY,
    "POST /orders/{order_id}/answer": EVERYBODY,
    "POST /orders/{order_id}/comment": EVERYBODY,
    "POST /orders/{order_id}/withdraw": EVERYBODY,
    "POST /orders/{order_id}/override": "admin",
    "GET /exchanges": LEDGER,
    "GET /exchanges/{exchange_id}": LEDGER,
    "GET /exchanges/{exchange_id}/message.txt": LEDGER,
    "GET /exchanges/{exchange_id}/message.bin": "auditor",
    "GET /operations": LEDGER,
    "GET /operations/export.csv": LEDGER,
    "GET /operations/export.xlsx": LEDGER,
    "GET /operations/mail": LEDGER,
    "POST /operations/mail/{mail_id}/again": "admin operator",
    "GET /operations/work": LEDGER,
    "POST /operations/work/{act}": "admin operator",
    "GET /admin": "admin auditor",
    "GET /admin/record": "admin auditor",
    "GET /admin/record/export.csv": "admin auditor",
    "GET /admin/record/export.xlsx": "admin auditor",
    "GET /admin/records": "admin flow_author operator auditor",
    "GET /admin/records/{path:path}": "admin flow_author operator auditor",
    "POST /admin/records/_api/{key}/action": "admin",
    "GET /admin/keys": "admin auditor",
    "POST /admin/keys": "admin",
    "POST /admin/keys/{key_id}/revoke": "admin",
    "GET /admin/people": "admin auditor",
    "POST /admin/people": "admin",
    "GET /admin/people/new": "admin",
    "GET /admin/people/limits.csv": "admin auditor",
    "GET /admin/people/limits": "admin",
    "POST /admin/people/limits": "admin",
    "POST /admin/people/limits/apply": "admin",
    "GET /admin/people/people.csv": "admin auditor",
    "GET /admin/people/file": "admin",
    "POST /admin/people/file": "admin",
    "POST /admin/people/file/apply": "admin",
    "GET /admin/people/{person_id}": "admin auditor",
    "POST /admin/people/{person_id}/password": "admin",
    "POST /admin/people/{person_id}/second-factor/reset": "admin",
    "POST /admin/people/{person_id}/{act}": "admin",
    **{f"GET /admin/{name}{end}": SEES_RULES for name in FIGURES for end in ("", "/export.csv", "/export.xlsx")},
    **{
        f"{one}/import": "admin flow_author"
        for name in FIGURES
        for one in (f"GET /admin/{name}", f"POST /admin/{name}")
    },
    **{f"POST /admin/{name}/import/apply": "admin flow_author" for name in FIGURES},
    "GET /admin/rules": SEES_RULES,
    "POST /admin/rules": "admin flow_author",
    "GET /admin/rules/{customer_id}": SEES_RULES,
    "GET /admin/rules/{customer_id}/fields": SEES_RULES,
    "POST /admin/rules/{customer_id}/fields": "admin flow_author",
    "POST /admin/rules/{customer_id}/fields/{name}/retire": "admin flow_author",
    "GET /admin/rules/flows/{flow_id}": SEES_RULES,
    "POST /admin/rules/flows/{flow_id}": "admin flow_author",
    "GET /admin/rules/flows/{flow_id}/versions/{number}": SEES_RULES,
    "GET /admin/rules/flows/{flow_id}/versions/{number}/export.json": SEES_RULES,
    "POST /admin/rules/flows/{flow_id}/versions/{number}/draft": "admin flow_author",
    "POST /admin/rules/flows/{flow_id}/versions/{number}/retire": "admin flow_author",
    "GET /admin/rules/flows/{flow_id}/draft": "admin flow_author",
    "POST /admin/rules/flows/{flow_id}/draft": "admin flow_author",
    "GET /admin/rules/flows/{flow_id}/draft/export.json": SEES_RULES,
    "POST /admin/rules/flows/{flow_id}/draft/discard": "admin flow_author",
    "GET /admin/rules/flows/{flow_id}/import": "admin flow_author",
    "POST /admin/rules/flows/{flow_id}/import": "admin flow_author",
    "POST /admin/rules/flows/{flow_id}/import/take": "admin flow_author",
    "GET /admin/rules/flows/{flow_id}/simulate": SEES_RULES,
    "POST /admin/rules/flows/{flow_id}/simulate": "admin flow_author",
    "GET /admin/rules/flows/{flow_id}/simulate/{simulation_id}": SEES_RULES,
    "GET /admin/rules/flows/{flow_id}/simulate/{simulation_id}/export.{kind}": SEES_RULES,
    "GET /admin/rules/flows/{flow_id}/examples": SEES_RULES,
    "POST /admin/rules/flows/{flow_id}/examples": "admin flow_author",
    "POST /admin/rules/flows/{flow_id}/examples/{example_id}/remove": "admin flow_author",
}


def declared() -> Iterator[tuple[str, set[str]]]:
    for endpoint in ENDPOINTS:
        if endpoint.auth is Auth.PERSON:
            for method in endpoint.methods:
                yield f"{method} {endpoint.path}", set(endpoint.roles or Role)


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    for role in Role:
        made.person(role, role)
    give_passwords(made)
    return made


def test_the_table_is_what_is_declared() -> None:
    assert dict(declared()) == {url: set(roles.split()) for url, roles in MAY.items()}


@only_sqlite
@pytest.mark.parametrize("role", Role)
async def test_a_role_is_let_in_where_the_table_says(desk: Desk, role: Role) -> None:
    browser = await Browser(application(desk.gateway)).sign_in(role)
    browser.client.follow_redirects = False
    # What ends the session comes last.
    for url in sorted(MAY, key=lambda url: "logout" in url):
        method, path = url.split(" ")
        if "logout" in path:
            await browser.sign_in(role)
        asked = re.sub(r"\{[^}]*\}", "x", path)
        # The lists of records also want the token that their pages gave.
        token = browser.client.cookies.get("starlette_admin_csrftoken", "")
        headers = {"Sec-Fetch-Site": "same-origin", "X-CSRFToken": token}
        answer = await browser.client.request(method, asked, headers=headers)
        assert answer.status_code != 401, url
        assert answer.headers.get("location", "").startswith("/login") is (path.startswith("/logout")), url
        assert (answer.status_code != 403) is (role in MAY[url].split()), url


@only_sqlite
async def test_without_a_session_every_page_asks_to_sign_in(desk: Desk) -> None:
    browser = Browser(application(desk.gateway))
    browser.client.follow_redirects = False
    for url in MAY:
        method, path = url.split(" ")
        answer = await browser.client.request(method, re.sub(r"\{[^}]*\}", "x", path))
        if method == "GET":
            assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login"), url
        else:
            assert answer.status_code == 401, url


@only_sqlite
async def test_an_author_of_rules_sees_nothing_else_of_the_administration(desk: Desk) -> None:
    author = await Browser(application(desk.gateway)).sign_in("flow_author")
    assert author.path == "/admin/rules"
    assert "Keys of the API" not in author.text


@only_sqlite
async def test_who_works_for_some_customers_does_not_touch_the_rules_for_all(desk: Desk) -> None:
    desk.person("part", "flow_author", customers=[desk.customer.id])
    give_passwords(desk)
    part = await Browser(application(desk.gateway)).sign_in("part")
    assert "Customers without rules of their own" not in part.text
    await part.go("/admin/rules/all")
    assert part.answer.status_code == 404
    await part.go(f"/admin/rules/{desk.customer.id}")
    assert part.answer.status_code == 200

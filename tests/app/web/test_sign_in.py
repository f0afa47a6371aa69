"""Signing in and out: who, how often, how long, and over what."""

from datetime import timedelta

import pytest
from order_desk import Desk, set_up
from people_at_work import HOST, PASSWORD, Browser, application, give_passwords, hash_cheaply
from sqlmodel import col, select

from app.clock import SetClock
from app.gateway import Gateway
from app.storage.audit import AuditRow
from app.storage.people import PersonRow, PersonSessionRow
from app.web.people.sessions import COOKIE

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("otto", "operator")
    made.person("root", "admin")
    give_passwords(made)
    return made


@pytest.fixture
def browser(desk: Desk) -> Browser:
    return Browser(application(desk.gateway))


def events(desk: Desk) -> list[tuple[str, str]]:
    with desk.gateway.database.read() as session:
        rows = session.exec(select(AuditRow).order_by(col(AuditRow.sequence)))
        return [(row.event, row.actor) for row in rows]


@pytest.mark.parametrize(("login", "start"), [("paula", "/approvals"), ("otto", "/operations"), ("root", "/orders")])
async def test_a_person_starts_where_their_work_waits(browser: Browser, login: str, start: str) -> None:
    await browser.sign_in(login)
    assert (browser.answer.status_code, browser.path) == (200, start)


async def test_the_login_is_without_case_and_blanks(browser: Browser) -> None:
    await browser.sign_in("  PAULA ")
    assert browser.path == "/approvals"


async def test_the_cookie_is_for_this_host_over_https_and_out_of_reach_of_scripts(browser: Browser) -> None:
    await browser.sign_in("paula")
    (answer,) = browser.answer.history[:1]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


async def test_unknown_people_and_wrong_passwords_look_alike(desk: Desk, browser: Browser) -> None:
    desk.write(lambda tx: setattr(tx.get_one(PersonRow, desk.people["otto"].id), "active", False))
    pages = []
    for login, password in (("nobody", PASSWORD), ("paula", "wrong password"), ("otto", PASSWORD), ("paula", "")):
        await browser.sign_in(login, password)
        assert browser.answer.status_code == 401
        pages.append(browser.answer.text.replace(login, "?"))
    assert len(set(pages)) == 1
    assert "This name and password do not fit together." in browser.text


async def test_what_was_typed_as_an_unknown_name_is_not_kept(desk: Desk, browser: Browser) -> None:
    await browser.sign_in("my-secret-password")
    assert events(desk) == [("sign_in_failed", "unknown")]
    with desk.gateway.database.read() as session:
        assert "my-secret" not in repr(session.exec(select(AuditRow)).all())


async def test_sign_in_and_out_are_in_the_record(desk: Desk, browser: Browser) -> None:
    await browser.sign_in("paula", "wrong password")
    await browser.sign_in("paula")
    await browser.post("/logout")
    actor = f"person:{desk.people['paula'].id}"
    assert events(desk) == [("sign_in_failed", actor), ("signed_in", actor), ("signed_out", actor)]


async def test_signing_out_ends_the_session_and_not_only_the_cookie(browser: Browser) -> None:
    await browser.sign_in("paula")
    kept = browser.client.cookies[COOKIE]
    await browser.post("/logout")
    assert browser.path == "/login"
    browser.client.cookies.set(COOKIE, kept, domain="crossdock.example", path="/")
    await browser.go("/approvals")
    assert browser.path == "/login"


async def test_signing_out_everywhere_ends_the_other_browsers_too(desk: Desk, browser: Browser) -> None:
    other = Browser(application(desk.gateway))
    await other.sign_in("paula")
    await browser.sign_in("paula")
    await browser.post("/logout/everywhere")
    await other.go("/approvals")
    assert other.path == "/login"


async def test_each_login_makes_a_new_id_and_ends_the_one_before(desk: Desk, browser: Browser) -> None:
    browser.client.cookies.set(COOKIE, "planted-by-somebody", domain="crossdock.example", path="/")
    await browser.sign_in("paula")
    first = browser.client.cookies[COOKIE]
    assert first != "planted-by-somebody"
    await browser.sign_in("paula")
    assert browser.client.cookies[COOKIE] != first
    with desk.gateway.database.read() as session:
        kept = session.exec(select(PersonSessionRow)).all()
    assert len(kept) == 1
    assert first not in repr(kept)


@pytest.mark.parametrize(
    ("waits", "signed_in"),
    [
        ((timedelta(minutes=29),), True),
        ((timedelta(minutes=31),), False),
        ((timedelta(minutes=29), timedelta(minutes=29)), True),
        ((timedelta(minutes=29),) * 25, False),
    ],
    ids=["29 minutes idle", "31 minutes idle", "seen in between", "over 12 hours"],
)
async def test_a_session_ends_by_idleness_and_by_age(
    browser: Browser, clock: SetClock, waits: tuple[timedelta, ...], signed_in: bool
) -> None:
    await browser.sign_in("paula")
    for wait in waits:
        clock.move(wait)
        await browser.go("/approvals")
    assert (browser.path == "/approvals") is signed_in


async def test_a_person_who_leaves_is_out_at_once(desk: Desk, browser: Browser) -> None:
    await browser.sign_in("paula")
    desk.write(lambda tx: setattr(tx.get_one(PersonRow, desk.people["paula"].id), "active", False))
    await browser.go("/approvals")
    assert browser.path == "/login"


async def test_the_login_goes_on_to_the_page_that_was_wanted(browser: Browser) -> None:
    await browser.go("/orders?state=held&q=%26")
    wanted = browser.hidden("next")
    assert wanted == "/orders?state=held&q=%26"
    await browser.sign_in("paula", next_=wanted)
    assert browser.answer.url == f"{HOST}/orders?state=held&q=%26"


@pytest.mark.parametrize(
    "target",
    ["//evil.example/", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example", "x"],
)
async def test_the_login_never_goes_on_to_another_site(browser: Browser, target: str) -> None:
    browser.client.follow_redirects = False
    await browser.sign_in("paula", next_=target)
    assert browser.answer.headers["location"] == "/"


async def test_a_name_is_tried_eight_times_in_five_minutes(browser: Browser) -> None:
    for _ in range(8):
        await browser.sign_in("paula", "")
        assert browser.answer.status_code == 401
    await browser.sign_in("paula")
    assert (browser.answer.status_code, browser.answer.headers["retry-after"]) == (429, "300")
    await browser.sign_in("otto")
    assert browser.path == "/operations"


async def test_an_address_is_heard_forty_times_in_five_minutes(browser: Browser) -> None:
    for number in range(40):
        await browser.sign_in(f"nobody-{number}", "")
    await browser.sign_in("paula")
    assert browser.answer.status_code == 429


async def test_a_login_from_another_site_is_refused(browser: Browser) -> None:
    await browser.post("/login", {"login": "paula", "password": PASSWORD}, **{"Sec-Fetch-Site": "cross-site"})
    assert browser.answer.status_code == 403
    assert COOKIE not in browser.client.cookies


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_plain_http_elsewhere_is_answered_with_words_and_no_loop(desk: Desk, method: str) -> None:
    browser = Browser(application(desk.gateway), "http://intranet")
    await (browser.go("/orders") if method == "GET" else browser.sign_in("paula"))
    assert (browser.answer.status_code, browser.path) == (403, "/login")
    assert "needs https" in browser.text
    assert "set-cookie" not in browser.answer.headers


async def test_plain_http_on_this_machine_is_a_login_like_any(desk: Desk) -> None:
    browser = Browser(application(desk.gateway), "http://127.0.0.1")
    browser.client.follow_redirects = False
    await browser.sign_in("paula")
    assert (browser.answer.status_code, browser.answer.headers["location"]) == (303, "/")


async def test_a_post_without_a_session_is_not_done_and_not_repeated(browser: Browser) -> None:
    await browser.post("/logout")
    assert browser.answer.status_code == 401


@pytest.mark.parametrize("cookie", ["x" * 101, "", "%00", "unknown"])
async def test_a_strange_cookie_is_no_session(browser: Browser, cookie: str) -> None:
    browser.client.cookies.set(COOKIE, cookie, domain="crossdock.example", path="/")
    await browser.go("/orders")
    assert browser.path == "/login"


@pytest.mark.parametrize(("language", "title"), [("es", "Iniciar sesión"), ("pt-BR", "Entrar"), ("fr", "Sign in")])
async def test_the_login_speaks_the_browsers_language(desk: Desk, language: str, title: str) -> None:
    browser = Browser(application(desk.gateway), language=language)
    await browser.go("/login")
    assert title in browser.text


async def test_a_person_s_own_language_goes_before_the_browsers(desk: Desk, browser: Browser) -> None:
    desk.write(lambda tx: setattr(tx.get_one(PersonRow, desk.people["paula"].id), "language", "pt"))
    await browser.sign_in("paula")
    assert "Aprovações" in browser.text


async def test_a_large_login_is_refused_before_it_is_read(browser: Browser) -> None:
    await browser.sign_in("paula", "x" * 20_000)
    assert browser.answer.status_code == 413

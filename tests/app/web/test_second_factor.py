"""The second factor: how a person gets it, what a sign-in asks then, and what becomes of it when the device is lost."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from lxml import html
from order_desk import Desk, set_up
from people_at_work import HOST, PASSWORD, Browser, application, give_passwords, hash_cheaply
from sqlmodel import col, select

from app.clock import SetClock
from app.gateway import Gateway
from app.settings import RoleName
from app.storage import audit, people, second_factors
from app.storage.audit import AuditRow
from app.storage.erasure import erase_account
from app.storage.people import PendingSignInRow, PersonRow, PersonSessionRow, Role, end_sessions
from app.storage.second_factors import RecoveryCodeRow, SecondFactorRow
from app.web.people.sessions import COOKIE, STEP_COOKIE

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

FACTOR = "/account/second-factor"


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("root", "admin")
    give_passwords(made)
    return made


@pytest.fixture
def browser(desk: Desk) -> Browser:
    return Browser(application(desk.gateway))


class Device:
    """The app on the phone, by the same clock."""

    def __init__(self, secret: str, clock: SetClock) -> None:
        self.totp = pyotp.TOTP(secret)
        self.clock = clock

    def code(self, steps: int = 0) -> str:
        return self.totp.at(self.clock.now(), counter_offset=steps)

    def wrong(self) -> str:
        near = {self.code(steps) for steps in (-1, 0, 1)}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


def typed_key(browser: Browser) -> str:
    (key,) = html.document_fromstring(browser.answer.text).xpath("//p[contains(@class, 'cd-verbatim')]/text()")
    return str(key).replace(" ", "")


def recovery_codes(browser: Browser) -> list[str]:
    shown = html.document_fromstring(browser.answer.text).xpath("//ul[contains(@class, 'cd-codes')]/li/text()")
    return [str(code) for code in shown]


async def enrol(browser: Browser, clock: SetClock, login: str = "paula") -> tuple[Device, list[str]]:
    """Signed in with a second factor, whose code of this moment is used up."""
    await browser.sign_in(login)
    await browser.post(f"{FACTOR}/begin")
    device = Device(typed_key(browser), clock)
    await browser.post(f"{FACTOR}/confirm", {"code": device.code()})
    assert browser.answer.status_code == 200
    return device, recovery_codes(browser)


def events(desk: Desk) -> list[str]:
    with desk.gateway.database.read() as session:
        assert audit.first_broken(session) is None
        return [row.event for row in session.exec(select(AuditRow).order_by(col(AuditRow.sequence)))]


async def test_a_person_adds_a_second_factor_and_is_asked_for_it(desk: Desk, browser: Browser, clock: SetClock) -> None:
    device, codes = await enrol(browser, clock)
    assert len(set(codes)) == 10
    await browser.go("/account")
    assert "Signing in asks for a code of your device." in browser.text
    clock.move(timedelta(minutes=1))
    other = Browser(application(desk.gateway))
    await other.sign_in("paula", next_="/orders?q=1")
    assert (other.path, other.answer.status_code) == ("/login/code", 200)
    assert COOKIE not in other.client.cookies
    await other.post("/login/code", {"code": device.code(), "next": other.hidden("next")})
    assert str(other.answer.url) == f"{HOST}/orders?q=1"
    assert STEP_COOKIE not in other.client.cookies
    assert events(desk)[-3:] == ["second_factor_begun", "second_factor_added", "signed_in"]


@only_sqlite
async def test_the_password_alone_opens_no_page(browser: Browser, desk: Desk, clock: SetClock) -> None:
    await enrol(browser, clock)
    other = Browser(application(desk.gateway))
    await other.sign_in("paula")
    step = other.client.cookies[STEP_COOKIE]
    await other.go("/orders")
    assert other.path == "/login"
    other.client.cookies.set(COOKIE, step, domain="crossdock.example", path="/")
    await other.go("/orders")
    assert other.path == "/login"


@only_sqlite
async def test_the_key_and_the_step_are_kept_as_no_reader_could_use_them(
    desk: Desk, browser: Browser, clock: SetClock
) -> None:
    device, codes = await enrol(browser, clock)
    other = Browser(application(desk.gateway))
    await other.sign_in("paula")
    with desk.gateway.database.read() as session:
        factor = session.exec(select(SecondFactorRow)).one()
        kept = repr([factor.sealed, *session.exec(select(RecoveryCodeRow)), *session.exec(select(PendingSignInRow))])
        kept += repr(session.exec(select(AuditRow)).all())
    for secret in (device.totp.secret, other.client.cookies[STEP_COOKIE], *codes, *(c.replace("-", "") for c in codes)):
        assert secret not in kept
    await browser.go(FACTOR)
    assert device.totp.secret not in browser.text.replace(" ", "")


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
@only_sqlite
async def test_a_code_is_good_one_step_early_or_late(
    desk: Desk, browser: Browser, clock: SetClock, steps: int, fits: bool
) -> None:
    device, _ = await enrol(browser, clock)
    clock.move(timedelta(minutes=5))
    other = Browser(application(desk.gateway))
    await other.sign_in("paula")
    await other.post("/login/code", {"code": device.code(steps)})
    assert (other.path == "/approvals") is fits


async def test_a_code_is_used_once_and_none_from_before_it(desk: Desk, browser: Browser, clock: SetClock) -> None:
    device, _ = await enrol(browser, clock)
    clock.move(timedelta(minutes=5))
    for steps, fits in ((0, True), (0, False), (-1, False), (1, True), (0, False)):
        other = Browser(application(desk.gateway))
        await other.sign_in("paula")
        await other.post("/login/code", {"code": device.code(steps)})
        assert (other.path == "/approvals") is fits
        if not fits:
            assert other.answer.status_code == 401
            assert "This code does not fit, or was used already." in other.text


@only_sqlite
async def test_the_code_that_confirmed_is_used_up(desk: Desk, browser: Browser, clock: SetClock) -> None:
    device, _ = await enrol(browser, clock)
    other = Browser(application(desk.gateway))
    await other.sign_in("paula")
    await other.post("/login/code", {"code": device.code()})
    assert other.answer.status_code == 401


async def test_a_recovery_code_signs_in_once_however_it_is_typed(desk: Desk, browser: Browser, clock: SetClock) -> None:
    _, codes = await enrol(browser, clock)
    typed = codes[0].upper().replace("-", " ")
    for status, path in ((200, "/approvals"), (401, "/login/code")):
        other = Browser(application(desk.gateway))
        await other.sign_in("paula")
        await other.post("/login/code", {"code": typed})
        assert (other.answer.status_code, other.path) == (status, path)
    await browser.go(FACTOR)
    assert "9 recovery codes are left." in browser.text


@only_sqlite
async def test_new_recovery_codes_take_the_place_of_the_old(desk: Desk, browser: Browser, clock: SetClock) -> None:
    _, codes = await enrol(browser, clock)
    await browser.post(f"{FACTOR}/recovery-codes", {"code": codes[0]})
    fresh = recovery_codes(browser)
    assert len(fresh) == 10
    assert not set(fresh) & set(codes)
    for code, fits in ((codes[1], False), (fresh[0], True)):
        other = Browser(application(desk.gateway))
        await other.sign_in("paula")
        await other.post("/login/code", {"code": code})
        assert (other.path == "/approvals") is fits


@only_sqlite
@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "x" * 40])
async def test_what_is_no_code_is_a_wrong_code(desk: Desk, browser: Browser, clock: SetClock, code: str) -> None:
    await enrol(browser, clock)
    other = Browser(application(desk.gateway))
    await other.sign_in("paula")
    await other.post("/login/code", {"code": code})
    assert (other.answer.status_code, COOKIE in other.client.cookies) == (401, False)


@only_sqlite
async def test_a_factor_that_was_never_confirmed_is_asked_of_nobody(
    browser: Browser, desk: Desk, clock: SetClock
) -> None:
    await browser.sign_in("paula")
    await browser.post(f"{FACTOR}/begin")
    first = typed_key(browser)
    await browser.post(f"{FACTOR}/confirm", {"code": Device(first, clock).wrong()})
    assert browser.answer.status_code == 400
    await browser.post(f"{FACTOR}/begin")
    assert typed_key(browser) != first
    other = Browser(application(desk.gateway))
    await other.sign_in("paula")
    assert other.path == "/approvals"


@only_sqlite
async def test_the_picture_is_what_the_app_reads(browser: Browser, desk: Desk, clock: SetClock) -> None:
    await browser.sign_in("paula")
    await browser.post(f"{FACTOR}/begin")
    assert "<svg" in browser.answer.text
    address = urlsplit(pyotp.TOTP(typed_key(browser)).provisioning_uri(name="paula", issuer_name="Crossdock"))
    assert (address.scheme, parse_qs(address.query)["issuer"]) == ("otpauth", ["Crossdock"])
    assert "style=" not in browser.answer.text
    assert browser.answer.headers["cache-control"] == "no-store"


@only_sqlite
async def test_adding_it_signs_out_the_other_browsers_and_gives_this_one_a_new_id(
    desk: Desk, browser: Browser, clock: SetClock
) -> None:
    other = Browser(application(desk.gateway))
    await other.sign_in("paula")
    await browser.sign_in("paula")
    before = browser.client.cookies[COOKIE]
    await enrol(browser, clock)
    assert browser.client.cookies[COOKIE] != before
    await other.go("/orders")
    assert other.path == "/login"
    await browser.go("/orders")
    assert browser.path == "/orders"


@only_sqlite
async def test_codes_are_tried_ten_times_whatever_the_browser_and_the_password(
    desk: Desk, browser: Browser, clock: SetClock
) -> None:
    device, _ = await enrol(browser, clock)
    clock.move(timedelta(minutes=5))
    app = application(desk.gateway)
    for number in range(10):
        other = Browser(app)
        await other.sign_in("paula")
        await other.post("/login/code", {"code": device.wrong()})
        assert other.answer.status_code == 401, number
    other = Browser(app)
    await other.sign_in("paula")
    await other.post("/login/code", {"code": device.code()})
    assert (other.answer.status_code, other.answer.headers["retry-after"]) == (429, "900")


@only_sqlite
async def test_the_step_ends_after_five_minutes_and_with_every_session(
    desk: Desk, browser: Browser, clock: SetClock
) -> None:
    device, _ = await enrol(browser, clock)
    clock.move(timedelta(minutes=5))
    late, ended = Browser(application(desk.gateway)), Browser(application(desk.gateway))
    await late.sign_in("paula")
    clock.move(timedelta(minutes=5, seconds=1))
    await late.post("/login/code", {"code": device.code()})
    assert late.path == "/login"
    await ended.sign_in("paula")
    desk.write(lambda tx: end_sessions(tx, desk.people["paula"].id))
    await ended.post("/login/code", {"code": device.code()})
    assert ended.path == "/login"


@only_sqlite
async def test_without_the_first_step_there_is_no_second(browser: Browser) -> None:
    await browser.go("/login/code")
    assert browser.path == "/login"
    await browser.post("/login/code", {"code": "123456"})
    assert browser.path == "/login"


@only_sqlite
async def test_wrong_passwords_look_alike_with_and_without_a_second_factor(
    desk: Desk, browser: Browser, clock: SetClock
) -> None:
    await enrol(browser, clock)
    pages = set()
    for login in ("paula", "root", "nobody"):
        other = Browser(application(desk.gateway))
        await other.sign_in(login, "wrong password")
        pages.add((other.answer.status_code, other.answer.text.replace(login, "?")))
    assert len(pages) == 1


@only_sqlite
async def test_it_is_taken_away_with_a_code_only(desk: Desk, browser: Browser, clock: SetClock) -> None:
    device, _ = await enrol(browser, clock)
    clock.move(timedelta(minutes=5))
    await browser.post(f"{FACTOR}/begin")
    assert browser.answer.status_code == 409
    await browser.post(f"{FACTOR}/remove", {"code": device.wrong()})
    assert browser.answer.status_code == 400
    await browser.post(f"{FACTOR}/remove", {"code": device.code()})
    assert (browser.path, "password only" in browser.text) == ("/account", True)
    with desk.gateway.database.read() as session:
        assert not second_factors.confirmed(session, desk.people["paula"].id)
        assert session.exec(select(RecoveryCodeRow)).all() == []


async def test_an_administrator_takes_a_lost_one_away_with_a_reason(
    desk: Desk, browser: Browser, clock: SetClock
) -> None:
    await enrol(browser, clock)
    root = Browser(application(desk.gateway))
    await root.sign_in("root")
    path = f"/admin/people/{desk.people['paula'].id}/second-factor/reset"
    assert (await root.post(path, {"reason": " "})).answer.status_code == 400
    await root.post(path, {"reason": "The phone is lost"})
    assert root.path == f"/admin/people/{desk.people['paula'].id}"
    with desk.gateway.database.read() as session:
        entry = session.exec(select(AuditRow).where(AuditRow.event == "second_factor_reset")).one()
        assert people.sessions_of(session, desk.people["paula"].id) == []
    assert (entry.reason, entry.actor) == ("The phone is lost", f"person:{desk.people['root'].id}")
    assert entry.data == {"person": desk.people["paula"].id}
    await browser.sign_in("paula")
    assert browser.path == "/approvals"
    assert (await root.post(path, {"reason": "Again"})).answer.status_code == 409
    assert (await root.post("/admin/people/x/second-factor/reset", {"reason": "x"})).answer.status_code == 404
    assert (await browser.post(path, {"reason": "x"})).answer.status_code == 403


@only_sqlite
async def test_a_role_that_needs_it_works_with_it_only(
    desk: Desk, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = desk.gateway.settings.model_copy(update={"second_factor_roles": ("approver",)})
    object.__setattr__(desk.gateway, "settings", needs)
    browser = Browser(application(desk.gateway))
    await browser.sign_in("paula")
    assert browser.path == FACTOR
    assert "Your role needs a second factor." in browser.text
    assert (await browser.post("/account/sessions/x/end")).answer.status_code == 403
    await browser.go("/orders")
    assert browser.path == FACTOR
    device, _ = await enrol(browser, clock)
    await browser.go("/orders")
    assert browser.path == "/orders"
    clock.move(timedelta(minutes=5))
    await browser.post(f"{FACTOR}/remove", {"code": device.code()})
    assert browser.answer.status_code == 403
    root = Browser(application(desk.gateway))
    await root.sign_in("root")
    assert root.path == "/orders"


def test_the_setting_knows_the_roles_there_are() -> None:
    assert set(RoleName.__args__) == set(Role)  # type: ignore[attr-defined]


@only_sqlite
async def test_who_is_erased_has_no_second_factor_left(desk: Desk, browser: Browser, clock: SetClock) -> None:
    await enrol(browser, clock)
    desk.write(lambda tx: erase_account(tx, tx.get_one(PersonRow, desk.people["paula"].id)))
    with desk.gateway.database.read() as session:
        assert session.exec(select(SecondFactorRow)).all() == session.exec(select(RecoveryCodeRow)).all() == []


@only_sqlite
@pytest.mark.parametrize(("language", "word"), [("es", "segundo factor"), ("pt", "segundo fator")])
async def test_the_pages_speak_the_languages_of_people(desk: Desk, clock: SetClock, language: str, word: str) -> None:
    browser = Browser(application(desk.gateway), language=language)
    await enrol(browser, clock)
    await browser.go("/account")
    assert word in browser.text.casefold()
    await browser.post("/logout/everywhere")
    await browser.sign_in("paula", PASSWORD)
    assert (browser.path, word in browser.text) == ("/login/code", True)


# The page of one's own sessions.


@only_sqlite
async def test_a_person_sees_the_own_sessions_and_ends_one(desk: Desk, browser: Browser, clock: SetClock) -> None:
    other, root = Browser(application(desk.gateway)), Browser(application(desk.gateway))
    await root.sign_in("root")
    other.client.headers["User-Agent"] = "<b>Tablet"
    await other.sign_in("paula")
    clock.move(timedelta(minutes=1))
    await browser.sign_in("paula")
    await browser.go("/account")
    assert "<b>Tablet" in browser.text
    assert browser.text.count("192.0.2.7") == 2
    assert browser.text.count("this browser") == 1
    with desk.gateway.database.read() as session:
        rows = {row.person_id: row.id_sha256 for row in session.exec(select(PersonSessionRow)) if row.browser != "x"}
        tablet = session.exec(select(PersonSessionRow).where(PersonSessionRow.browser == "<b>Tablet")).one().id_sha256
    await browser.post(f"/account/sessions/{rows[desk.people['root'].id]}/end")
    await root.go("/orders")
    assert root.path == "/orders"
    await browser.post(f"/account/sessions/{tablet}/end")
    assert (browser.path, "Tablet" in browser.text) == ("/account", False)
    await other.go("/orders")
    assert other.path == "/login"


@only_sqlite
async def test_sessions_that_are_over_are_not_listed(desk: Desk, browser: Browser, clock: SetClock) -> None:
    other = Browser(application(desk.gateway))
    await other.sign_in("paula")
    clock.move(timedelta(minutes=31))
    await browser.sign_in("paula")
    await browser.go("/account")
    assert browser.text.count("192.0.2.7") == 1

"""Choosing a password by the link of a mail: who gets one, what it opens, and what ends it."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from log_lines import logged
from mail_desk import Outbox, with_mail
from mail_server import mail_server
from order_desk import Desk, set_up
from people_at_work import PASSWORD, Browser, application, at_work, give_passwords, hash_cheaply
from sqlmodel import Session, col, select

from app.clock import SetClock
from app.gateway import Gateway
from app.letters.letter import Kind
from app.storage import second_factors
from app.storage.audit import AuditRow
from app.storage.mails import State
from app.storage.password_links import PasswordLinkRow
from app.storage.people import PersonRow, PersonSessionRow
from app.storage.second_factors import SecondFactorRow

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

LINK = re.compile(r"https://crossdock\.example(/password/[\w-]+)")
CHOSEN = "a password of my own"
NOWHERE = "This link leads nowhere any more"


@pytest.fixture
def outbox(gateway: Gateway) -> Iterator[Outbox]:
    with mail_server() as box:
        yield Outbox(with_mail(gateway, box), box)


@pytest.fixture
def desk(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    desk = set_up(outbox.gateway)
    desk.person("paula", "approver", email="paula@buyer.example")
    desk.person("root", "admin")
    give_passwords(desk)
    return desk


@pytest.fixture
def browser(desk: Desk) -> Browser:
    return Browser(application(desk.gateway))


def links_of(outbox: Outbox) -> list[str]:
    """The paths in the mails, oldest first, once all were sent."""
    outbox.send_all()
    texts = [mail.get_body(("plain",)).get_content() for mail in outbox.box.mails]  # type: ignore[union-attr]
    return [found for text in texts for found in LINK.findall(text)]


async def forgotten(browser: Browser, who: str) -> Browser:
    return await browser.post("/login/forgotten", {"who": who})


async def choose(browser: Browser, link: str, password: str = CHOSEN, again: str | None = None) -> Browser:
    return await browser.post(link, {"password": password, "again": password if again is None else again})


def entries(desk: Desk) -> list[tuple[str, str]]:
    with desk.gateway.database.read() as session:
        rows = session.exec(select(AuditRow).order_by(col(AuditRow.sequence)))
        return [(row.event, row.channel) for row in rows]


def change(desk: Desk, login: str, **values: object) -> None:
    def work(tx: Session) -> None:
        row = tx.get_one(PersonRow, desk.people[login].id)
        for name, value in values.items():
            setattr(row, name, value)

    desk.write(work)


async def test_an_invited_person_chooses_a_password_and_sets_up_the_second_factor_that_the_role_needs(
    outbox: Outbox, desk: Desk
) -> None:
    settings = outbox.gateway.settings.model_copy(update={"second_factor_roles": ("operator",)})
    object.__setattr__(outbox.gateway, "settings", settings)
    root = await at_work(desk, "root")
    form = {"login": "nina", "name": "Nina", "role": "operator", "email": "nina@shop.example", "language": "de"}
    await root.post("/admin/people", {**form, "way": "link"})
    assert "to be sent" in root.text
    assert "never again" not in root.text
    (link,) = links_of(outbox)
    (mail,) = outbox.box.mails
    assert (mail["Subject"], mail["To"]) == ("Ihr Zugang zu Crossdock", "nina@shop.example")
    nina = Browser(application(desk.gateway))
    assert "Wählen Sie Ihr Passwort" in (await nina.go(link)).text
    await choose(nina, link)
    assert nina.path == "/account/second-factor"
    assert ("password_link_sent", "page") in entries(desk)
    assert entries(desk)[-2:] == [("password_changed", "mail"), ("signed_in", "page")]
    await choose(nina, link, "another of my own")
    assert nina.answer.status_code == 410


async def test_who_forgot_the_password_chooses_another_and_every_other_session_ends(
    outbox: Outbox, desk: Desk, browser: Browser
) -> None:
    before = await at_work(desk, "paula")
    await forgotten(browser, " PAULA@buyer.example ")
    (link,) = links_of(outbox)
    assert (await choose(browser, link)).path == "/approvals"
    assert (await before.go("/account")).path == "/login"
    assert (await before.sign_in("paula", PASSWORD)).answer.status_code == 401
    assert (await before.sign_in("paula", CHOSEN)).path == "/approvals"


async def test_looking_at_a_link_uses_nothing_up_and_it_works_once(
    outbox: Outbox, desk: Desk, browser: Browser
) -> None:
    with logged() as stream:
        await forgotten(browser, "paula")
        (link,) = links_of(outbox)
        for _ in range(3):
            assert (await browser.client.head(link)).status_code == 200
            assert "paula" in (await browser.go(link)).answer.text
    assert browser.answer.headers["Referrer-Policy"] == "strict-origin"
    assert browser.answer.headers["Cache-Control"] == "no-store"
    token = link.rpartition("/")[2]
    with desk.gateway.database.read() as session:
        (row,) = session.exec(select(PasswordLinkRow))
        assert token not in str(row.model_dump())
    assert token not in str(outbox.row().data)
    assert "/password/{token}" in stream.getvalue()
    assert token not in stream.getvalue()
    await choose(browser, link)
    assert NOWHERE in (await browser.go(link)).text
    assert browser.answer.status_code == 410


@only_sqlite
async def test_everything_that_is_wrong_with_a_password_is_said_at_once_and_the_link_works_on(
    outbox: Outbox, desk: Desk, browser: Browser
) -> None:
    await forgotten(browser, "paula")
    (link,) = links_of(outbox)
    await choose(browser, link, "paula", again="x")
    assert browser.answer.status_code == 400
    for fault in ("10 to 200 characters", "not the same", "Your name or address is no password"):
        assert fault in browser.text
    assert (await choose(browser, link)).path == "/approvals"


@only_sqlite
@pytest.mark.parametrize(
    "who",
    ["nobody@buyer.example", "paula@buyer.example", "oidc@buyer.example", "gone@buyer.example"],
)
async def test_the_answer_never_tells_whether_somebody_is_known(
    outbox: Outbox, desk: Desk, browser: Browser, who: str
) -> None:
    desk.person("oidc", "approver", email="oidc@buyer.example")
    desk.person("gone", "approver", email="gone@buyer.example")
    change(desk, "gone", active=False, password="x")
    before = len(entries(desk))
    unknown = (await forgotten(Browser(application(desk.gateway)), "somebody@else.example")).answer
    answer = (await forgotten(browser, who)).answer
    assert (answer.status_code, answer.text) == (200, unknown.text)
    assert entries(desk)[before:] == [("password_link_asked", "page")] * 2
    assert len(outbox.rows()) == (1 if who.startswith("paula") else 0)


@only_sqlite
@pytest.mark.parametrize(
    ("minutes", "changed"),
    [(61, {}), (0, {"active": False}), (0, {"password": None})],
    ids=["an hour later", "inactive", "without password"],
)
async def test_a_link_ends_with_its_time_and_with_its_persons_access(
    outbox: Outbox, desk: Desk, browser: Browser, clock: SetClock, minutes: int, changed: dict[str, object]
) -> None:
    await forgotten(browser, "paula")
    (link,) = links_of(outbox)
    clock.move(timedelta(minutes=minutes))
    change(desk, "paula", **changed)
    assert (await browser.go(link)).answer.status_code == 410
    assert (await choose(browser, link)).answer.status_code == 410


@pytest.mark.parametrize(
    ("act", "form"),
    [("account", {"name": "Paula", "email": "new@buyer.example"}), ("active", {"active": "no"}), ("password", {})],
)
async def test_links_end_with_another_address_or_password_those_of_mails_that_wait_too(
    outbox: Outbox, desk: Desk, browser: Browser, act: str, form: dict[str, str]
) -> None:
    await forgotten(browser, "paula")
    (link,) = links_of(outbox)
    await forgotten(browser, "paula@buyer.example")
    root = await at_work(desk, "root")
    await root.post(f"/admin/people/{desk.people['paula'].id}/{act}", form)
    assert (await browser.go(link)).answer.status_code == 410
    assert [row.state for row in outbox.rows()] == [State.SENT, State.NEEDLESS]


@only_sqlite
async def test_each_attempt_at_a_mail_brings_a_link_that_works_and_the_first_one_used_ends_the_others(
    outbox: Outbox, desk: Desk, browser: Browser, clock: SetClock
) -> None:
    outbox.box.cut = True
    await forgotten(browser, "paula")
    outbox.send()
    outbox.box.cut = False
    clock.move(timedelta(minutes=1))
    first, second = links_of(outbox)
    assert first != second
    await choose(browser, first)
    assert browser.path == "/approvals"
    assert (await browser.go(second)).answer.status_code == 410


@only_sqlite
async def test_requests_are_counted_by_what_was_typed_and_by_network(desk: Desk, browser: Browser) -> None:
    for _ in range(3):
        await forgotten(browser, "paula")
    await forgotten(browser, "Paula")
    assert browser.answer.status_code == 429
    assert browser.answer.headers["Retry-After"] == "3600"
    for number in range(16):
        assert (await forgotten(browser, f"somebody-{number}")).answer.status_code == 200
    assert (await forgotten(browser, "another")).answer.status_code == 429
    assert (await forgotten(browser, " ")).answer.status_code == 400


@only_sqlite
async def test_the_second_factor_is_asked_for_after_the_new_password(
    outbox: Outbox, desk: Desk, browser: Browser
) -> None:
    def enrol(tx: Session) -> None:
        at, person = desk.gateway.clock.now(), desk.people["paula"]
        second_factors.begin(tx, desk.gateway.keys, person.realm, person.id, at)
        tx.get_one(SecondFactorRow, person.id).confirmed_at = at

    desk.write(enrol)
    await forgotten(browser, "paula")
    (link,) = links_of(outbox)
    assert (await choose(browser, link)).path == "/login/code"
    with desk.gateway.database.read() as session:
        assert session.exec(select(PersonSessionRow)).all() == []


@only_sqlite
@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"way": "link"}, "A link goes by mail: enter the person's mail address."),
        ({"way": "link", "email": "x@y.example", "language": "tlh"}, "Mails speak en, es, pt, fr, de."),
        ({"way": "carrier pigeon"}, "Choose how the person signs in."),
        ({"way": "provider"}, "Choose how the person signs in."),
    ],
)
async def test_nobody_is_added_who_could_not_be_invited(desk: Desk, form: dict[str, str], reason: str) -> None:
    root = await at_work(desk, "root")
    await root.post("/admin/people", {"login": "nina", "name": "Nina", "role": "operator", **form})
    assert reason in root.text
    assert ("person_added", "page") not in entries(desk)


@only_sqlite
async def test_without_a_mail_server_nobody_is_offered_a_link(gateway: Gateway) -> None:
    browser = Browser(application(gateway))
    assert "Forgotten" not in (await browser.go("/login")).text
    assert (await browser.go("/login/forgotten")).answer.status_code == 404


@only_sqlite
async def test_an_administrator_sends_a_link_again_and_sees_what_came_of_it(outbox: Outbox, desk: Desk) -> None:
    root, page = await at_work(desk, "root"), f"/admin/people/{desk.people['paula'].id}"
    await root.post(f"{page}/link")
    assert outbox.send().kind == Kind.INVITATION
    assert "taken by the mail server" in (await root.go(page)).text
    change(desk, "paula", signed_in_at=desk.gateway.clock.now())
    await root.post(f"{page}/link")
    assert outbox.rows()[-1].kind == Kind.NEW_PASSWORD
    change(desk, "paula", password=None)
    assert "Only who may sign in with a password is sent a link." in (await root.post(f"{page}/link")).text

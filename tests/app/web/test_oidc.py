"""Signing in by OpenID Connect, against a provider on a real socket: who is let in as whom, and which answers of the
provider, or of somebody else, open nothing."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from order_desk import Desk, set_up
from people_at_work import Browser, application, give_passwords, hash_cheaply
from serving import served
from sqlmodel import Session, col, select

from app.clock import SetClock
from app.flows import second_factor
from app.gateway import Gateway
from app.seal import Secret
from app.storage import oidc, second_factors
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.erasure import erase_account
from app.storage.oidc import OidcIdentityRow, OidcProviderRow, OidcSignInRow
from app.storage.people import PersonRow
from app.web.people.oidc import COOKIE as OIDC_COOKIE
from app.web.people.sessions import COOKIE

pytestmark = pytest.mark.anyio
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PAULA = {"sub": "u-1", "email": "Paula@Atlas.example", "email_verified": True, "name": "Paula P."}


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    made = set_up(gateway)
    made.person("paula", "approver", email="paula@atlas.example")
    made.person("otto", "operator", email="otto@atlas.example")
    give_passwords(made)
    return made


@pytest.fixture
def provider(desk: Desk, clock: SetClock) -> Iterator[OidcProvider]:
    made = OidcProvider(now=lambda: clock.now().timestamp(), user=dict(PAULA))
    with served(made.app()) as url:
        made.issuer = url
        register(desk, url)
        yield made


def register(desk: Desk, issuer: str, **more: Any) -> None:
    gateway = desk.gateway
    row = OidcProviderRow(
        realm=LIVE,
        issuer=issuer,
        client_id=CLIENT_ID,
        sealed=oidc.sealed(gateway.keys, LIVE, Secret(CLIENT_SECRET)),
        private=True,
        created_at=gateway.clock.now(),
    )
    desk.write(lambda tx: tx.add(row))


def change(desk: Desk, **values: Any) -> None:
    def work(tx: Session) -> None:
        row = tx.get_one(OidcProviderRow, LIVE)
        for name, value in values.items():
            setattr(row, name, value)

    desk.write(work)


async def answer_of_provider(browser: Browser, next_: str = "") -> str:
    """Our callback with what the provider said, as the browser was told to open it."""
    browser.client.follow_redirects = False
    await browser.go(f"/oidc/login?next={next_}")
    assert browser.answer.status_code == 303
    async with httpx.AsyncClient() as outside:
        sent_back = await outside.get(browser.answer.headers["location"])
    browser.client.follow_redirects = True
    assert sent_back.status_code == 302, sent_back.text
    return sent_back.headers["location"].removeprefix("https://crossdock.example")


async def sign_in(desk: Desk, next_: str = "") -> Browser:
    browser = Browser(application(desk.gateway))
    return await browser.go(await answer_of_provider(browser, next_))


def events(desk: Desk) -> list[str]:
    with desk.gateway.database.read() as session:
        return [row.event for row in session.exec(select(AuditRow).order_by(col(AuditRow.sequence)))]


async def test_a_verified_address_signs_in_and_links_the_subject(desk: Desk, provider: OidcProvider) -> None:
    browser = await sign_in(desk, "/orders%3Fq%3D%C3%A4")
    assert (browser.answer.status_code, browser.path) == (200, "/orders")
    assert browser.answer.url.params["q"] == "ä"
    assert OIDC_COOKIE not in browser.client.cookies
    assert events(desk) == ["identity_linked", "signed_in"]
    provider.user = {"sub": "u-1"}
    assert (await sign_in(desk)).path == "/approvals"
    with desk.gateway.database.read() as session:
        assert session.exec(select(OidcIdentityRow.person_id)).all() == [desk.people["paula"].id]
        assert session.exec(select(OidcSignInRow)).all() == []


@only_sqlite
async def test_the_provider_is_asked_as_the_standard_says(desk: Desk, provider: OidcProvider) -> None:
    browser = Browser(application(desk.gateway))
    browser.client.follow_redirects = False
    await browser.go("/oidc/login")
    asked = parse_qs(urlsplit(browser.answer.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://crossdock.example/oidc/callback"]
    assert asked["scope"] == ["openid email profile"]
    assert len({asked[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    other = Browser(application(desk.gateway))
    other.client.follow_redirects = False
    await other.go("/oidc/login")
    again = parse_qs(urlsplit(other.answer.headers["location"]).query)
    assert all(asked[name] != again[name] for name in ("state", "nonce", "code_challenge"))


@only_sqlite
@pytest.mark.parametrize(
    "user",
    [
        {"sub": "u-2", "email": "paula@atlas.example"},
        {"sub": "u-2", "email": "paula@atlas.example", "email_verified": False},
        {"sub": "u-2", "email": "paula@atlas.example", "email_verified": "true"},
        {"sub": "u-2", "email": "nobody@atlas.example", "email_verified": True},
        {"sub": "u-2", "email_verified": True},
        {"sub": "u-2", "email": ["paula@atlas.example"], "email_verified": True},
    ],
    ids=["not said", "not verified", "a text", "unknown", "no address", "a list"],
)
async def test_who_is_not_known_is_not_let_in(desk: Desk, provider: OidcProvider, user: dict[str, Any]) -> None:
    provider.user = user
    browser = await sign_in(desk)
    assert (browser.answer.status_code, COOKIE in browser.client.cookies) == (403, False)
    assert "You are not known here" in browser.text
    assert events(desk) == ["sign_in_failed"]


@only_sqlite
async def test_an_address_of_two_people_tells_neither(desk: Desk, provider: OidcProvider) -> None:
    desk.person("paula2", "approver", email="paula@atlas.example")
    assert (await sign_in(desk)).answer.status_code == 403


@only_sqlite
async def test_an_address_that_changed_hands_opens_nothing(desk: Desk, provider: OidcProvider) -> None:
    await sign_in(desk)
    provider.user = {**PAULA, "sub": "u-9"}
    assert (await sign_in(desk)).answer.status_code == 403


@only_sqlite
async def test_a_linked_subject_stays_the_person_whatever_the_address(desk: Desk, provider: OidcProvider) -> None:
    await sign_in(desk)
    provider.user = {**PAULA, "email": "otto@atlas.example"}
    browser = await sign_in(desk)
    assert "Paula" in browser.text


@only_sqlite
async def test_who_left_is_not_let_in(desk: Desk, provider: OidcProvider) -> None:
    await sign_in(desk)
    desk.write(lambda tx: setattr(tx.get_one(PersonRow, desk.people["paula"].id), "active", False))
    assert (await sign_in(desk)).answer.status_code == 403


async def test_with_a_default_role_a_stranger_becomes_a_person(desk: Desk, provider: OidcProvider) -> None:
    change(desk, default_role="auditor")
    provider.user = {"sub": "u-5", "email": "New@Atlas.example", "email_verified": True, "name": "<b>New"}
    for _ in range(2):
        browser = await sign_in(desk)
        assert browser.answer.status_code == 200
        assert "<b>New" in browser.text
    with desk.gateway.database.read() as session:
        person = session.exec(select(PersonRow).where(PersonRow.login == "new@atlas.example")).one()
    assert (person.roles, person.password) == (["auditor"], None)
    provider.user = {"sub": "u-6", "email": "other@atlas.example"}
    assert (await sign_in(desk)).answer.status_code == 403


def by_other_key(provider: OidcProvider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, RSAKey.generate_key(2048))


def by_client_secret(provider: OidcProvider, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(CLIENT_SECRET))


def unsigned(provider: OidcProvider, claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, ""])


@only_sqlite
@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://another.example"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"azp": "another"},
        by_other_key,
        by_client_secret,
        unsigned,
    ],
    ids=lambda wrong: wrong.__name__ if callable(wrong) else f"{next(iter(wrong))} {str(*wrong.values())[:12]}",
)
async def test_a_token_that_does_not_stand_up_opens_nothing(desk: Desk, provider: OidcProvider, wrong: Any) -> None:
    if callable(wrong):
        provider.signed = wrong
    else:
        provider.claims_over = wrong
    browser = await sign_in(desk)
    assert (browser.answer.status_code, COOKIE in browser.client.cookies) == (503, False)
    assert events(desk) == []


@only_sqlite
async def test_an_answer_is_for_the_browser_that_asked_and_once(
    desk: Desk, provider: OidcProvider, clock: SetClock
) -> None:
    browser, other = Browser(application(desk.gateway)), Browser(application(desk.gateway))
    answer = await answer_of_provider(browser)
    await other.go(answer)
    assert (other.answer.status_code, COOKIE in other.client.cookies) == (400, False)
    await answer_of_provider(other)
    await other.go(answer)
    assert (other.answer.status_code, COOKIE in other.client.cookies) == (400, False)
    cookie = browser.client.cookies[OIDC_COOKIE]
    assert (await browser.client.head(answer)).status_code == 200
    await browser.go(answer)
    assert browser.path == "/approvals"
    third = Browser(application(desk.gateway))
    third.client.cookies.set(OIDC_COOKIE, cookie, domain="crossdock.example", path="/")
    await third.go(answer)
    assert third.answer.status_code == 400


@only_sqlite
async def test_an_answer_that_comes_late_or_from_another_issuer_is_refused(
    desk: Desk, provider: OidcProvider, clock: SetClock
) -> None:
    browser = Browser(application(desk.gateway))
    answer = await answer_of_provider(browser)
    await browser.go(answer.partition("&iss=")[0] + "&iss=https%3A%2F%2Fanother.example")
    assert browser.answer.status_code == 400
    answer = await answer_of_provider(browser)
    clock.move(oidc.ON_THE_WAY)
    await browser.go(answer)
    assert browser.answer.status_code == 400


@only_sqlite
@pytest.mark.parametrize("cookie", ["", "zz", "ff", "é".encode().hex(), "00" * 3_000])
async def test_a_strange_cookie_is_no_way_back(desk: Desk, provider: OidcProvider, cookie: str) -> None:
    browser = Browser(application(desk.gateway))
    answer = await answer_of_provider(browser)
    browser.client.cookies.clear()
    browser.client.cookies.set(OIDC_COOKIE, cookie, domain="crossdock.example", path="/")
    await browser.go(answer)
    assert browser.answer.status_code == 400


@only_sqlite
async def test_a_refusal_of_the_provider_is_told(desk: Desk, provider: OidcProvider) -> None:
    browser = Browser(application(desk.gateway))
    answer = await answer_of_provider(browser)
    state = parse_qs(urlsplit(answer).query)["state"][0]
    await browser.go(f"/oidc/callback?error=access_denied&state={state}")
    assert browser.answer.status_code == 503
    assert "access_denied" not in browser.text


@only_sqlite
async def test_a_provider_that_is_away_is_told_and_the_password_works(desk: Desk) -> None:
    register(desk, "http://127.0.0.1:9")
    browser = Browser(application(desk.gateway))
    await browser.go("/oidc/login")
    assert (browser.answer.status_code, "does not answer" in browser.text) == (503, True)
    await browser.sign_in("paula")
    assert browser.path == "/approvals"


@only_sqlite
async def test_a_provider_in_a_private_network_is_asked_by_the_operators_word_only(
    desk: Desk, provider: OidcProvider
) -> None:
    change(desk, private=False)
    browser = await Browser(application(desk.gateway)).go("/oidc/login")
    assert browser.answer.status_code == 503


@only_sqlite
async def test_a_provider_of_another_name_is_not_believed(desk: Desk, provider: OidcProvider) -> None:
    change(desk, issuer=f"{provider.issuer}/")
    browser = await Browser(application(desk.gateway)).go("/oidc/login")
    assert browser.answer.status_code == 503


@only_sqlite
async def test_the_second_factor_is_asked_for_here_too(desk: Desk, provider: OidcProvider, clock: SetClock) -> None:
    gateway, paula = desk.gateway, desk.people["paula"]
    desk.write(lambda tx: second_factor.begin(tx, gateway, paula))
    with gateway.database.read() as session:
        secret = second_factors.begun(session, gateway.keys, paula.id)
    assert secret is not None
    code = pyotp.TOTP(secret.reveal()).at(clock.now())
    desk.write(lambda tx: second_factor.confirm(tx, gateway, paula, code))
    browser = await sign_in(desk, "/orders")
    assert (browser.path, COOKIE in browser.client.cookies) == ("/login/code", False)
    after = pyotp.TOTP(secret.reveal()).at(clock.now(), counter_offset=1)
    await browser.post("/login/code", {"code": after, "next": browser.hidden("next")})
    assert browser.path == "/orders"


@only_sqlite
async def test_the_login_page_shows_the_way_where_there_is_one(desk: Desk, provider: OidcProvider) -> None:
    browser = Browser(application(desk.gateway))
    await browser.go("/orders?q=1&state=held")
    assert 'href="/oidc/login?next=/orders%3Fq%3D1%26state%3Dheld"' in browser.answer.text
    desk.write(lambda tx: tx.delete(tx.get_one(OidcProviderRow, LIVE)))
    await browser.go("/login")
    assert "/oidc/login" not in browser.answer.text
    for path in ("/oidc/login", "/oidc/callback"):
        assert (await browser.go(path)).answer.status_code == 404


@only_sqlite
async def test_the_client_secret_is_sealed_and_told_to_nobody(
    desk: Desk, provider: OidcProvider, capfd: pytest.CaptureFixture[str]
) -> None:
    await sign_in(desk)
    with desk.gateway.database.read() as session:
        row = session.get_one(OidcProviderRow, LIVE)
        kept = repr((row, session.exec(select(AuditRow)).all()))
    assert CLIENT_SECRET.encode() not in row.sealed
    assert CLIENT_SECRET not in kept + "".join(capfd.readouterr())


@only_sqlite
async def test_who_is_erased_is_linked_no_more(desk: Desk, provider: OidcProvider) -> None:
    await sign_in(desk)
    desk.write(lambda tx: erase_account(tx, tx.get_one(PersonRow, desk.people["paula"].id)))
    with desk.gateway.database.read() as session:
        assert session.exec(select(OidcIdentityRow)).all() == []
    assert (await sign_in(desk)).answer.status_code == 403

"""Bad input at the doors of a running server: each row with its answer, and never a fault of ours."""

import secrets
import sqlite3
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec
import pytest
from console import Demo
from demo_orders import order_bytes

from app.sandbox.access import DemoAccess
from app.sandbox.buyer import Inbox, Reply, VirtualBuyer
from app.sandbox.erp import ErpView
from app.sandbox.shopper import Shopper
from protocols.cxml import profile
from schemas.punchout import Operation, PunchoutRequest

DOCTYPE = b'<!DOCTYPE cXML SYSTEM "http://xml.cxml.org/schemas/cXML/1.2.071/cXML.dtd">'
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
BOMB = b'<!DOCTYPE cXML [<!ENTITY l0 "ha">' + LAUGHS + b"]>"
PASSWD = b'<!DOCTYPE cXML [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.fixture(scope="module", autouse=True)
def no_fault_of_ours(running: Demo) -> Iterator[None]:
    yield
    assert "Traceback" not in running.output


def number() -> str:
    return f"BAD-{secrets.token_hex(4)}"


def spoiled(buyer: VirtualBuyer, was: bytes, becomes: bytes) -> bytes:
    """An order that could be taken, but for one thing."""
    body = order_bytes(buyer, number())
    assert was in body
    return body.replace(was, becomes)


UNREADABLE = {
    "cut off": b"<cXML><Header>",
    "no XML": b"hello",
    "nothing": b"",
    "every byte": bytes(range(256)),
    "another root": b"<html/>",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_cxml_is_406(buyer: VirtualBuyer, body: bytes) -> None:
    reply = buyer.post(body)
    assert (reply.http, reply.code) == (200, 406)


@pytest.mark.parametrize(("doctype", "text"), [(BOMB, b"&l9;"), (PASSWD, b"&x;")], ids=["a bomb", "an external entity"])
def test_declared_entities_are_406_at_once_and_show_nothing(buyer: VirtualBuyer, doctype: bytes, text: bytes) -> None:
    body = spoiled(buyer, DOCTYPE, doctype).replace(b"Combination", text)
    began = time.monotonic()
    reply = buyer.post(body)
    assert (reply.http, reply.code) == (200, 406)
    assert time.monotonic() - began < 10
    assert b"root:" not in reply.body


@pytest.mark.parametrize("name", ["html", "fetched", "none"])
def test_a_wrong_doctype_is_no_matter_and_never_fetched(buyer: VirtualBuyer, name: str) -> None:
    nobody = Inbox()
    fetched = f'<!DOCTYPE cXML SYSTEM "{nobody.url}">'.encode()
    doctype = {"html": b"<!DOCTYPE html>", "fetched": fetched, "none": b""}[name]
    reply = buyer.post(spoiled(buyer, DOCTYPE, doctype))
    assert (reply.http, reply.code) == (200, 200)
    assert nobody.connections == 0
    nobody.close()


def test_a_wrong_secret_and_an_unknown_sender_are_401_in_the_same_words(
    buyer: VirtualBuyer, access: DemoAccess
) -> None:
    wrong = buyer.post(profile.write_request(buyer.envelope(secret=access.cxml.secret.swapcase())))
    sender = msgspec.structs.replace(access.cxml.sender, identity="NOBODY")
    stranger = VirtualBuyer(msgspec.structs.replace(access.cxml, sender=sender))
    unknown, _ = stranger.ask_profile()
    stranger.close()
    assert (wrong.http, wrong.code, unknown.http, unknown.code) == (200, 401, 200, 401)
    assert wrong.cxml == unknown.cxml


NOT_OURS = {
    "addressed to another": (b"CROSSDOCK-DEMO", b"SOMEBODY", 400),
    "for an unknown buyer": (b"381204765", b"999999999", 403),
    "for another connection's buyer": (b"381204765", b"792113048", 403),
    "a test on a live connection": (b'deploymentMode="production"', b'deploymentMode="test"', 403),
    "a kind that is not offered": (b"OrderRequest>", b"QuoteRequest>", 450),
    "no order number": (b"orderID=", b"x=", 400),
}


@pytest.mark.parametrize(("was", "becomes", "code"), NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_not_for_us_is_told_why(buyer: VirtualBuyer, was: bytes, becomes: bytes, code: int) -> None:
    reply = buyer.post(spoiled(buyer, was, becomes))
    assert (reply.http, reply.code) == (200, code)


FAULTS = {
    "currency XXQ": (b'currency="EUR"', b'currency="XXQ"', "UnitPrice/Money/@currency", "currency.unknown"),
    "quantity 1,000": (b'quantity="2"', b'quantity="1,000"', "ItemOut/@quantity", "quantity.not_a_number"),
    "quantity NaN": (b'quantity="2"', b'quantity="NaN"', "ItemOut/@quantity", "quantity.not_a_number"),
    "price $9": (b">58.90<", b">$9<", "UnitPrice/Money", "price.not_a_number"),
    "price 1,000": (b">58.90<", b">1,000<", "UnitPrice/Money", "price.not_a_number"),
    "no unit": (b"<UnitOfMeasure>SET</UnitOfMeasure>", b"", "ItemOut/ItemDetail", "unit.missing"),
}


@pytest.mark.parametrize(("was", "becomes", "place", "code"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_read_is_400_and_says_where(
    buyer: VirtualBuyer, was: bytes, becomes: bytes, place: str, code: str
) -> None:
    reply = buyer.post(spoiled(buyer, was, becomes))
    assert (reply.http, reply.code) == (200, 400)
    said = reason(reply)
    assert f"[{code}]" in said
    assert place in said


HELD = {
    "quantity 1e3": (b'quantity="2"', b'quantity="1e3"', "total.off"),
    "quantity 0": (b'quantity="2"', b'quantity="0"', "quantity.not_positive"),
    "quantity -1": (b'quantity="2"', b'quantity="-1"', "quantity.not_positive"),
    "quantity 1.5 of a whole unit": (b'quantity="2"', b'quantity="1.5"', "quantity.not_whole"),
    "price 1e3": (b">58.90<", b">1e3<", "price.off"),
    "five decimals": (b">58.90<", b">58.90001<", "price.off"),
    "unit XYZ": (b">SET<", b">XYZ<", "unit.unknown"),
    "unit BX": (b">SET<", b">BX<", "unit.unknown"),
    "another unit than agreed": (b">SET<", b">EA<", "unit.other"),
    "another currency than agreed": (b'currency="EUR"', b'currency="USD"', "currency.other"),
    "a total that does not add up": (b">117.80<", b">100.00<", "total.off"),
    "an unknown item": (b"TO-2010", b"NOPE-1", "item.unknown"),
    "an unknown place": (b"WERK-1", b"WERK-99", "ship_to.unknown"),
}


@pytest.mark.parametrize(("was", "becomes", "case"), HELD.values(), ids=HELD)
def test_what_is_unclear_is_201_and_waits_for_a_person(
    buyer: VirtualBuyer, erp: ErpView, was: bytes, becomes: bytes, case: str
) -> None:
    order = number()
    body = order_bytes(buyer, order).replace(was, becomes)
    reply = buyer.post(body)
    assert (reply.http, reply.code) == (200, 201)
    assert case in reason(reply)
    assert erp.orders(order) == []


RETURN_URLS = {
    "another host": "https://evil.example/x",
    "a host that begins like ours": "https://localhost.evil.example/",
    "a user name": "http://localhost@evil.example/",
    "a backslash": "http://localhost\\@evil.example/",
    "a script": "javascript:alert(1)",
    "no scheme": "//evil.example/",
    "nothing": None,
}


@pytest.mark.parametrize("url", RETURN_URLS.values(), ids=RETURN_URLS)
def test_a_return_address_that_is_not_agreed_is_400(buyer: VirtualBuyer, url: str | None) -> None:
    reply, start = buyer.punch_out(
        PunchoutRequest(operation=Operation.CREATE, buyer_cookie="1", return_url=url, language="en")
    )
    assert (reply.http, reply.code, start) == (200, 400, None)
    assert reply.cxml is not None
    assert "return" in reason(reply)


# Size


def megabytes(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * 1_000_000


@pytest.mark.parametrize("content", [b"x" * 100_000_000, None], ids=["with its length", "in chunks"])
def test_100_megabytes_are_413_and_cost_no_memory(access: DemoAccess, running: Demo, content: bytes | None) -> None:
    before = memory(running)
    began = time.monotonic()
    response = httpx.post(
        access.cxml.url, content=content or megabytes(100), headers={"Content-Type": "text/xml"}, timeout=30
    )
    assert response.status_code == 413
    assert b'Status code="499"' in response.content
    assert time.monotonic() - began < 10
    assert memory(running) - before < 60_000_000


def memory(running: Demo) -> int:
    """Resident bytes of the server's process."""
    status = Path(f"/proc/{running.process.pid}/status")
    if not status.exists():
        pytest.skip("/proc is not here")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


FIELDS = b"&".join(b"f%d=x" % n for n in range(1_000_000))


@pytest.mark.parametrize("path", ["/login", "/cxml", "/p/{token}/cart", "/p/{token}/add"])
def test_a_million_form_fields_are_refused(access: DemoAccess, buyer: VirtualBuyer, running: Demo, path: str) -> None:
    shopper = enter(buyer)
    url = access.base_url + path.replace("/p/{token}/", f"/{shopper.prefix.split('/', 3)[3]}")
    shopper.close()
    before, began = memory(running), time.monotonic()
    response = httpx.post(url, content=FIELDS, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (response.status_code, b'Status code="406"' in response.content) in ((413, False), (400, False), (200, True))
    assert time.monotonic() - began < 10
    assert memory(running) - before < 60_000_000


def test_a_thousand_fields_on_the_login_are_400(access: DemoAccess) -> None:
    response = httpx.post(
        f"{access.base_url}/login",
        content=FIELDS[:9_000],
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 400


# The shop


def enter(buyer: VirtualBuyer) -> Shopper:
    reply, start = buyer.punch_out(
        PunchoutRequest(
            operation=Operation.CREATE, buyer_cookie="1", return_url="http://localhost:9/cart", language="en"
        )
    )
    assert start is not None, reply
    return Shopper(start)


def test_an_expired_start_code_shows_the_dead_page(buyer: VirtualBuyer, running: Demo) -> None:
    reply, start = buyer.punch_out(
        PunchoutRequest(operation=Operation.CREATE, buyer_cookie="1", return_url="http://localhost:9/", language="en")
    )
    assert start is not None, reply
    with sqlite3.connect(running.data / "crossdock.db", timeout=30) as database:
        database.execute("UPDATE cd_start_codes SET expires_at = '2020-01-01 00:00:00' WHERE used_at IS NULL")
    database.close()
    ended(httpx.get(start))


@pytest.mark.parametrize("path", ["/start/forged", "/p/forged/", "/p/forged/cart", f"/start/{'a' * 5_000}"])
def test_a_forged_code_or_token_shows_the_dead_page(access: DemoAccess, path: str) -> None:
    ended(httpx.get(access.base_url + path))


def ended(response: httpx.Response) -> None:
    assert response.status_code == 410
    assert "Your session has ended" in response.text
    assert "password" not in response.text


def test_a_start_page_that_is_only_looked_at_is_not_used_up(buyer: VirtualBuyer) -> None:
    _, start = buyer.punch_out(
        PunchoutRequest(operation=Operation.CREATE, buyer_cookie="1", return_url="http://localhost:9/", language="en")
    )
    assert start is not None
    assert httpx.head(start).status_code == 204
    assert httpx.get(start).status_code == 303
    ended(httpx.get(start))


def test_a_line_of_another_visit_cannot_be_touched(buyer: VirtualBuyer, access: DemoAccess) -> None:
    other = VirtualBuyer(access.other_buyers[0])
    mine, theirs = enter(buyer), enter(other)
    for shopper in (mine, theirs):
        shopper.search("TO-2010")
        shopper.add("TO-2010", Decimal(3))
        shopper.open_cart()
    foreign = next(name for name in fields(theirs) if name.startswith("quantity-"))
    form = mine.page.form("version")
    assert form is not None
    mine.browser.submit(form, {foreign: "9", "remove": foreign.removeprefix("quantity-")})
    theirs.open_cart()
    assert fields(theirs)[foreign] == "3"
    mine.close()
    theirs.close()
    other.close()


def fields(shopper: Shopper) -> dict[str, str]:
    form = shopper.page.form("version")
    assert form is not None
    return form.values


def reason(reply: Reply) -> str:
    assert reply.cxml is not None
    return reply.cxml.reason or ""

"""What a request may cost: whatever comes, the server's memory stays bounded and it answers others meanwhile."""

import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from console import Demo

from app.sandbox.access import Cxml, DemoAccess

MIB = 1024 * 1024
XML = "text/xml"
RELATED = "multipart/related; boundary=b"
TAIL = b"</Request></cXML>"


def head(buyer: Cxml) -> bytes:
    """The beginning of a document of a sender who is known and proves it, so that all of the document is looked at."""
    names = {
        tag: f'<Credential domain="{name.domain}"><Identity>{name.identity}</Identity>{{}}</Credential>'
        for tag, name in (("From", buyer.from_), ("To", buyer.to), ("Sender", buyer.sender))
    }
    return (
        '<?xml version="1.0"?><cXML payloadID="1@x" timestamp="2026-03-02T09:00:00Z"><Header>'
        f"<From>{names['From'].format('')}</From><To>{names['To'].format('')}</To>"
        f"<Sender>{names['Sender'].format(f'<SharedSecret>{buyer.secret}</SharedSecret>')}"
        "<UserAgent>x</UserAgent></Sender></Header><Request>"
    ).encode()


Made = Callable[[bytes], bytes]
HOSTILE: dict[str, tuple[str, Made]] = {
    "a text of 19 MB": (XML, lambda head: head + b"<Extrinsic>" + b"x" * 19_000_000 + b"</Extrinsic>" + TAIL),
    "a text of 9 MB": (XML, lambda head: head + b"<Extrinsic>" + b"x" * 9_000_000 + b"</Extrinsic>" + TAIL),
    "a million siblings": (XML, lambda head: head + b"<a/>" * 1_000_000 + TAIL),
    "as many siblings as are read": (XML, lambda head: head + b"<a/>" * 290_000 + TAIL),
    "a million attributes": (
        XML,
        lambda head: head + b"<a " + b"".join(b"a%d='' " % n for n in range(1_000_000)) + b"/>",
    ),
    "a hundred thousand levels": (XML, lambda head: head + b"<a>" * 100_000 + b"</a>" * 100_000 + TAIL),
    "a million ampersands": (XML, lambda head: head + b"& " * 1_000_000 + TAIL),
    "a million comments": (XML, lambda head: head + b"<!--x-->" * 1_000_000 + TAIL),
    "UTF-16 of 19 MB": (XML, lambda _: b"\xff\xfe" + ("<cXML>" + "x" * 9_500_000).encode("utf-16-le")),
    "a laughing DOCTYPE": (XML, lambda _: b'<!DOCTYPE c [<!ENTITY a "ha">' + b"<!ENTITY b '&a;&a;'>" * 100_000 + b"]>"),
    "a hundred thousand parts": (
        RELATED,
        lambda head: b"--b\r\n\r\n" + head + b"\r\n--b\r\n\r\nx" * 100_000 + b"\r\n--b--",
    ),
    "a million headers in a part": (RELATED, lambda _: b"--b\r\n" + b"X: y\r\n" * 1_000_000 + b"\r\nx\r\n--b--"),
    "a preamble of 19 MB": (RELATED, lambda _: b"x" * 19_000_000 + b"\r\n--b\r\n\r\n<cXML/>\r\n--b--"),
    "base64 of nothing": (
        RELATED,
        lambda _: b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"AAAA\r\n" * 3_000_000 + b"\r\n--b--",
    ),
}


def status(process: int, name: str) -> int:
    """Bytes of a line of the kernel's account of a process."""
    found = Path(f"/proc/{process}/status")
    if not found.exists():
        pytest.skip("/proc is not here")
    line = next(line for line in found.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


@contextmanager
def at_most(bytes_: int, process: int) -> Iterator[None]:
    """The highest memory of the process meanwhile stays that near to what it was before."""
    Path(f"/proc/{process}/clear_refs").write_text("5")
    before = status(process, "VmRSS")
    yield
    assert status(process, "VmHWM") - before < bytes_


@contextmanager
def others_are_answered(url: str, within: float) -> Iterator[None]:
    """A health check that goes on meanwhile is answered, and quickly as a rule."""
    ended, taken = threading.Event(), list[float]()

    def ask() -> None:
        with httpx.Client(timeout=10) as client:
            while not (ended.is_set() and taken):
                began = time.monotonic()
                assert client.get(f"{url}/healthz").status_code == 200
                taken.append(time.monotonic() - began)
                ended.wait(0.02)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()
    assert statistics.median(taken) < within


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_costs_little_and_holds_nobody_up(name: str, access: DemoAccess, running: Demo) -> None:
    media_type, made = HOSTILE[name]
    body = made(head(access.cxml))
    assert len(body) < 20_000_000
    began = time.monotonic()
    with at_most(150 * MIB, running.process.pid), others_are_answered(access.base_url, 5):
        response = httpx.post(access.cxml.url, content=body, headers={"Content-Type": media_type}, timeout=30)
    took = time.monotonic() - began
    assert response.content.startswith(b"<?xml")
    assert b"<Status code=" in response.content
    assert b'code="200"' not in response.content
    assert took < 10


def test_twenty_large_documents_at_once_are_bounded_together(access: DemoAccess, running: Demo) -> None:
    texts = b"".join(b"<Extrinsic>" + b"x" * size + b"</Extrinsic>" for size in (9_000_000, 6_000_000))
    body = head(access.cxml) + texts + TAIL
    answers = list[httpx.Response]()

    def send() -> None:
        answers.append(httpx.post(access.cxml.url, content=body, headers={"Content-Type": XML}, timeout=60))

    senders = [threading.Thread(target=send) for _ in range(20)]
    with at_most(600 * MIB, running.process.pid), others_are_answered(access.base_url, 5):
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
    assert len(answers) == 20
    assert {answer.status_code for answer in answers} <= {200, 503}


FORM = "application/x-www-form-urlencoded"
HOSTILE_FORMS: dict[str, tuple[str, bytes]] = {
    "a million fields": ("/login", b"a=&" * 1_000_000),
    "as many fields as a sign-in's body holds": ("/login", b"a=&" * 3_000),
    "one field of 19 MB": ("/login", b"login=" + b"x" * 19_000_000),
    "a million fields of a cart": ("/p/nobody/cart", b"quantity=1&" * 1_000_000),
    "as many fields as a cart's body holds": ("/p/nobody/cart", b"q=1&" * 50_000),
    "a million per cent signs": ("/login", b"%" * 1_000_000),
}


@pytest.mark.parametrize("name", HOSTILE_FORMS)
def test_a_hostile_form_costs_little_and_holds_nobody_up(name: str, access: DemoAccess, running: Demo) -> None:
    path, body = HOSTILE_FORMS[name]
    headers = {"Content-Type": FORM, "Origin": access.base_url, "Sec-Fetch-Site": "same-origin"}
    with at_most(100 * MIB, running.process.pid), others_are_answered(access.base_url, 5):
        try:
            answer = httpx.post(f"{access.base_url}{path}", content=body, headers=headers, timeout=30)
        except (httpx.WriteError, httpx.ReadError):
            # It was told to stop sending, and the connection was closed before it had.
            return
    assert 400 <= answer.status_code < 500


@pytest.fixture
def opened(running: Demo) -> Iterator[Callable[[bytes], socket.socket]]:
    """Connections that send this and nothing more."""
    sockets = list[socket.socket]()

    def open_(said: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", running.port), timeout=10)
        sockets.append(connection)
        connection.sendall(said)
        return connection

    yield open_
    for connection in sockets:
        connection.close()


def test_three_hundred_senders_that_stop_halfway_are_bounded(
    opened: Callable[[bytes], socket.socket], access: DemoAccess, running: Demo
) -> None:
    """Each has announced 10 MB and sent a tenth of one; no worker waits with them."""
    start = b"POST /cxml HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\nContent-Length: 10000000\r\n\r\n"
    with at_most(200 * MIB, running.process.pid), others_are_answered(access.base_url, 5):
        for _ in range(300):
            opened(start + b"x" * 100_000)


def test_two_hundred_who_ask_and_do_not_read_are_bounded(
    opened: Callable[[bytes], socket.socket], access: DemoAccess, running: Demo
) -> None:
    """Each asks for the largest file there is, ten times over, and takes nothing."""
    page = httpx.get(f"{access.base_url}/login")
    sheets = [link for link in page.text.split('"') if link.endswith(".css") or ".css?" in link]
    target = max(sheets, key=lambda sheet: len(httpx.get(f"{access.base_url}{sheet}").content))
    ask = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n\r\n".encode()
    with at_most(300 * MIB, running.process.pid), others_are_answered(access.base_url, 5):
        for _ in range(200):
            opened(ask * 10)

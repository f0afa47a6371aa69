import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from stub_server import Behaviour, StubServer, answer, cut, drop, hang, raw, reset

from app.clients.http import HttpClient, Limits, Lost, NotAllowed, NotSent, Reach, checked, judge

INSIDE = Reach(plain_http=True, private=True, ports=None)
QUICK = Limits(connect=0.5, total=0.5, answer=10_000)


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with HttpClient(INSIDE, QUICK) as client:
        yield client


def test_an_answer_is_read_to_its_end(client: HttpClient) -> None:
    with StubServer([answer(201, '{"id": "7"}', X_Id="9")]) as server:
        said = client.send("POST", f"{server.url}/orders?a=b%20c", headers={"X-Mine": "1"}, body=b"{}")
    assert (said.status, said.body, said.headers["x-id"]) == (201, b'{"id": "7"}', "9")
    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/orders?a=b%20c", b"{}")
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["x-mine"] == "1"


def test_a_redirect_is_never_followed(client: HttpClient) -> None:
    with StubServer([answer(302, Location="/elsewhere")]) as server:
        assert client.send("GET", server.url).status == 302
    assert len(server.requests) == 1


LOST: dict[str, Behaviour] = {
    "connection reset": reset,
    "closed without a word": drop,
    "no answer in time": hang,
    "body cut short": cut(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"),
    "head cut short": cut(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "not HTTP": cut(b"220 mail.example ESMTP\r\n"),
    "body too large": answer(200, b"x" * 10_001),
    "endless body": cut(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b"x" * 1000 + b"\r\n"),
    "packed body": answer(200, b"x", Content_Encoding="gzip"),
    "head too large": raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\nContent-Length: 0\r\n\r\n"),
    "location that is no URL": answer(302, Location="http://a:b/"),
}


@pytest.mark.parametrize("case", LOST)
def test_a_request_without_a_whole_answer_is_lost(client: HttpClient, case: str) -> None:
    with StubServer([LOST[case]]) as server, pytest.raises(Lost):
        client.send("POST", server.url, body=b"{}")
    assert len(server.requests) == 1


def test_a_peer_that_drips_is_left_at_the_deadline(client: HttpClient) -> None:
    def drip(connection: socket.socket, request: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    begun = time.monotonic()
    with StubServer([drip]) as server, pytest.raises(Lost):
        client.send("GET", server.url)
    assert time.monotonic() - begun < 10


def test_refused_connections_send_nothing(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotSent):
        client.send("POST", f"http://127.0.0.1:{port}/", body=b"{}")


def test_a_peer_that_does_not_speak_tls_gets_nothing() -> None:
    with StubServer([answer(200)]) as server, HttpClient(INSIDE, QUICK) as client, pytest.raises(NotSent):
        client.send("GET", f"https://127.0.0.1:{server.port}/")
    assert server.requests == []


def test_an_unknown_name_sends_nothing() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror("no such host")

    with HttpClient(INSIDE, QUICK, resolve=unknown) as client, pytest.raises(NotSent, match="does not resolve"):
        client.send("GET", "http://erp.example/")


def test_the_next_address_is_tried_when_one_refuses() -> None:
    with StubServer([answer(200)]) as server, HttpClient(INSIDE, QUICK, resolve=lambda *_: ["::1", "127.0.0.1"]) as c:
        assert c.send("GET", f"http://erp.example:{server.port}/").status == 200
    assert server.requests[0].headers["host"] == f"erp.example:{server.port}"


class Changing:
    """A resolver that gives another answer at every look-up, as a rebinding attacker's does."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0)


def test_the_judged_address_is_the_connected_one() -> None:
    """One look-up serves judgement and connection: an answer that changes between the two finds no second look."""
    resolver = Changing(["127.0.0.1"], ["169.254.169.254"])
    with StubServer([answer(200, Connection="close")]) as server, HttpClient(INSIDE, QUICK, resolve=resolver) as client:
        url = f"http://erp.example:{server.port}/"
        assert client.send("GET", url).status == 200
        assert resolver.asked == 1
        with pytest.raises(NotAllowed, match=re.escape("169.254.169.254")):
            client.send("GET", url)
    assert len(server.requests) == 1


def test_one_private_address_among_public_ones_refuses_all() -> None:
    with (
        HttpClient(Reach(plain_http=True), QUICK, resolve=lambda *_: ["9.9.9.9", "10.0.0.1"]) as client,
        pytest.raises(NotAllowed),
    ):
        client.send("GET", "https://erp.example/")


def test_proxies_of_the_environment_are_not_used(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with StubServer([answer(204)]) as server, HttpClient(INSIDE, QUICK) as fresh:
        assert fresh.send("GET", server.url).status == 204


def test_server_name_and_certificate_check_keep_the_name() -> None:
    names: list[str | None] = []

    def serve(listener: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        connection, _ = listener.accept()
        with connection, pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        port = listener.getsockname()[1]
        with HttpClient(INSIDE, QUICK, resolve=lambda *_: ["127.0.0.1"]) as client, pytest.raises(NotSent):
            client.send("GET", f"https://erp.example:{port}/")
        thread.join(5)
    assert names == ["erp.example"]


PRIVATE = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"]
NEVER = [
    "169.254.169.254",
    "169.254.7.7",
    "fd00:ec2::254",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "240.0.0.1",
    "255.255.255.255",
    "fe80::1",
    "fec0::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]


@pytest.mark.parametrize("address", [*PRIVATE, *NEVER, "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "192.0.2.7"])
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(NotAllowed):
        judge(address, Reach())


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address: str) -> None:
    judge(address, Reach())


@pytest.mark.parametrize("address", PRIVATE)
def test_the_switch_allows_private_networks(address: str) -> None:
    judge(address, Reach(private=True))


@pytest.mark.parametrize("address", NEVER)
def test_no_switch_allows_metadata_link_local_and_multicast(address: str) -> None:
    with pytest.raises(NotAllowed):
        judge(address, Reach(private=True))


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example/",
        "ftp://erp.example/",
        "file:///etc/passwd",
        "//erp.example/",
        "https:///orders",
        "https://me@erp.example/",
        "https://me:pw@erp.example/",
        "https://erp.example:8443/",
        "https://erp.example./",
        "https://erp..example/",
        "https://erp%2eexample/",
        "https://erp.example%00/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://аpple.example/",
        "https://xn--pple-43d.example/",
        "https://er p.example/",
        "https://erp.example\t/",
        "https://[oops/",
        "javascript:alert(1)",
        "",
    ],
)
def test_odd_urls_are_refused(url: str) -> None:
    with pytest.raises(NotAllowed):
        checked(url, Reach())


def test_only_listed_hosts_are_reached() -> None:
    reach = Reach(hosts=frozenset({"erp.example", "xn--bcher-kva.example"}))
    assert checked("https://ERP.example/a", reach).host == "erp.example"
    assert checked("https://bücher.example/a", reach).raw_host == b"xn--bcher-kva.example"
    with pytest.raises(NotAllowed, match="not on the list"):
        checked("https://evil.example/?erp.example", reach)

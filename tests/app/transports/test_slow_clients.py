"""Clients that send nothing, little, or endlessly, and those that do not read: each has an end, and a healthy client
beside them notices nothing. On real sockets."""

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from serving import served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app.transports.http.connections import Patience
from app.web.errors import HANDLERS

IMPATIENT = Patience(
    head_seconds=0.6, head_bytes=20_000, body_seconds=1.0, read_seconds=0.5, read_bytes=20_000, connections=50
)


async def health(_request: Request) -> Response:
    return PlainTextResponse("alive")


async def swallow(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def endless(_request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65_536
                await asyncio.sleep(0)
        finally:
            ended.append(time.monotonic())

    return StreamingResponse(pieces())


ended: list[float] = []
APP = Starlette(
    routes=[
        Route("/health", health),
        Route("/swallow", swallow, methods=["POST"]),
        Route("/endless", endless),
    ],
    exception_handlers=HANDLERS,
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(APP, IMPATIENT) as url:
        yield url


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port), timeout=10) as made:
        yield made


def until_closed(connection: socket.socket) -> tuple[bytes, float]:
    """What came before the other side closed, and after how many seconds that was."""
    began, said = time.monotonic(), b""
    try:
        while piece := connection.recv(65_536):
            said += piece
    except ConnectionResetError:
        pass
    return said, time.monotonic() - began


def assert_healthy(url: str) -> None:
    began = time.monotonic()
    assert httpx.get(f"{url}/health", timeout=5).text == "alive"
    assert time.monotonic() - began < 10


def trickle(connection: socket.socket, data: bytes, seconds: float) -> bytes:
    """A byte every tenth of a second until the other side has had enough; what it said."""
    said, deadline = b"", time.monotonic() + seconds
    for byte in data:
        try:
            connection.sendall(bytes([byte]))
            connection.settimeout(0.1)
            piece = connection.recv(65_536)
        except TimeoutError:
            assert time.monotonic() < deadline, "the connection was never closed"
            continue
        except (BrokenPipeError, ConnectionResetError):
            return said
        if not piece:
            return said
        said += piece
    raise AssertionError("everything could be sent")


def test_a_silent_connection_is_closed(url: str) -> None:
    with connected(url) as connection:
        said, seconds = until_closed(connection)
    assert (said, seconds < 10) == (b"", True)


@pytest.mark.parametrize("head", [b"GET /health HT" + b"T" * 200, b"GET /health HTTP/1.1\r\n" + b"X-A: b\r\n" * 50])
def test_a_head_at_ten_bytes_a_second_is_408(head: bytes, url: str) -> None:
    with connected(url) as connection:
        said = trickle(connection, head, 5)
    assert said.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400"))
    assert_healthy(url)


@pytest.mark.parametrize("piece", [b"X-Long: " + b"a" * 1_000 + b"\r\n", b"a" * 1_000], ids=["many", "one"])
def test_an_endless_head_is_refused_at_its_limit(piece: bytes, url: str) -> None:
    sent = 0
    with connected(url) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nX-First: ")
        try:
            for _ in range(5_000):
                connection.sendall(piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 4_000_000, "5 MB of headers were taken"
    assert_healthy(url)


def test_the_refusal_of_an_endless_head_says_so(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nX-Long: " + b"a" * 15_000)
        time.sleep(0.1)
        connection.sendall(b"a" * 15_000)
        said, _ = until_closed(connection)
    assert said.startswith(b"HTTP/1.1 431")


def test_a_long_head_that_comes_in_one_piece_is_refused_too(url: str) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n"
    with connected(url) as connection:
        connection.sendall(head % (b"a" * 19_000))
        assert b"alive" in connection.recv(65_536)
        connection.sendall(head % (b"a" * 21_000))
        said, _ = until_closed(connection)
    assert said.startswith(b"HTTP/1.1 431")
    assert_healthy(url)


@pytest.mark.parametrize(
    "piece",
    [b"0\r\n" + b"X-Trailer: abc\r\n" * 100, b"0\r\nX-Trailer: " + b"a" * 1_000, b"5;extension=" + b"a" * 1_000],
    ids=["trailers", "one_trailer", "extension"],
)
def test_what_is_endless_beside_a_body_is_refused_at_its_limit(piece: bytes, url: str) -> None:
    sent, rest = 0, piece.removeprefix(b"0\r\n") if piece.endswith(b"\r\n") else b"a" * 1_000
    with connected(url) as connection:
        connection.sendall(b"POST /swallow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        connection.sendall(piece)
        try:
            for _ in range(5_000):
                connection.sendall(rest)
                sent += len(rest)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 4_000_000
    assert_healthy(url)


def test_trailers_within_the_limit_are_taken(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"POST /swallow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        connection.sendall(b"0\r\nX-Trailer: " + b"a" * 5_000 + b"\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


def test_a_body_that_never_ends_loses_its_connection(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"POST /swallow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        trickle(connection, b"a" * 500, 5)
    assert_healthy(url)


def test_a_chunked_body_of_one_byte_chunks_loses_its_connection(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"POST /swallow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        trickle(connection, b"1\r\na\r\n" * 100, 5)


def test_a_client_that_does_not_read_is_let_go(url: str) -> None:
    ended.clear()
    with connected(url) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        deadline = time.monotonic() + 5
        while not ended:
            assert time.monotonic() < deadline, "the answer is still being made"
            time.sleep(0.05)


def test_a_client_that_reads_slowly_but_steadily_is_served(url: str) -> None:
    ended.clear()
    with connected(url) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(20):
            assert connection.recv(100_000)
            time.sleep(0.1)
        assert not ended


def test_keep_alive_and_pipelining_work_as_ever(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        said = b""
        while said.count(b"alive") < 3:
            said += connection.recv(65_536)
        time.sleep(0.9)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"alive" in connection.recv(65_536)


def test_a_healthy_client_gets_in_past_more_idle_connections_than_there_is_room_for(url: str) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connected(url))
        for _ in range(5):
            assert_healthy(url)


def test_blank_lines_instead_of_a_request_do_not_keep_a_connection_open(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"alive" in connection.recv(65_536)
        trickle(connection, b"\r\n" * 50, 5)


def test_nine_thousand_idle_connections_keep_nobody_out() -> None:
    wanted = 9_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * wanted + 500:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with served(APP) as url, ExitStack() as stack:
            for _ in range(wanted):
                stack.enter_context(connected(url))
            for _ in range(5):
                assert_healthy(url)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

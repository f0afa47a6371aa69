"""A peer on a real socket whose every answer is scripted: it can cut, stall and lie, which no well-made server does."""

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

Behaviour = Callable[[socket.socket, "Request"], None]


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def answer(status: int, body: bytes | str = b"", **headers: str) -> Behaviour:
    """A whole answer; header names are given with `_` for `-`."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def raw(content: bytes) -> Behaviour:
    def say(connection: socket.socket, request: Request) -> None:
        connection.sendall(content)

    return say


def cut(content: bytes) -> Behaviour:
    """Says only this much and closes."""

    def say(connection: socket.socket, request: Request) -> None:
        connection.sendall(content)
        connection.close()

    return say


def reset(connection: socket.socket, request: Request) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drop(connection: socket.socket, request: Request) -> None:
    connection.close()


def hang(connection: socket.socket, request: Request) -> None:
    """Never answers; the connection stays open until the client leaves."""
    connection.recv(1)


@dataclass
class StubServer:
    """Answers the first request with the first behaviour, and so on; the last one answers all further requests."""

    script: list[Behaviour]
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    url: str = ""

    def __enter__(self) -> "StubServer":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        with self._lock:
            for connection in self._connections:
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while (request := read_request(connection)) is not None:
                    with self._lock:
                        behaviour = self.script[min(len(self.requests), len(self.script) - 1)]
                        self.requests.append(request)
                    behaviour(connection, request)
            except OSError:
                return


def read_request(connection: socket.socket) -> Request | None:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return None
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Request(method, target, headers, body)

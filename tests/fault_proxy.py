"""Stands between an adapter and an ERP and does to each request what networks do: loses it, its answer, or half of
that."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType

from stub_server import Request, read_request


class Fault(StrEnum):
    """`DROP_AFTER_REQUEST` waits for the answer, so that the ERP has surely done it, and then cuts."""

    PASS = "pass"
    RESET_BEFORE_FORWARD = "reset_before_forward"
    DROP_AFTER_REQUEST = "drop_after_request"
    TRUNCATE = "truncate"
    SLOW = "slow"
    STALL = "stall"
    STATUS_502 = "status_502"
    STATUS_500_AFTER = "status_500_after"
    TWICE = "twice"


@dataclass
class FaultProxy:
    """`choose` says what to do with each request, which is recorded with it."""

    upstream_port: int
    choose: Callable[[Request], Fault]
    seen: list[tuple[str, Fault]] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> "FaultProxy":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                request = read_request(connection)
                if request is not None:
                    with self._lock:
                        fault = self.choose(request)
                        self.seen.append((request.method, fault))
                    self._commit(connection, request, fault)
            except OSError:
                return

    def _commit(self, connection: socket.socket, request: Request, fault: Fault) -> None:
        match fault:
            case Fault.RESET_BEFORE_FORWARD:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case Fault.STALL:
                connection.recv(1)
            case Fault.STATUS_502:
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            case Fault.DROP_AFTER_REQUEST:
                self._forwarded(request)
            case Fault.STATUS_500_AFTER:
                self._forwarded(request)
                connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            case Fault.TRUNCATE:
                answer = self._forwarded(request)
                connection.sendall(answer[: len(answer) - 10])
            case Fault.SLOW:
                time.sleep(0.1)
                connection.sendall(self._forwarded(request))
            case Fault.TWICE:
                self._forwarded(request)
                connection.sendall(self._forwarded(request))
            case Fault.PASS:
                connection.sendall(self._forwarded(request))

    def _forwarded(self, request: Request) -> bytes:
        """The whole answer of the ERP. One connection for one request, so that its end is the answer's."""
        headers = {**request.headers, "connection": "close"}
        head = f"{request.method} {request.target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items())
        with socket.create_connection(("127.0.0.1", self.upstream_port), timeout=10) as upstream:
            upstream.sendall(head.encode("latin-1") + b"\r\n" + request.body)
            answer = b""
            while more := upstream.recv(65536):
                answer += more
        return answer

"""What a connection may cost before a request stands: time, bytes, and a place among the others.

uvicorn waits for ever for the first request of a connection, for the rest of its head, and for a body, and httptools
takes a head and trailers of any length. Here each has an end, and where connections are all taken, the one that has
waited longest without a request gives way: who opens ten thousand and says nothing keeps nobody out."""

import fcntl
import sys
import termios
from asyncio import TimerHandle, Transport
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """
    head_seconds  for a request line and headers to be there, from the opening of the connection or from their first
                  byte; `head_bytes` how long they may be.
    body_seconds  for a body to be there.
    read_seconds  in which a client must take `read_bytes` of an answer that it is slow to read.
    connections   open at the same time.
    """

    head_seconds: float = 10.0
    head_bytes: int = 64 * 1024
    body_seconds: float = 90.0
    read_seconds: float = 20.0
    read_bytes: int = 20_000
    connections: int = 2_000


TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class _TooLong(Exception):
    """Has the parser end where it is."""


class PatientProtocol(HttpToolsProtocol):
    """For uvicorn; see `patient`."""

    patience: ClassVar[Patience]
    idle: ClassVar["OrderedDict[PatientProtocol, None]"]
    """Connections without a request, the longest waiting first."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_timer: TimerHandle | None = None
        self._body_timer: TimerHandle | None = None
        self._read_timer: TimerHandle | None = None
        self._head_bytes = 0
        self._body_came = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > self.patience.connections:
            if not self.idle:
                _log.warning("connections.full")
                transport.abort()
                return
            self.idle.popitem(last=False)[0].transport.abort()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop("_head_timer", "_body_timer", "_read_timer")
        self.idle.pop(self, None)
        super().connection_lost(exc)

    # The head of a request

    def data_received(self, data: bytes) -> None:
        if self._head_timer is None and self in self.idle:
            self._await_head()
        head, self._body_came = self._head_timer, False
        super().data_received(data)
        # Of a head that began behind another request in these bytes, only what follows is counted.
        in_head = head is not None and self._head_timer is head
        # What comes behind a head and is no body: trailers, or extensions of a chunk.
        beside_body = self._body_timer is not None and not self._body_came
        if in_head or beside_body:
            self._head_bytes += len(data)
            if self._head_bytes > self.patience.head_bytes:
                self._refuse(TOO_LONG)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        # One that came in a single piece is measured only now.
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.patience.head_bytes:
            self._head_bytes = size
            raise _TooLong
        self._head_bytes = 0
        self._stop("_head_timer", "_body_timer")
        self.idle.pop(self, None)
        self._body_timer = self.loop.call_later(self.patience.body_seconds, self._body_is_late)
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        if self._head_bytes > self.patience.head_bytes:
            self._refuse(TOO_LONG)
        else:
            super().send_400_response(msg)

    def on_body(self, body: bytes) -> None:
        self._head_bytes, self._body_came = 0, True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop("_body_timer")
        super().on_message_complete()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.patience.head_seconds, self._refuse, TOO_LATE)
        self.idle[self] = None
        self.idle.move_to_end(self)

    def _refuse(self, answer: bytes) -> None:
        self._stop("_head_timer")
        if not self.transport.is_closing():
            if self._head_bytes:
                self.transport.write(answer)
            self.transport.close()

    def _body_is_late(self) -> None:
        _log.info("body.late", client=self.client[0] if self.client else None)
        self.transport.abort()

    # The answer

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_reader()
        elif not self.pipeline and self._head_timer is None:
            self.idle[self] = None

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop("_read_timer")

    def _watch_reader(self) -> None:
        """From here on nothing is added to what the client has still to read."""
        left = self._unread()
        if left and self._read_timer is None:
            self._read_timer = self.loop.call_later(self.patience.read_seconds, self._look_at_reader, left)

    def _look_at_reader(self, left_then: int) -> None:
        self._read_timer = None
        if left_then - self._unread() < min(left_then, self.patience.read_bytes):
            _log.info("reader.slow", client=self.client[0] if self.client else None)
            self.transport.abort()
        else:
            self._watch_reader()

    def _unread(self) -> int:
        """Bytes that the client has not acknowledged. The kernel's queue counts too: it may hold megabytes, of which it
        tells us only when a third has gone."""
        queued = bytearray(4)
        with suppress(OSError):
            fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, queued)
        return self.transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)

    def _stop(self, *timers: str) -> None:
        for name in timers:
            timer: TimerHandle | None = getattr(self, name)
            if timer is not None:
                timer.cancel()
                setattr(self, name, None)


def patient(patience: Patience) -> type[PatientProtocol]:
    """The protocol of one server."""
    return type("PatientProtocol", (PatientProtocol,), {"patience": patience, "idle": OrderedDict()})

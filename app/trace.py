"""By which numbers a request, and everything that follows from it, is spoken of.

`correlation_id` is ours: a new one for each request. Whoever calls may bring a number of its own (`X-Request-ID`) and
the trace that its call belongs to (W3C Trace Context, `traceparent`). Both stand in every line of the log, are kept
with the exchange and the order, and go on to the ERP and back to the buyer. They are words of the caller's and never
an identity: two partners may bring the same, so nothing is joined, decided or erased by them.
"""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import structlog

LONGEST: Final = 64
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:=@+/-]{0,%d}" % (LONGEST - 1))
_PARENT: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_SAMPLED: Final = "01"


@dataclass(frozen=True, slots=True)
class Trace:
    """
    request_id  the caller's own number, where it brought one that can be taken.
    context     trace-id and trace-flags of its `traceparent`, joined by a hyphen.
    """

    correlation_id: str
    request_id: str | None = None
    context: str | None = None

    @property
    def number(self) -> str:
        """What callers and people are told, and may ask for."""
        return self.request_id or self.correlation_id

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits; without a trace of the caller's those of our own id."""
        return self.context.partition("-")[0] if self.context else self.correlation_id.replace("-", "").lower()

    def headers(self) -> dict[str, str]:
        """For a call that we make: each is a span of its own in the trace."""
        flags = self.context.partition("-")[2] if self.context else _SAMPLED
        return {
            "X-Request-ID": self.number,
            "traceparent": f"00-{self.trace_id}-{secrets.token_hex(8)}-{flags}",
        }


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin(trace: Trace, **facts: str) -> None:
    """From here on, in this thread or task, the log and the calls that are made belong to this request alone; each line
    of the log has `facts` too."""
    forget()
    _current.set(trace)
    if trace.request_id is not None:
        facts["request_id"] = trace.request_id
    structlog.contextvars.bind_contextvars(correlation_id=trace.correlation_id, trace_id=trace.trace_id, **facts)


def forget() -> None:
    _current.set(None)
    structlog.contextvars.clear_contextvars()


def current() -> Trace | None:
    return _current.get()


def brought(correlation_id: str) -> dict[str, str]:
    """What the caller of the present request calls it, as columns of a row; nothing when the row is of another one."""
    trace = _current.get()
    if trace is None or trace.correlation_id != correlation_id:
        return {}
    told = {"request_id": trace.request_id, "trace": trace.context}
    return {name: value for name, value in told.items() if value}


def read(correlation_id: str, headers: Iterable[tuple[bytes, bytes]]) -> Trace:
    """What a request brings, by its raw headers with names in lower case. What is not well formed, or comes twice, is
    as if it had not come."""
    found: dict[bytes, list[bytes]] = {b"x-request-id": [], b"traceparent": []}
    for name, value in headers:
        if name in found:
            found[name].append(value)
    return Trace(correlation_id, _request_id(found[b"x-request-id"]), _context(found[b"traceparent"]))


def _request_id(values: list[bytes]) -> str | None:
    return values[0].decode("ascii") if len(values) == 1 and _REQUEST_ID.fullmatch(values[0]) else None


def _context(values: list[bytes]) -> str | None:
    """By Trace Context's rules: version ff, ids of zeros and more parts than version 00 has are invalid; of a later
    version the first four parts are read, and of the flags only `sampled` goes on."""
    match = _PARENT.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        return None
    version, trace_id, parent_id, flags, more = match.groups()
    if version == b"ff" or (version == b"00" and more) or not trace_id.strip(b"0") or not parent_id.strip(b"0"):
        return None
    return f"{trace_id.decode()}-{int(flags, 16) & 1:02x}"

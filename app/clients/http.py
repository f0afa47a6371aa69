"""Every outgoing HTTP request of the server, and the one place that imports httpx.

A URL may come from an operator or from a partner's document, and a name may resolve to another address at every
look-up. So the name is resolved once per connection, *all* its addresses are judged, and the connection goes to a
judged address while Host, SNI and the certificate check keep the name. Redirects are never followed, proxies of the
environment never used, and time and size are bounded as a whole, not per read.

What the caller must know is only whether the peer may have seen the request: `NotSent` says surely not, `Lost` says
perhaps, an `Answer` was read to its end.
"""

import contextvars
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import httpcore
import httpx

from app.trace import current

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Host name and port -> every address, in the order of preference. Raises OSError."""

_METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200")))
_NAT64 = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48")))
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


class NotSent(Exception):
    """No byte of the request reached the peer: name, address, connection or TLS failed."""


class NotAllowed(NotSent):
    """The URL, or an address that its name resolves to, is outside what the endpoint may reach."""


class Lost(Exception):
    """The request may have reached the peer, and no complete answer was read."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where an endpoint may lie.

    hosts       host names in lower case (internationalised ones in their `xn--` form); None: any public host whose
                name is not internationalised, as look-alikes cannot be told by a machine.
    plain_http  whether `http` is allowed beside `https`.
    private     whether loopback and private networks are allowed: an operator's explicit switch, never a partner's.
    ports       None: the port of a URL that an operator typed.
    """

    hosts: frozenset[str] | None = None
    plain_http: bool = False
    private: bool = False
    ports: frozenset[int] | None = frozenset({443})


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for the connection, seconds for everything together, bytes of an answer's body, open connections."""

    connect: float = 5.0
    total: float = 30.0
    answer: int = 1_000_000
    connections: int = 100


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)

    def retry_after(self, now: datetime) -> timedelta | None:
        """The peer's own wish, in seconds or as a date; at most a day, and nothing when it cannot be read."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return timedelta(seconds=min(int(text[:6]), 86_400))
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
        return min(max(wait, timedelta(0)), timedelta(days=1))


def checked(url: str, reach: Reach) -> httpx.URL:
    """The URL when its text alone is acceptable; addresses are judged at connection. Raises NotAllowed."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise NotAllowed(f"not a URL: {error}") from error
    schemes = {"https", "http"} if reach.plain_http else {"https"}
    if parsed.scheme not in schemes:
        raise NotAllowed(f"scheme {parsed.scheme!r} is not allowed, only {' and '.join(sorted(schemes))}")
    if parsed.userinfo:
        raise NotAllowed("a URL must not carry a user name or password")
    host = parsed.raw_host.decode("ascii")
    literal = _literal(host)
    if literal is None and not _HOST.fullmatch(host):
        raise NotAllowed(f"{host!r} is not a host name")
    if reach.hosts is not None and host not in reach.hosts:
        raise NotAllowed(f"host {host!r} is not on the list")
    if reach.hosts is None and any(label.startswith("xn--") for label in host.split(".")):
        raise NotAllowed(f"the internationalised host {host!r} is not on a list")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    if reach.ports is not None and port not in reach.ports:
        raise NotAllowed(f"port {port} is not allowed")
    return parsed


def _literal(host: str) -> IpAddress | None:
    """The address when `host` is one in its plain form. Short, octal, hexadecimal and decimal forms are refused, as
    readers disagree on what they mean."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        if _NUMERIC.fullmatch(host.rpartition(".")[2]):
            raise NotAllowed(f"{host!r} is not a plain address") from None
        return None


def judge(address: str, reach: Reach) -> IpAddress:
    """The address as it is to be connected to. Raises NotAllowed."""
    parsed = ipaddress.ip_address(address)
    for one in (parsed, *_embedded(parsed)):
        if one in _METADATA or one.is_multicast or one.is_unspecified or one.is_link_local or _is_reserved(one):
            raise NotAllowed(f"address {address} is never connected to")
        if not one.is_global and not reach.private:
            raise NotAllowed(f"address {address} is not public")
    return parsed


def _is_reserved(address: IpAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        # The library calls every NAT64 and IPv4-mapped address reserved; what they embed is judged by itself.
        return address.is_site_local or (address.is_reserved and not _embedded(address) and not address.is_loopback)
    return address.is_reserved


def _embedded(address: IpAddress) -> tuple[IpAddress, ...]:
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    inner: list[IpAddress] = []
    if address.ipv4_mapped:
        inner.append(address.ipv4_mapped)
    if address.sixtofour:
        inner.append(address.sixtofour)
    if address.teredo:
        inner.extend(address.teredo)
    if any(address in network for network in _NAT64):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(inner)


def resolve(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline")


def _within(timeout: float | None, error: type[Exception]) -> float:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise error("the time for the whole exchange is over")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A stream that gives up at the deadline of the exchange, however slowly the peer drips."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _within(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = _within(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Resolves once, judges every address, connects to the first that answers."""

    def __init__(self, reach: Reach, resolve: Resolve) -> None:
        self._reach = reach
        self._resolve = resolve
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = [judge(address, self._reach) for address in self._addresses(host, port)]
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                left = _within(timeout, httpcore.ConnectTimeout)
                return _Stream(self._sockets.connect_tcp(str(address), port, left, local_address, socket_options or ()))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        if _literal(host) is not None:
            return [host]
        try:
            return self._resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} does not resolve: {error}") from error


class _Transport(httpx.BaseTransport):
    """httpx on a connection pool of ours; `httpx.HTTPTransport` does not let the address be chosen.

    Errors of the pool pass through untranslated: `HttpClient.send` knows what each of them means."""

    def __init__(self, backend: _Backend, limits: Limits, tls: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=limits.connections,
            max_keepalive_connections=limits.connections,
            # Shorter than common servers' own, so that a request seldom meets a connection that is being closed.
            keepalive_expiry=4.0,
            network_backend=backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.content,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@cache
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """Made once: reading the authorities takes longer than most requests."""
    return ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context(trust_env=False)


class HttpClient:
    """Connections to one endpoint, shared by threads. Keeps cookies, so two endpoints never share a client.

    ca_file   certificates (PEM) to trust instead of the public ones; verification itself is never off."""

    def __init__(
        self,
        reach: Reach,
        limits: Limits = Limits(),
        *,
        resolve: Resolve = resolve,
        ca_file: Path | None = None,
    ) -> None:
        self.reach = reach
        self.limits = limits
        self._client = httpx.Client(
            transport=_Transport(_Backend(reach, resolve), limits, _tls(ca_file)),
            timeout=httpx.Timeout(limits.total, connect=limits.connect),
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": "Crossdock", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Raises NotSent, NotAllowed or Lost; any complete answer, a redirect included, is returned as it is. The peer
        is told the numbers of the request that this call is for (`app.trace`), where there is one."""
        target = checked(url, self.reach)
        told = trace.headers() if (trace := current()) else {}
        request = self._client.build_request(method, target, headers={**told, **(headers or {})}, content=body)
        with self._deadline(), _told_apart():
            answer = self._client.send(request, stream=True)
            try:
                return Answer(answer.status_code, answer.headers, self._body(answer))
            finally:
                answer.close()

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        token = _deadline.set(time.monotonic() + self.limits.total)
        try:
            yield
        finally:
            _deadline.reset(token)

    def _body(self, answer: httpx.Response) -> bytes:
        # A packed body could unpack to any size; none was asked for.
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            raise Lost("the answer is packed, which was not asked for")
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > self.limits.answer:
                raise Lost(f"the answer is larger than {self.limits.answer} bytes")
        return bytes(body)


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except (
        httpcore.ConnectError,
        httpcore.ConnectTimeout,
        httpcore.PoolTimeout,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise NotSent(_words(error)) from error
    # httpx itself objects only to a Location that is no URL, which it looks at without following it.
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpx.HTTPError) as error:
        raise Lost(_words(error)) from error


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

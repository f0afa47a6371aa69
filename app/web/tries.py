"""How often one address, or one name, may try codes, tokens and passwords."""

from dataclasses import dataclass, field
from ipaddress import ip_network

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from app.errors import No, Refusal


class Tries:
    """Counts are kept by the process and forgotten with it."""

    def __init__(self, allowed: str) -> None:
        """`allowed` as the limits package writes it: `30/minute`."""
        self._allowed: RateLimitItem = parse(allowed)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    @property
    def window(self) -> int:
        """Seconds."""
        return self._allowed.get_expiry()

    def count(self, key: str) -> bool:
        """One more; whether it is still within what is allowed."""
        return self._limiter.hit(self._allowed, key)

    def forget(self, key: str) -> None:
        self._limiter.clear(self._allowed, key)


@dataclass(frozen=True, slots=True)
class Limits:
    """
    unknown   codes and tokens that open nothing, by address: what is right costs nothing, as buyers share addresses.
    links     those of mails, likewise.
    sign_ins  by address; `names` by name, until one succeeds.
    forgotten   requests for a new password, by network; `asked_for` by what was typed.
    codes     of the second factor, by person, until one fits: three of a million are right at any time.
    calls     of the API, by key.
    """

    unknown: Tries = field(default_factory=lambda: Tries("30/minute"))
    links: Tries = field(default_factory=lambda: Tries("20/hour"))
    sign_ins: Tries = field(default_factory=lambda: Tries("40/5 minutes"))
    names: Tries = field(default_factory=lambda: Tries("8/5 minutes"))
    forgotten: Tries = field(default_factory=lambda: Tries("20/hour"))
    asked_for: Tries = field(default_factory=lambda: Tries("3/hour"))
    codes: Tries = field(default_factory=lambda: Tries("10/15 minutes"))
    calls: Tries = field(default_factory=lambda: Tries("600/minute"))


def limits_of(request: Request) -> Limits:
    limits: Limits = request.app.state.limits
    return limits


def count_unknown(request: Request) -> None:
    """Raises Refusal TOO_MANY when this address has come with too much that opens nothing."""
    _count(request, limits_of(request).unknown)


def count_link(request: Request) -> None:
    """The same for links of mails that lead nowhere."""
    _count(request, limits_of(request).links)


def _count(request: Request, tries: Tries) -> None:
    if not tries.count(remote(request)):
        raise Refusal(No.TOO_MANY, "Too many tries from this address.", retry_after=tries.window)


def remote(request: Request) -> str:
    """The caller's address; behind a proxy the server has put the real one in, where the proxy is a named one."""
    return request.client.host if request.client else "unknown"


def network(request: Request) -> str:
    """The caller's network: 256 addresses of IPv4, or what one customer of a provider has of IPv6."""
    address = remote(request)
    try:
        return str(ip_network(f"{address}/{64 if ':' in address else 24}", strict=False))
    except ValueError:
        return address

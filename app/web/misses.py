"""How often one address may try codes, tokens and passwords that are wrong."""

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from app.errors import No, Refusal


class Misses:
    """Counts what went wrong, not what went right: buyers share addresses, and secrets that are right cost nothing.
    Counts are kept by the process and forgotten with it."""

    def __init__(self, allowed: str) -> None:
        """`allowed` as the limits package writes it: `30/minute`."""
        self._allowed: RateLimitItem = parse(allowed)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def check(self, request: Request) -> None:
        """Raises Refusal TOO_MANY when this address has missed too often."""
        if not self._limiter.test(self._allowed, remote(request)):
            raise Refusal(No.TOO_MANY, "Too many tries from this address.", retry_after=self._allowed.get_expiry())

    def count(self, request: Request) -> None:
        self._limiter.hit(self._allowed, remote(request))


def remote(request: Request) -> str:
    """The caller's address; behind a proxy the server has put the real one in, where the proxy is a named one."""
    return request.client.host if request.client else "unknown"

"""How passwords are kept and checked: argon2id, at the library's recommended cost.

One check costs 64 MiB and some 50 to 400 ms of a core, which makes logins a lever against the server: two at a time are
computed, the others wait, and whoever floods the login page meets its rate limit first."""

import secrets
import string
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
SHORTEST, LONGEST = 10, 200

_HASHER = PasswordHasher()
_POOL = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="passwords")


def hashed(password: str) -> str:
    """Raises ValueError outside of 10 to 200 characters (longer ones would only cost time)."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
    return _HASHER.hash(password)


@cache
def _of_nobody() -> str:
    """A hash that no password fits, so that an unknown login costs the same work as a wrong password."""
    return _HASHER.hash(secrets.token_urlsafe(32))


def _fits(kept: str | None, password: str) -> bool:
    try:
        fits = _HASHER.verify(kept or _of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return fits and kept is not None


def check(kept: str | None, password: str) -> Future[bool]:
    """Whether the password belongs to the hash, once it is its turn; None (no such person, no password) never fits and
    takes as long. Whoever waits for it in the event loop holds no thread that others need."""
    return _POOL.submit(_fits, kept, password[: LONGEST + 1])


def outdated(kept: str) -> bool:
    """Whether the hash was made at another cost than today's and should be made anew at the next login."""
    return _HASHER.check_needs_rehash(kept)


def made() -> str:
    """A random password that can be typed: 20 letters and digits without look-alikes."""
    alphabet = "".join(c for c in string.ascii_letters + string.digits if c not in "0O1lI")
    return "".join(secrets.choice(alphabet) for _ in range(20))

"""How a flow says no, in terms that every protocol can translate into its own words."""

import itertools
import os
import signal
from collections.abc import Iterable
from enum import StrEnum

from schemas.faults import Fault


class No(StrEnum):
    """The kinds of refusal. Each protocol has a table from these to its own codes."""

    UNREADABLE = "unreadable"
    UNACCEPTABLE = "unacceptable"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    CONFLICT = "conflict"
    PRECONDITION = "precondition"
    UNKNOWN_REFERENCE = "unknown_reference"
    NOT_OFFERED = "not_offered"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"


class Refusal(Exception):
    """The sender asked for something that is answered with no.

    reason   one or two sentences for people, in English: what is wrong and what to do next; never a secret.
    faults   the places in the document, where the document is at fault.
    retry_after  seconds after which the same request may succeed (TOO_MANY, UNAVAILABLE)."""

    def __init__(self, no: No, reason: str, faults: Iterable[Fault] = (), *, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.no = no
        self.reason = reason
        self.faults = tuple(faults)
        self.retry_after = retry_after


_passes = itertools.count(1)


def kill_point(name: str) -> None:
    """Kills this process without a chance to clean up when the environment variable CROSSDOCK_KILL_AT is `name`, or
    `name:7` at the seventh pass.

    The promise "nothing lost, nothing doubled" is about exactly these places; the fault suite sets the variable."""
    wanted, _, pass_ = os.environ.get("CROSSDOCK_KILL_AT", "").partition(":")
    if wanted == name and next(_passes) >= int(pass_ or 1):
        os.kill(os.getpid(), signal.SIGKILL)

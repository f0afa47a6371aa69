"""How the demo ERP is told to misbehave."""

import threading
from enum import StrEnum
from typing import Final

import msgspec

LONGEST: Final = 600


class Mode(StrEnum):
    """
    work    as it should.
    fail    500 to everything, nothing is done.
    busy    503 with Retry-After to everything.
    hang    no answer for `seconds`, nothing is done.
    drop    orders are stored, and the connection is cut instead of an answer.
    slow    everything is done, after `seconds`.
    reject  orders are refused in the ERP's own words.
    """

    WORK = "work"
    FAIL = "fail"
    BUSY = "busy"
    HANG = "hang"
    DROP = "drop"
    SLOW = "slow"
    REJECT = "reject"


ORDERS_ONLY: Final = frozenset({Mode.DROP, Mode.REJECT})


class Switch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    count        for how many requests, then it works again; 0: until told otherwise.
    idempotent   an event that was taken before is answered as before: off, as in most real ERPs.
    known_skus   refuse orders for other items than these; absent: every item is known.
    """

    mode: Mode = Mode.WORK
    count: int = 0
    seconds: float = 5.0
    idempotent: bool = False
    known_skus: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count is 0 or more")
        if not 0 <= self.seconds <= LONGEST:
            raise ValueError(f"seconds is between 0 and {LONGEST}")


class Behaviour:
    """The switch as it stands, counting down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._switch = Switch()

    @property
    def switch(self) -> Switch:
        return self._switch

    def set(self, switch: Switch) -> None:
        with self._lock:
            self._switch = switch

    def of_request(self, *, order: bool) -> Mode:
        """What to do with this request; counts it when the mode concerns it."""
        with self._lock:
            switch = self._switch
            if switch.mode is Mode.WORK or (switch.mode in ORDERS_ONLY and not order):
                return Mode.WORK
            if switch.count == 1:
                self._switch = msgspec.structs.replace(switch, mode=Mode.WORK, count=0)
            elif switch.count > 1:
                self._switch = msgspec.structs.replace(switch, count=switch.count - 1)
            return switch.mode

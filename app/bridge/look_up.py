"""What a look-up after an uncertain attempt means. Pure; the only way to a second request.

An ERP may still be at work on what it was sent, so that nothing is there, or half of an order: before the settle time
is over only a full match counts. After it, *nothing there* allows another attempt, two of them at most.
"""

from dataclasses import dataclass
from typing import Final

from app.bridge.adapter import Accepted, CannotTell, Delivery, Found, FoundNone, FoundOne, FoundSeveral
from app.bridge.comparison import differences

RESENDS: Final = 2
"""After so many that ended uncertain again, a person decides."""


@dataclass(frozen=True, slots=True)
class Resend:
    pass


@dataclass(frozen=True, slots=True)
class Hold:
    """`code` is stable; `found` is for the person who must decide."""

    code: str
    found: str


@dataclass(frozen=True, slots=True)
class LookAgain:
    """`settling`: when the settle time is over; else when the ERP may be able to tell."""

    reason: str
    settling: bool


Verdict = Accepted | Resend | Hold | LookAgain


def verdict(sent: Delivery, found: Found, *, settled: bool, resends: int) -> Verdict:
    match found:
        case CannotTell(reason):
            return LookAgain(reason, settling=False)
        case FoundSeveral(erp_ids):
            return Hold("erp.several", f"{len(erp_ids)} orders of this number: {', '.join(erp_ids)}")
        case FoundOne() if sent.kind != "cancel" and not differences(sent.order, found):
            return Accepted(found.erp_id, found.number)
        case FoundNone() if sent.kind == "cancel":
            return Accepted("", "")
    if not settled:
        return LookAgain(_seen(found), settling=True)
    if isinstance(found, FoundOne) and sent.kind == "create":
        return Hold("erp.differs", "; ".join(differences(sent.order, found)))
    if isinstance(found, FoundNone) and sent.kind == "change":
        return Hold("erp.missing", "the order that was to be changed is not there any more")
    # What is left: a create that never arrived, or a change or cancellation without effect yet. The latter two say
    # what the order is to become and not by how much, so that the ERP may get them twice.
    if resends >= RESENDS:
        return Hold("erp.uncertain", f"sent {resends + 1} times, each without a readable answer; {_seen(found)}")
    return Resend()


def _seen(found: FoundOne | FoundNone) -> str:
    return "no order of this number there" if isinstance(found, FoundNone) else f"order {found.number} is there"

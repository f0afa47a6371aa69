"""What passes between a transport, the receiving flow and a protocol's receiver."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.errors import No, Refusal
from app.gateway import Gateway
from app.partners.identify import Caller
from app.seal import Secret
from app.storage.batch import Writing
from app.storage.ledger import DocumentKey
from app.storage.partners import PartnerRow
from protocols.cxml.envelope import Envelope
from schemas.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A document that lies in the ledger, from a known sender who is still to prove that it is that sender.

    exchange_id  its row; `partner` the connection that its sender names (detached, to be read).
    head         the bounded look at its beginning that told the sender.
    held         the secrets in it: as long as they are held, they are masked in every line of the log."""

    exchange_id: str
    realm: str
    protocol: str
    transport: str
    partner: PartnerRow
    head: Envelope
    held: tuple[Secret, ...]
    body: bytes = field(repr=False)
    media_type: str | None
    at: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    status       the HTTP status that goes with it.
    retry_after  seconds, where the same request may succeed later.
    no           the kind of refusal, where it is one.
    """

    body: bytes = field(repr=False)
    media_type: str
    status: int = 200
    retry_after: int | None = None
    no: No | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What taking a document did: its answer, and what came of it (`order` and its id, `punchout_session` and its)."""

    answer: Answer
    caused_kind: str | None = None
    caused_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A document that may be taken.

    key       absent for what has no effect and is answered afresh each time.
    findings  deviations that do not refuse it.
    take      the effect, within the transaction that keeps key and answer; raises Refusal to undo all three.
    rows_only whether the effect only puts rows, so that it may be batched."""

    caller: Caller
    findings: tuple[Fault, ...]
    key: DocumentKey | None
    take: Callable[[Writing], Effect]
    rows_only: bool


class Receiver(Protocol):
    """How one protocol is received."""

    def judge(self, gateway: Gateway, arrival: Arrival) -> Judged:
        """Raises Refusal for a document that cannot be taken, with everything that is wrong with it."""
        ...

    def refuse(self, gateway: Gateway, arrival: Arrival, refusal: Refusal) -> Answer:
        """The protocol's own way to say no."""
        ...

    def fail(self, gateway: Gateway) -> Answer:
        """The protocol's own way to say that we have a bug; the sender may try again."""
        ...

"""What every protocol folder exports, and what reading one input gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from schemas.base import Canonical
from schemas.cart import Cart
from schemas.faults import Fault
from schemas.order import Order
from schemas.order_reply import OrderReply, StatusUpdate
from schemas.party import Identifier
from schemas.punchout import PunchoutRequest

CanonicalDocument = PunchoutRequest | Cart | Order | OrderReply | StatusUpdate


class ReadDocument(Canonical, frozen=True, kw_only=True):
    """One message of an input: its kind in the protocol's own words, and the document or the faults that refuse it.

    `document` is absent when the message was refused, and when it is sound but of a kind that is not translated."""

    kind: str
    id: str | None = None
    document: CanonicalDocument | None = None
    findings: tuple[Fault, ...] = ()
    faults: tuple[Fault, ...] = ()


class Reading(Canonical, frozen=True, kw_only=True):
    """What an input says, judged as a document: no partner, no credentials, no prices.

    `findings` and `faults` here are those of the envelope; those of a message stand at the message."""

    protocol: str
    sender: tuple[Identifier, ...] = ()
    receiver: tuple[Identifier, ...] = ()
    documents: tuple[ReadDocument, ...] = ()
    findings: tuple[Fault, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def refused(self) -> bool:
        return bool(self.faults) or any(document.faults for document in self.documents)

    @property
    def all_findings(self) -> tuple[Fault, ...]:
        return self.findings + tuple(f for document in self.documents for f in document.findings)

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        return self.faults + tuple(f for document in self.documents for f in document.faults)


class ShownPart(NamedTuple):
    """A file that came with a document; `name` is the sender's word for it."""

    name: str | None
    media_type: str
    data: bytes


class Shown(NamedTuple):
    """A document as people may see it, in UTF-8: secrets and card numbers are masked."""

    document: bytes
    parts: tuple[ShownPart, ...]


@dataclass(frozen=True, slots=True)
class Protocol:
    """
    looks_like  whether the first bytes (at least 4 KiB of them, or all) and the media type speak this protocol.
    read        the whole input; never raises for bad input, faults say what is wrong.
    shown       what people may see of an input; None when it cannot be told what of it is secret.
    """

    name: str
    title: str
    looks_like: Callable[[bytes, str | None], bool]
    read: Callable[[bytes, str | None], Reading]
    shown: Callable[[bytes, str | None], Shown | None]

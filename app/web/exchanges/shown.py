"""A message as a page may show it: indented, without secrets and card numbers, however broken it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from lxml import etree

from protocols import xml
from protocols.protocol import Protocol
from protocols.registry import named
from schemas.faults import Fault, Findings, Malformed

MASK: Final = "***"
LONGEST: Final = 300_000


@dataclass(frozen=True, slots=True)
class ShownDocument:
    kind: str
    text: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """
    text       the message, masked and cut where it is very long.
    documents  what was understood, as canonical JSON, with what is wrong or odd.
    """

    text: str
    cut: bool
    documents: tuple[ShownDocument, ...]
    faults: tuple[Fault, ...]


def show(body: bytes, media_type: str | None, protocol_name: str, secrets: Iterable[str]) -> Shown | None:
    """`secrets` are texts that are masked wherever they stand. None when it cannot be told what of it is secret."""
    hidden = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    protocol = named(protocol_name)
    masked = _masked(protocol, body, media_type) if protocol else None
    if protocol is None or masked is None:
        return None
    text = _without(masked, hidden)
    reading = protocol.read(body, media_type)
    documents = tuple(
        ShownDocument(
            document.kind,
            _without(_json(document.document), hidden)[:LONGEST] if document.document else "",
            _masked_faults((*document.faults, *document.findings), hidden),
        )
        for document in reading.documents
    )
    faults = _masked_faults((*reading.faults, *reading.findings), hidden)
    return Shown(text[:LONGEST], len(text) > LONGEST, documents, faults)


def _without(text: str, hidden: Iterable[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, MASK)
    return text


def _masked_faults(faults: Iterable[Fault], hidden: list[str]) -> tuple[Fault, ...]:
    return tuple(
        msgspec.structs.replace(fault, found=_without(fault.found, hidden)) if fault.found else fault
        for fault in faults
    )


def _json(document: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _masked(protocol: Protocol, body: bytes, media_type: str | None) -> str | None:
    """Indented, where it is well-formed."""
    shown = protocol.shown(body, media_type)
    if shown is None:
        return None
    try:
        root = xml.parse(shown.document, Findings())
    except Malformed:
        return shown.document.decode("utf-8", "replace")
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")

"""A message as a page may show it: indented, without secrets and card numbers, however broken it is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from lxml import etree

from protocols import xml
from protocols.cxml import attachments
from protocols.registry import recognise
from schemas.faults import Fault, Findings, Malformed

MASK: Final = "***"
LONGEST: Final = 300_000
_SECRET: Final = ("SharedSecret", "CredentialMac", "DigitalSignature")
_IN_TEXT: Final = re.compile(
    r"(<(?:[\w.-]+:)?(?:SharedSecret|CredentialMac|DigitalSignature)\b[^>]*>)(?:.*?)(?=</(?:[\w.-]+:)?(?:"
    r"SharedSecret|CredentialMac|DigitalSignature)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_CARD: Final = re.compile(
    r"""(<(?:[\w.-]+:)?PCard\b[^>]*?\bnumber\s*=\s*)(["'])(.*?)(\2|\Z)""", re.DOTALL | re.IGNORECASE
)


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


def show(body: bytes, media_type: str | None, secrets: Iterable[str]) -> Shown:
    """`secrets` are texts that are masked wherever they stand."""
    hidden = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    text = _without(_readable(body, media_type), hidden)
    protocol = recognise(body, media_type)
    if protocol is None:
        return Shown(text[:LONGEST], len(text) > LONGEST, (), ())
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


def _readable(body: bytes, media_type: str | None) -> str:
    try:
        root_bytes, charset = attachments.root_of(body, media_type)
        root = xml.parse(root_bytes, Findings(), charset=charset)
    except Malformed:
        text = body.decode("utf-8", "replace")
        return _CARD.sub(rf"\1\2{MASK}\4", _IN_TEXT.sub(rf"\1{MASK}", text))
    for element in root.iter(*_SECRET):
        for child in list(element):
            element.remove(child)
        element.text = MASK
    for card in root.iter("PCard"):
        card.set("number", MASK)
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")

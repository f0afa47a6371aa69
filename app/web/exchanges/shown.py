"""A message as pages may show it, without secrets and card numbers, however broken it is: as it came, taken apart, and
as it was understood. What of it is secret is told by its protocol (`Protocol.shown`), never here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from lxml import etree

from app.partners.masking import without
from protocols import xml
from protocols.registry import named
from schemas.faults import Fault, Findings, Malformed

LONGEST: Final = 300_000
MOST_ELEMENTS: Final = 3_000
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
DEEPEST: Final = 12
"""Levels that are set in; deeper ones stand below each other."""


@dataclass(frozen=True, slots=True)
class ShownElement:
    """One element of the document, `depth` below the root."""

    depth: int
    name: str
    attributes: tuple[tuple[str, str], ...]
    text: str


@dataclass(frozen=True, slots=True)
class ShownDocument:
    kind: str
    text: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """
    text       the message as it came, in UTF-8, cut where it is very long.
    elements   the same taken apart, in the order of the document; empty where it is not well-formed.
    files      the names of what came with it.
    documents  what was understood, as canonical JSON, with what is wrong or odd.
    """

    text: str
    cut: bool
    elements: tuple[ShownElement, ...]
    more_elements: bool
    files: tuple[str, ...]
    documents: tuple[ShownDocument, ...]
    faults: tuple[Fault, ...]


def masked(body: bytes, media_type: str | None, protocol_name: str, hidden: Iterable[bytes]) -> bytes | None:
    """The document in UTF-8. `hidden` are forms of secrets that are masked wherever they stand. None when it cannot be
    told what of it is secret."""
    protocol = named(protocol_name)
    shown = protocol.shown(body, media_type) if protocol else None
    return without(shown.document, hidden) if shown else None


def show(body: bytes, media_type: str | None, protocol_name: str, hidden: Iterable[bytes]) -> Shown | None:
    """None as in `masked`."""
    hidden = tuple(hidden)
    protocol = named(protocol_name)
    seen = protocol.shown(body, media_type) if protocol else None
    if protocol is None or seen is None:
        return None
    document = without(seen.document, hidden)
    text = document.decode("utf-8", "replace")
    elements = tuple(_elements(document))
    reading = protocol.read(body, media_type)
    documents = tuple(
        ShownDocument(
            one.kind,
            hide(_json(one.document), hidden)[:LONGEST] if one.document else "",
            _masked_faults((*one.faults, *one.findings), hidden),
        )
        for one in reading.documents
    )
    return Shown(
        text=text[:LONGEST],
        cut=len(text) > LONGEST,
        elements=elements[:MOST_ELEMENTS],
        more_elements=len(elements) > MOST_ELEMENTS,
        files=tuple(part.name or part.media_type for part in seen.parts),
        documents=documents,
        faults=_masked_faults((*reading.faults, *reading.findings), hidden),
    )


def hide(text: str, hidden: Iterable[bytes]) -> str:
    return without(text.encode(), hidden).decode("utf-8", "replace")


def _masked_faults(faults: Iterable[Fault], hidden: Iterable[bytes]) -> tuple[Fault, ...]:
    return tuple(
        msgspec.structs.replace(fault, found=hide(fault.found, hidden)) if fault.found else fault for fault in faults
    )


def _json(document: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _elements(document: bytes) -> Iterator[ShownElement]:
    """One more than are shown, at most."""
    try:
        root = xml.parse(document, Findings())
    except Malformed:
        return
    depth, count = 0, 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            depth -= 1
            continue
        attributes = tuple((name.replace(_XML, "xml:"), value) for name, value in xml.attributes(element))
        yield ShownElement(
            min(depth, DEEPEST), etree.QName(element).localname, attributes, (element.text or "").strip()
        )
        depth, count = depth + 1, count + 1
        if count > MOST_ELEMENTS:
            return

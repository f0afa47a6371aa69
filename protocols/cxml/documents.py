"""Any cXML input: from bytes to the canonical document, by the reader of its kind."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from protocols import xml
from protocols.cxml import (
    confirmation,
    order_request,
    profile,
    punchout_order,
    punchout_setup,
    punchout_setup_response,
    status_update,
)
from protocols.cxml.attachments import Part, parse_header
from protocols.cxml.envelope import Envelope, Opened, open_document
from protocols.cxml.redaction import shown
from protocols.cxml.settings import DEFAULTS, CxmlSettings
from protocols.protocol import CanonicalDocument, Protocol, ReadDocument, Reading
from schemas.faults import Fault, Findings, Malformed, Rejected
from schemas.wire import cxml_dtd_for

READERS: dict[str, Callable[[Opened], CanonicalDocument]] = {
    punchout_setup.KIND: punchout_setup.read,
    punchout_order.KIND: punchout_order.read,
    order_request.KIND: order_request.read,
    status_update.KIND: status_update.read,
    confirmation.KIND: confirmation.read,
}
"""The kinds that are translated into canonical documents."""

_JUDGED: dict[str, Callable[[Opened], object]] = {
    "Response": lambda _: None,
    profile.REQUEST: lambda _: None,
    profile.RESPONSE: profile.read,
    punchout_setup_response.KIND: punchout_setup_response.read,
}
"""What is handled here, but is no canonical document."""


@dataclass(frozen=True, slots=True)
class Received:
    """`document` is absent for a kind that is not translated; `findings` holds findings and notices."""

    envelope: Envelope
    document: CanonicalDocument | None
    findings: tuple[Fault, ...]
    parts: tuple[Part, ...] = ()


def receive(body: bytes, media_type: str | None = None, *, settings: CxmlSettings = DEFAULTS) -> Received:
    """One document with its envelope and the files that came with it.

    Raises Malformed (Status 406, or 499 when too large) or Rejected (400), with every fault and finding."""
    opened = open_document(body, media_type, settings=settings)
    document = _read(opened)
    return Received(opened.envelope, document, opened.source.findings.findings, opened.package.parts)


def _read(opened: Opened) -> CanonicalDocument | None:
    kind = opened.envelope.kind
    reader = READERS.get(kind)
    if reader is not None:
        return reader(opened)
    if kind in _JUDGED:
        _JUDGED[kind](opened)
    elif not opened.source.faults:
        message = f"carries {kind}, a kind that is not translated: read as far as its envelope"
        opened.source.tell("kind.unsupported", opened.root, message)
    opened.raise_if_refused()
    return None


_FORM = re.compile(rb"\A\s*cxml-(?:base64|urlencoded)=", re.IGNORECASE)


def read_any(body: bytes, media_type: str | None = None) -> Reading:
    """Any bytes, judged as a document under the default settings; never raises."""
    findings = Findings()
    try:
        if parse_header(media_type or "")[0] == "application/x-www-form-urlencoded" or _FORM.match(body[:100]):
            fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000)
            body, media_type = punchout_order.from_form(fields), None
        opened = open_document(body, media_type)
    except Malformed as error:
        return Reading(protocol=NAME, faults=error.faults, findings=error.findings)
    except ValueError:
        findings.add("form.too_many_fields", "/", "has more than 1000 fields")
        return Reading(protocol=NAME, faults=findings.faults)
    envelope = opened.envelope
    document: CanonicalDocument | None = None
    faults: tuple[Fault, ...] = ()
    try:
        document = _read(opened)
    except Rejected as error:
        faults = error.faults
    return Reading(
        protocol=NAME,
        sender=tuple(credential.identifier for credential in envelope.sender),
        receiver=tuple(credential.identifier for credential in envelope.to),
        documents=(
            ReadDocument(
                kind=envelope.kind,
                id=envelope.payload_id,
                document=document,
                findings=opened.source.findings.findings,
                faults=faults,
            ),
        ),
    )


_ROOT = re.compile(rb"<!DOCTYPE\s+([A-Za-z]+)|<((?:[A-Za-z_][\w.-]*:)?[A-Za-z_][\w.-]*)")
_NOTHING = re.compile(rb"<\?.*?\?>|<!--.*?-->", re.DOTALL)


def looks_like(body: bytes, media_type: str | None = None) -> bool:
    """By the DOCTYPE or the root, which may be an element of cXML out of its document; or a form with a cart."""
    head = body[: xml.LIMITS.head]
    if _FORM.match(head[:100]):
        return True
    if head[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"):
        head = head.replace(b"\0", b"")[2 if head[0] > 0x7F else 0 :]
    if parse_header(media_type or "")[0].startswith("multipart/"):
        return re.search(rb"<(?:!DOCTYPE\s+)?cXML[\s>]", head, re.IGNORECASE) is not None
    match = _ROOT.search(_NOTHING.sub(b"", head))
    if match is None:
        return False
    name = (match[1] or match[2]).decode("ascii", "replace").rpartition(":")[2]
    return name.lower() == "cxml" or cxml_dtd_for(name) is not None


NAME = "cxml"
PROTOCOL = Protocol(name=NAME, title="cXML 1.2", looks_like=looks_like, read=read_any, shown=shown)

"""StatusUpdateRequest: the outcome that was owed after a first 201, in either direction."""

from protocols import xml
from protocols.cxml import envelope as frame
from protocols.cxml.envelope import Envelope, Opened
from protocols.cxml.parts import read_extension, write_extensions
from protocols.cxml.status import CODES, Status, read_status, write_status
from protocols.cxml.verbatim import put_back
from schemas.faults import unwritable
from schemas.order_reply import StatusUpdate
from schemas.party import Extension

KIND = "StatusUpdateRequest"

_OF_A_DOCUMENT = ("InvoiceStatus", "DocumentStatus")
"""Those that name their document themselves."""


def read(opened: Opened) -> StatusUpdate:
    """Raises Rejected with every fault of the document. What it says of payments, invoices and deliveries is kept as
    it was."""
    element, source = opened.payload_of(KIND), opened.source
    document_id: str | None = None
    status: Status | None = None
    extensions: list[Extension] = []
    for child in element:
        match child.tag:
            case "DocumentReference":
                document_id = child.get("payloadID") or None
            case "Status" if status is None:
                status = read_status(child)
            case "Extrinsic":
                extensions.append(read_extension(child, source))
            case _:
                source.keep(child)
    if status is None:
        source.fault("status.unreadable", element, "has no Status with a code of three digits")
    if document_id is None and not any(child.tag in _OF_A_DOCUMENT for child in element):
        source.note("status.no_reference", element, "says of no document what became of it")
    opened.raise_if_refused()
    assert status is not None
    return StatusUpdate(
        document_id=document_id,
        code=status.code,
        text=status.text,
        reason=status.reason,
        language=status.language,
        extensions=tuple(extensions),
        verbatim=source.leftovers(element),
    )


def write(update: StatusUpdate, envelope: Envelope) -> bytes:
    """Raises Unwritable for a code that is not ours to send, and for what says of no document what became of it."""
    if update.document_id is None and not any(part.at in _OF_A_DOCUMENT for part in update.verbatim):
        raise unwritable("status.no_reference", "document_id", "a status is that of a document")
    if update.code not in CODES:
        raise unwritable("status.code", "code", "is no Status code of cXML 1.2", str(update.code))
    element = xml.element(KIND)
    if update.document_id is not None:
        xml.add(element, "DocumentReference", payloadID=update.document_id)
    status = Status(code=update.code, text=update.text, reason=update.reason, language=update.language)
    write_status(element, status)
    write_extensions(element, update.extensions)
    put_back(element, update.verbatim)
    return frame.write(element, envelope)

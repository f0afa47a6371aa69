"""Status codes and the Response: what a cXML request is answered with.

`text` keeps the canonical words of the code, the reason for people is the content. A code that is not in the table is
read by its class. Only a 2xx answer carries a payload.
"""

from datetime import datetime

import msgspec

from protocols import dates, xml
from protocols.xml import Element
from schemas.faults import Malformed, Refused

CODES: dict[int, str] = {
    200: "OK",
    201: "Accepted",
    204: "No Content",
    211: "OK",
    280: "OK",
    281: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    406: "Not Acceptable",
    409: "Conflict",
    412: "Precondition Failed",
    417: "Expectation Failed",
    450: "Not Implemented",
    461: "Bad Commodity Code",
    462: "Notification Error",
    463: "Bad Catalog Format",
    464: "Bad Catalog",
    465: "Duplicate Catalog Name",
    466: "No Catalog to Update",
    467: "Publish Not Allowed",
    468: "Catalog Too Large",
    469: "Bad Catalog Extension",
    470: "Catalog Has Errors",
    475: "Signature Required",
    476: "Signature Verification Failed",
    477: "Signature Unacceptable",
    499: "Document Size Error",
    500: "Internal Server Error",
    550: "Unable to reach cXML server",
    551: "Unable to forward request",
    560: "Temporary server error",
    561: "Too Many Catalogs",
    562: "Publishing Disabled",
    563: "Catalog Validating",
}
"""Code -> canonical words. What is missing (202, 404, 405, 407, 408, 410, 488, 501) is read by class, never written."""

_ALWAYS: dict[int, int] = {499: 413, 560: 503}
_MIRRORED: dict[int, int] = {450: 501, 475: 403, 476: 403, 477: 403, 550: 502, 551: 502}
_ALSO_HTTP = frozenset({400, 401, 402, 403, 406, 409, 412, 417})


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`reason` is for people; `text` the canonical words, filled in when not given."""

    code: int
    text: str = ""
    reason: str | None = None
    language: str | None = None

    @property
    def acts_as(self) -> int:
        """The code itself when the table has it, else the first of its class (299 acts as 200, 455 as 400)."""
        return self.code if self.code in CODES else self.code // 100 * 100

    @property
    def success(self) -> bool:
        return self.code // 100 == 2


def http_status(status: Status, *, mirror: bool = False) -> int:
    """200 for every cXML-level outcome, as the body says it; too large and not available say so in HTTP as well.

    `mirror` (a partner's `mirror_http_status`) repeats the others too, for clients that look only at HTTP."""
    code = status.acts_as
    if code in _ALWAYS:
        return _ALWAYS[code]
    if not mirror:
        return 200
    return _MIRRORED.get(code) or (code if code in _ALSO_HTTP else code // 100 * 100)


def of_refusal(refused: Refused) -> Status:
    """406 for what is no cXML, 499 for what is too large, 400 for what cannot be taken; the reason is every fault."""
    codes = {fault.code for fault in refused.faults}
    if codes & {"xml.too_large", "xml.too_many_elements", "attachment.too_large", "attachment.too_many"}:
        code = 499
    else:
        code = 406 if isinstance(refused, Malformed) else 400
    return Status(code=code, reason="\n".join(str(fault) for fault in refused.faults), language="en")


def read_status(element: Element) -> Status | None:
    """None when it has no code that is a number of three digits from 200 to 599."""
    attributes = {str(name).casefold(): str(value) for name, value in element.items()}
    code = attributes.get("code", "").strip()
    if len(code) != 3 or not (code.isascii() and code.isdigit()) or not 2 <= int(code) // 100 <= 5:
        return None
    return Status(
        code=int(code),
        text=attributes.get("text", ""),
        reason=xml.text_of(element).strip() or None,
        language=element.get(xml.XML_LANG),
    )


def write_status(parent: Element, status: Status) -> Element:
    """Raises ValueError for a code that is not ours to send."""
    if status.code not in CODES:
        raise ValueError(f"{status.code} is no Status code of cXML 1.2")
    element = xml.add(parent, "Status", status.reason, code=str(status.code), text=status.text or CODES[status.code])
    if status.language:
        element.set(xml.XML_LANG, status.language)
    return element


def write(
    status: Status,
    *,
    payload_id: str,
    at: datetime,
    payload: Element | None = None,
    version: str = "1.2.071",
) -> bytes:
    """A Response document. Raises ValueError for a payload beside a code that is not 2xx."""
    if payload is not None and not status.success:
        raise ValueError("only a 2xx Response carries a payload")
    root = xml.element("cXML", payloadID=payload_id, timestamp=dates.write(at))
    response = xml.add(root, "Response")
    write_status(response, status)
    if payload is not None:
        response.append(payload)
    return xml.serialise(root, name="cXML", system_id=dtd_address(version))


def dtd_address(version: str, name: str = "cXML") -> str:
    return f"http://xml.cxml.org/schemas/cXML/{version}/{name}.dtd"

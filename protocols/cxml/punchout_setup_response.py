"""PunchOutSetupResponse: where the shopper's browser is to go."""

from datetime import datetime

from protocols import xml
from protocols.cxml import status
from protocols.cxml.envelope import Opened
from protocols.cxml.parts import text

KIND = "PunchOutSetupResponse"


def read(opened: Opened) -> str:
    """The address of the start page. Raises Rejected with every fault of the document."""
    element = opened.payload_of(KIND)
    url = element.find("StartPage/URL")
    start = text(url) if url is not None else None
    if start is None:
        opened.source.fault("start_page.missing", element, "has no URL in a StartPage")
    opened.raise_if_refused()
    return start or ""


def write(start_url: str, *, payload_id: str, at: datetime, version: str = "1.2.071") -> bytes:
    element = xml.element(KIND)
    xml.add(xml.add(element, "StartPage"), "URL", start_url)
    return status.write(status.Status(code=200), payload_id=payload_id, at=at, payload=element, version=version)

"""ProfileRequest and ProfileResponse: what a server offers this partner, and a ping."""

from collections.abc import Iterable
from datetime import date, datetime

from protocols import dates, xml
from protocols.cxml import envelope as frame
from protocols.cxml import status
from protocols.cxml.envelope import Envelope, Opened
from protocols.cxml.parts import text
from protocols.cxml.source import Source
from protocols.xml import Element
from schemas.base import Canonical

REQUEST = "ProfileRequest"
RESPONSE = "ProfileResponse"


class Option(Canonical, frozen=True, kw_only=True):
    name: str
    value: str


class Transaction(Canonical, frozen=True, kw_only=True):
    """A document that may be sent (`OrderRequest`) and where to."""

    name: str
    url: str
    options: tuple[Option, ...] = ()


class Profile(Canonical, frozen=True, kw_only=True):
    """`effective` is when it last changed, never in the future; `refreshed` when the server last looked."""

    effective: datetime | date | None
    transactions: tuple[Transaction, ...]
    options: tuple[Option, ...] = ()
    refreshed: datetime | date | None = None


def read(opened: Opened) -> Profile:
    """A ProfileResponse. Raises Rejected with every fault of the document."""
    element, source = opened.payload_of(RESPONSE), opened.source
    transactions = []
    for child in element.iterchildren("Transaction"):
        url = child.find("URL")
        address = text(url) if url is not None else None
        name = child.get("requestName") or ""
        if address is None or not name:
            source.fault("profile.transaction", child, "has no requestName or no URL")
            continue
        transactions.append(Transaction(name=name, url=address, options=_read_options(child, source)))
    profile = Profile(
        effective=source.date(element.get("effectiveDate"), element, "effectiveDate"),
        refreshed=source.date(element.get("lastRefresh"), element, "lastRefresh"),
        options=_read_options(element, source),
        transactions=tuple(transactions),
    )
    opened.raise_if_refused()
    return profile


def _read_options(element: Element, source: Source) -> tuple[Option, ...]:
    found = []
    for child in element.iterchildren("Option"):
        if (name := child.get("name")) is None:
            source.note("profile.option", child, "has no name")
        else:
            found.append(Option(name=name, value=text(child) or ""))
    return tuple(found)


def write_request(envelope: Envelope) -> bytes:
    return frame.write(xml.element(REQUEST), envelope)


def write(profile: Profile, *, payload_id: str, at: datetime, version: str = "1.2.071") -> bytes:
    """The Response to a ProfileRequest. A profile without effective date is of the moment."""
    element = xml.element(
        RESPONSE,
        effectiveDate=dates.write(profile.effective or at),
        lastRefresh=dates.write(profile.refreshed) if profile.refreshed is not None else None,
    )
    _write_options(element, profile.options)
    for transaction in profile.transactions:
        child = xml.add(element, "Transaction", requestName=transaction.name)
        xml.add(child, "URL", transaction.url)
        _write_options(child, transaction.options)
    return status.write(status.Status(code=200), payload_id=payload_id, at=at, payload=element, version=version)


def _write_options(parent: Element, options: Iterable[Option]) -> None:
    for option in options:
        xml.add(parent, "Option", option.value, name=option.name)

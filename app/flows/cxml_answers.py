"""What a cXML request is answered with, stamped with an id and a time of its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from app.errors import No, Refusal
from app.flows.arrival import Answer
from app.gateway import Gateway
from protocols.cxml import status
from protocols.cxml.settings import DEFAULTS, CxmlSettings
from protocols.cxml.status import Status
from schemas.faults import Fault, Malformed, Refused

MEDIA_TYPE: Final = "text/xml; charset=UTF-8"

CODES: Final = {
    No.UNREADABLE: 406,
    No.UNACCEPTABLE: 400,
    No.UNAUTHENTICATED: 401,
    No.FORBIDDEN: 403,
    No.CONFLICT: 409,
    No.PRECONDITION: 412,
    No.UNKNOWN_REFERENCE: 417,
    No.NOT_OFFERED: 450,
    No.TOO_LARGE: 499,
    No.TOO_MANY: 560,
    No.UNAVAILABLE: 560,
}

MOST_FAULTS: Final = 50
"""How many faults a Status lists in words; the ledger keeps all of them."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """payload_id  the answer's own; `version` the cXML version it is written in."""

    payload_id: str
    at: datetime
    version: str

    @classmethod
    def made(cls, gateway: Gateway, settings: CxmlSettings) -> "Stamp":
        host = urlsplit(gateway.settings.url).hostname or "crossdock"
        return cls(f"{gateway.ids()}@{host}", gateway.clock.now(), settings.version)

    def response(self, code: int, reason: str | None = None) -> Answer:
        said = Status(code=code, reason=reason, language="en" if reason else None)
        return self.document(status.write(said, payload_id=self.payload_id, at=self.at, version=self.version))

    def document(self, body: bytes) -> Answer:
        """A whole Response that a writer made with this stamp."""
        return Answer(body=body, media_type=MEDIA_TYPE)


def refusal_of(refused: Refused) -> Refusal:
    """A document's faults as our refusal."""
    if status.of_refusal(refused).code == 499:
        return Refusal(No.TOO_LARGE, "The document is too large.", refused.faults)
    if isinstance(refused, Malformed):
        return Refusal(No.UNREADABLE, "The document cannot be read.", refused.faults)
    return Refusal(No.UNACCEPTABLE, "The document cannot be taken.", refused.faults)


def refusal_answer(gateway: Gateway, refusal: Refusal, settings: CxmlSettings = DEFAULTS) -> Answer:
    """HTTP 200 but for too large, too many and not available, or as agreed with the partner."""
    code = CODES[refusal.no]
    said = Stamp.made(gateway, settings).response(code, _words(refusal.reason, refusal.faults))
    http = status.http_status(Status(code=code), mirror=settings.mirror_http_status)
    return Answer(
        body=said.body,
        media_type=said.media_type,
        status=429 if refusal.no is No.TOO_MANY else http,
        retry_after=refusal.retry_after,
        no=refusal.no,
    )


def _words(reason: str, faults: tuple[Fault, ...]) -> str:
    lines = [reason, *map(str, faults[:MOST_FAULTS])]
    if len(faults) > MOST_FAULTS:
        lines.append(f"and {len(faults) - MOST_FAULTS} more")
    return "\n".join(lines)

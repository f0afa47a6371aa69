"""cXML at the gate: the sender proves itself, then the document is read and given to the flow of its kind.

Authenticate on Sender, take the customer and so the prices from From, and be addressed by To. "Unknown" and "wrong" are
told in one text, so that nobody learns which names we know.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from sqlmodel import Session

from app.errors import No, Refusal
from app.flows.arrival import Answer, Arrival, Judged
from app.flows.cxml_answers import Stamp, refusal_answer, refusal_of
from app.flows.cxml_requests import PROTOCOL, REQUESTS, Request, Taking
from app.gateway import Gateway
from app.partners.identify import AnswerTo, Caller, customer_of, our_name
from app.partners.profile import settings_of
from app.partners.secrets import Purpose, secrets_of
from app.storage.base import LIVE
from app.storage.ledger import DocumentKey
from app.storage.partners import PartnerRow
from protocols.cxml.credentials import MacVerdict, Secret, preferred, same_secret, verify_mac
from protocols.cxml.envelope import Envelope, Opened, open_document
from protocols.cxml.settings import CxmlSettings
from schemas.faults import Refused, shortened

NOT_KNOWN: Final = (
    "The Sender is not known here, or its credential is wrong or no longer valid. "
    "Check domain, identity and shared secret with your contact."
)


class CxmlReceiver:
    """`requests` are those offered, by the name of their payload element."""

    def __init__(self, requests: Mapping[str, Request] = REQUESTS) -> None:
        self._requests = requests

    def judge(self, gateway: Gateway, arrival: Arrival) -> Judged:
        settings = settings_of(arrival.partner, PROTOCOL, CxmlSettings)
        with gateway.database.read() as session:
            if not proves(session, gateway, arrival.partner, arrival.head):
                raise Refusal(No.UNAUTHENTICATED, NOT_KNOWN)
            caller = _caller(session, gateway, arrival, settings)
        request = self._requests.get(arrival.head.kind)
        if request is None:
            kind = shortened(arrival.head.kind)
            raise Refusal(No.NOT_OFFERED, f"{kind} is not offered here. The Profile lists what is.")
        try:
            opened = open_document(arrival.body, arrival.media_type, settings=settings)
            take = request.read(opened, gateway, caller)
        except Refused as refused:
            raise refusal_of(refused) from refused
        return Judged(
            caller=caller,
            findings=opened.source.findings.findings,
            key=_key(opened, caller, settings) if request.once else None,
            take=lambda tx: take.effect(Taking(tx, arrival.exchange_id, Stamp.made(gateway, settings))),
            rows_only=take.rows_only,
        )

    def refuse(self, gateway: Gateway, arrival: Arrival, refusal: Refusal) -> Answer:
        return refusal_answer(gateway, refusal, settings_of(arrival.partner, PROTOCOL, CxmlSettings))

    def fail(self, gateway: Gateway) -> Answer:
        reason = "A fault of ours; it has been recorded and will be looked at. Please send the document again later."
        return Stamp.made(gateway, CxmlSettings()).response(500, reason)


def proves(session: Session, gateway: Gateway, partner: PartnerRow, head: Envelope) -> bool:
    """Whether one Sender credential carries a secret of this connection that is valid now, or a MAC that is."""
    now = gateway.clock.now()

    def valid(purpose: Purpose) -> list[Secret]:
        found = secrets_of(session, gateway.keys, partner, purpose, now, gateway.memories)
        return [Secret(secret.reveal()) for secret in found]

    shared = valid(Purpose.CXML_INBOUND)
    if any(same_secret(sender.secret, shared) for sender in head.sender if sender.secret is not None):
        return True
    with_mac = [sender for sender in head.sender if sender.mac is not None]
    keys = valid(Purpose.CXML_MAC) if with_mac else []
    skew = timedelta(seconds=settings_of(partner, PROTOCOL, CxmlSettings).mac_skew_seconds)
    return any(verify_mac(sender, head.from_, keys, now=now, skew=skew) is MacVerdict.VALID for sender in with_mac)


def _caller(session: Session, gateway: Gateway, arrival: Arrival, settings: CxmlSettings) -> Caller:
    """Raises Refusal: From may not use this connection, To is not us, or the mode does not fit."""
    head = arrival.head
    names = [credential.identifier for credential in preferred(head.from_, settings.domain_preference)]
    buyer = customer_of(session, gateway.memories, arrival.partner, names)
    if buyer is None:
        raise Refusal(No.FORBIDDEN, "The buyer in From is not set up for this connection.")
    ours = our_name(session, gateway.memories, arrival.partner, [credential.identifier for credential in head.to])
    if ours is None:
        raise Refusal(No.UNACCEPTABLE, "To does not name us. Check the identity that you have for this supplier.")
    live = arrival.realm == LIVE
    if live and head.test and settings.test_documents == "refuse":
        raise Refusal(No.FORBIDDEN, 'This connection takes no documents with deploymentMode="test".')
    customer, theirs = buyer
    sender = next((c.identifier for c in head.sender if c.secret or c.mac), head.sender[0].identifier)
    return Caller(
        realm=arrival.realm,
        partner=arrival.partner,
        customer=customer,
        sender=sender,
        answer_to=AnswerTo(ours=ours, theirs=theirs, language=head.language),
        correlation_id=arrival.correlation_id,
        test=head.test or not live,
        document_id=head.payload_id,
    )


def _key(opened: Opened, caller: Caller, settings: CxmlSettings) -> DocumentKey:
    """From, Sender and payloadID name a document on a connection; without a payloadID, or where the partner repeats
    them, its bytes do as well. Boundaries of a multipart body change with a resend, so its parts are digested."""
    digests = [hashlib.sha256(opened.package.document).hexdigest(), *(part.sha256 for part in opened.package.parts)]
    body = _digest(*digests)
    names = (*caller.answer_to.theirs.folded(), *caller.sender.folded(), caller.document_id or "")
    by_bytes = settings.nonunique_payload_id or caller.document_id is None
    return DocumentKey(key=_digest(*names, body if by_bytes else ""), body=body)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()

"""The frame of every cXML document: who sends it to whom, which document it is, and what it carries.

`peek` reads the Header alone, from a bounded beginning of the bytes, so that a sender is known before anything of
theirs is read for meaning. `open_document` reads the whole.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NoReturn

import msgspec

from protocols import dates, xml
from protocols.cxml.attachments import Attached, Package, root_of, unpack
from protocols.cxml.credentials import Credential, CredentialMac, Secret
from protocols.cxml.kinds import CATALOGUES, WRAPPERS, known
from protocols.cxml.pins import fit
from protocols.cxml.settings import DEFAULTS, CxmlSettings
from protocols.cxml.source import Source
from protocols.cxml.status import Status, dtd_address, read_status, write_status
from protocols.xml import Element
from schemas.faults import Fault, Findings, Malformed, Rejected, Unwritable
from schemas.order import Attachment
from schemas.wire import check_cxml, cxml_dtd_for

SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """
    payload_id   absent: the document has none, and its bytes must serve as its key.
    sent_at      absent when the timestamp is missing or cannot be read.
    kind         the payload element (`OrderRequest`); `Response` for a Response without payload.
    from_, to, sender  the credentials in their order; several are normal.
    test         deploymentMode="test".
    in_reply_to  payloadID that a Message answers.
    version      that of the DTD in the DOCTYPE, else the attribute; when writing, the one that is pinned.
    signed       there is an XML signature (it is not verified here).
    status       of a Response, or of a Message that has one.
    """

    payload_id: str | None
    sent_at: datetime | None
    kind: str = ""
    from_: tuple[Credential, ...] = ()
    to: tuple[Credential, ...] = ()
    sender: tuple[Credential, ...] = ()
    user_agent: str | None = None
    test: bool = False
    in_reply_to: str | None = None
    version: str | None = None
    language: str | None = None
    signed: bool = False
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A whole document. `payload` is the element that says what it is about; a bare Response has none."""

    root: Element
    envelope: Envelope
    payload: Element | None
    source: Source
    package: Package

    def payload_of(self, kind: str) -> Element:
        """Raises Rejected when the document is of another kind."""
        if self.payload is None or self.payload.tag != kind:
            self.source.fault("kind.other", self.root, f"is to carry a {kind}", self.envelope.kind)
            raise Rejected(self.source.faults, self.source.findings.findings)
        return self.payload

    def unreferenced(self, element: Element) -> tuple[Attachment, ...]:
        """The files that came along and that nothing refers to, each with a finding."""
        left = self.source.attached.unused()
        for attachment in left:
            name = attachment.name or attachment.reference
            self.source.note("attachment.unreferenced", element, "came with a file that it does not refer to", name)
        return left

    def raise_if_refused(self) -> None:
        """Raises Rejected with all that is wrong when there is a fault."""
        self.source.findings.raise_if_any()


def peek(body: bytes, media_type: str | None = None, *, settings: CxmlSettings = DEFAULTS) -> Envelope:
    """The envelope from the first 64 KiB, with kind, mode and credentials; what follows the Header is not judged.

    Raises Malformed when the beginning is not XML, or its root is not cXML."""
    document, charset = root_of(body, media_type)
    root = xml.parse_head(document, _head_is_read, charset=charset)
    unread = Source(Findings(), settings)
    _settle_root(root, unread)
    if root.tag != "cXML" and root.tag not in CATALOGUES:
        _no_cxml(root)
    return _envelope(root, _payload(root, unread), unread)


def _head_is_read(event: str, element: Element) -> bool:
    parent = element.getparent()
    if event == "start":
        if parent is None:
            return xml.local(element) in CATALOGUES
        return xml.local(parent) in WRAPPERS and xml.local(element) != "Status"
    return parent is not None and xml.local(element) == "Response"


def open_document(body: bytes, media_type: str | None = None, *, settings: CxmlSettings = DEFAULTS) -> Opened:
    """The parsed document and its envelope; faults of the envelope are in `source` and do not raise.

    Raises Malformed when it is not XML, or its root is not cXML."""
    findings = Findings()
    package = unpack(body, media_type, findings)
    root = xml.parse(package.document, findings, repairs=settings.repairs, charset=package.charset)
    source = Source(findings, settings, Attached(package.parts))
    _settle_root(root, source)
    if root.tag in CATALOGUES:
        payload: Element | None = root
    elif root.tag == "cXML":
        payload = _payload(root, source)
    else:
        _no_cxml(root)
    envelope = _envelope(root, payload, source)
    if root.tag == "cXML":
        _judge(root, envelope, source)
    if cxml_dtd_for(envelope.kind) is not None:
        for deviation in check_cxml(root):
            findings.note("dtd.invalid", deviation.at, deviation.message, deviation.found, line=deviation.line)
    return Opened(root, envelope, payload, source, package)


def _no_cxml(root: Element) -> NoReturn:
    findings = Findings()
    findings.add("envelope.root", f"/{xml.local(root)}", "is no cXML document; its root element is to be cXML")
    raise Malformed(findings.faults)


def _settle_root(root: Element, source: Source) -> None:
    """cXML has no namespace and writes its root `cXML`; other spellings are set right in place, with a finding."""
    if root.tag.startswith("{"):
        uri = root.tag[1:].partition("}")[0]
        source.note("envelope.namespace", root, "stands in a namespace; cXML has none", uri)
        xml.strip_namespace(root, uri)
    if root.tag != "cXML" and root.tag.lower() == "cxml":
        source.note("envelope.root", root, "is spelled cXML", root.tag)
        root.tag = "cXML"


def _payload(root: Element, source: Source) -> Element | None:
    """The only child of Request or Message, the payload of a Response; None when there is none."""
    for body in root:
        if body.tag in WRAPPERS:
            payloads = [child for child in body if child.tag != "Status"]
            if len(payloads) > 1:
                source.fault("envelope.several_payloads", body, "carries more than one document")
            return payloads[0] if payloads else None
    return None


_VERSION = re.compile(r"/(?P<version>[0-9]+(?:\.[0-9]+){1,3})/[A-Za-z]+\.dtd\s*$")


def _envelope(root: Element, payload: Element | None, source: Source) -> Envelope:
    parties: dict[str, list[Credential]] = {"From": [], "To": [], "Sender": []}
    user_agent = None
    frame = next((child for child in root if child.tag in WRAPPERS), None)
    header = root.find("Header")
    for party in header if header is not None else ():
        if party.tag in parties:
            parties[party.tag] += _credentials(party, source)
        if party.tag == "Sender":
            user_agent = (party.findtext("UserAgent") or "").strip() or user_agent
    match = _VERSION.search(xml.doctype(root)[1])
    status = frame.find("Status") if frame is not None else None
    return Envelope(
        payload_id=(root.get("payloadID") or "").strip() or None,
        sent_at=_moment(root.get("timestamp"), source),
        kind=payload.tag if payload is not None else frame.tag if frame is not None else root.tag,
        from_=tuple(parties["From"]),
        to=tuple(parties["To"]),
        sender=tuple(parties["Sender"]),
        user_agent=user_agent,
        test=frame is not None and (frame.get("deploymentMode") or "").strip().casefold() == "test",
        in_reply_to=frame.get("inReplyTo") if frame is not None else None,
        version=match["version"] if match else root.get("version"),
        language=root.get(xml.XML_LANG) or None,
        signed=root.find(SIGNATURE) is not None,
        status=read_status(status) if status is not None else None,
    )


def _credentials(party: Element, source: Source) -> list[Credential]:
    found: list[Credential] = []
    for credential in party.iterchildren("Credential"):
        identities: list[str] = []
        secret: Secret | None = None
        mac: CredentialMac | None = None
        signed = False
        for child in credential:
            match child.tag:
                case "Identity":
                    identities.append(xml.text_of(child).strip())
                case "SharedSecret":
                    secret = Secret(xml.text_of(child).strip())
                case "CredentialMac":
                    mac = _mac(child)
                case "DigitalSignature":
                    signed = True
        if len(identities) > 1:
            source.note("credential.identity_repeated", credential, "has more than one Identity; each is tried")
        found += [
            Credential(
                domain=credential.get("domain") or "",
                identity=identity,
                marketplace=credential.get("type") == "marketplace",
                secret=secret,
                mac=mac,
                signed=signed,
            )
            for identity in identities
            if identity
        ]
    return found


def _mac(element: Element) -> CredentialMac:
    return CredentialMac(
        value=Secret((element.text or "").strip()),
        creation=element.get("creationDate") or "",
        expiration=element.get("expirationDate") or "",
        type=element.get("type") or "",
        algorithm=element.get("algorithm") or "",
    )


def _moment(text: str | None, source: Source) -> datetime | None:
    try:
        moment, _ = dates.read(text or "", zone=source.zone, order=source.settings.date_order)
    except dates.NotADate:
        return None
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def _judge(root: Element, envelope: Envelope, source: Source) -> None:
    _judge_root(root, envelope, source)
    headers = list(root.iterchildren("Header"))
    frames = [child for child in root if child.tag in WRAPPERS]
    if len(frames) != 1:
        source.fault("envelope.no_payload", root, "carries one Request, Message or Response", str(len(frames)))
        return
    frame = frames[0]
    if frame.tag == "Response":
        _judge_response(frame, envelope, source)
        return
    if envelope.kind == frame.tag:
        source.fault("envelope.no_payload", frame, "carries no document")
    elif not known(frame.tag, envelope.kind):
        source.fault("kind.unknown", frame, f"carries a document that no {frame.tag} of cXML 1.2 has", envelope.kind)
    mode = frame.get("deploymentMode")
    if mode is not None and mode.strip().casefold() not in ("production", "test"):
        source.fault("envelope.mode_unknown", frame, "is production or test", mode, attribute="deploymentMode")
    if not headers:
        source.fault("envelope.no_header", root, f"has no Header; a {frame.tag} is from somebody")
        return
    if len(headers) > 1:
        source.fault("envelope.several_headers", headers[1], "is a second Header; a document is from one sender")
    for party in ("From", "To"):
        if len(list(headers[0].iterchildren(party))) > 1:
            source.note("credential.party_repeated", headers[0], f"has more than one {party}; each is tried")
    if not envelope.sender:
        source.fault("envelope.no_sender", headers[0], "has no Identity in its Sender: nobody to answer for it")
    if not envelope.from_:
        source.fault("envelope.no_from", headers[0], "has no Identity in its From: nobody to deal with")
    if not envelope.to:
        source.note("envelope.no_to", headers[0], "has no Identity in its To")
    if envelope.user_agent is None and next(headers[0].iter("UserAgent"), None) is not None:
        source.note("envelope.no_user_agent", headers[0], "has an empty UserAgent in its Sender")


def _judge_root(root: Element, envelope: Envelope, source: Source) -> None:
    declared, system_id = xml.doctype(root)
    if not declared:
        source.note("envelope.no_doctype", root, "has no DOCTYPE")
    match = _VERSION.search(system_id)
    version = root.get("version")
    if version and match and version != match["version"]:
        source.note("envelope.version_contradicted", root, f"names the DTD of {match['version']}", version)
    if envelope.payload_id is None:
        source.note("envelope.no_payload_id", root, "has no payloadID; its bytes serve as its key")
    timestamp = root.get("timestamp")
    if timestamp is None:
        return
    try:
        moment, deviation = dates.read(timestamp, zone=source.zone, order=source.settings.date_order)
    except dates.NotADate as error:
        source.note("date.unreadable", root, str(error), timestamp, attribute="timestamp")
        return
    if deviation or not isinstance(moment, datetime):
        said = deviation or "is a date without a time"
        source.note("date.not_standard", root, said, timestamp, attribute="timestamp")


def _judge_response(frame: Element, envelope: Envelope, source: Source) -> None:
    if envelope.status is None:
        source.fault("status.unreadable", frame, "has no Status with a code of three digits")
    if envelope.kind == "Response":
        return
    if not known("Response", envelope.kind):
        source.fault("kind.unknown", frame, "carries a document that no Response of cXML 1.2 has", envelope.kind)
    elif envelope.status is not None and not envelope.status.success:
        source.note("status.payload", frame, "carries a document although its Status is no success")


_ECHOED = re.compile(r"/(?:BuyerCookie|SupplierPartAuxiliaryID|Extrinsic)(?:\[[0-9]+\])?/")
"""Markup of the buyer's own, which goes back as it came; a DTD's ANY takes only elements that it declares."""


def write(payload: Element, envelope: Envelope, *, encoding: Literal["UTF-8", "US-ASCII"] = "UTF-8") -> bytes:
    """A Request or Message around the payload, by the ending of its name, for the envelope's version.

    Raises ValueError without payloadID or timestamp and for a version that is none; Unwritable for what an older
    version cannot say, and for anything else that would not be valid: only valid documents leave."""
    if envelope.payload_id is None or envelope.sent_at is None:
        raise ValueError("what is written has a payloadID and a timestamp")
    message = payload.tag.endswith("Message")
    root = xml.element("cXML", payloadID=envelope.payload_id, timestamp=dates.write(envelope.sent_at))
    if envelope.language:
        root.set(xml.XML_LANG, envelope.language)
    header = xml.add(root, "Header")
    for tag, credentials in (("From", envelope.from_), ("To", envelope.to)):
        _write_credentials(xml.add(header, tag), credentials, secrets=False)
    sender = xml.add(header, "Sender")
    _write_credentials(sender, envelope.sender, secrets=not message)
    xml.add(sender, "UserAgent", envelope.user_agent or "Crossdock")
    mode = "test" if envelope.test else "production"
    frame = xml.add(root, "Message" if message else "Request", deploymentMode=mode)
    if message:
        if envelope.in_reply_to:
            frame.set("inReplyTo", envelope.in_reply_to)
        if envelope.status is not None:
            write_status(frame, envelope.status)
    frame.append(payload)
    version = envelope.version or DEFAULTS.version
    if version != DEFAULTS.version:
        fit(root, version)
    faults = [
        Fault(code="dtd.invalid", at=deviation.at, message=deviation.message, found=deviation.found)
        for deviation in check_cxml(root)
        if not _ECHOED.search(deviation.at)
    ]
    if faults:
        raise Unwritable(faults)
    address = dtd_address(version, cxml_dtd_for(payload.tag) or "cXML")
    return xml.serialise(root, name="cXML", system_id=address, encoding=encoding)


def _write_credentials(party: Element, credentials: Iterable[Credential], *, secrets: bool) -> None:
    """What proves a Sender never goes into a Message: it travels through the shopper's browser."""
    for credential in credentials:
        kind = "marketplace" if credential.marketplace else None
        element = xml.add(party, "Credential", domain=credential.domain, type=kind)
        xml.add(element, "Identity", credential.identity)
        if secrets and credential.secret is not None:
            xml.add(element, "SharedSecret", credential.secret.reveal())
        elif secrets and credential.mac is not None:
            mac = credential.mac
            xml.add(
                element,
                "CredentialMac",
                mac.value.reveal(),
                type=mac.type,
                algorithm=mac.algorithm,
                creationDate=mac.creation,
                expirationDate=mac.expiration,
            )

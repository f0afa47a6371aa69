"""A cXML document as people may see it: as it came, without what proves identity or pays.

It works on the text and not on the tree, since what must be shown may be broken: an opening tag without its end hides
all that follows it. Masked are the contents of SharedSecret, CredentialMac and DigitalSignature (cXML 1.2, Credential),
and of PCard@number all but the last four digits."""

import re
from collections.abc import Iterator
from typing import Final

from protocols.cxml.attachments import unpack
from protocols.protocol import Shown, ShownPart
from protocols.xml_source import EVERY_REPAIR, in_utf8
from schemas.faults import Findings, Malformed

MASK: Final = b"***"

_NAMES = rb"(?:[A-Za-z_][\w.-]*:)?(?:SharedSecret|CredentialMac|DigitalSignature)"
_ATTRIBUTES = rb"""(?>\s++[^\s=<>"'/]++\s*+=\s*+(?>"[^"<]*+"|'[^'<]*+'))*+"""
_BEGIN = re.compile(rb"<(?P<name>" + _NAMES + rb")(?![\w.:-])(?:" + _ATTRIBUTES + rb"\s*+(?P<end>/?>))?", re.IGNORECASE)
_OPAQUE = rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
_CARD = re.compile(
    rb"""(?P<before><(?:[A-Za-z_][\w.-]*:)?PCard(?=\s)(?>[^>"']++|"[^"]*+"|'[^']*+')*?\snumber\s*=\s*)"""
    rb"""(?P<quote>["'])(?P<number>.*?)(?P=quote)""",
    re.IGNORECASE | re.DOTALL,
)


def shown(body: bytes, media_type: str | None) -> Shown | None:
    """None for bytes that cannot be taken apart safely."""
    findings = Findings()
    try:
        package = unpack(body, media_type, findings)
        text = in_utf8(package.document, findings, EVERY_REPAIR, package.charset)
    except Malformed:
        return None
    parts = tuple(ShownPart(part.name, part.media_type, part.data) for part in package.parts)
    return Shown(masked(text), parts)


def masked(text: bytes) -> bytes:
    """For UTF-8."""
    return _CARD.sub(_last_four, b"".join(_without_secrets(text)))


def _without_secrets(text: bytes) -> Iterator[bytes]:
    at = 0
    while begin := _BEGIN.search(text, at):
        yield text[at : begin.end()]
        at = begin.end()
        if begin["end"] == b"/>":
            continue
        yield MASK
        at = _closing(text, begin["name"], at)
    yield text[at:]


def _closing(text: bytes, name: bytes, at: int) -> int:
    """Where the element closes; a closing tag in a comment or in CDATA does not close it."""
    token = re.compile(_OPAQUE + rb"|(?P<closing></" + re.escape(name) + rb"\s*>)", re.IGNORECASE | re.DOTALL)
    return next((match.start() for match in token.finditer(text, at) if match["closing"]), len(text))


def _last_four(match: re.Match[bytes]) -> bytes:
    number = match["number"].strip()
    return match["before"] + match["quote"] + MASK + (number[-4:] if len(number) > 8 else b"") + match["quote"]

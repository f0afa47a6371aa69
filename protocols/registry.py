"""The protocols this product speaks, one line each, and the choice among them by the bytes themselves."""

from protocols import cxml
from protocols.protocol import Protocol

PROTOCOLS: tuple[Protocol, ...] = (cxml.PROTOCOL,)


def recognise(body: bytes, media_type: str | None) -> Protocol | None:
    """The protocol of an input that came without an address, None when it is none of ours. A file name or a media
    type alone never decides: senders get both wrong."""
    return next((protocol for protocol in PROTOCOLS if protocol.looks_like(body, media_type)), None)


def named(name: str) -> Protocol | None:
    return next((protocol for protocol in PROTOCOLS if protocol.name == name), None)

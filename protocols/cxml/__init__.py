"""cXML 1.2: punchout, orders and what answers them. One file a transaction, each with `read` and `write`."""

from protocols.cxml.documents import PROTOCOL

__all__ = ["PROTOCOL"]

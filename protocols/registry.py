"""The protocols this product speaks, one line each, and the choice among them by the bytes themselves."""

from protocols.protocol import Protocol

PROTOCOLS: tuple[Protocol, ...] = ()

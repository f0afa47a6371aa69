"""A partner's secrets, masked wherever they stand: in documents that people see, and in files that they take."""

import base64
from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import quote

from sqlmodel import Session

from app.partners.secrets import every_secret
from app.seal import KeyRing
from app.storage.partners import PartnerRow

MASK: Final = b"***"
SHORTEST: Final = 4
"""Secrets that are shorter are not looked for by their text: they would be found everywhere."""


def hidden_of(session: Session, keys: KeyRing, partner: PartnerRow) -> tuple[bytes, ...]:
    """Every secret that the partner ever had, as it may stand in a document."""
    return tuple(form for secret in every_secret(session, keys, partner) for form in forms(secret))


def forms(secret: str) -> list[bytes]:
    """In UTF-8, escaped, quoted and in base64, the longest first."""
    if len(secret) < SHORTEST:
        return []
    encoded = secret.encode()
    found = {encoded, escape(secret, quote=False).encode(), quote(secret).encode(), base64.b64encode(encoded)}
    return sorted(found, key=len, reverse=True)


def without(text: bytes, hidden: Iterable[bytes]) -> bytes:
    for form in hidden:
        text = text.replace(form, MASK)
    return text

"""Who a document says it is from, and whether it proves it.

Domains and identities are compared trimmed and without regard to case, as buyers and hubs disagree on both within one
document. Authenticate on Sender, authorise and price on From, route on To: a hub rewrites Sender and nothing else.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NoReturn

import msgspec

from protocols import dates
from schemas.party import Identifier


class Secret:
    """A shared secret on its way through memory: repr and str show ***, JSON and pickle refuse it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and same_secret(self, [other])

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


class CredentialMac(msgspec.Struct, frozen=True, kw_only=True):
    """The dates are kept as the text that was received, because the MAC covers that text."""

    value: Secret
    creation: str
    expiration: str
    type: str = "FromSenderCredentials"
    algorithm: str = "HMAC-SHA1-96"


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """One name of a party. `marketplace` names the market; the party's other credential names the member company.
    `signed` says that it carries a DigitalSignature, which cXML has given up."""

    domain: str
    identity: str
    marketplace: bool = False
    secret: Secret | None = None
    mac: CredentialMac | None = None
    signed: bool = False

    @property
    def identifier(self) -> Identifier:
        return Identifier(scheme=self.domain, value=self.identity)


def preferred(credentials: Sequence[Credential], domains: Sequence[str]) -> tuple[Credential, ...]:
    """The credentials of preferred domains first, a marketplace's after the member company's, else in their order."""
    order = {domain.strip().casefold(): rank for rank, domain in enumerate(domains)}
    return tuple(sorted(credentials, key=lambda c: (c.marketplace, order.get(c.domain.strip().casefold(), len(order)))))


def named(credentials: Iterable[Credential], identifiers: Iterable[Identifier]) -> Credential | None:
    """The first of the credentials that carries one of the names."""
    known = {identifier.folded() for identifier in identifiers}
    return next((credential for credential in credentials if credential.identifier.folded() in known), None)


def same_secret(sent: Secret, valid: Iterable[Secret]) -> bool:
    """Whether it is one of the valid ones (two while a secret rotates), in a time that does not tell which."""
    mine = sent.reveal().encode()
    matches = [hmac.compare_digest(mine, secret.reveal().encode()) for secret in valid]
    return any(matches)


class MacVerdict(StrEnum):
    VALID = "valid"
    UNKNOWN_METHOD = "unknown_method"
    UNREADABLE_DATES = "unreadable_dates"
    NOT_YET = "not_yet_valid"
    EXPIRED = "expired"
    WRONG = "wrong"


def mac_of(key: Secret, from_: Identifier, sender: Identifier, creation: str, expiration: str) -> str:
    """HMAC-SHA1-96 over six texts, each followed by a zero byte (cXML User's Guide, CredentialMac)."""
    names = (from_.scheme, from_.value, sender.scheme, sender.value)
    texts = [name.strip().lower() for name in names] + [creation, expiration]
    data = b"".join(text.encode() + b"\0" for text in texts)
    # SHA-1 is what the standard defines; as the key of an HMAC it is not broken.
    digest = hmac.new(key.reveal().encode(), data, hashlib.sha1).digest()
    return base64.b64encode(digest[:12]).decode()


def verify_mac(
    sender: Credential,
    from_: Iterable[Credential],
    keys: Iterable[Secret],
    *,
    now: datetime,
    skew: timedelta = timedelta(0),
) -> MacVerdict:
    """Whether the MAC of the Sender's credential is right for one of the From credentials under one of the keys.

    Which From credential a hub takes is not laid down, so each is tried. Raises ValueError when there is no MAC."""
    mac = sender.mac
    if mac is None:
        raise ValueError("the credential carries no CredentialMac")
    if mac.type != "FromSenderCredentials" or mac.algorithm != "HMAC-SHA1-96":
        return MacVerdict.UNKNOWN_METHOD
    try:
        creation, expiration = (dates.read(text)[0] for text in (mac.creation, mac.expiration))
    except dates.NotADate:
        return MacVerdict.UNREADABLE_DATES
    if not isinstance(creation, datetime) or not isinstance(expiration, datetime):
        return MacVerdict.UNREADABLE_DATES
    valid = [
        Secret(mac_of(key, credential.identifier, sender.identifier, mac.creation, mac.expiration))
        for key in keys
        for credential in from_
    ]
    if not same_secret(Secret(mac.value.reveal().strip()), valid):
        return MacVerdict.WRONG
    if now < creation - skew:
        return MacVerdict.NOT_YET
    if now > expiration + skew:
        return MacVerdict.EXPIRED
    return MacVerdict.VALID

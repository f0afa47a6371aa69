"""Keys that the ERP and integrators call `/api/` with: `cd_live_<8 id>_<32 secret>`, `cd_test_` outside real business.

The secret has some 190 random bits, so its SHA-256 is kept and no password hash is paid at each call. A name may have
two live keys at once: the second is made, brought to the caller, and the first revoked."""

import hashlib
import hmac
import re
import secrets
import string
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, Session, col, select

from app.storage.base import LIVE, Row, UtcDateTime

ID_LENGTH, SECRET_LENGTH = 8, 32
LIVE_AT_ONCE: Final = 2
NOTED_EACH: Final = timedelta(minutes=10)
"""How precisely it is written down when a key was used last."""

_ID_ALPHABET = string.ascii_lowercase + string.digits
_SECRET_ALPHABET = string.ascii_letters + string.digits
_KEY = re.compile(rf"cd_(live|test)_([a-z0-9]{{{ID_LENGTH}}})_([A-Za-z0-9]{{{SECRET_LENGTH}}})")
_NOBODYS: Final = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


class Scope(StrEnum):
    """What a key may do: each URL below `/api/` names the one that it needs. APPROVALS_DECIDE_LARGE adds to
    APPROVALS_DECIDE: no code of the person is asked for above the amount that a link decides."""

    ORDERS_READ = "orders:read"
    APPROVALS_READ = "approvals:read"
    APPROVALS_DECIDE = "approvals:decide"
    APPROVALS_DECIDE_LARGE = "approvals:decide-large"
    FLOWS_SIMULATE = "flows:simulate"


class ApiKeyRow(Row, table=True):
    """
    id          the readable part of the key, by which pages and the record name it.
    name        whose key it is: the system that calls.
    customers   ids of the customers whose data it reaches; None: of all.
    expires_at  None: until it is revoked.
    used_at     to ten minutes.
    """

    __tablename__ = "cd_api_keys"

    id: str = Field(primary_key=True, max_length=ID_LENGTH)
    realm: str = Field(max_length=20)
    name: str = Field(max_length=100)
    secret_sha256: str = Field(max_length=64)
    scopes: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    customers: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (Index("ix_cd_api_keys_realm_name", "realm", "name"),)

    def live(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    @property
    def shown(self) -> str:
        """All of the key that may be shown again."""
        return f"cd_{_kind(self.realm)}_{self.id}_…"


def _kind(realm: str) -> str:
    return "live" if realm == LIVE else "test"


def made(realm: str) -> tuple[str, str, str]:
    """The id, the secret's digest, and the whole key, which is shown once."""
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(ID_LENGTH))
    secret = "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(SECRET_LENGTH))
    return key_id, _digest(secret), f"cd_{_kind(realm)}_{key_id}_{secret}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def presented(session: Session, text: str, at: datetime) -> ApiKeyRow | None:
    """The live key that this text is. A key that nobody has costs the same look-up and comparison."""
    parts = _KEY.fullmatch(text)
    if parts is None:
        return None
    kind, key_id, secret = parts.groups()
    row = session.get(ApiKeyRow, key_id)
    fits = hmac.compare_digest(row.secret_sha256 if row else _NOBODYS, _digest(secret))
    return row if row is not None and fits and _kind(row.realm) == kind and row.live(at) else None


def of_realm(session: Session, realm: str) -> list[ApiKeyRow]:
    """By name, the newest first."""
    query = select(ApiKeyRow).where(ApiKeyRow.realm == realm)
    return list(session.exec(query.order_by(ApiKeyRow.name, col(ApiKeyRow.created_at).desc(), ApiKeyRow.id)))


def live_of(session: Session, realm: str, name: str, at: datetime) -> list[ApiKeyRow]:
    """The newest first."""
    return [row for row in of_realm(session, realm) if row.name == name and row.live(at)]

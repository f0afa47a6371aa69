"""Who may talk to us: connections, the names they go by, and what they prove themselves with."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field

from app.storage.base import Row, UtcDateTime, new_id


class Role(StrEnum):
    """What an identity means on a connection: who authenticates, on whose behalf, or which of our own names."""

    SENDER = "sender"
    FROM = "from"
    TO = "to"


class PartnerRow(Row, table=True):
    """A connection: one party that authenticates, be it a buyer or a hub that fronts many.

    settings       by protocol name; each is typed by `protocols/<name>/settings.py`.
    return_hosts   where a shopper's browser may post a cart: `host`, `host:port` or `*.domain`.
    frame_origins  origins whose pages may show the shop in a frame.
    """

    __tablename__ = "cd_partners"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    name: str = Field(max_length=200)
    active: bool = True
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    return_hosts: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    frame_origins: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (UniqueConstraint("realm", "name"),)


class PartnerIdentityRow(Row, table=True):
    """A name in a scheme, kept as it was entered and folded for comparison (trimmed, case-insensitive).

    Sender identities are unique in a realm: they say which connection speaks. One identity may stand for many
    customers' connections as From or To."""

    __tablename__ = "cd_partner_identities"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    partner_id: str = Field(foreign_key="cd_partners.id", ondelete="CASCADE", max_length=36)
    role: str = Field(max_length=10)
    domain: str = Field(max_length=200)
    identity: str = Field(max_length=500)
    domain_folded: str = Field(max_length=200)
    identity_folded: str = Field(max_length=500)
    customer_id: str | None = Field(default=None, foreign_key="cd_customers.id", max_length=36)

    __table_args__ = (
        UniqueConstraint(
            "partner_id", "role", "domain_folded", "identity_folded", name="uq_cd_partner_identities_name"
        ),
        Index(
            "uq_cd_partner_identities_sender",
            "realm",
            "domain_folded",
            "identity_folded",
            unique=True,
            sqlite_where=text("role = 'sender'"),
            postgresql_where=text("role = 'sender'"),
        ),
    )


class PartnerSecretRow(Row, table=True):
    """A sealed secret with its dates of use; two are valid at once while a partner changes over.

    purpose  what it proves: `app.partners.secrets.Purpose`."""

    __tablename__ = "cd_partner_secrets"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    partner_id: str = Field(foreign_key="cd_partners.id", ondelete="CASCADE", index=True, max_length=36)
    purpose: str = Field(max_length=50)
    sealed: bytes
    valid_from: datetime = Field(sa_type=UtcDateTime)
    valid_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)

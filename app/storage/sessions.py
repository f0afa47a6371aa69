"""A shopper's visit: how it begins, what is in the cart, how it ends.

Codes and tokens are 256 random bits that the browser carries in its URL; here are only their SHA-256 digests.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint
from sqlmodel import Field

from app.storage.base import DecimalText, Row, UtcDateTime, new_id


class SessionState(StrEnum):
    """
    invited    set up by the buyer's system, its start page not opened yet.
    open       the shopper is in the shop.
    returned   the cart went home.
    cancelled  the shopper went home without it.
    """

    INVITED = "invited"
    OPEN = "open"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class PunchoutSessionRow(Row, table=True):
    """
    price_list         fixed at the beginning, as is `currency`; a later change of the customer's does not touch it.
    language           BCP 47; None until the start page when the setup request named none.
    request            the canonical PunchoutRequest, as JSON.
    answer_to          what the returned cart must repeat of the setup's header (`partners.identify.AnswerTo`).
    framed_by          origins that may show the shop in a frame.
    cart_version       counts changes of the cart, so that two windows notice each other.
    started_by         digest of address and user agent that used the start code.
    last_seen_at       for the idle limit; expires_at is the absolute one.
    ended_by           key of the form that ended it: the second half of a double press is told by it.
    message_id         of the message that went home (cXML payloadID).
    """

    __tablename__ = "cd_punchout_sessions"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    partner_id: str = Field(foreign_key="cd_partners.id", max_length=36)
    customer_id: str = Field(foreign_key="cd_customers.id", max_length=36)
    exchange_id: str | None = Field(default=None, foreign_key="cd_exchanges.id", max_length=36)
    correlation_id: str = Field(max_length=36)
    test: bool = False
    state: str = Field(default=SessionState.INVITED, max_length=20)
    operation: str = Field(max_length=10)
    person: str | None = Field(default=None, max_length=320)
    price_list: str | None = Field(default=None, max_length=50)
    currency: str = Field(max_length=3)
    language: str | None = Field(default=None, max_length=20)
    return_url: str = Field(max_length=2_000)
    request: str = Field(sa_type=Text)
    answer_to: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    framed_by: list[str] = Field(sa_column=Column(JSON, nullable=False))
    started_by: str | None = Field(default=None, max_length=64)
    cart_version: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str | None = Field(default=None, max_length=64)
    message_id: str | None = Field(default=None, max_length=300)

    __table_args__ = (Index("ix_cd_punchout_sessions_realm_partner_id_id", "realm", "partner_id", "id"),)


class StartCodeRow(Row, table=True):
    """A start code; `used_at` is set by one conditional UPDATE, which is what makes it single-use."""

    __tablename__ = "cd_start_codes"

    sha256: str = Field(primary_key=True, max_length=64)
    session_id: str = Field(foreign_key="cd_punchout_sessions.id", ondelete="CASCADE", index=True, max_length=36)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ShopTokenRow(Row, table=True):
    """A token that opens a session. There is a second one only where a partner's system loads the start URL twice."""

    __tablename__ = "cd_shop_tokens"

    sha256: str = Field(primary_key=True, max_length=64)
    session_id: str = Field(foreign_key="cd_punchout_sessions.id", ondelete="CASCADE", index=True, max_length=36)


class CartLineRow(Row, table=True):
    """
    auxiliary_id  part of the line's identity on the buyer's side (cXML SupplierPartAuxiliaryID): made here for a new
                  line, kept as it came for a line that is edited. `auxiliary_markup`: it is inner XML.
    came          the line as the buyer sent it (canonical CartLine, as JSON); None for a line of this visit.
    """

    __tablename__ = "cd_cart_lines"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    session_id: str = Field(foreign_key="cd_punchout_sessions.id", ondelete="CASCADE", max_length=36)
    position: int
    sku: str = Field(max_length=100)
    quantity: Decimal = Field(sa_type=DecimalText)
    auxiliary_id: str = Field(max_length=500)
    auxiliary_markup: bool = False
    came: str | None = Field(default=None, sa_type=Text)

    __table_args__ = (
        UniqueConstraint("session_id", "position"),
        Index("ix_cd_cart_lines_auxiliary_id", "auxiliary_id"),
    )


class UsedFormRow(Row, table=True):
    """A form that was sent once: the same key from the same page does nothing again (double press, back, reload)."""

    __tablename__ = "cd_used_forms"

    session_id: str = Field(foreign_key="cd_punchout_sessions.id", ondelete="CASCADE", primary_key=True, max_length=36)
    key: str = Field(primary_key=True, max_length=64)
    sku: str = Field(primary_key=True, max_length=100)


class ReturnedCartRow(Row, table=True):
    """A cart that went home: at most one a session.

    operation_allowed  the most that the buyer may ask for later.
    cart               the canonical Cart as it was sent, as JSON: a later order is compared with it.
    cookie_sha256      digest of the buyer's cookie (`returned_carts.digest`); absent for carts of before 0032."""

    __tablename__ = "cd_returned_carts"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    session_id: str = Field(foreign_key="cd_punchout_sessions.id", unique=True, max_length=36)
    realm: str = Field(max_length=20)
    customer_id: str = Field(foreign_key="cd_customers.id", index=True, max_length=36)
    operation_allowed: str = Field(max_length=10)
    cart: str = Field(sa_type=Text)
    cookie_sha256: str | None = Field(default=None, max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (Index("ix_cd_returned_carts_cookie_sha256", "cookie_sha256"),)

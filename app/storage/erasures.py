"""What is kept for how long, and what was erased: rows about data that is not there any more."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from app.storage.base import Row, UtcDateTime, new_id


class Cause(StrEnum):
    """
    retention  older than its rule allows.
    order      everything about one order, on somebody's demand.
    person     everything about one person, likewise.
    """

    RETENTION = "retention"
    ORDER = "order"
    PERSON = "person"


class RetentionRuleRow(Row, table=True):
    """How many days the bytes of exchanges are kept. The rule that says most wins: partner and kind, partner, kind.

    kind  in the protocol's own words (`PunchOutSetupRequest`); None: every kind."""

    __tablename__ = "cd_retention_rules"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    partner_id: str | None = Field(default=None, foreign_key="cd_partners.id", ondelete="CASCADE", max_length=36)
    kind: str | None = Field(default=None, max_length=100)
    days: int
    created_at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (Index("ix_cd_retention_rules_realm_partner_id", "realm", "partner_id"),)


class ErasureRow(Row, table=True):
    """One run of erasing; each body that it erased names it.

    subject  the order's id; of a person only the SHA-256 of the folded address, since the address is what had to go.
    reason   for people, of a demand. `bodies` is how many the run erased, `documents` how many documents of orders.
    """

    __tablename__ = "cd_erasures"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    cause: str = Field(max_length=10)
    subject: str | None = Field(default=None, max_length=64)
    reason: str | None = Field(default=None, max_length=1_000)
    bodies: int = 0
    documents: int = 0
    began_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

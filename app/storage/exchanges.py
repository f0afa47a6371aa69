"""The ledger: every message in or out is a row; its bytes lie beside it, sealed with a key of their own."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, ColumnElement, Index, LargeBinary, and_, text
from sqlmodel import Field, Session, col

from app.storage.base import Row, UtcDateTime, new_id


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class ExchangeState(StrEnum):
    """
    received   recorded, not read yet; after a crash it may stay so, and the sender, who got no answer, sends again.
    accepted   read and taken.
    refused    read and answered with no.
    duplicate  the same document again: the stored answer was given.
    conflict   the same key with other bytes: both are kept, the second was not taken.
    failed     a bug of ours; the answer said so, and an alert was raised.
    answer     what was sent back in the same connection.
    sending    ours, on its way; then accepted, refused or failed, as the partner's answer says.
    carried    given to a shopper's browser, which takes it to the buyer: whether it arrived is not told to us.
    """

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    FAILED = "failed"
    ANSWER = "answer"
    SENDING = "sending"
    CARRIED = "carried"


IS_NAMED: Final = text("request_id IS NOT NULL")
LAST: Final = "\U0010ffff"
"""No text that begins with another one stands behind it with this character."""

REPEATED: Final = (ExchangeState.DUPLICATE, ExchangeState.CONFLICT)
_IS_REPEATED: Final = text("state IN ('duplicate', 'conflict')")
NOT_TAKEN: Final = (ExchangeState.REFUSED, ExchangeState.CONFLICT, ExchangeState.FAILED)
IS_NOT_TAKEN: Final = text("direction = 'in' AND state IN ('refused', 'conflict', 'failed')")
"""A document that came and had no effect, in the words of the index of these."""


class ExchangeRow(Row, table=True):
    """
    transport     `http`, ...; `remote` is the address it came from or went to.
    kind          in the protocol's own words (`OrderRequest`); unknown until it was read.
    control_id    the document's own id (cXML payloadID).
    media_type    the Content-Type as received or sent, boundary included.
    status        the HTTP status of an answer.
    faults        everything found wrong or odd, as canonical faults.
    request_id    what the caller calls its request, `trace` the trace it names (`app.trace`); neither is unique.
    caused        what came of it: `caused_kind` (`order`, `punchout_session`) and its id.
    answers       on an answer, the exchange that asked; `answered_by` the way back.
    """

    __tablename__ = "cd_exchanges"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    direction: str = Field(max_length=3)
    partner_id: str | None = Field(default=None, foreign_key="cd_partners.id", max_length=36)
    customer_id: str | None = Field(default=None, foreign_key="cd_customers.id", max_length=36)
    transport: str = Field(max_length=20)
    remote: str | None = Field(default=None, max_length=200)
    protocol: str = Field(max_length=20)
    kind: str | None = Field(default=None, max_length=100)
    control_id: str | None = Field(default=None, max_length=1_000)
    state: str = Field(max_length=20)
    test: bool = False
    media_type: str | None = Field(default=None, max_length=500)
    status: int | None = None
    faults: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    correlation_id: str = Field(max_length=36)
    request_id: str | None = Field(default=None, max_length=64)
    trace: str | None = Field(default=None, max_length=40)
    caused_kind: str | None = Field(default=None, max_length=40)
    caused_id: str | None = Field(default=None, max_length=36)
    answers: str | None = Field(default=None, max_length=36)
    answered_by: str | None = Field(default=None, max_length=36)
    at: datetime = Field(sa_type=UtcDateTime)
    size: int = Field(sa_type=BigInteger)
    sha256: str = Field(max_length=64)

    __table_args__ = (
        Index("ix_cd_exchanges_realm_partner_id_id", "realm", "partner_id", "id"),
        Index("ix_cd_exchanges_correlation_id", "correlation_id"),
        Index("ix_cd_exchanges_request_id", "request_id", sqlite_where=IS_NAMED, postgresql_where=IS_NAMED),
        Index("ix_cd_exchanges_caused_id", "caused_id"),
        Index("ix_cd_exchanges_realm_at", "realm", "at"),
        Index("ix_cd_exchanges_control_id", "control_id", postgresql_ops={"control_id": "text_pattern_ops"}),
        Index(
            "ix_cd_exchanges_repeated",
            "realm",
            "partner_id",
            sqlite_where=_IS_REPEATED,
            postgresql_where=_IS_REPEATED,
        ),
        Index("ix_cd_exchanges_not_taken", "realm", "id", sqlite_where=IS_NOT_TAKEN, postgresql_where=IS_NOT_TAKEN),
    )


def control_id_begins(session: Session, beginning: str) -> ColumnElement[bool]:
    """A condition that the index serves: PostgreSQL's is one of patterns, SQLite's serves ranges but no LIKE."""
    control_id = col(ExchangeRow.control_id)
    if session.get_bind().dialect.name == "postgresql":
        return control_id.startswith(beginning, autoescape=True)
    return and_(control_id >= beginning, control_id < beginning + LAST)


class ExchangeBodyRow(Row, table=True):
    """The exact bytes, sealed. Erased ones have lost key and bytes; hash and row stay as evidence, and `erasure_id`
    says which erasure it was."""

    __tablename__ = "cd_exchange_bodies"

    exchange_id: str = Field(primary_key=True, foreign_key="cd_exchanges.id", ondelete="CASCADE", max_length=36)
    sealed_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    sealed_body: bytes
    erasure_id: str | None = Field(default=None, max_length=36)


class QuarantineRow(Row, table=True):
    """What came from nobody we know: capped in number and bytes, the oldest go first.

    claimed  the senders it named itself, as text for people; `kept` how many of `size` bytes the body holds."""

    __tablename__ = "cd_quarantine"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20, index=True)
    transport: str = Field(max_length=20)
    remote: str | None = Field(default=None, max_length=200)
    protocol: str = Field(max_length=20)
    reason: str = Field(max_length=500)
    claimed: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    media_type: str | None = Field(default=None, max_length=500)
    at: datetime = Field(sa_type=UtcDateTime)
    size: int = Field(sa_type=BigInteger)
    kept: int
    sha256: str = Field(max_length=64)
    sealed_key: bytes
    sealed_body: bytes


class DocumentKeyRow(Row, table=True):
    """That a document was taken: who meets its key again is answered, not processed.

    The key is a digest of what identifies a document for its protocol; `body_sha256` tells a resend from another
    document under the same key. Written in one transaction with the effect and with the answer."""

    __tablename__ = "cd_document_keys"

    realm: str = Field(primary_key=True, max_length=20)
    partner_id: str = Field(primary_key=True, foreign_key="cd_partners.id", ondelete="CASCADE", max_length=36)
    key_sha256: str = Field(primary_key=True, max_length=64)
    body_sha256: str = Field(max_length=64)
    exchange_id: str = Field(max_length=36)
    answer_id: str | None = Field(default=None, max_length=36)
    at: datetime = Field(sa_type=UtcDateTime, index=True)

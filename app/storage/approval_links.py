"""Links in mails by which a task is decided: each mail has its own, for one task and one person.

The token is 256 random bits. Its SHA-256 is what a link is found by; the token itself lies sealed until its mail has
left, since every attempt at a mail is the same mail, and is gone after that. So a reminder brings another link, and the
first one works on.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, Session, select

from app.seal import KeyRing, Place, Secret, Unsealable
from app.storage.base import Row, UtcDateTime, new_id

VALID: Final = timedelta(days=14)
LONGEST: Final = 100
"""What is longer was never a token."""


class ApprovalLinkRow(Row, table=True):
    """`sealed` is the token until its mail has left."""

    __tablename__ = "cd_approval_links"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    task_id: str = Field(max_length=36)
    person_id: str = Field(foreign_key="cd_people.id", max_length=36)
    token_sha256: str = Field(unique=True, max_length=64)
    sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)

    __table_args__ = (Index("ix_cd_approval_links_task_id_person_id", "task_id", "person_id"),)


def begin(
    tx: Session, keys: KeyRing, *, link_id: str, realm: str, task_id: str, person_id: str, now: datetime
) -> ApprovalLinkRow:
    token = Secret(secrets.token_urlsafe(32))
    row = ApprovalLinkRow(
        id=link_id,
        realm=realm,
        task_id=task_id,
        person_id=person_id,
        token_sha256=_digest(token.reveal()),
        sealed=keys.seal_text(token, _place(link_id)),
        created_at=now,
        expires_at=now + VALID,
    )
    tx.add(row)
    return row


def token_of(row: ApprovalLinkRow, keys: KeyRing) -> Secret | None:
    """None once its mail has left."""
    try:
        return None if row.sealed is None else keys.open_text(row.sealed, _place(row.id))
    except Unsealable:
        return None


def by_token(session: Session, token: str) -> ApprovalLinkRow | None:
    if len(token) > LONGEST:
        return None
    return session.exec(select(ApprovalLinkRow).where(ApprovalLinkRow.token_sha256 == _digest(token))).one_or_none()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _place(link_id: str) -> Place:
    return Place("cd_approval_links", link_id, "sealed")

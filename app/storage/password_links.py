"""Links in mails by which people choose a password.

The token is 256 random bits and only its SHA-256 is kept: it is made when its mail goes out, so each attempt at a mail
has a token of its own, and any of them works. Whoever chooses a password by one, or gets another in any way, makes all
of them worthless.
"""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Field, Session, col

from app.seal import Secret
from app.storage.base import Row, UtcDateTime

LONGEST = 100
"""What is longer was never a token."""


class PasswordLinkRow(Row, table=True):
    __tablename__ = "cd_password_links"

    token_sha256: str = Field(primary_key=True, max_length=64)
    realm: str = Field(max_length=20)
    person_id: str = Field(foreign_key="cd_people.id", index=True, max_length=36)
    mail_id: str = Field(max_length=36)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


def begin(
    tx: Session, *, realm: str, person_id: str, mail_id: str, created_at: datetime, expires_at: datetime
) -> Secret:
    """The token of a new link."""
    token = Secret(secrets.token_urlsafe(32))
    tx.add(
        PasswordLinkRow(
            token_sha256=_digest(token.reveal()),
            realm=realm,
            person_id=person_id,
            mail_id=mail_id,
            created_at=created_at,
            expires_at=expires_at,
        )
    )
    return token


def by_token(session: Session, token: str, at: datetime) -> PasswordLinkRow | None:
    """None for what was never a link, has run out or was used."""
    if len(token) > LONGEST:
        return None
    row = session.get(PasswordLinkRow, _digest(token))
    return row if row is not None and at < row.expires_at else None


def use(tx: Session, token: str, at: datetime) -> str | None:
    """Uses the link up, by one conditional statement; the id of its person, or None when it was no longer there."""
    row = by_token(tx, token, at)
    if row is None:
        return None
    used = delete(PasswordLinkRow).where(col(PasswordLinkRow.token_sha256) == row.token_sha256)
    return row.person_id if tx.connection().execute(used).rowcount == 1 else None


def forget(tx: Session, person_id: str) -> None:
    """All links of a person lead nowhere any more."""
    tx.connection().execute(delete(PasswordLinkRow).where(col(PasswordLinkRow.person_id) == person_id))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

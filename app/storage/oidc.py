"""Signing in by OpenID Connect: the provider, who is who there, and browsers that are on their way."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlmodel import Field, Session, col, select

from app.seal import KeyRing, Place, Secret
from app.storage.base import Row, UtcDateTime
from app.storage.people import PersonRow, session_key

ON_THE_WAY: Final = timedelta(minutes=10)


class OidcProviderRow(Row, table=True):
    """One a realm.

    sealed        the client secret.
    default_role  what somebody may do who signs in and is not known here; None: they are not let in.
    private       it may lie in a private network and be spoken to over plain http.
    """

    __tablename__ = "cd_oidc_providers"

    realm: str = Field(primary_key=True, max_length=20)
    issuer: str = Field(max_length=500)
    client_id: str = Field(max_length=200)
    sealed: bytes
    default_role: str | None = Field(default=None, max_length=20)
    private: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)

    def secret(self, keys: KeyRing) -> Secret:
        return keys.open_text(self.sealed, _place(self.realm))


class OidcIdentityRow(Row, table=True):
    """Whom the provider means by a subject, once it was told by a verified mail address."""

    __tablename__ = "cd_oidc_identities"

    realm: str = Field(primary_key=True, max_length=20)
    issuer: str = Field(primary_key=True, max_length=500)
    subject: str = Field(primary_key=True, max_length=255)
    person_id: str = Field(foreign_key="cd_people.id", ondelete="CASCADE", index=True, max_length=36)
    linked_at: datetime = Field(sa_type=UtcDateTime)


class OidcSignInRow(Row, table=True):
    """A browser that was sent to the provider; its cookie is kept as its SHA-256 only."""

    __tablename__ = "cd_oidc_sign_ins"

    id_sha256: str = Field(primary_key=True, max_length=64)
    realm: str = Field(max_length=20)
    began_at: datetime = Field(sa_type=UtcDateTime)


def sealed(keys: KeyRing, realm: str, secret: Secret) -> bytes:
    return keys.seal_text(secret, _place(realm))


def _place(realm: str) -> Place:
    return Place("cd_oidc_providers", realm, "sealed")


def send_off(session: Session, realm: str, cookie: str, at: datetime) -> None:
    session.add(OidcSignInRow(id_sha256=session_key(cookie), realm=realm, began_at=at))


def come_back(session: Session, realm: str, cookie: str, at: datetime) -> bool:
    """Whether this browser was sent off, and not too long ago; once."""
    gone = (
        delete(OidcSignInRow)
        .where(col(OidcSignInRow.id_sha256) == session_key(cookie), col(OidcSignInRow.realm) == realm)
        .where(col(OidcSignInRow.began_at) > at - ON_THE_WAY)
    )
    return session.connection().execute(gone).rowcount == 1


def known(session: Session, realm: str, issuer: str, subject: str) -> PersonRow | None:
    row = session.get(OidcIdentityRow, (realm, issuer, subject))
    return None if row is None else session.get(PersonRow, row.person_id)


def has_identity(session: Session, person_id: str, issuer: str) -> bool:
    query = select(OidcIdentityRow.subject).where(
        OidcIdentityRow.person_id == person_id, OidcIdentityRow.issuer == issuer
    )
    return session.exec(query.limit(1)).first() is not None


def forget_identities(session: Session, person_id: str) -> None:
    session.connection().execute(delete(OidcIdentityRow).where(col(OidcIdentityRow.person_id) == person_id))


def by_email(session: Session, realm: str, email: str) -> list[PersonRow]:
    return list(session.exec(select(PersonRow).where(PersonRow.realm == realm, PersonRow.email == email)))

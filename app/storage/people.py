"""Who signs in: people, their roles, and the sessions of their browsers."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint, delete, update
from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime, new_id


class Role(StrEnum):
    """
    admin        people, partners, rules; may decide in place of others, with a reason.
    flow_author  writes and publishes approval rules.
    operator     the desk: settles held orders.
    approver     may be asked to approve orders.
    auditor      sees everything, changes nothing.
    """

    ADMIN = "admin"
    FLOW_AUTHOR = "flow_author"
    OPERATOR = "operator"
    APPROVER = "approver"
    AUDITOR = "auditor"


class PersonRow(Row, table=True):
    """
    login      what they sign in with, folded.
    email      folded; by it a requester is recognised who must not approve the own order.
    password   the argon2 hash; None: signs in by the company's account alone, and gets no link to choose one.
    demo       made for the demo, with a password that a file tells.
    customers  ids of the customers whose orders they see; None: of all.
    """

    __tablename__ = "cd_people"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    login: str = Field(max_length=100)
    name: str = Field(max_length=200)
    email: str | None = Field(default=None, max_length=320)
    password: str | None = Field(default=None, max_length=200)
    roles: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    customers: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    language: str | None = Field(default=None, max_length=10)
    active: bool = True
    demo: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    signed_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (UniqueConstraint("realm", "login"),)

    def has(self, *roles: Role) -> bool:
        """Whether they hold one of these roles."""
        return any(role in self.roles for role in roles)

    def may_sign_in(self, *, demo: bool) -> bool:
        """`demo`: this is the demo, the only place where its people are let in."""
        return self.active and (demo or not self.demo)

    def serves(self, customer_id: str) -> bool:
        return self.customers is None or customer_id in self.customers


class PersonSessionRow(Row, table=True):
    """One signed-in browser. The id in the cookie is random and kept as its SHA-256 only."""

    __tablename__ = "cd_person_sessions"

    id_sha256: str = Field(primary_key=True, max_length=64)
    realm: str = Field(max_length=20)
    person_id: str = Field(foreign_key="cd_people.id", ondelete="CASCADE", index=True, max_length=36)
    began_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    address: str | None = Field(default=None, max_length=100)
    browser: str | None = Field(default=None, max_length=200)


class PendingSignInRow(Row, table=True):
    """A browser whose person has proved the password and not yet the second factor. A table of its own: nothing that
    looks for a session can take one of these for it."""

    __tablename__ = "cd_pending_sign_ins"

    id_sha256: str = Field(primary_key=True, max_length=64)
    realm: str = Field(max_length=20)
    person_id: str = Field(foreign_key="cd_people.id", ondelete="CASCADE", index=True, max_length=36)
    began_at: datetime = Field(sa_type=UtcDateTime)


def folded(name: str) -> str:
    """As logins and mail addresses are kept and compared."""
    return name.strip().casefold()


def by_login(session: Session, realm: str, login: str) -> PersonRow | None:
    return session.exec(select(PersonRow).where(PersonRow.realm == realm, PersonRow.login == folded(login))).first()


def of_realm(session: Session, realm: str) -> list[PersonRow]:
    """In the order of their logins."""
    return list(session.exec(select(PersonRow).where(PersonRow.realm == realm).order_by(PersonRow.login)))


def named(session: Session, realm: str, ids: Iterable[str | None]) -> dict[str, str]:
    """id -> name, for the people that exist."""
    wanted = {person_id for person_id in ids if person_id}
    query = select(PersonRow).where(PersonRow.realm == realm, col(PersonRow.id).in_(wanted))
    return {person.id: person.name for person in session.exec(query)}


def of_names(session: Session, realm: str, names: Iterable[str]) -> list[PersonRow]:
    """People whose login or mail address is one of these folded names."""
    wanted = set(names)
    if not wanted:
        return []
    matches: Any = col(PersonRow.login).in_(wanted) | col(PersonRow.email).in_(wanted)
    return list(session.exec(select(PersonRow).where(PersonRow.realm == realm, matches)))


def work_together(one: PersonRow, other: PersonRow) -> bool:
    """Whether there are customers that both work for."""
    if one.realm != other.realm:
        return False
    return one.customers is None or other.customers is None or not set(one.customers).isdisjoint(other.customers)


def session_key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def signed_in(session: Session, person_id: str, at: datetime) -> None:
    session.connection().execute(update(PersonRow).where(col(PersonRow.id) == person_id).values(signed_in_at=at))


def end_sessions(session: Session, person_id: str) -> None:
    """Signs a person out everywhere, also where the second factor is being asked for."""
    session.connection().execute(delete(PersonSessionRow).where(col(PersonSessionRow.person_id) == person_id))
    session.connection().execute(delete(PendingSignInRow).where(col(PendingSignInRow.person_id) == person_id))


def sessions_of(session: Session, person_id: str) -> list[PersonSessionRow]:
    """The one that was seen last comes first."""
    query = select(PersonSessionRow).where(PersonSessionRow.person_id == person_id)
    return list(session.exec(query.order_by(col(PersonSessionRow.seen_at).desc(), PersonSessionRow.id_sha256)))

"""Who may sign in, and as what. Commands and pages keep people by the same rules, and each change is an entry of the
audit record that says what was before; names, logins and addresses are not in it, so that a person can be erased.

There is always an administrator left who can sign in and works for all customers: without one nobody could make the
next. Whoever works for some customers keeps people of those customers only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import Session, col, select

from app.errors import No, Refusal
from app.flows import stand_in
from app.gateway import Gateway
from app.languages import LANGUAGES, offered
from app.letters.letter import OF_PASSWORDS
from app.mail_address import is_address
from app.storage import audit, mails, password_links, people
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow, Role

LONGEST_LOGIN: Final = 100
LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    hashed     the password's hash; None: signs in by the company's account alone.
    customers  ids; None: all of them.
    """

    login: str
    name: str
    email: str | None = None
    roles: Iterable[str] = ()
    customers: Iterable[str] | None = None
    language: str | None = None
    hashed: str | None = None


def may_keep(keeper: PersonRow, person: PersonRow) -> bool:
    """Whether this administrator has a say over that person: never over who sees more than they do."""
    if keeper.realm != person.realm:
        return False
    if keeper.customers is None:
        return True
    return person.customers is not None and set(person.customers) <= set(keeper.customers)


def refuse_more(keeper: PersonRow, person: PersonRow) -> None:
    """Raises Refusal for a person who would see more than the administrator who made or changed them."""
    if not may_keep(keeper, person):
        raise Refusal(No.FORBIDDEN, "Choose among the customers that you work for yourself.")


def add(tx: Session, gateway: Gateway, wanted: Wanted, *, realm: str, actor: str, channel: str) -> PersonRow:
    """Raises Refusal, CONFLICT for a login that somebody has."""
    login = people.folded(wanted.login)
    if not login or len(login) > LONGEST_LOGIN:
        raise Refusal(No.UNACCEPTABLE, f"A login has 1 to {LONGEST_LOGIN} characters.")
    if people.by_login(tx, realm, login) is not None:
        raise Refusal(No.CONFLICT, f"There is a person {login} already.")
    person = PersonRow(
        id=gateway.ids(),
        realm=realm,
        login=login,
        name=_name(wanted.name),
        email=_email(wanted.email),
        password=wanted.hashed,
        roles=_roles(wanted.roles),
        customers=_customers(tx, realm, wanted.customers),
        language=_language(wanted.language),
        created_at=gateway.clock.now(),
    )
    tx.add(person)
    tx.flush()
    _record(tx, gateway, person, "person_added", {"roles": person.roles, "customers": person.customers}, actor, channel)
    return person


def set_contact(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    *,
    actor: str,
    channel: str,
    name: str | None = None,
    email: str | None = None,
    language: str | None = None,
) -> None:
    """What is None stays; an empty address or language is taken away. Links that went to another address lead nowhere
    any more. Raises Refusal."""
    if name is not None:
        person.name = _name(name)
    if email is not None:
        address = _email(email)
        if address != person.email:
            _forget_links(tx, gateway, person)
        person.email = address
    if language is not None:
        person.language = _language(language)
    tx.add(person)
    given = {"name": name, "email": email, "language": language}
    said = {"fields": [field for field, value in given.items() if value is not None]}
    _record(tx, gateway, person, "person_changed", said, actor, channel)


def set_password(tx: Session, gateway: Gateway, person: PersonRow, hashed: str, *, actor: str, channel: str) -> None:
    """Another password ends every session and every link by which one could be chosen."""
    _forget_links(tx, gateway, person)
    person.password = hashed
    tx.add(person)
    people.end_sessions(tx, person.id)
    _record(tx, gateway, person, "password_changed", {}, actor, channel)


def set_roles(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    roles: Iterable[str],
    *,
    actor: str,
    channel: str,
) -> None:
    """In place of those before; ends every session. What waits for somebody who is no approver any more is asked of
    others. Raises Refusal."""
    wanted, before = _roles(roles), person.roles
    person.roles = wanted
    tx.add(person)
    _someone_is_left(tx, person)
    people.end_sessions(tx, person.id)
    _record(tx, gateway, person, "person_roles", {"roles": wanted, "before": before}, actor, channel)
    if Role.APPROVER in before and Role.APPROVER not in wanted:
        stand_in.left(tx, gateway, person.id, gateway.clock.now())


def set_customers(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    customers: Iterable[str] | None,
    *,
    actor: str,
    channel: str,
) -> None:
    """Ids of the customers they work for, None for all; open tasks of others are asked of others. Raises Refusal."""
    wanted, before = _customers(tx, person.realm, customers), person.customers
    person.customers = wanted
    tx.add(person)
    _someone_is_left(tx, person)
    _record(tx, gateway, person, "person_customers", {"customers": wanted, "before": before}, actor, channel)
    if wanted is not None:
        stand_in.left(tx, gateway, person.id, gateway.clock.now(), unless_of=wanted)


def switch(tx: Session, gateway: Gateway, person: PersonRow, *, active: bool, actor: str, channel: str) -> None:
    """Lets a person in again, or no more; their sessions end, and what waits for somebody who is let in no more is
    asked of others. Raises Refusal."""
    before = person.active
    person.active = active
    tx.add(person)
    if not active:
        _someone_is_left(tx, person)
        _forget_links(tx, gateway, person)
    people.end_sessions(tx, person.id)
    event = "person_enabled" if active else "person_disabled"
    _record(tx, gateway, person, event, {"before": {"active": before}}, actor, channel)
    if before and not active:
        stand_in.left(tx, gateway, person.id, gateway.clock.now())


def _someone_is_left(tx: Session, changed: PersonRow) -> None:
    tx.flush()
    query = select(PersonRow).where(PersonRow.realm == changed.realm, col(PersonRow.active).is_(True))
    if not any(person.has(Role.ADMIN) and person.customers is None for person in tx.exec(query)):
        raise Refusal(No.CONFLICT, "Nobody would be left to administer: give somebody else the role admin first.")


def _forget_links(tx: Session, gateway: Gateway, person: PersonRow) -> None:
    password_links.forget(tx, person.id)
    mails.drop_unsent(tx, person.email or "", OF_PASSWORDS, gateway.clock.now())


def _name(name: str) -> str:
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        raise Refusal(No.UNACCEPTABLE, f"A name has 1 to {LONGEST_NAME} characters.")
    return name.strip()


def _email(email: str | None) -> str | None:
    address = people.folded(email or "")
    if address and not is_address(address):
        raise Refusal(No.UNACCEPTABLE, "This is no mail address.")
    return address or None


def _language(language: str | None) -> str | None:
    if language and offered(language) is None:
        raise Refusal(No.UNACCEPTABLE, f"Mails speak {', '.join(LANGUAGES)}.")
    return offered(language)


def _roles(roles: Iterable[str]) -> list[str]:
    given = set(roles)
    if not given or not given <= set(Role):
        raise Refusal(No.UNACCEPTABLE, f"Choose at least one of the roles {', '.join(Role)}.")
    return [role.value for role in Role if role in given]


def _customers(tx: Session, realm: str, customers: Iterable[str] | None) -> list[str] | None:
    if customers is None:
        return None
    wanted = sorted(set(customers))
    query = select(CustomerRow.id).where(CustomerRow.realm == realm, col(CustomerRow.id).in_(wanted))
    if len(tx.exec(query).all()) != len(wanted):
        raise Refusal(No.UNKNOWN_REFERENCE, "There is no such customer.")
    return wanted


def _record(
    tx: Session, gateway: Gateway, person: PersonRow, event: str, said: dict[str, Any], actor: str, channel: str
) -> None:
    at, data = gateway.clock.now(), {"person": person.id, **said}
    audit.record(tx, realm=person.realm, at=at, actor=actor, channel=channel, event=event, data=data)

"""Links by which people choose their own password: the invitation of somebody new, and the way back for who forgot.

Nothing changes before a password is chosen, so looking at a link, which programs that read mails do, uses nothing up.
Who has no password here signs in by the company's account alone, and gets no link."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session

from app.errors import No, Refusal
from app.flows import keep_person, write_mail
from app.gateway import Gateway
from app.letters.letter import Kind
from app.storage import audit, password_links, people
from app.storage.base import LIVE
from app.storage.mails import MailRow
from app.storage.people import PersonRow

VALID: Final = {Kind.INVITATION: timedelta(days=7), Kind.NEW_PASSWORD: timedelta(hours=1)}


def send(tx: Session, gateway: Gateway, person: PersonRow, *, actor: str, channel: str) -> None:
    """An administrator has it sent: an invitation until the person has signed in once. Raises Refusal."""
    if gateway.settings.smtp_host is None:
        raise Refusal(No.PRECONDITION, "No mail server is set up, so a link cannot be sent.")
    if person.email is None:
        raise Refusal(No.UNACCEPTABLE, "A link goes by mail: enter the person's mail address.")
    if not _may_have_one(gateway, person):
        raise Refusal(No.CONFLICT, "Only who may sign in with a password is sent a link.")
    kind = Kind.INVITATION if person.signed_in_at is None else Kind.NEW_PASSWORD
    _write(tx, gateway, kind, person, person.language)
    _record(tx, gateway, person.realm, "password_link_sent", actor, channel, {"person": person.id})


def ask(tx: Session, gateway: Gateway, typed: str, language: str) -> None:
    """Somebody forgot a password and typed a login or a mail address: whoever here has it gets a mail, and nobody is
    told whether there is such a person. `language` of who has none of their own."""
    found = [one for one in people.of_names(tx, LIVE, [people.folded(typed)]) if _may_have_one(gateway, one)]
    for person in found:
        _write(tx, gateway, Kind.NEW_PASSWORD, person, person.language or language)
    # What was typed as an unknown name is not kept: people type passwords there.
    said = {"people": [person.id for person in found]}
    _record(tx, gateway, LIVE, "password_link_asked", "unknown", "page", said)


def _may_have_one(gateway: Gateway, person: PersonRow) -> bool:
    return person.password is not None and person.may_sign_in(demo=gateway.settings.demo)


def _write(tx: Session, gateway: Gateway, kind: Kind, person: PersonRow, language: str | None) -> None:
    write_mail.write(
        tx,
        gateway,
        kind,
        person.email or "",
        {"login": person.login, "name": person.name, **_expiry(gateway, kind)},
        realm=person.realm,
        language=language,
        correlation_id=gateway.ids(),
        person_id=person.id,
    )


def _expiry(gateway: Gateway, kind: str) -> dict[str, str]:
    return {"expires_at": (gateway.clock.now() + VALID[Kind(kind)]).isoformat()}


def renew(gateway: Gateway, mail: MailRow) -> None:
    """For a mail that is sent again: its links live as long as those of a new one."""
    mail.data = {**mail.data, **_expiry(gateway, mail.kind)}


def is_needless(tx: Session, gateway: Gateway, mail: MailRow) -> bool:
    """Whether its link would have run out, or its receiver may have none there any more."""
    person = _person_of(tx, mail)
    return (
        person is None
        or not _may_have_one(gateway, person)
        or people.folded(person.email or "") != mail.recipient
        or _expires(mail) <= gateway.clock.now()
    )


def address_for(tx: Session, gateway: Gateway, mail: MailRow) -> str:
    """The address of a new link, for one attempt at its mail."""
    token = password_links.begin(
        tx,
        realm=mail.realm,
        person_id=str(mail.person_id),
        mail_id=mail.id,
        created_at=gateway.clock.now(),
        expires_at=_expires(mail),
    )
    return f"{gateway.settings.url}/password/{token.reveal()}"


def _expires(mail: MailRow) -> datetime:
    return datetime.fromisoformat(mail.data["expires_at"])


def _person_of(tx: Session, mail: MailRow) -> PersonRow | None:
    return tx.get(PersonRow, mail.person_id) if mail.person_id is not None else None


def whose(session: Session, gateway: Gateway, token: str) -> PersonRow | None:
    """Who may choose a password by this link."""
    link = password_links.by_token(session, token, gateway.clock.now())
    person = session.get(PersonRow, link.person_id) if link is not None else None
    return person if person is not None and _may_have_one(gateway, person) else None


def choose(tx: Session, gateway: Gateway, token: str, hashed: str) -> PersonRow | None:
    """Gives the link's person this password, ends their sessions and uses their links up. None when the link leads
    nowhere, or somebody was faster."""
    person = whose(tx, gateway, token)
    if person is None or password_links.use(tx, token, gateway.clock.now()) is None:
        return None
    keep_person.set_password(tx, gateway, person, hashed, actor=audit.by(person.id), channel="mail")
    return person


def _record(
    tx: Session, gateway: Gateway, realm: str, event: str, actor: str, channel: str, data: dict[str, Any]
) -> None:
    audit.record(tx, realm=realm, at=gateway.clock.now(), actor=actor, channel=channel, event=event, data=data)

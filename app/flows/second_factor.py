"""How a person gets a second factor, proves it, and loses it again; each step is in the record."""

from enum import StrEnum

from sqlmodel import Session

from app.errors import No, Refusal
from app.gateway import Gateway
from app.storage import audit, people, second_factors
from app.storage.people import PersonRow
from app.storage.second_factors import SecondFactorRow


class Proof(StrEnum):
    CODE = "code"
    RECOVERY = "recovery_code"


def required(gateway: Gateway, person: PersonRow) -> bool:
    """Whether one of their roles is not let work without it."""
    return any(role in gateway.settings.second_factor_roles for role in person.roles)


def begin(tx: Session, gateway: Gateway, person: PersonRow) -> None:
    """A secret for the person's device, asked of nobody before `confirm`. Raises Refusal CONFLICT over a confirmed
    one."""
    try:
        second_factors.begin(tx, gateway.keys, person.realm, person.id, gateway.clock.now())
    except ValueError as error:
        raise Refusal(No.CONFLICT, "There is a second factor already.") from error
    _record(tx, gateway, person, "second_factor_begun")


def confirm(tx: Session, gateway: Gateway, person: PersonRow, code: str) -> tuple[str, ...] | None:
    """The recovery codes, once a first code fits; else None. Everybody who is signed in as this person is signed out:
    they came in without it."""
    row = tx.get(SecondFactorRow, person.id)
    if row is None or row.confirmed_at is not None:
        raise Refusal(No.CONFLICT, "There is no second factor that waits for its first code.")
    if not second_factors.use_code(tx, gateway.keys, person.id, without_blanks(code), gateway.clock.now()):
        return None
    row.confirmed_at = gateway.clock.now()
    tx.add(row)
    people.end_sessions(tx, person.id)
    _record(tx, gateway, person, "second_factor_added")
    return second_factors.renew_recovery_codes(tx, person.id)


def prove(tx: Session, gateway: Gateway, person: PersonRow, text: str, *, channel: str = "page") -> Proof | None:
    """What the text is, a code of the device or a recovery code, used up by this; None when it is neither."""
    if not second_factors.confirmed(tx, person.id):
        return None
    if second_factors.use_code(tx, gateway.keys, person.id, without_blanks(text), gateway.clock.now()):
        return Proof.CODE
    if second_factors.use_recovery_code(tx, person.id, text):
        return Proof.RECOVERY
    _record(tx, gateway, person, "second_factor_failed", channel)
    return None


def renew(tx: Session, gateway: Gateway, person: PersonRow, code: str) -> tuple[str, ...] | None:
    """Fresh recovery codes for one who proves to have the factor."""
    if prove(tx, gateway, person, code) is None:
        return None
    _record(tx, gateway, person, "recovery_codes_renewed")
    return second_factors.renew_recovery_codes(tx, person.id)


def give_up(tx: Session, gateway: Gateway, person: PersonRow, code: str) -> bool:
    """The person takes the own factor away, proving it once more. Raises Refusal where a role needs it."""
    if required(gateway, person):
        raise Refusal(No.FORBIDDEN, "Your role needs the second factor.")
    if prove(tx, gateway, person, code) is None:
        return False
    second_factors.remove(tx, person.id)
    people.end_sessions(tx, person.id)
    _record(tx, gateway, person, "second_factor_removed")
    return True


def reset(tx: Session, gateway: Gateway, person: PersonRow, *, actor: str, channel: str, reason: str) -> None:
    """An administrator takes the factor of a lost device away and signs the person out. Raises Refusal."""
    if not reason.strip():
        raise Refusal(No.UNACCEPTABLE, "Say why the second factor is taken away.")
    if not second_factors.remove(tx, person.id):
        raise Refusal(No.CONFLICT, "This person has no second factor.")
    people.end_sessions(tx, person.id)
    audit.record(
        tx,
        realm=person.realm,
        at=gateway.clock.now(),
        actor=actor,
        channel=channel,
        event="second_factor_reset",
        reason=reason.strip()[:1_000],
        data={"person": person.id},
    )


def without_blanks(code: str) -> str:
    """Apps show a code in two groups."""
    return "".join(code.split())


def _record(tx: Session, gateway: Gateway, person: PersonRow, event: str, channel: str = "page") -> None:
    actor = audit.by(person.id)
    audit.record(tx, realm=person.realm, at=gateway.clock.now(), actor=actor, channel=channel, event=event)

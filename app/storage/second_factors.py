"""The second factor of a person: time-based codes (RFC 6238, 6 digits, 30 seconds, SHA-1 as apps expect), and recovery
codes for the day on which the device is lost.

A code is good one step early or late, and once: the step of the last one is kept and only a later one passes, by one
conditional statement, so that two browsers cannot use the same. Recovery codes have 80 random bits; their SHA-256 is
kept, and using one deletes it."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Any, Final

import pyotp
from sqlalchemy import BigInteger, CursorResult, delete, or_, update
from sqlmodel import Field, Session, col, func, select

from app.seal import KeyRing, Place, Secret
from app.storage.base import Row, UtcDateTime

STEP_SECONDS: Final = 30
EARLY_OR_LATE: Final = (-1, 0, 1)
RECOVERY_CODES: Final = 10
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 signs without look-alikes."""


class SecondFactorRow(Row, table=True):
    """
    sealed        the shared secret, in base32.
    confirmed_at  when a first code proved that the device has it; None: shown, and asked of nobody yet.
    last_step     of the last code that was used.
    """

    __tablename__ = "cd_second_factors"

    person_id: str = Field(foreign_key="cd_people.id", ondelete="CASCADE", primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    sealed: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_step: int | None = Field(default=None, sa_type=BigInteger)


class RecoveryCodeRow(Row, table=True):
    __tablename__ = "cd_recovery_codes"

    person_id: str = Field(foreign_key="cd_people.id", ondelete="CASCADE", primary_key=True, max_length=36)
    sha256: str = Field(primary_key=True, max_length=64)


def confirmed(session: Session, person_id: str) -> bool:
    """Whether a sign-in asks for a code."""
    row = session.get(SecondFactorRow, person_id)
    return row is not None and row.confirmed_at is not None


def with_one(session: Session, realm: str) -> set[str]:
    """The ids of the people who are asked for a code."""
    query = select(SecondFactorRow.person_id).where(
        SecondFactorRow.realm == realm, col(SecondFactorRow.confirmed_at).is_not(None)
    )
    return set(session.exec(query).all())


def begin(session: Session, keys: KeyRing, realm: str, person_id: str, at: datetime) -> None:
    """A fresh secret in the place of one that was never confirmed. Raises ValueError over a confirmed one."""
    if confirmed(session, person_id):
        raise ValueError("a confirmed second factor is taken away before another begins")
    remove(session, person_id)
    sealed = keys.seal_text(Secret(pyotp.random_base32()), _place(person_id))
    session.add(SecondFactorRow(person_id=person_id, realm=realm, sealed=sealed, created_at=at))
    session.flush()


def begun(session: Session, keys: KeyRing, person_id: str) -> Secret | None:
    """The secret while it may still be shown: until it is confirmed."""
    row = session.get(SecondFactorRow, person_id)
    return None if row is None or row.confirmed_at is not None else keys.open_text(row.sealed, _place(person_id))


def use_code(session: Session, keys: KeyRing, person_id: str, code: str, at: datetime) -> bool:
    """Whether the code is right and was not used before; it is used up by that."""
    row = session.get(SecondFactorRow, person_id)
    if row is None or not re.fullmatch(r"[0-9]{6}", code):
        return False
    totp = pyotp.TOTP(keys.open_text(row.sealed, _place(person_id)).reveal())
    now = int(at.timestamp()) // STEP_SECONDS
    steps = [now + away for away in EARLY_OR_LATE if hmac.compare_digest(totp.generate_otp(now + away), code)]
    if not steps:
        return False
    later = or_(col(SecondFactorRow.last_step).is_(None), col(SecondFactorRow.last_step) < steps[-1])
    used = update(SecondFactorRow).where(col(SecondFactorRow.person_id) == person_id, later)
    fresh = _changed(session, used.values(last_step=steps[-1]))
    session.expire(row)
    return fresh


def use_recovery_code(session: Session, person_id: str, code: str) -> bool:
    """Whether it was one of theirs; it is used up by that."""
    mine = col(RecoveryCodeRow.person_id) == person_id
    return _changed(session, delete(RecoveryCodeRow).where(mine, col(RecoveryCodeRow.sha256) == _digest(code)))


def _changed(session: Session, statement: Any) -> bool:
    result: CursorResult[Any] = session.connection().execute(statement)
    return result.rowcount == 1


def renew_recovery_codes(session: Session, person_id: str) -> tuple[str, ...]:
    """Fresh ones in the place of all before, as they are shown once."""
    session.connection().execute(delete(RecoveryCodeRow).where(col(RecoveryCodeRow.person_id) == person_id))
    made = tuple("-".join(_four() for _ in range(4)) for _ in range(RECOVERY_CODES))
    session.add_all([RecoveryCodeRow(person_id=person_id, sha256=_digest(code)) for code in made])
    return made


def _four() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(4))


def recovery_codes_left(session: Session, person_id: str) -> int:
    query = select(func.count()).select_from(RecoveryCodeRow).where(RecoveryCodeRow.person_id == person_id)
    return session.exec(query).one()


def _digest(code: str) -> str:
    """However it was typed: in capitals, without the dashes."""
    return hashlib.sha256(re.sub(r"[\s-]", "", code).casefold().encode()).hexdigest()


def remove(session: Session, person_id: str) -> bool:
    """Takes the factor and its recovery codes away; whether there was a confirmed one."""
    row = session.get(SecondFactorRow, person_id)
    was = row is not None and row.confirmed_at is not None
    session.connection().execute(delete(RecoveryCodeRow).where(col(RecoveryCodeRow.person_id) == person_id))
    if row is not None:
        session.delete(row)
        session.flush()
    return was


def _place(person_id: str) -> Place:
    return Place("cd_second_factors", person_id, "sealed")

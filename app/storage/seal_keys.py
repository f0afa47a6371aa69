"""Which master keys have sealed something here, so that a start with the wrong key file is refused in words."""

from datetime import datetime

from sqlmodel import Field, Session, select

from app.seal import KeyRing, Place, Unsealable
from app.storage.base import Row, UtcDateTime

KNOWN_TEXT = b"crossdock"


class SealKeyRow(Row, table=True):
    """`check` is a known text sealed with the key of that id."""

    __tablename__ = "cd_seal_keys"

    id: str = Field(primary_key=True, max_length=255)
    check: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)


def register_key(session: Session, keys: KeyRing, at: datetime) -> None:
    """Notes the current key, once."""
    if session.get(SealKeyRow, keys.current) is None:
        session.add(SealKeyRow(id=keys.current, check=keys.seal(KNOWN_TEXT, _place(keys.current)), created_at=at))


def registered(session: Session) -> list[str]:
    """The ids of the keys that have sealed something here."""
    return list(session.exec(select(SealKeyRow.id).order_by(SealKeyRow.id)))


def forget_key(session: Session, key_id: str) -> None:
    """After nothing here is sealed with it any more."""
    row = session.get(SealKeyRow, key_id)
    if row is not None:
        session.delete(row)


def unopenable(session: Session, keys: KeyRing) -> list[str]:
    """Why the ring does not fit this database, one sentence a key; empty when all is well."""
    problems = []
    for row in session.exec(select(SealKeyRow).order_by(SealKeyRow.id)):
        sealed = f"the database holds values sealed with key '{row.id}'"
        if row.id not in keys.keys:
            problems.append(f"{sealed}, which is not in the key ring")
            continue
        try:
            keys.open(row.check, _place(row.id))
        except Unsealable:
            problems.append(f"{sealed}; what the key ring has under this name is another key")
    return problems


def _place(key_id: str) -> Place:
    return Place("cd_seal_keys", key_id, "check")

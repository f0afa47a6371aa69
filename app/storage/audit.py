"""The record of what people and rules decided: append-only, each entry bound to the one before by its hash.

UPDATE and DELETE are refused by triggers (migration 0003); a change behind the database's back breaks the chain, and
`first_broken` names the entry. Names of people are not in it, only their ids, so that a person can be erased without
touching the evidence. Alternative refused: a chain for each order, in which a whole chain could vanish unseen."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, text
from sqlmodel import Field, Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.storage.base import Row, UtcDateTime, table_of
from app.storage.batch import Batch, Writing
from app.storage.prepared import PreparedInsert

BEGINNING: Final = "0" * 64
LOCK: Final = 0x6175646974
"""PostgreSQL advisory lock: entries are chained one after the other, whichever process writes them."""


class AuditRow(Row, table=True):
    """
    actor     `person:<id>`, `buyer`, `rule` or `system`; acting_for the id of the person who was stood in for.
    channel   `page`, `api`, `document`, `command`, `mail`.
    event     `approved`, `rejected`, `signed_in`, ...
    data      what else belongs to the event, as JSON.
    """

    __tablename__ = "cd_audit"

    sequence: int = Field(
        sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False)
    )
    realm: str = Field(max_length=20)
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(max_length=60)
    acting_for: str | None = Field(default=None, max_length=36)
    channel: str = Field(max_length=20)
    event: str = Field(max_length=40)
    order_id: str | None = Field(default=None, max_length=36)
    run_id: str | None = Field(default=None, max_length=36)
    task_id: str | None = Field(default=None, max_length=36)
    order_hash: str | None = Field(default=None, max_length=64)
    flow_version_id: str | None = Field(default=None, max_length=36)
    reason: str | None = Field(default=None, max_length=1_000)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    previous_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)

    __table_args__ = (
        Index("ix_cd_audit_order_id", "order_id"),
        Index("ix_cd_audit_realm_at", "realm", "at"),
        Index("ix_cd_audit_event_sequence", "event", "sequence"),
    )


class AuditPersonRow(Row, table=True):
    """By which the entries are found that somebody made, or that name them. The ids of other things that entries name
    stand here as well; nobody asks for them."""

    __tablename__ = "cd_audit_people"

    person_id: str = Field(primary_key=True, max_length=36)
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


_DEFAULTS: Final[Mapping[str, Any]] = {
    name: field.get_default(call_default_factory=True)
    for name, field in AuditRow.model_fields.items()
    if not field.is_required()
}
_insert = PreparedInsert(table_of(AuditRow))
_name = PreparedInsert(table_of(AuditPersonRow))
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_tail = select(AuditRow.sequence, AuditRow.hash).order_by(col(AuditRow.sequence).desc()).limit(1)


def record(session: Session, *, realm: str, at: datetime, actor: str, channel: str, event: str, **more: Any) -> None:
    """Appends an entry in the caller's transaction. `more` are the further columns of AuditRow."""
    append(session, {"realm": realm, "at": at, "actor": actor, "channel": channel, "event": event, **more})


def append(tx: Writing, *entries: Mapping[str, Any]) -> None:
    """Appends entries, given as the columns of AuditRow without number and hashes, one after the other."""
    if isinstance(tx, Batch):
        for entry in entries:
            tx.afterwards(_chain, entry)
    else:
        _chain(tx, entries)


def _chain(session: Session, entries: Sequence[Mapping[str, Any]]) -> None:
    session.flush()
    take_turn(session)
    sequence, previous = session.exec(_tail).first() or (0, BEGINNING)
    chained = []
    for number, entry in enumerate(entries, sequence + 1):
        values: dict[str, Any] = {**_DEFAULTS, **entry, "sequence": number, "previous_hash": previous}
        previous = values["hash"] = hash_of(values)
        chained.append(values)
    _insert.many(session, chained)
    named = [
        {"person_id": person_id, "sequence": values["sequence"]}
        for values in chained
        for person_id in {*_ids([values["actor"].removeprefix("person:"), values["acting_for"], values["data"]])}
    ]
    if named:
        _name.many(session, named)


def _ids(data: object) -> Iterator[str]:
    if isinstance(data, str):
        if _ID.fullmatch(data):
            yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _ids(value)


def about(person_id: str) -> SelectOfScalar[int]:
    """The numbers of the entries that this person made, or that name them."""
    return select(AuditPersonRow.sequence).where(AuditPersonRow.person_id == person_id)


def take_turn(session: Session) -> None:
    """From here to COMMIT no other transaction adds an entry, and what those before it wrote is seen (SQLite: nobody
    else writes anyway)."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def head(session: Session) -> str:
    """The number and the hash of the newest entry, for keeping outside of the database: whoever cuts the end off, or
    writes the whole chain anew, cannot make it say this again."""
    sequence, hashed = session.exec(_tail).first() or (0, BEGINNING)
    return f"{sequence}:{hashed}"


def holds(session: Session, kept: str) -> bool:
    """Whether the record still has the entry of which `head` said this."""
    number, _, hashed = kept.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return False
    if int(number) == 0:
        return hashed == BEGINNING
    return session.exec(select(AuditRow.hash).where(AuditRow.sequence == int(number))).first() == hashed


def last(session: Session) -> int:
    """How many entries there are: their numbers have no gaps."""
    tail = session.exec(_tail).first()
    return tail[0] if tail else 0


def by(person_id: str) -> str:
    """The actor for a person."""
    return f"person:{person_id}"


def first_broken(session: Session) -> int | None:
    """The sequence number of the first entry that is changed, missing or out of place; None when the chain is whole."""
    previous, expected = BEGINNING, 1
    entries = select(AuditRow).order_by(col(AuditRow.sequence)).execution_options(yield_per=1_000)
    with closing(session.exec(entries)) as rows:
        for row in rows:
            if row.sequence != expected:
                return expected
            if row.previous_hash != previous or row.hash != hash_of(row.model_dump()):
                return row.sequence
            previous, expected = row.hash, expected + 1
    return None


def hash_of(entry: Mapping[str, Any]) -> str:
    """What the hash of an entry must be, by its other columns."""
    content = {name: entry[name] for name in AuditRow.model_fields if name not in ("hash", "at")}
    canonical = json.dumps(
        {**content, "at": entry["at"].astimezone(UTC).isoformat()}, sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256((entry["previous_hash"] + canonical).encode()).hexdigest()

"""Sealing everything anew under the current master key, beside running servers.

A batch at a time is read, sealed anew and written where it is still what was read, so that nobody waits for more than a
batch and an erasure meanwhile stays one. There is no mark of how far it got: what is left is what an old key sealed, so
a rotation that was killed goes on by being started again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import bindparam, update
from sqlmodel import Session

from app.errors import kill_point
from app.seal import KeyRing, Unsealable
from app.storage.database import Database
from app.storage.gentle import write_gently
from app.storage.pages import pages_apart
from app.storage.progress import Progress, unwatched
from app.storage.sealed_columns import SEALED, SealedColumn, count

BATCH: Final = 200


@dataclass(slots=True)
class Rotated:
    """`unopenable`: table and id of values that no key here opens; they stay as they are."""

    values: int = 0
    unopenable: list[tuple[str, str]] = field(default_factory=list)


def left(database: Database, keys: KeyRing) -> int:
    """How many values an old key of the ring has sealed."""
    with database.read() as session:
        return count(session.connection(), *_old(keys))


def rotate(database: Database, keys: KeyRing, done: Progress = unwatched) -> Rotated:
    """Seals anew what old keys of the ring have sealed; `done` is told the values so far and how many there are."""
    rotated = Rotated()
    total = left(database, keys)
    for sealed in SEALED if total else ():
        columns, where = [sealed.key, sealed.column], [sealed.sealed_with(*_old(keys))]
        for batch in pages_apart(database, sealed.table, columns, where=where, most_rows=BATCH):
            anew = _sealed_anew(sealed, keys, batch, rotated)
            write_gently(database, partial(_write, sealed=sealed, anew=anew))
            kill_point("rotation.batch")
            rotated.values += len(anew)
            done(min(total, rotated.values + len(rotated.unopenable)), total)
    return rotated


def _old(keys: KeyRing) -> list[str]:
    return [key_id for key_id in keys.keys if key_id != keys.current]


def _sealed_anew(sealed: SealedColumn, keys: KeyRing, batch: Iterable[Any], rotated: Rotated) -> list[dict[str, Any]]:
    anew = []
    for row_id, value in batch:
        try:
            anew.append({"row_id": row_id, "was": value, "is": keys.rewrap(value, sealed.place(row_id))})
        except Unsealable:
            rotated.unopenable.append((sealed.table.name, row_id))
    return anew


def _write(session: Session, sealed: SealedColumn, anew: list[dict[str, Any]]) -> None:
    if anew:
        statement = update(sealed.table).where(sealed.key == bindparam("row_id"), sealed.column == bindparam("was"))
        session.execute(statement.values({sealed.name: bindparam("is")}), anew)

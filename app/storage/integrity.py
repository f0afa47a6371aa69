"""Whether the ledger still says what it said: bodies opened, measured and hashed, the audit record's chain walked."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from sqlalchemy import func, select

from app.seal import KeyRing, Place, SealedBody, Unsealable
from app.storage import audit, ledger
from app.storage.base import table_of
from app.storage.database import Database
from app.storage.erasures import ErasureRow
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow, QuarantineRow
from app.storage.pages import pages_apart
from app.storage.progress import Progress, unwatched

MOST_NAMED: Final = 1_000
"""Problems that are named one by one; beyond, they are counted."""

_EXCHANGES: Final = table_of(ExchangeRow)
_BODIES: Final = table_of(ExchangeBodyRow)
_QUARANTINE: Final = table_of(QuarantineRow)


@dataclass(slots=True)
class Checked:
    """
    intact    bodies that are what their rows say.
    erased    bodies that are gone on purpose, each by an erasure on record.
    missing   exchanges without a body; damaged: bodies that do not open, differ, or vanished without an erasure.
    problems  what is wrong, the first MOST_NAMED: where, and what.
    """

    intact: int = 0
    erased: int = 0
    missing: int = 0
    damaged: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    audit_broken_at: int | None = None

    @property
    def sound(self) -> bool:
        return not self.missing and not self.damaged and self.audit_broken_at is None

    def _name(self, place: str, what: str) -> None:
        if len(self.problems) < MOST_NAMED:
            self.problems.append((place, what))

    def lacks(self, place: str) -> None:
        self.missing += 1
        self._name(place, "has no body")

    def finds(self, place: str, wrong: str | None) -> None:
        if wrong is None:
            self.intact += 1
            return
        self.damaged += 1
        self._name(place, wrong)


def verify(database: Database, keys: KeyRing, done: Progress = unwatched) -> Checked:
    """Reads everything once in bounded memory; `done` is told the bodies so far and how many there are. What is written
    or erased meanwhile is judged as it is when its turn comes."""
    checked = Checked()
    with database.read() as session:
        total = sum(
            session.connection().execute(select(func.count()).select_from(table)).scalar_one()
            for table in (_BODIES, _QUARANTINE)
        )
    seen = 0
    for count in chain(_bodies(database, keys, checked), _quarantined(database, keys, checked)):
        seen += count
        done(min(seen, total), total)
    without = ~select(_BODIES.c.exchange_id).where(_BODIES.c.exchange_id == _EXCHANGES.c.id).exists()
    for page in pages_apart(database, _EXCHANGES, [_EXCHANGES.c.id], where=[without]):
        for row in page:
            checked.lacks(f"exchange {row.id}")
    with database.read() as session:
        checked.audit_broken_at = audit.first_broken(session)
    return checked


def _bodies(database: Database, keys: KeyRing, checked: Checked) -> Iterator[int]:
    erasures: set[str] = set()
    columns = [*_BODIES.columns, _EXCHANGES.c.sha256, _EXCHANGES.c.size]
    for page in pages_apart(database, _BODIES, columns, where=[_BODIES.c.exchange_id == _EXCHANGES.c.id]):
        for row in page:
            place = f"exchange {row.exchange_id}"
            if row.sealed_key is not None:
                checked.finds(place, _wrong(keys, row, ledger.place_of_body(row.exchange_id), row.size))
            elif row.erasure_id in erasures or _is_on_record(database, row.erasure_id):
                erasures.add(row.erasure_id)
                checked.erased += 1
            else:
                checked.finds(place, "is gone without an erasure on record")
        yield len(page)


def _is_on_record(database: Database, erasure_id: str | None) -> bool:
    with database.read() as session:
        return erasure_id is not None and session.get(ErasureRow, erasure_id) is not None


def _quarantined(database: Database, keys: KeyRing, checked: Checked) -> Iterator[int]:
    columns = [_QUARANTINE.c[name] for name in ("id", "sealed_key", "sealed_body", "sha256", "size", "kept")]
    for page in pages_apart(database, _QUARANTINE, columns):
        for row in page:
            wrong = _wrong(keys, row, ledger.place_of_quarantined(row.id), row.kept, whole=row.kept == row.size)
            checked.finds(f"quarantine {row.id}", wrong)
        yield len(page)


def _wrong(keys: KeyRing, row: Any, place: Place, size: int, *, whole: bool = True) -> str | None:
    """What is wrong with a body. Of one that was kept in part only the length can be compared."""
    try:
        body = keys.open_body(SealedBody(row.sealed_key, row.sealed_body), place)
    except Unsealable as error:
        return str(error)
    if len(body) != size:
        return f"has {len(body)} bytes instead of {size}"
    if whole and hashlib.sha256(body).hexdigest() != row.sha256:
        return "is not what its hash says"
    return None

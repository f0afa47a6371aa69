"""Writing to and reading from the ledger: exchanges with their bodies, the quarantine, document keys."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import delete, func, insert, select
from sqlmodel import Session, col

from app import trace
from app.seal import KeyRing, Place, SealedBody
from app.storage.base import table_of
from app.storage.batch import Writing, session_of
from app.storage.exchanges import (
    DocumentKeyRow,
    ExchangeBodyRow,
    ExchangeRow,
    QuarantineRow,
)
from app.storage.prepared import PreparedInsert, PreparedUpdate

_EXCHANGES: Final = table_of(ExchangeRow)
_BODIES: Final = table_of(ExchangeBodyRow)
_KEYS: Final = table_of(DocumentKeyRow)
_QUARANTINE: Final = table_of(QuarantineRow)

_insert_exchange = PreparedInsert(_EXCHANGES)
_insert_body = PreparedInsert(_BODIES)
_insert_key = PreparedInsert(_KEYS, unless_there=True)


@lru_cache
def _update_exchange(columns: tuple[str, ...]) -> PreparedUpdate:
    return PreparedUpdate(_EXCHANGES, *columns)


class BodyErased(Exception):
    """The bytes were erased on purpose; the row and its hash are what is left."""


def place_of_body(exchange_id: str) -> Place:
    return Place("cd_exchange_bodies", exchange_id, "body")


def seal_exchange(keys: KeyRing, exchange_id: str, body: bytes) -> SealedBody:
    return keys.seal_body(body, place_of_body(exchange_id))


def put_exchange(tx: Writing, values: dict[str, Any], sealed: SealedBody) -> None:
    """One row, with a value for every one of its columns, and its body. What the caller calls its request is added."""
    values |= trace.brought(values["correlation_id"])
    _insert_exchange(tx, values)
    _insert_body(tx, {"exchange_id": values["id"], "sealed_key": sealed.key, "sealed_body": sealed.body})


def change_exchange(tx: Writing, exchange_id: str, **values: Any) -> None:
    _update_exchange(tuple(values))(tx, {**values, "id": exchange_id})


def body_of(session: Session, keys: KeyRing, exchange_id: str) -> bytes:
    """Raises BodyErased, and Unsealable when the key ring does not fit."""
    row = session.get(ExchangeBodyRow, exchange_id)
    if row is None or row.sealed_key is None:
        raise BodyErased(exchange_id)
    return keys.open_body(SealedBody(row.sealed_key, row.sealed_body), place_of_body(exchange_id))


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """What identifies a document, and which bytes came under it; both as hex digests."""

    key: str
    body: str


def claim(
    tx: Writing, *, realm: str, partner_id: str, key: DocumentKey, exchange_id: str, answer_id: str, at: datetime
) -> DocumentKeyRow | None:
    """Takes the key for this exchange and the answer that it will be given: None when it was free (in a batch, when it
    will turn out to be), else the row that has it. Where another process is just taking it, waits for that to commit or
    roll back."""
    taken = _insert_key(
        tx,
        {
            "realm": realm,
            "partner_id": partner_id,
            "key_sha256": key.key,
            "body_sha256": key.body,
            "exchange_id": exchange_id,
            "answer_id": answer_id,
            "at": at,
        },
    )
    return None if taken else session_of(tx).get_one(DocumentKeyRow, (realm, partner_id, key.key))


LARGEST_KEPT: Final = 256 * 1024
"""How much of one document of an unknown sender is kept: enough to see what it was."""


def place_of_quarantined(row_id: str) -> Place:
    return Place("cd_quarantine", row_id, "body")


def seal_quarantined(keys: KeyRing, row_id: str, body: bytes) -> SealedBody:
    return keys.seal_body(body[:LARGEST_KEPT], place_of_quarantined(row_id))


def quarantine(session: Session, values: dict[str, Any], sealed: SealedBody, *, rows: int, size: int) -> None:
    """Puts one in, and the oldest out until at most `rows` rows and `size` bytes are left in its realm."""
    session.execute(insert(_QUARANTINE), {**values, "sealed_key": sealed.key, "sealed_body": sealed.body})
    here = _QUARANTINE.c.realm == values["realm"]
    count, total = session.execute(
        select(func.count(), func.coalesce(func.sum(_QUARANTINE.c.kept), 0)).where(here)
    ).one()
    if count <= rows and total <= size:
        return
    oldest = []
    for row_id, kept in session.execute(
        select(_QUARANTINE.c.id, _QUARANTINE.c.kept).where(here).order_by(_QUARANTINE.c.id)
    ):
        if count <= rows and total <= size:
            break
        oldest.append(row_id)
        count, total = count - 1, total - kept
    session.execute(delete(QuarantineRow).where(col(QuarantineRow.id).in_(oldest)))


def quarantined_body(session: Session, keys: KeyRing, row_id: str) -> bytes:
    """What was kept of it."""
    row = session.get_one(QuarantineRow, row_id)
    return keys.open_body(SealedBody(row.sealed_key, row.sealed_body), place_of_quarantined(row_id))

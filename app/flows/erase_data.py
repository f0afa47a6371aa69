"""What somebody may demand to be erased: one order's data, or one person's. Hashes, states and money stay."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from app.gateway import Gateway
from app.seal import Place, SealedBody, Unsealable
from app.storage import audit, ledger, mails, people
from app.storage.base import table_of
from app.storage.erasure import (
    StillOpen,
    drop_quarantined,
    erase_account,
    erase_bodies,
    erase_order,
    erase_traces,
    erase_visit,
)
from app.storage.erasures import Cause, ErasureRow
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow, QuarantineRow
from app.storage.order_trail import trail_of
from app.storage.orders import OrderRevisionRow, OrderRow
from app.storage.pages import pages_apart
from app.storage.progress import Progress, unwatched
from app.storage.sessions import PunchoutSessionRow
from protocols.registry import named

_BODIES: Final = table_of(ExchangeBodyRow)
_EXCHANGES: Final = table_of(ExchangeRow)
_QUARANTINE: Final = table_of(QuarantineRow)


@dataclass(slots=True)
class Erased:
    """`open`: numbers of orders that are not at their end and were left as they are."""

    bodies: int = 0
    orders: int = 0
    visits: int = 0
    accounts: int = 0
    open: list[str] = field(default_factory=list)


def order_data(gateway: Gateway, order_id: str, *, reason: str) -> Erased:
    """Raises StillOpen, and LookupError without such an order."""

    def work(tx: Session) -> Erased:
        order = tx.get(OrderRow, order_id)
        if order is None:
            raise LookupError(f"there is no order {order_id}")
        erasure = _begun(tx, gateway, order.realm, Cause.ORDER, order.id, reason)
        erase_order(tx, erasure, trail_of(tx, order))
        _ended(tx, gateway, erasure)
        return Erased(bodies=erasure.bodies, orders=1)

    return gateway.database.write(work)


def person_data(gateway: Gateway, realm: str, address: str, *, reason: str, done: Progress = unwatched) -> Erased:
    """Everything that names the person's address: orders that are at their end, visits, documents, the account.

    Every body is opened and searched, so that nothing depends on what was read from it once; `done` is told the bodies
    searched and how many there are."""
    wanted = people.folded(address)
    found = _exchanges_that_name(gateway, realm, wanted, done)
    strange = _quarantined_that_name(gateway, realm, wanted)
    with gateway.database.read() as session:
        orders = _orders_that_name(session, realm, wanted, found)
        visited = _visits_that_name(session, realm, wanted, gateway.clock.now())
    subject = hashlib.sha256(wanted.encode()).hexdigest()
    erasure_id = gateway.database.write(lambda tx: _begun(tx, gateway, realm, Cause.PERSON, subject, reason).id)
    erased = Erased()
    kept: set[str] = set()
    for order_id in orders:
        number, theirs = gateway.database.write(partial(_erase_order, erasure_id=erasure_id, order_id=order_id))
        if number is None:
            erased.orders += 1
        else:
            erased.open.append(number)
            kept |= theirs

    def rest(tx: Session) -> Erased:
        erasure = tx.get_one(ErasureRow, erasure_id)
        for part in _batched(sorted(found - kept), 500):
            erase_bodies(tx, erasure, part)
            for exchange in tx.exec(select(ExchangeRow).where(col(ExchangeRow.id).in_(part))):
                erase_traces(exchange)
        for part in _batched(strange, 500):
            drop_quarantined(tx, erasure, part)
        for visit_id in visited:
            erase_visit(tx, erasure, tx.get_one(PunchoutSessionRow, visit_id))
        accounts = people.of_names(tx, realm, [wanted])
        for address in {wanted, *(person.email for person in accounts if person.email)}:
            mails.erase_of_person(tx, address, gateway.clock.now())
        for person in accounts:
            erase_account(tx, person)
        _ended(tx, gateway, erasure)
        return replace(erased, bodies=erasure.bodies, visits=len(visited), accounts=len(accounts))

    return gateway.database.write(rest)


def _erase_order(tx: Session, *, erasure_id: str, order_id: str) -> tuple[str | None, set[str]]:
    """The number and the exchanges of an order that is not at its end; no number for one that was erased."""
    trail = trail_of(tx, tx.get_one(OrderRow, order_id))
    try:
        erase_order(tx, tx.get_one(ErasureRow, erasure_id), trail)
    except StillOpen:
        return trail.order.number, {row.id for row in trail.exchanges}
    return None, set()


def _exchanges_that_name(gateway: Gateway, realm: str, wanted: str, done: Progress) -> set[str]:
    here = [_BODIES.c.exchange_id == _EXCHANGES.c.id, _EXCHANGES.c.realm == realm, _BODIES.c.sealed_key.is_not(None)]
    with gateway.database.read() as session:
        total = session.connection().execute(select(func.count()).select_from(_EXCHANGES).where(*here)).scalar_one()
    columns = [*_BODIES.columns, _EXCHANGES.c.protocol, _EXCHANGES.c.media_type]
    found: set[str] = set()
    seen = 0
    for page in pages_apart(gateway.database, _BODIES, columns, where=here):
        found |= {
            row.exchange_id for row in page if wanted in _text(gateway, row, ledger.place_of_body(row.exchange_id))
        }
        seen += len(page)
        done(min(seen, total), total)
    return found


def _quarantined_that_name(gateway: Gateway, realm: str, wanted: str) -> Sequence[str]:
    columns = [_QUARANTINE.c[name] for name in ("id", "sealed_key", "sealed_body", "protocol", "media_type")]
    pages = pages_apart(gateway.database, _QUARANTINE, columns, where=[_QUARANTINE.c.realm == realm])
    return [
        row.id for page in pages for row in page if wanted in _text(gateway, row, ledger.place_of_quarantined(row.id))
    ]


def _text(gateway: Gateway, row: Any, place: Place) -> str:
    """All there is to read in a body, folded; nothing of one that does not open (`evidence verify` tells of those)."""
    try:
        body = gateway.keys.open_body(SealedBody(row.sealed_key, row.sealed_body), place)
    except Unsealable:
        return ""
    protocol = named(row.protocol)
    shown = protocol.shown(body, row.media_type) if protocol else None
    texts = [body, shown.document, *(part.data for part in shown.parts)] if shown else [body]
    return b"\n".join(texts).decode("utf-8", "replace").casefold()


def _orders_that_name(session: Session, realm: str, wanted: str, found: set[str]) -> list[str]:
    """By who asked for the goods, by their documents, and by what came in about them."""
    names = func.lower(col(OrderRevisionRow.received)).contains(wanted, autoescape=True)
    orders = set(session.exec(select(OrderRow.id).where(OrderRow.realm == realm, OrderRow.requester == wanted)))
    orders |= set(session.exec(select(OrderRevisionRow.order_id).where(OrderRevisionRow.realm == realm, names)))
    for part in _batched(sorted(found), 500):
        caused = select(ExchangeRow.caused_id).where(
            col(ExchangeRow.id).in_(part), ExchangeRow.caused_kind == "order", col(ExchangeRow.caused_id).is_not(None)
        )
        orders |= {order_id for order_id in session.exec(caused) if order_id}
    return sorted(orders)


def _visits_that_name(session: Session, realm: str, wanted: str, now: datetime) -> Sequence[str]:
    query = select(PunchoutSessionRow.id).where(
        PunchoutSessionRow.realm == realm,
        or_(col(PunchoutSessionRow.ended_at).is_not(None), col(PunchoutSessionRow.expires_at) < now),
        or_(
            func.lower(col(PunchoutSessionRow.person)) == wanted,
            func.lower(col(PunchoutSessionRow.request)).contains(wanted, autoescape=True),
        ),
    )
    return session.exec(query).all()


def _begun(tx: Session, gateway: Gateway, realm: str, cause: Cause, subject: str, reason: str) -> ErasureRow:
    erasure = ErasureRow(
        id=gateway.ids(),
        realm=realm,
        cause=cause,
        subject=subject,
        reason=reason[:1_000],
        began_at=gateway.clock.now(),
    )
    tx.add(erasure)
    tx.flush()
    return erasure


def _ended(tx: Session, gateway: Gateway, erasure: ErasureRow) -> None:
    erasure.ended_at = gateway.clock.now()
    tx.add(erasure)
    audit.record(
        tx,
        realm=erasure.realm,
        at=gateway.clock.now(),
        actor="system",
        channel="command",
        event="data_erased",
        order_id=erasure.subject if erasure.cause == Cause.ORDER else None,
        reason=erasure.reason,
        data={"erasure": erasure.id, "cause": erasure.cause, "bodies": erasure.bodies},
    )


def _batched(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]

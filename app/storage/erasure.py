"""Erasing: the key of a body is dropped, then its bytes; documents of orders lose the people in them. Hashes, states,
times, money and items stay as evidence that there was something, and what it came to.

What SQLite frees is overwritten (secure_delete) and the log is cut; on PostgreSQL the old versions go with the next
VACUUM. A backup that was taken before keeps what it holds."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import CursorResult, delete, update
from sqlmodel import Session, col, select

from app.storage import mails, oidc, password_links, second_factors
from app.storage.approval_links import ApprovalLinkRow
from app.storage.erasures import ErasureRow
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow, QuarantineRow
from app.storage.order_trail import Trail
from app.storage.orders import OrderRevisionRow
from app.storage.people import PersonRow, end_sessions
from app.storage.sessions import PunchoutSessionRow
from schemas import anonymous
from schemas.base import from_json, to_json
from schemas.order import Order
from schemas.punchout import PunchoutRequest


class StillOpen(Exception):
    """The order is not at its end: what it still needs cannot be erased."""


def erase_bodies(session: Session, erasure: ErasureRow, exchange_ids: Sequence[str]) -> int:
    """How many there were that were not erased before."""
    if not exchange_ids:
        return 0
    result = session.execute(
        update(ExchangeBodyRow)
        .where(col(ExchangeBodyRow.exchange_id).in_(exchange_ids), col(ExchangeBodyRow.sealed_key).is_not(None))
        .values(sealed_key=None, sealed_body=b"", erasure_id=erasure.id)
    )
    assert isinstance(result, CursorResult)
    erasure.bodies += result.rowcount
    return result.rowcount


def drop_quarantined(session: Session, erasure: ErasureRow, row_ids: Sequence[str]) -> None:
    """What nobody we know sent is evidence of nothing and goes whole."""
    result = session.execute(delete(QuarantineRow).where(col(QuarantineRow.id).in_(row_ids)))
    assert isinstance(result, CursorResult)
    erasure.bodies += result.rowcount


def erase_traces(exchange: ExchangeRow) -> None:
    """What the row itself repeats of the document, and whose machine sent it."""
    exchange.faults = _without_found(exchange.faults)
    exchange.remote = None


def erase_order(session: Session, erasure: ErasureRow, trail: Trail) -> None:
    """Raises StillOpen."""
    if trail.is_open:
        raise StillOpen(f"order {trail.order.number} is not at its end yet ({trail.order.state})")
    erase_bodies(session, erasure, [row.id for row in trail.exchanges])
    for exchange in trail.exchanges:
        erase_traces(exchange)
    for revision in trail.revisions:
        _erase_revision(revision)
        erasure.documents += 1
    for hold in trail.holds:
        hold.expected = hold.found = hold.reason = None
        hold.data = {}
    for run in trail.runs:
        run.explanation = {name: value for name, value in run.explanation.items() if name != "reasons"}
        run.opened = [[{**step, "reasons": []} for step in stage] for stage in run.opened]
    for attempt in trail.attempts:
        attempt.reason = attempt.said = None
    for delivery in trail.deliveries:
        delivery.reason = None
    for dispatch in trail.dispatches:
        dispatch.document, dispatch.reason = "{}", None
    mails.erase_of_order(session, trail.order.id, erasure.began_at)
    trail.order.requester = None
    session.add_all(_rows(trail))
    session.flush()


def _rows(trail: Trail) -> Iterable[object]:
    yield trail.order
    for rows in (trail.exchanges, trail.revisions, trail.holds, trail.runs, trail.attempts):
        yield from rows
    yield from trail.deliveries
    yield from trail.dispatches


def _erase_revision(revision: OrderRevisionRow) -> None:
    revision.received = to_json(anonymous.order(from_json(revision.received, Order))).decode()
    if revision.checked is not None:
        revision.checked = to_json(anonymous.order(from_json(revision.checked, Order))).decode()
    revision.findings = _without_found(revision.findings)
    revision.changes = []
    if revision.cart is not None:
        revision.cart = _without_places(revision.cart)


def _without_places(cart: dict[str, Any]) -> dict[str, Any]:
    """A comparison with carts that says no more where goods were to go, nor what stood in the partner's own fields."""
    return {
        **cart,
        "parts": [_erased_part(part) for part in cart.get("parts", ())],
        "lines": [
            {**line, "parts": [_erased_part(part) for part in line["parts"]]} if "parts" in line else line
            for line in cart["lines"]
        ],
    }


def _erased_part(part: dict[str, Any]) -> dict[str, Any]:
    personal = part["part"] in ("ship_to", "extrinsic")
    return {name: value for name, value in part.items() if not (personal and name in ("cart", "order"))}


def _without_found(faults: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in fault.items() if name != "found"} for fault in faults]


def erase_visit(session: Session, erasure: ErasureRow, visit: PunchoutSessionRow) -> None:
    """A shopper's visit keeps what it was and loses who was there."""
    visit.request = to_json(anonymous.punchout(from_json(visit.request, PunchoutRequest))).decode()
    visit.person = visit.started_by = None
    session.add(visit)
    erasure.documents += 1
    if visit.exchange_id is not None:
        together = select(ExchangeRow.id).where(ExchangeRow.correlation_id == visit.correlation_id)
        erase_bodies(session, erasure, [visit.exchange_id, *session.exec(together)])


def erase_account(session: Session, person: PersonRow) -> None:
    """Somebody who signed in here: the id stays, since the audit record names it; nobody can sign in with it."""
    person.login = f"erased-{person.id}"
    person.name = "erased"
    person.email = person.password = None
    person.active = False
    session.add(person)
    end_sessions(session, person.id)
    second_factors.remove(session, person.id)
    oidc.forget_identities(session, person.id)
    session.execute(delete(ApprovalLinkRow).where(col(ApprovalLinkRow.person_id) == person.id))
    password_links.forget(session, person.id)

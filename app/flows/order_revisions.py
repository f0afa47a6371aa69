"""Keeps the documents of an order, each as a revision with what it changed and what was odd about it."""

from typing import Final

import msgspec
from sqlalchemy import func
from sqlmodel import Session, col, select

from app.flows.order_changes import changes
from app.gateway import Gateway
from app.storage.orders import OrderRevisionRow, OrderRow
from schemas.base import to_json
from schemas.faults import Fault, Weight
from schemas.order import Change, Order

AT_DOCUMENT: Final = "document"
"""The place of findings about the document itself, which no later check of its content replaces."""


def keep(
    tx: Session,
    gateway: Gateway,
    row: OrderRow,
    order: Order,
    exchange_id: str,
    *,
    before: OrderRevisionRow | None = None,
) -> OrderRevisionRow:
    """Adds the document as the next revision. A replacement becomes the one that counts; a cancellation and the
    buyer's internal version do not."""
    revision = OrderRevisionRow(
        id=gateway.ids(),
        realm=row.realm,
        order_id=row.id,
        number=_next_number(tx, row),
        change=order.change,
        version=order.version,
        document_id=order.document_id,
        exchange_id=exchange_id,
        received=to_json(order).decode(),
        findings=[msgspec.to_builtins(finding) for finding in _oddities(row, order)] if before else [],
        changes=changes(before.document(), order) if before and order.change is Change.UPDATE else [],
        internal=order.internal_version,
        at=gateway.clock.now(),
    )
    tx.add(revision)
    if not order.internal_version:
        row.document_id, row.exchange_id = order.document_id, exchange_id
        if order.change is not Change.DELETE:
            row.revision = revision.number
            row.version = order.version if order.version is not None else row.version
        tx.add(row)
    tx.flush()
    return revision


def keep_edit(
    tx: Session, gateway: Gateway, row: OrderRow, order: Order, editor_id: str, before: OrderRevisionRow
) -> OrderRevisionRow:
    """The document with the change of one of our people, as the next revision, which counts. It goes back to the same
    message of the buyer's, whose oddities stay."""
    revision = OrderRevisionRow(
        id=gateway.ids(),
        realm=row.realm,
        order_id=row.id,
        number=_next_number(tx, row),
        change=Change.UPDATE,
        version=before.version,
        document_id=before.document_id,
        exchange_id=before.exchange_id,
        received=to_json(order).decode(),
        findings=[finding for finding in before.findings if finding["at"] == AT_DOCUMENT],
        changes=changes(before.document(), order),
        editor_id=editor_id,
        at=gateway.clock.now(),
    )
    row.revision = revision.number
    tx.add(revision)
    tx.add(row)
    tx.flush()
    return revision


def of_buyer(tx: Session, revision: OrderRevisionRow) -> OrderRevisionRow:
    """The newest one up to this that is the buyer's own document."""
    query = select(OrderRevisionRow).where(
        OrderRevisionRow.order_id == revision.order_id,
        OrderRevisionRow.number <= revision.number,
        col(OrderRevisionRow.editor_id).is_(None),
        col(OrderRevisionRow.internal).is_(False),
        col(OrderRevisionRow.checked).is_not(None),
    )
    return (
        revision
        if revision.editor_id is None
        else tx.exec(query.order_by(col(OrderRevisionRow.number).desc()).limit(1)).one()
    )


def _next_number(tx: Session, row: OrderRow) -> int:
    last = tx.exec(select(func.max(OrderRevisionRow.number)).where(OrderRevisionRow.order_id == row.id)).one()
    return (last or 0) + 1


def _oddities(row: OrderRow, order: Order) -> list[Fault]:
    """How a change names what it changes, where it does so loosely."""
    odd: list[tuple[str, str, str | None]] = []
    if order.change is Change.UPDATE and order.version is None:
        odd.append(("order.version_missing", "the change names no version; it is taken in the order of arrival", None))
    if order.previous_document_id is None:
        odd.append(("order.reference_missing", "the change does not name the document that it replaces", None))
    elif row.document_id is not None and order.previous_document_id != row.document_id:
        message = "the change names another document than the newest of this order"
        odd.append(("order.reference_not_newest", message, order.previous_document_id))
    return [
        Fault(code=code, at=AT_DOCUMENT, message=message, found=found, weight=Weight.FINDING)
        for code, message, found in odd
    ]

"""Everything that belongs to one order, wherever it lies: for evidence, and for its erasure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session, col, or_, select

from app.storage.approvals import RunRow, RunTaskRow
from app.storage.attempts import AttemptRow
from app.storage.audit import AuditRow
from app.storage.base import unindexed
from app.storage.deliveries import DeliveryRow
from app.storage.dispatches import DispatchRow
from app.storage.exchanges import REPEATED, ExchangeRow
from app.storage.orders import HoldRow, OrderRevisionRow, OrderRow

R = TypeVar("R", HoldRow, RunRow, RunTaskRow, DeliveryRow, DispatchRow, OrderRevisionRow, AuditRow)


@dataclass(frozen=True, slots=True)
class Trail:
    """Each list in the order in which it came to be."""

    order: OrderRow
    exchanges: Sequence[ExchangeRow]
    revisions: Sequence[OrderRevisionRow]
    holds: Sequence[HoldRow]
    runs: Sequence[RunRow]
    tasks: Sequence[RunTaskRow]
    deliveries: Sequence[DeliveryRow]
    dispatches: Sequence[DispatchRow]
    attempts: Sequence[AttemptRow]
    audit: Sequence[AuditRow]

    @property
    def is_open(self) -> bool:
        """Whether somebody or something still has to do with it."""
        on_its_way = any(row.open for row in self.deliveries) or any(row.open for row in self.dispatches)
        return on_its_way or self.order.state not in ("accepted", "rejected", "cancelled") or self.order.promised


def trail_of(session: Session, order: OrderRow) -> Trail:
    deliveries = _of(session, order, DeliveryRow, DeliveryRow.sequence)
    dispatches = _of(session, order, DispatchRow, DispatchRow.sequence)
    revisions = _of(session, order, OrderRevisionRow, OrderRevisionRow.id)
    subjects = [*(row.id for row in deliveries), *(row.id for row in dispatches)]
    attempts = select(AttemptRow).where(col(AttemptRow.subject_id).in_(subjects)).order_by(col(AttemptRow.id))
    return Trail(
        order=order,
        exchanges=_exchanges(session, order, revisions, dispatches),
        revisions=revisions,
        holds=_of(session, order, HoldRow, HoldRow.id),
        runs=_of(session, order, RunRow, RunRow.id),
        tasks=_of(session, order, RunTaskRow, RunTaskRow.id),
        deliveries=deliveries,
        dispatches=dispatches,
        attempts=session.exec(attempts).all(),
        audit=_of(session, order, AuditRow, AuditRow.sequence),
    )


def _of(session: Session, order: OrderRow, kind: type[R], by: Any) -> Sequence[R]:
    return session.exec(select(kind).where(col(kind.order_id) == order.id).order_by(col(by))).all()


def _exchanges(
    session: Session, order: OrderRow, revisions: Sequence[OrderRevisionRow], dispatches: Sequence[DispatchRow]
) -> Sequence[ExchangeRow]:
    """The documents about it, ours and theirs, the answers to them, and what came again or in conflict."""
    realm = unindexed(ExchangeRow.realm)
    known = {order.exchange_id, *(row.exchange_id for row in revisions)}
    known |= {row.exchange_id for row in dispatches if row.exchange_id}
    about = session.exec(
        select(ExchangeRow).where(
            realm == order.realm, or_(ExchangeRow.caused_id == order.id, col(ExchangeRow.id).in_(known))
        )
    ).all()
    together = {row.correlation_id for row in about} | {order.correlation_id}
    again = session.exec(
        select(ExchangeRow.correlation_id).where(
            realm == order.realm,
            unindexed(ExchangeRow.partner_id) == order.partner_id,
            col(ExchangeRow.state).in_(REPEATED),
            col(ExchangeRow.control_id).in_({row.control_id for row in about if row.control_id}),
        )
    )
    together.update(again)
    query = select(ExchangeRow).where(
        realm == order.realm,
        or_(col(ExchangeRow.correlation_id).in_(together), col(ExchangeRow.id).in_([row.id for row in about])),
    )
    return session.exec(query.order_by(col(ExchangeRow.id))).all()

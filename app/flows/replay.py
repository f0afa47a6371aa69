"""Trying again, on a person's word, what had come to a stop: one order, a range, or everything that is dead.

Nothing is doubled by it: what the ERP has accepted is left alone, what is on its way stays there, and the rest begins
with a look-up. Answers to buyers repeat the very bytes of before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.flows import forward_order, reply
from app.gateway import Gateway
from app.storage import deliveries, in_hand
from app.storage.deliveries import STOPPED, DeliveryRow
from app.storage.dispatches import FAILED, DispatchRow
from app.storage.orders import OrderRow

BATCH: Final = 100
"""Rows in one transaction."""


@dataclass(frozen=True, slots=True)
class Selection:
    """
    orders        buyers' order numbers; none: all orders.
    since, until  by the time of the stop; `until` itself is not in it.
    states        of deliveries; none: held, dead and rejected. Answers that failed go along in any case.
    """

    realm: str
    orders: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    states: Sequence[deliveries.State] = ()


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many are on their way again."""

    deliveries: int
    answers: int


def replay(gateway: Gateway, wanted: Selection) -> Replayed:
    """In transactions of some rows each, so that a long list does not keep the server from writing."""
    with gateway.database.read() as session:
        stopped = _deliveries(session, wanted)
        failed = _answers(session, wanted)
    return Replayed(_in_batches(gateway, stopped, _again), _in_batches(gateway, failed, _send_again))


def _in_batches(gateway: Gateway, ids: Sequence[str], act: Callable[[Session, Gateway, str], bool]) -> int:
    done = 0
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]

        def work(tx: Session, batch: Sequence[str] = batch) -> int:
            return sum(act(tx, gateway, row_id) for row_id in batch)

        done += gateway.database.write(work)
    return done


def unknown(session: Session, wanted: Selection) -> list[str]:
    """Which of the order numbers named there are not."""
    query = select(OrderRow.number).where(OrderRow.realm == wanted.realm, col(OrderRow.number).in_(wanted.orders))
    found = set(session.exec(query))
    return [number for number in wanted.orders if number not in found]


def _deliveries(session: Session, wanted: Selection) -> list[str]:
    query = select(DeliveryRow.id).where(
        DeliveryRow.realm == wanted.realm,
        col(DeliveryRow.state).in_(wanted.states or STOPPED),
        col(DeliveryRow.superseded).is_(False),
        *_among(wanted, col(DeliveryRow.order_id), col(DeliveryRow.closed_at)),
    )
    return list(session.exec(query.order_by(col(DeliveryRow.sequence))))


def _answers(session: Session, wanted: Selection) -> list[str]:
    query = select(DispatchRow.id).where(
        DispatchRow.realm == wanted.realm,
        col(DispatchRow.state).in_(FAILED),
        *_among(wanted, col(DispatchRow.order_id), col(DispatchRow.closed_at)),
    )
    return list(session.exec(query.order_by(col(DispatchRow.sequence))))


def _among(wanted: Selection, order_id: Any, stopped_at: Any) -> list[ColumnElement[bool]]:
    bounds: list[ColumnElement[bool]] = []
    if wanted.orders:
        numbers = col(OrderRow.number).in_(wanted.orders)
        bounds.append(order_id.in_(select(OrderRow.id).where(OrderRow.realm == wanted.realm, numbers)))
    if wanted.since is not None:
        bounds.append(stopped_at >= wanted.since)
    if wanted.until is not None:
        bounds.append(stopped_at < wanted.until)
    return bounds


def _again(tx: Session, gateway: Gateway, delivery_id: str) -> bool:
    row = deliveries.by_id(tx, delivery_id)
    if row is None or row.state not in STOPPED:
        return False
    forward_order.again(tx, gateway, row)
    return True


def _send_again(tx: Session, gateway: Gateway, dispatch_id: str) -> bool:
    row = in_hand.by_id(tx, DispatchRow, dispatch_id)
    if row is None or row.state not in FAILED:
        return False
    reply.again(tx, gateway, row)
    return True

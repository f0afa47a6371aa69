"""What stands first in lanes with all that is needed to send it, and what is in hand with all that its end changes:
many rows at a time by one look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BindParameter, bindparam, case, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from app.storage import deliveries
from app.storage.approvals import RunRow
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow
from app.storage.lane_stops import LaneStopRow
from app.storage.orders import OrderRevisionRow, OrderRow
from app.storage.partners import PartnerRow


@dataclass(frozen=True, slots=True)
class Head:
    """
    customer  the customer's number.
    document  the canonical JSON of what is to be sent; absent where a change or a new order has none.
    run       of the approval that its revision came under.
    """

    row: DeliveryRow
    order: OrderRow
    customer: str
    document: str | None
    run: RunRow | None


@dataclass(frozen=True, slots=True)
class InHand:
    """The partner is read with the rest, as what is owed to it depends on its settings."""

    row: DeliveryRow
    order: OrderRow
    partner: PartnerRow


def heads(tx: Session, lanes: Sequence[tuple[str, str]]) -> list[Head]:
    """Of each of the lanes (realm, name) the row whose turn it is, in the order of the lanes, unless a person holds it
    back; it and its order are kept from others until the transaction ends."""
    # Not locked in one go: SKIP LOCKED would pass over the head and return the row behind it. Waited for, since it may
    # be who puts a row behind it that has it in hand, and counts on this look (`deliveries.idle`).
    first = deliveries.heads(tx, lanes)
    if not first:
        return []
    rows = tx.execute(_HEADS, {"sequences": list(first.values())})
    found = {head.row.sequence: head for head in (Head(*row) for row in rows)}
    return [found[sequence] for sequence in (first.get(lane) for lane in lanes) if sequence in found]


def in_hand(tx: Session, sequences: Sequence[int]) -> dict[int, InHand]:
    """These rows as they are now; they and their orders are kept from others until the transaction ends."""
    rows = tx.exec(_IN_HAND, params={"sequences": sequences})
    return {row.sequence or 0: InHand(row, order, partner) for row, order, partner in rows}


_SEQUENCES: Final[BindParameter[int]] = bindparam("sequences", expanding=True)
# Built once, as building a query takes longer than running it.
_RUN: Final = (
    select(func.max(RunRow.id))
    .where(RunRow.order_id == DeliveryRow.order_id, col(RunRow.revision) <= DeliveryRow.revision)
    .correlate(DeliveryRow)
    .scalar_subquery()
)
"""A later revision's says nothing of it. Ids grow with time."""
_HEADS: Final = (
    columns(
        DeliveryRow,
        OrderRow,
        col(CustomerRow.number),
        case((col(DeliveryRow.kind) == "cancel", col(OrderRevisionRow.received)), else_=col(OrderRevisionRow.checked)),
        RunRow,
    )
    .join(OrderRow, col(OrderRow.id) == DeliveryRow.order_id)
    .join(CustomerRow, col(CustomerRow.id) == OrderRow.customer_id)
    .join(
        OrderRevisionRow,
        (col(OrderRevisionRow.order_id) == OrderRow.id) & (col(OrderRevisionRow.number) == DeliveryRow.revision),
    )
    .outerjoin(RunRow, col(RunRow.id) == _RUN)
    .outerjoin(LaneStopRow, (col(LaneStopRow.realm) == DeliveryRow.realm) & (col(LaneStopRow.lane) == DeliveryRow.lane))
    .where(
        col(DeliveryRow.sequence).in_(_SEQUENCES),
        col(DeliveryRow.open).is_(True),
        or_(col(LaneStopRow.after).is_(None), col(DeliveryRow.sequence) <= col(LaneStopRow.after)),
    )
    .order_by(col(DeliveryRow.sequence))
    .with_for_update(of=[DeliveryRow, OrderRow])
    .execution_options(populate_existing=True)
)
_IN_HAND: Final = (
    select(DeliveryRow, OrderRow, PartnerRow)
    .join(OrderRow, col(OrderRow.id) == DeliveryRow.order_id)
    .join(PartnerRow, col(PartnerRow.id) == OrderRow.partner_id)
    .where(col(DeliveryRow.sequence).in_(_SEQUENCES))
    .order_by(col(DeliveryRow.sequence))
    .with_for_update(of=[DeliveryRow, OrderRow])
    .execution_options(populate_existing=True)
)

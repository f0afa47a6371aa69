"""What other rules would have made of the orders that came. It only reads, in short looks, and keeps nobody waiting."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select

from app.approval.flow import Flow
from app.approval.simulation import Difference, Judged, Report, judge, totals
from app.flows.past_orders import PastOrder, Trial, waits
from app.storage import customers
from app.storage.approvals import FlowRow
from app.storage.base import unindexed
from app.storage.database import Database
from app.storage.orders import OrderRow
from app.storage.progress import Progress, unwatched

MOST_ORDERS: Final = 5_000
MOST_DAYS: Final = 400
AT_ONCE: Final = 50
"""Orders that are read in one look at the database."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The last `orders`, of those that came in the last `days`, where these are given."""

    orders: int = MOST_ORDERS
    days: int | None = None


def simulate(
    database: Database, row: FlowRow, flow: Flow, choice: Choice, now: datetime, progress: Progress = unwatched
) -> Report:
    """`flow` in place of what is active in `row`, on the orders of its customers. What `progress` raises ends it."""
    trial = Trial(now)
    with database.read() as session:
        ids, more = _chosen(session, row, choice, now)
        waiting = waits(session, ids)
    before, after, differences = list[Judged](), list[Judged](), list[Difference]()
    times: list[datetime] = []
    for begin in range(0, len(ids), AT_ONCE):
        progress(begin, len(ids))
        with database.read() as session:
            for order in trial.past_orders(session, ids[begin : begin + AT_ONCE]):
                if order is None:
                    continue
                active = judge(trial.tried(session, order.customer), order.past, waiting)
                tried = judge(trial.tried(session, order.customer, row, flow), order.past, waiting)
                before.append(active)
                after.append(tried)
                times.append(order.row.received_at)
                if active.effect != tried.effect:
                    differences.append(_difference(order, active, tried))
    progress(len(ids), len(ids))
    return Report(
        before=totals(before),
        after=totals(after),
        differences=tuple(differences),
        since=min(times, default=None),
        until=max(times, default=None),
        unreadable=len(ids) - len(before),
        more=more,
    )


def _chosen(session: Session, row: FlowRow, choice: Choice, now: datetime) -> tuple[list[str], bool]:
    """Ids of the orders, the newest first, and whether the limit left some out."""
    query = select(OrderRow.id).order_by(col(OrderRow.id).desc())
    if row.customer_id is not None:
        query = query.where(OrderRow.customer_id == row.customer_id)
    elif row.customer_group is not None:
        members = [customer.id for customer in customers.of_group(session, row.realm, row.customer_group)]
        query = query.where(col(OrderRow.customer_id).in_(members))
    else:
        query = query.where(unindexed(OrderRow.realm) == row.realm)
    if choice.days is not None:
        query = query.where(col(OrderRow.received_at) >= now - timedelta(days=choice.days))
    most = min(choice.orders, MOST_ORDERS)
    found = list(session.exec(query.limit(most + 1)))
    return found[:most], len(found) > most and choice.orders >= MOST_ORDERS


def _difference(order: PastOrder, before: Judged, after: Judged) -> Difference:
    row = order.row
    return Difference(
        order_id=row.id,
        number=row.number,
        customer=order.customer.name,
        received_at=row.received_at,
        total=None if row.total is None else f"{row.total:f}",
        currency=row.currency,
        before=before,
        after=after,
    )

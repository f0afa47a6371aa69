"""What the state that a run has come to means for its order, in the same transaction: the last yes queues the delivery,
a no and a wish for a change go to the buyer, and where nobody is left to ask, the desk has a case and an alert is
raised."""

from datetime import datetime
from typing import Final

from sqlmodel import Session

from app.approval.steps import Run, State
from app.flows import take_order
from app.gateway import Gateway, alert
from app.storage.approvals import RunRow
from app.storage.orders import OrderRow, OrderState

LONGEST_REASON: Final = 1_000


def see_to(tx: Session, gateway: Gateway, order: OrderRow, row: RunRow, run: Run, reason: str, at: datetime) -> None:
    """`reason` is what the buyer is told of a no, or is asked to change."""
    match run.state:
        case State.REJECTED:
            take_order.refuse(tx, gateway, order, reason.strip()[:LONGEST_REASON], at)
        case State.APPROVED:
            take_order.come_to(tx, gateway, order, row, at)
        case State.SENT_BACK if order.state != OrderState.SENT_BACK:
            take_order.send_back(tx, gateway, order, reason.strip()[:LONGEST_REASON], at)
        case State.HELD if order.state != OrderState.HELD:
            take_order.come_to(tx, gateway, order, row, at)
            alert("approval.stuck", realm=order.realm, order=order.number, partner=order.partner_id)
        case _:
            pass

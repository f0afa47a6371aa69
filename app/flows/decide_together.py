"""Several orders approved at once: only those that the person has opened as they are now, or that are small. Each is a
decision of its own, in a transaction and with an entry of the record of its own; there is no no to several at once."""

from sqlmodel import Session

from app.errors import No, Refusal
from app.flows import decide_approval, see_task
from app.flows.decide_approval import Decision, Said
from app.gateway import Gateway
from app.storage.approvals import RunTaskRow
from app.storage.orders import OrderRow
from app.storage.people import PersonRow
from schemas.money import Money


def may_join(gateway: Gateway, total: Money | None, *, opened: bool) -> bool:
    return opened or gateway.settings.approves_unopened(total)


def approve(tx: Session, gateway: Gateway, person: PersonRow, task_id: str, order_hash: str) -> OrderRow:
    """One of several. Raises DecidedAlready; Refusal, also for an order that is to be opened first."""
    task = tx.get(RunTaskRow, task_id)
    order = tx.get(OrderRow, task.order_id) if task is not None else None
    if task is None or order is None:
        raise Refusal(No.UNKNOWN_REFERENCE, "no such task")
    total = None if order.total is None else Money(amount=order.total, currency=order.currency)
    opened = (task.id, order_hash) in see_task.seen(tx, person, [task])
    if not may_join(gateway, total, opened=opened):
        raise Refusal(No.FORBIDDEN, "open this order before you approve it")
    return decide_approval.decide(tx, gateway, person, task_id, Decision(Said.APPROVE, order_hash), "page")

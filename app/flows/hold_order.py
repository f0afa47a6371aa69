"""Opens and closes the cases of an order: one for each difference that waits for a person."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from app.flows.case_times import due_at
from app.flows.cases import Difference
from app.gateway import Gateway
from app.storage import orders
from app.storage.orders import HoldRow, HoldState, OrderRow


def hold(
    tx: Session, gateway: Gateway, order: OrderRow, differences: Iterable[Difference], at: datetime
) -> list[HoldRow]:
    """Opens a case for each difference that nobody has settled for this revision, closes those that are gone, and
    returns the open ones."""
    kept = orders.holds(tx, order)
    standing = {same(difference): difference for difference in differences}
    for case in kept:
        if case.state == HoldState.OPEN and same(case) not in standing:
            case.state = HoldState.OBSOLETE
            tx.add(case)
    known = {same(case) for case in kept if case.state != HoldState.OBSOLETE}
    opened = [case for case in kept if case.state == HoldState.OPEN]
    opened += [open_case(tx, gateway, order, case, at) for same, case in standing.items() if same not in known]
    tx.flush()
    return opened


def same(case: Difference | HoldRow) -> tuple[str, int | None, str | None, str | None]:
    """What makes two cases of a revision one: settled as it stood, it is not asked again."""
    return case.code, case.line, case.expected, case.found


def open_case(tx: Session, gateway: Gateway, order: OrderRow, difference: Difference, at: datetime) -> HoldRow:
    case = HoldRow(
        id=gateway.ids(),
        realm=order.realm,
        order_id=order.id,
        customer_id=order.customer_id,
        revision=order.revision,
        code=difference.code,
        line=difference.line,
        message=difference.message,
        expected=difference.expected,
        found=difference.found,
        data=dict(difference.data),
        state=HoldState.OPEN,
        opened_at=at,
        due_at=due_at(gateway, difference.code, at),
    )
    tx.add(case)
    return case


def let_go(tx: Session, order: OrderRow) -> None:
    """Nobody needs to settle what is no longer there."""
    query = select(HoldRow).where(HoldRow.order_id == order.id, col(HoldRow.state) == HoldState.OPEN)
    for case in tx.exec(query):
        case.state = HoldState.OBSOLETE
        tx.add(case)

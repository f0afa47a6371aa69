"""Who works on a case at the desk, and what they note about it: each an entry in the record of the order.

Notes stand in the record alone: nobody changes them afterwards."""

from sqlmodel import Session, col, select

from app.errors import No, Refusal
from app.flows.ask_approval import record
from app.flows.end_run import LONGEST_REASON
from app.gateway import Gateway
from app.storage import audit, orders
from app.storage.orders import HoldRow, HoldState, OrderRow
from app.storage.people import PersonRow, Role

SETTLES = (Role.OPERATOR, Role.ADMIN)


def settlers(session: Session, realm: str, customer_id: str) -> list[PersonRow]:
    """Who may settle cases of the customer, by name."""
    query = select(PersonRow).where(PersonRow.realm == realm, col(PersonRow.active)).order_by(PersonRow.name)
    return [person for person in session.exec(query) if person.has(*SETTLES) and person.serves(customer_id)]


def assign(tx: Session, gateway: Gateway, person: PersonRow, case_id: str, to: str | None, channel: str) -> HoldRow:
    """Takes the case, gives it to a colleague or lets it go (None). Raises Refusal."""
    case, order = _open(tx, person, case_id)
    if to is not None and to not in {one.id for one in settlers(tx, order.realm, order.customer_id)}:
        raise Refusal(No.UNACCEPTABLE, "this person cannot settle the case: choose another one")
    if case.assignee_id != to:
        case.assignee_id = to
        tx.add(case)
        _record(tx, gateway, person, order, case, "case_assigned", channel, to=to)
    return case


def note(tx: Session, gateway: Gateway, person: PersonRow, case_id: str, text: str, channel: str) -> HoldRow:
    """Raises Refusal."""
    case, order = _open(tx, person, case_id)
    text = text.strip()[:LONGEST_REASON]
    if not text:
        raise Refusal(No.UNACCEPTABLE, "write the note")
    _record(tx, gateway, person, order, case, "case_noted", channel, reason=text)
    return case


def _open(tx: Session, person: PersonRow, case_id: str) -> tuple[HoldRow, OrderRow]:
    if not person.has(*SETTLES):
        raise Refusal(No.FORBIDDEN, "only an operator or an administrator works on cases")
    case = tx.get(HoldRow, case_id)
    if case is None or case.realm != person.realm or not person.serves(case.customer_id):
        raise Refusal(No.UNKNOWN_REFERENCE, "no such case")
    order = orders.locked(tx, case.realm, case.order_id)
    tx.refresh(case)
    if order is None or case.state != HoldState.OPEN:
        raise Refusal(No.CONFLICT, "the case was closed meanwhile; look at the order again")
    return case, order


def _record(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    order: OrderRow,
    case: HoldRow,
    event: str,
    channel: str,
    *,
    to: str | None = None,
    reason: str | None = None,
) -> None:
    at, by = gateway.clock.now(), audit.by(person.id)
    data = {"case": case.id, "code": case.code, "line": case.line, "to": to}
    record(tx, order, event, at, actor=by, channel=channel, reason=reason, data=data)

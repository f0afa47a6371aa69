"""What a person settles at the desk: each case by one of the choices that its kind allows; then the same document is
taken again. A choice that translates a word is kept as the customer's, so that the case does not come back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlmodel import Session, select

from app.approval.moves import Withdrawn
from app.catalog.items import Audience, find
from app.errors import No, Refusal
from app.flows import ask_approval, forward_order, judge_again, reply, take_order
from app.flows.cases import AS_A_RULE, WITH_REASON, Choice, about_cancellation, choices
from app.flows.decide_approval import ReasonCode, override
from app.flows.end_run import LONGEST_REASON
from app.gateway import Gateway
from app.partners.agreement import OrderTerms, keep, order_terms
from app.storage import audit, orders
from app.storage.customers import CustomerAddressRow, CustomerRow
from app.storage.orders import HoldRow, HoldState, OrderRow, OrderState
from app.storage.people import PersonRow, Role
from protocols.cxml.status import CODES
from schemas.units import known


@dataclass(frozen=True, slots=True)
class Settlement:
    """`value` is our item number or the unit code, where the choice needs one."""

    hold_id: str
    choice: Choice
    value: str = ""
    reason: str = ""


def settle(
    tx: Session, gateway: Gateway, person: PersonRow, order_id: str, settlements: Iterable[Settlement], channel: str
) -> OrderRow:
    """Settles cases of one order and takes the order again. All or none: raises Refusal for a case that is closed or
    unknown, a choice that it does not allow, a value that is not ours, a missing reason."""
    order = _held(tx, person, order_id)
    customer = tx.get_one(CustomerRow, order.customer_id)
    at = gateway.clock.now()
    cases = {case.id: case for case in orders.holds(tx, order, HoldState.OPEN)}
    overridden, kept, sent_again = "", "", []
    for settlement in settlements:
        case = cases.get(settlement.hold_id)
        if case is None:
            raise Refusal(No.CONFLICT, "one of the cases was closed meanwhile; look at the order again")
        check(person, case, settlement)
        match settlement.choice:
            case Choice.MAP_ITEM | Choice.MAP_UNIT | Choice.ALLOW_CHANGE as choice:
                _keep_terms(tx, customer, terms_with(tx, customer, case, choice, settlement.value, at))
            case Choice.KEEP_ADDRESS:
                _keep_address(tx, customer, case)
            case Choice.OVERRIDE:
                overridden = settlement.reason
            case Choice.KEEP_ORDER:
                kept = settlement.reason
            case Choice.SEND_AGAIN:
                sent_again.append(str(case.data["kind"]))
            case _:
                pass
        _close(tx, order, case, settlement, person, at, channel)
    tx.flush()
    if overridden:
        return override(tx, gateway, person, order.id, approve=True, reason=overridden, channel=channel)
    if kept:
        orders.move(order, OrderState.APPROVED, at)
        orders.move(order, OrderState.ACCEPTED, at)
        reply.owe_status(tx, gateway, order, 409, CODES[409], kept.strip()[:LONGEST_REASON])
        return order
    if sent_again and not orders.holds(tx, order, HoldState.OPEN):
        orders.move(order, OrderState.APPROVED, at)
        for kind in sent_again:
            forward_order.queue_delivery(tx, gateway, order, kind)
        return order
    judge_again.judge_again(tx, gateway, order, actor=audit.by(person.id), channel=channel)
    return order


def reject(
    tx: Session, gateway: Gateway, person: PersonRow, order_id: str, code: ReasonCode, text: str, channel: str
) -> OrderRow:
    """Refuses a held order; the text reaches the buyer. Raises Refusal."""
    order = _held(tx, person, order_id)
    if not text.strip():
        raise Refusal(No.UNACCEPTABLE, "say why: the text reaches the buyer")
    if any(about_cancellation(case.data) for case in orders.holds(tx, order, HoldState.OPEN)):
        raise Refusal(No.CONFLICT, "the ERP has this order: keep it, or send the cancellation again")
    at = gateway.clock.now()
    reason = text.strip()[:LONGEST_REASON]
    by = audit.by(person.id)
    ask_approval.end(tx, gateway, order, Withdrawn(), at, sent=True, actor=by, channel=channel)
    ask_approval.record(
        tx,
        order,
        "rejected_at_desk",
        at,
        actor=audit.by(person.id),
        channel=channel,
        reason=reason,
        data={"code": code.value},
    )
    take_order.refuse(tx, gateway, order, reason, at)
    return order


def _held(tx: Session, person: PersonRow, order_id: str) -> OrderRow:
    if not person.has(Role.OPERATOR, Role.ADMIN):
        raise Refusal(No.FORBIDDEN, "only an operator or an administrator settles cases")
    order = orders.locked(tx, person.realm, order_id)
    if order is None or not person.serves(order.customer_id):
        raise Refusal(No.UNKNOWN_REFERENCE, "no such order")
    if order.state != OrderState.HELD:
        raise Refusal(No.CONFLICT, "the order is not held any more")
    return order


def check(person: PersonRow, case: HoldRow, settlement: Settlement) -> None:
    """Raises Refusal for a settlement that the case does not allow, or not this person."""
    if settlement.choice not in choices(case.code, case.data):
        raise Refusal(No.UNACCEPTABLE, f"a case of {case.code} cannot be settled by {settlement.choice}")
    if settlement.choice in WITH_REASON and not settlement.reason.strip():
        raise Refusal(No.UNACCEPTABLE, f"say why ({case.code}): the reason is kept with the order")
    if settlement.choice is Choice.OVERRIDE and not person.has(Role.ADMIN):
        raise Refusal(No.FORBIDDEN, "only an administrator decides in place of the rules")


def _close(
    tx: Session,
    order: OrderRow,
    case: HoldRow,
    settlement: Settlement,
    person: PersonRow,
    at: datetime,
    channel: str,
) -> None:
    case.state = HoldState.SETTLED
    case.choice = settlement.choice
    case.reason = settlement.reason.strip()[:LONGEST_REASON] or None
    case.kept = settlement.choice in AS_A_RULE
    case.settled_by, case.settled_at = person.id, at
    tx.add(case)
    ask_approval.record(
        tx,
        order,
        "case_settled",
        at,
        actor=audit.by(person.id),
        channel=channel,
        reason=case.reason,
        data={
            "code": case.code,
            "line": case.line,
            "choice": settlement.choice.value,
            "value": settlement.value,
            "found": case.found,
            "expected": case.expected,
        },
    )


def _keep_terms(tx: Session, customer: CustomerRow, terms: OrderTerms) -> None:
    if terms != order_terms(customer):
        keep(customer, terms)
        tx.add(customer)


def terms_with(
    session: Session, customer: CustomerRow, case: HoldRow, choice: Choice, value: str, at: datetime
) -> OrderTerms:
    """What is agreed with the customer once the case's word is kept or its change allowed. Raises Refusal for a value
    that is not ours."""
    terms, word = order_terms(customer), str(case.data.get("word") or "")
    if choice is Choice.MAP_ITEM:
        sku = value.strip()
        if not sku or find(session, Audience.of(customer), sku, at) is None:
            raise Refusal(No.UNACCEPTABLE, f"'{sku[:100]}' is no item that this customer can order")
        return msgspec.structs.replace(terms, item_words={**terms.item_words, word: sku})
    if choice is Choice.MAP_UNIT:
        code = value.strip().upper()
        if not known(code):
            raise Refusal(No.UNACCEPTABLE, f"'{code[:20]}' is no unit of UN/ECE Recommendation 20 that is known here")
        return msgspec.structs.replace(terms, unit_words={**terms.unit_words, word: code})
    if choice is Choice.ALLOW_CHANGE:
        holds = tuple(change for change in terms.cart.holds if change != case.data["change"])
        return msgspec.structs.replace(terms, cart=msgspec.structs.replace(terms.cart, holds=holds))
    return terms


def _keep_address(tx: Session, customer: CustomerRow, case: HoldRow) -> None:
    address = case.data.get("address") or {}
    code = str(address.get("id") or case.order_id)[:100]
    query = select(CustomerAddressRow).where(
        CustomerAddressRow.customer_id == customer.id, CustomerAddressRow.code == code
    )
    row = tx.exec(query).first() or CustomerAddressRow(
        realm=customer.realm, customer_id=customer.id, code=code, name=""
    )
    row.name = str(address.get("name") or code)[:200]
    row.address = address
    tx.add(row)

"""What becomes of a document as far as reading can tell: checked against the catalog, put before the rules.

Nothing is written here, so a new order is considered before the transaction that keeps it. That transaction then only
writes, and is held by one order for a tenth of the time; what it must still find out for itself is whether somebody has
taken the order's number meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlmodel import Session

from app.approval import definition
from app.approval import flow as flows
from app.approval.explanation import Why, to_data
from app.approval.extras import Extra
from app.approval.fields import catalogue
from app.approval.flow import Flow, Ruling, Warned
from app.approval.order_hash import order_hash
from app.approval.subject import Subject, requesters
from app.flows.cart_comparison import CartComparison
from app.flows.cart_of_order import changes_that_hold
from app.flows.check_order import Checked, check
from app.flows.looked_up import Facts
from app.flows.order_book import OrderBook
from app.partners.agreement import OrderTerms, order_terms
from app.storage import orders, people
from app.storage.approvals import FlowVersionRow
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRow
from schemas.base import to_json
from schemas.order import Order


@lru_cache(maxsize=500)
def read_flow(text: str, own: str | None = None) -> Flow:
    """A published definition with the customer's own fields that it keeps: it never changes, so it is read once."""
    return definition.read(text, catalogue(own_fields_in(own)))


def read_version(version: FlowVersionRow) -> Flow:
    return read_flow(version.definition, version.own_fields)


def own_fields_in(kept: str | None) -> tuple[Extra, ...]:
    """What a version keeps of the customer's own fields."""
    return msgspec.json.decode(kept, type=tuple[Extra, ...]) if kept is not None else ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the first flow that fits says; without `flow` none does.

    explanation  for the run: which flow and rule, and the comparisons that made it so."""

    ruling: Ruling
    flow: Flow | None
    flow_version_id: str | None
    explanation: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Considered:
    """
    checked_json  the order as it would go to the ERP, and `hash` what approvals stamp of it.
    cart          what became of the carts that it came from; None where it came from none.
    asked         what the rules say, were there no differences.
    facts         what was looked up for it, in the session in which it was considered.
    requesters    ids of people of ours whom the order names as asking for the goods, in the order in which it names
                  them; they never count as approvers.
    """

    customer: CustomerRow
    document: Order
    terms: OrderTerms
    checked: Checked
    checked_json: str
    hash: str
    cart: CartComparison | None
    subject: Subject
    facts: Facts
    asked: Asked
    requesters: tuple[str, ...]
    at: datetime

    @property
    def turns_on_others(self) -> bool:
        """Whether other orders had a say that was read outside of a transaction that writes (sums, what they hold of
        its carts); it must be considered again in one."""
        return (self.facts.summed or self.cart is not None) and not self.facts.book.writes

    @property
    def approved_by(self) -> Why | None:
        """Why nobody needs to look at it; None when somebody does."""
        if self.checked.differences:
            return None
        if self.asked.ruling is Ruling.AUTO_APPROVED:
            return Why.AUTO_APPROVED
        if self.asked.flow is None and self.terms.without_flow == "approve":
            return Why.NO_FLOW
        return None


def consider(book: OrderBook, customer: CustomerRow, document: Order, protocol: str, at: datetime) -> Considered:
    terms = order_terms(customer)
    checked = check(book, customer, terms, document, at)
    facts = Facts(book, customer, terms, document, checked.order, at)
    if facts.cart is not None:
        holding = changes_that_hold(facts.cart, terms.cart, checked.differences)
        checked = replace(checked, differences=(*checked.differences, *holding))
    subject = subject_of(facts, protocol, checked)
    return Considered(
        customer=customer,
        document=document,
        terms=terms,
        checked=checked,
        checked_json=to_json(checked.order).decode(),
        hash=order_hash(checked.order, customer=customer.number),
        cart=facts.cart,
        subject=subject,
        facts=facts,
        asked=ask(book, customer, subject),
        requesters=who_asked(book, customer, checked.order),
        at=at,
    )


def who_asked(book: OrderBook, customer: CustomerRow, order: Order) -> tuple[str, ...]:
    """Ids of people of ours whom the order names as asking for the goods, in the order in which it names them."""
    named = requesters(order)
    found = people.of_names(book.session, customer.realm, named)
    places = {name: place for place, name in enumerate(named)}
    far = len(named)
    found.sort(key=lambda person: min(places.get(person.login, far), places.get(person.email or "", far)))
    return tuple(person.id for person in found)


def subject_of(facts: Facts, protocol: str, checked: Checked) -> Subject:
    return Subject(
        order=checked.order,
        protocol=protocol,
        customer=facts.customer.number,
        at=facts.at,
        agreed=checked.agreed,
        ship_to_known=checked.ship_to_known,
        known=facts.known,
        line_known=facts.of_lines(checked.offers),
        rates=facts.rates,
        extras=facts.extras,
    )


def subject_in(tx: Session, considered: Considered) -> Subject:
    """The same order with what must still be looked up, in a transaction that writes."""
    if considered.facts.book.session is tx:
        return considered.subject
    customer = tx.get_one(CustomerRow, considered.customer.id)
    document, order = considered.document, considered.checked.order
    facts = Facts(OrderBook(tx), customer, considered.terms, document, order, considered.at)
    return subject_of(facts, considered.subject.protocol, considered.checked)


def subject_now(tx: Session, order: OrderRow, at: datetime, book: OrderBook | None = None) -> Subject:
    """The order as it stands, on today's prices. With a `book` that remembers, nothing is locked."""
    customer = tx.get_one(CustomerRow, order.customer_id)
    book, terms = book or OrderBook(tx), order_terms(customer)
    document = orders.revision(tx, order).document()
    checked = check(book, customer, terms, document, at)
    return subject_of(Facts(book, customer, terms, document, checked.order, at), order.protocol, checked)


def ask(book: OrderBook, customer: CustomerRow, subject: Subject) -> Asked:
    for published in book.flows(customer):
        flow = read_flow(published.definition, published.own_fields)
        found = flows.verdict(flow, subject)
        if found.ruling is Ruling.NOT_THIS_FLOW:
            continue
        explanation = {
            "flow": published.name,
            "version": published.version,
            "rule": found.rule.text if found.rule else None,
            "reasons": [to_data(reason) for reason in found.reasons],
            **({"warnings": [_warning(warned) for warned in found.warnings]} if found.warnings else {}),
        }
        return Asked(found.ruling, flow, published.version_id, explanation)
    return Asked(Ruling.NOT_THIS_FLOW, None, None, {})


def _warning(warned: Warned) -> dict[str, Any]:
    return {
        "key": warned.rule.key,
        "text": warned.rule.text,
        "reasons": [to_data(reason) for reason in warned.reasons],
    }

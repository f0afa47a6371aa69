"""Everything a page shows of one order, read in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session, col, select

from app.approval.subject import LineSubject
from app.catalog.items import Audience, offers
from app.flows.approvers import editors
from app.flows.cart_comparison import CartComparison, from_data
from app.storage import approvals, deliveries, orders, people
from app.storage.approvals import RunRow
from app.storage.audit import AuditRow
from app.storage.changes import Memories
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow
from app.storage.dispatches import DispatchRow
from app.storage.exchanges import ExchangeRow
from app.storage.orders import HoldRow, HoldState, OrderRevisionRow, OrderRow
from app.storage.partners import PartnerRow
from app.storage.people import PersonRow
from app.web.orders.run_view import Round, round_of
from app.web.orders.sentences import Speaker
from app.web.orders.thread import Thread, thread_of
from schemas.item import Price
from schemas.money import Money
from schemas.order import Attachment, Order, OrderLine
from schemas.party import Address


@dataclass(frozen=True, slots=True)
class Line:
    """
    agreed     the price that is agreed today.
    deviation  in percent above it; None where prices cannot be compared.
    cases      the open ones of this line.
    """

    line: OrderLine
    agreed: Price | None
    net: Money | None
    deviation: Decimal | None
    cases: tuple[HoldRow, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of the timeline. `who` is a name, or absent; `acting_for` that of the one whose place they took,
    `to` that of the one who works on a case from then on."""

    at: datetime
    event: str
    who: str | None
    acting_for: str | None
    to: str | None
    channel: str
    reason: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OrderView:
    """`editors`: ids of those who changed the order or settled a difference of it."""

    row: OrderRow
    customer: CustomerRow
    partner: PartnerRow
    revision: OrderRevisionRow
    order: Order
    lines: tuple[Line, ...]
    cart: CartComparison | None
    cases: tuple[HoldRow, ...]
    settled: tuple[tuple[HoldRow, str], ...]
    run: RunRow | None
    round: Round | None
    thread: Thread
    history: tuple[Happened, ...]
    deliveries: tuple[DeliveryRow, ...]
    answers: tuple[DispatchRow, ...]
    exchanges: tuple[ExchangeRow, ...]
    editors: frozenset[str]

    @property
    def total(self) -> Money | None:
        return None if self.row.total is None else Money(amount=self.row.total, currency=self.row.currency)

    @property
    def order_cases(self) -> tuple[HoldRow, ...]:
        """The open ones that are about the order as a whole."""
        return tuple(case for case in self.cases if case.line is None)

    @property
    def files(self) -> tuple[Attachment, ...]:
        """All that came with the order, with whatever of it they came."""
        comments = [*self.order.comments, *(comment for line in self.order.lines for comment in line.comments)]
        return (*self.order.attachments, *(file for comment in comments for file in comment.attachments))

    @property
    def ship_to(self) -> Address | None:
        return self.order.ship_to or next((line.ship_to for line in self.order.lines if line.ship_to), None)


def load(
    session: Session, memories: Memories, person: PersonRow, order_id: str, language: str, at: datetime
) -> OrderView | None:
    """None for an order that is not there, or not for this person."""
    row = session.get(OrderRow, order_id)
    if row is None or row.realm != person.realm or not person.serves(row.customer_id):
        return None
    customer = session.get_one(CustomerRow, row.customer_id)
    revision = orders.revision(session, row)
    order = revision.order()
    holds = session.exec(select(HoldRow).where(HoldRow.order_id == row.id).order_by(HoldRow.id)).all()
    cases = tuple(hold for hold in holds if hold.state == HoldState.OPEN)
    settled = [hold for hold in holds if hold.state == HoldState.SETTLED]
    names = people.named(session, row.realm, (hold.settled_by for hold in settled))
    run = approvals.newest_run(session, row.id)
    entries = session.exec(select(AuditRow).where(AuditRow.order_id == row.id).order_by(col(AuditRow.sequence))).all()
    return OrderView(
        row=row,
        customer=customer,
        partner=session.get_one(PartnerRow, row.partner_id),
        revision=revision,
        order=order,
        lines=_lines(session, customer, order, cases, at),
        cart=from_data(revision.cart) if revision.cart is not None else None,
        cases=cases,
        settled=tuple((hold, names.get(hold.settled_by or "", "")) for hold in settled),
        run=run,
        round=round_of(session, memories, row, run, entries, Speaker(language), at) if run else None,
        thread=thread_of(session, person, row, entries),
        history=_history(session, row, entries),
        deliveries=tuple(deliveries.of_order(session, row.id)),
        answers=tuple(
            session.exec(select(DispatchRow).where(DispatchRow.order_id == row.id).order_by(col(DispatchRow.sequence)))
        ),
        exchanges=_exchanges(session, row),
        editors=editors(session, row),
    )


def _lines(
    session: Session, customer: CustomerRow, order: Order, cases: tuple[HoldRow, ...], at: datetime
) -> tuple[Line, ...]:
    skus = {line.item.supplier_id for line in order.lines if line.item.supplier_id}
    offered = offers(session, Audience.of(customer), sorted(skus), at)
    shown = []
    for line in order.lines:
        offer = offered.get(line.item.supplier_id or "")
        same_unit = offer is not None and line.quantity.unit == offer.item.unit
        agreed = offer.price_at(line.quantity.amount) if offer and same_unit else None
        subject = LineSubject(line, agreed)
        of_line = tuple(case for case in cases if case.line == line.number)
        shown.append(Line(line, agreed, subject.net, subject.price_deviation_percent, of_line))
    return tuple(shown)


def _history(session: Session, row: OrderRow, entries: Sequence[AuditRow]) -> tuple[Happened, ...]:
    actors = {entry.sequence: entry.actor.partition(":")[2] for entry in entries}
    given = {entry.sequence: entry.data.get("to") for entry in entries if entry.event == "case_assigned"}
    others = (*(entry.acting_for for entry in entries), *given.values())
    names = people.named(session, row.realm, {*actors.values(), *others})
    return tuple(
        Happened(
            at=entry.at,
            event=entry.event,
            who=names.get(actors[entry.sequence]),
            acting_for=names.get(entry.acting_for or ""),
            to=names.get(given.get(entry.sequence) or ""),
            channel=entry.channel,
            reason=entry.reason,
            data=entry.data,
        )
        for entry in entries
    )


def _exchanges(session: Session, row: OrderRow) -> tuple[ExchangeRow, ...]:
    """What came and went about the order, oldest first: its documents, our answers, and what was sent later."""
    revisions = select(OrderRevisionRow.exchange_id).where(OrderRevisionRow.order_id == row.id)
    came = session.exec(select(ExchangeRow).where(col(ExchangeRow.id).in_(revisions))).all()
    answers = [exchange.answered_by for exchange in came if exchange.answered_by]
    sent = session.exec(select(DispatchRow.exchange_id).where(DispatchRow.order_id == row.id)).all()
    wanted = [*answers, *(exchange_id for exchange_id in sent if exchange_id)]
    others = session.exec(select(ExchangeRow).where(col(ExchangeRow.id).in_(wanted))).all() if wanted else []
    return tuple(sorted([*came, *others], key=lambda exchange: exchange.id))

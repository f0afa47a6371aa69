"""Orders that are here already, as rules are tried on them: what they say, at the prices of the day on which they came;
people, limits and terms as they are now. Nothing is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from sqlmodel import Session, col, select

from app.approval.asking import Case
from app.approval.flow import Flow
from app.approval.people import Directory, Person
from app.approval.simulation import Named, Past, Waits, waits_of
from app.flows.approvers import editors, everybody
from app.flows.check_order import check
from app.flows.consider_order import read_version, subject_of, who_asked
from app.flows.looked_up import Facts
from app.flows.order_book import OrderBook
from app.partners.agreement import order_terms
from app.storage import approvals, approver_profiles
from app.storage.approvals import FlowRow, FlowVersionRow, RunRow, RunTaskRow
from app.storage.changes import Memories
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRevisionRow, OrderRow
from app.storage.people import PersonRow

_TASKS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class PastOrder:
    """`at`: when the document came."""

    row: OrderRow
    customer: CustomerRow
    past: Past
    at: datetime


@dataclass(slots=True)
class Trial:
    """What is read once for many orders; for the sessions of one simulation, one after the other."""

    now: datetime
    _people: dict[str, list[tuple[PersonRow, Person]]] = field(default_factory=dict)
    _directories: dict[str, Directory] = field(default_factory=dict)
    _tried: dict[tuple[str, str], tuple[Named, ...]] = field(default_factory=dict)
    _memories: Memories = field(default_factory=Memories)

    def past_orders(self, session: Session, order_ids: Sequence[str]) -> list[PastOrder | None]:
        """In the order of the ids; None for one that nothing is left of, or that cannot be read any more. Of a
        cancelled order the last revision that asked for goods."""
        wanted = col(OrderRow.id).in_(order_ids)
        rows = {row.id: row for row in session.exec(select(OrderRow).where(wanted))}
        revisions: dict[str, OrderRevisionRow] = {}
        newest_last = select(OrderRevisionRow).where(
            col(OrderRevisionRow.order_id).in_(order_ids),
            col(OrderRevisionRow.checked).is_not(None),
            col(OrderRevisionRow.internal).is_(False),
        )
        for revision in session.exec(newest_last.order_by(col(OrderRevisionRow.number))):
            revisions[revision.order_id] = revision
        known = {row.customer_id for row in rows.values()}
        customers = {c.id: c for c in session.exec(select(CustomerRow).where(col(CustomerRow.id).in_(known)))}
        book = OrderBook(session, self._memories)
        return [
            self._past(book, rows[order_id], revisions[order_id], customers[rows[order_id].customer_id])
            if order_id in rows and order_id in revisions
            else None
            for order_id in order_ids
        ]

    def revision(self, session: Session, row: OrderRow, number: int) -> PastOrder | None:
        """One revision of an order."""
        query = select(OrderRevisionRow).where(OrderRevisionRow.order_id == row.id, OrderRevisionRow.number == number)
        found = session.exec(query).first()
        customer = session.get_one(CustomerRow, row.customer_id)
        return self._past(OrderBook(session, self._memories), row, found, customer) if found is not None else None

    def _past(
        self, book: OrderBook, row: OrderRow, revision: OrderRevisionRow, customer: CustomerRow
    ) -> PastOrder | None:
        try:
            document = revision.document()
        except ValueError:
            return None
        terms = order_terms(customer)
        checked = check(book, customer, terms, document, revision.at)
        facts = Facts(book, customer, terms, document, checked.order, revision.at)
        subject = subject_of(facts, row.protocol, checked)
        ship_to = subject.ship_to.id if subject.ship_to else None
        case = Case(
            requesters=who_asked(book, customer, checked.order),
            editors=editors(book.session, row),
            total=subject.total_net,
            owners=approver_profiles.owners(book.session, row.customer_id, subject.cost_center, ship_to),
        )
        past = Past(
            subject=subject,
            case=case,
            directory=self._directory(book.session, customer),
            held_without_flow=terms.without_flow == "hold",
        )
        return PastOrder(row, customer, past, revision.at)

    def _directory(self, session: Session, customer: CustomerRow) -> Directory:
        if customer.id not in self._directories:
            if customer.realm not in self._people:
                self._people[customer.realm] = everybody(session, customer.realm, self.now)
            serving = (person for row, person in self._people[customer.realm] if row.serves(customer.id))
            self._directories[customer.id] = Directory(serving)
        return self._directories[customer.id]

    def tried(
        self, session: Session, customer: CustomerRow, row: FlowRow | None = None, flow: Flow | None = None
    ) -> tuple[Named, ...]:
        """The active rules for a customer in the order in which they are tried; with `flow` as what is active in
        `row`, where that is for the customer."""
        key = (customer.id, row.id if row else "")
        if key not in self._tried:
            met = row is not None and row.meets(customer)
            self._tried[key] = tuple(_tried(approvals.candidates(session, customer), row, flow if met else None))
        return self._tried[key]


def _tried(active: Iterable[tuple[FlowRow, FlowVersionRow]], row: FlowRow | None, flow: Flow | None) -> list[Named]:
    found = [(of, read_version(version)) for of, version in active if row is None or of.id != row.id]
    if row is not None and flow is not None:
        found.append((row, flow))
    found.sort(key=lambda one: one[0].turn)
    return [Named(of.key, of.name, read) for of, read in found]


def waits(session: Session, order_ids: Sequence[str]) -> Waits:
    """How long the tasks of these orders waited until a person decided them: the median of each step, and of all."""
    taken: dict[tuple[str, str], list[float]] = {}
    for begin in range(0, len(order_ids), _TASKS_AT_ONCE):
        query = (
            select(FlowRow.key, RunTaskRow.step, RunTaskRow.opened_at, RunTaskRow.decided_at)
            .join(RunRow, col(RunRow.id) == RunTaskRow.run_id)
            .join(FlowVersionRow, col(FlowVersionRow.id) == RunRow.flow_version_id)
            .join(FlowRow, col(FlowRow.id) == FlowVersionRow.flow_id)
            .where(
                col(RunTaskRow.order_id).in_(order_ids[begin : begin + _TASKS_AT_ONCE]),
                col(RunTaskRow.decided_by).is_not(None),
                col(RunTaskRow.merged).is_(False),
            )
        )
        for key, step, opened_at, decided_at in session.exec(query):
            if decided_at is not None:
                taken.setdefault((key, step), []).append((decided_at - opened_at).total_seconds())
    of_all = [time for times in taken.values() for time in times]
    return waits_of({of: _middle(times) for of, times in taken.items()}, _middle(of_all) if of_all else None)


def _middle(seconds: Sequence[float]) -> timedelta:
    return timedelta(seconds=median(seconds))

"""Orders, their revisions, and the cases in which one waits for a person."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, Column, ColumnElement, Index, Text, UniqueConstraint, literal_column, text
from sqlmodel import Field, Session, col, select

from app.storage.base import DecimalText, Row, UtcDateTime, new_id, table_of
from app.storage.exchanges import IS_NAMED
from app.storage.prepared import PreparedInsert
from schemas.base import from_json
from schemas.order import Order


class OrderState(StrEnum):
    """
    held               a difference waits at the desk.
    awaiting_approval  people were asked.
    sent_back          an approver has asked the buyer for a change.
    approved           on its way into the lane of its ERP.
    forwarding         the lane has begun to send it.
    accepted           the ERP has it.
    rejected           refused, by an approver, at the desk, by a rule or by the ERP.
    cancelled          by the buyer.
    """

    HELD = "held"
    AWAITING_APPROVAL = "awaiting_approval"
    SENT_BACK = "sent_back"
    APPROVED = "approved"
    FORWARDING = "forwarding"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


_DECIDED: Final = {OrderState.HELD, OrderState.AWAITING_APPROVAL, OrderState.APPROVED, OrderState.REJECTED}
"""What taking an order, or a change to it, can come to."""

NEXT: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    OrderState.HELD: frozenset(_DECIDED | {OrderState.CANCELLED}),
    OrderState.AWAITING_APPROVAL: frozenset(_DECIDED | {OrderState.SENT_BACK, OrderState.CANCELLED}),
    OrderState.SENT_BACK: frozenset(_DECIDED | {OrderState.CANCELLED}),
    OrderState.APPROVED: frozenset(
        _DECIDED | {OrderState.FORWARDING, OrderState.ACCEPTED, OrderState.CANCELLED, OrderState.HELD}
    ),
    OrderState.FORWARDING: frozenset(_DECIDED | {OrderState.ACCEPTED, OrderState.CANCELLED}),
    OrderState.ACCEPTED: frozenset(_DECIDED | {OrderState.FORWARDING, OrderState.CANCELLED}),
    OrderState.REJECTED: frozenset(_DECIDED | {OrderState.CANCELLED}),
    OrderState.CANCELLED: frozenset(),
}


LONGEST_COST_CENTER: Final = 100
"""What is longer is cut: it still tells orders of one cost centre from those of others."""


def cost_center_of(named: str | None) -> str | None:
    """As it is kept."""
    return named[:LONGEST_COST_CENTER] if named is not None else None


def _of_time(whose: str) -> Index:
    """For sums of a customer's orders by requester or cost centre; most orders name no cost centre."""
    named = text(f"{whose} IS NOT NULL")
    columns = ("customer_id", whose, "received_at")
    return Index(f"ix_cd_orders_{whose}_received_at", *columns, sqlite_where=named, postgresql_where=named)


class OrderRow(Row, table=True):
    """The buyer's order as it stands; `revision` is the number of the newest OrderRevisionRow that counts.

    number        the buyer's order number, exactly as written.
    version       the buyer's version, where it gives one.
    document_id   the id of the newest document of this order, to which answers refer.
    request_id    what the caller calls its request, `trace` the trace it names (`app.trace`); neither is unique.
    answer_to     what the protocol needs to answer later: who asked, under which of our names.
    promised      the buyer was told "later" and is owed the outcome; `promise_warned_at` is when people heard that it
                  is overdue.
    total         the sum of the lines, each rounded, in `currency`.
    requester     who asked for the goods, as the order names them; `cost_center` the one that all its lines name.
    erp_number    what the ERP calls it, once it has it.
    """

    __tablename__ = "cd_orders"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    partner_id: str = Field(foreign_key="cd_partners.id", max_length=36)
    customer_id: str = Field(foreign_key="cd_customers.id", max_length=36)
    number: str = Field(max_length=200)
    state: str = Field(max_length=20)
    revision: int = 1
    version: int | None = None
    protocol: str = Field(max_length=20)
    document_id: str | None = Field(default=None, max_length=1_000)
    exchange_id: str = Field(max_length=36)
    correlation_id: str = Field(max_length=36)
    request_id: str | None = Field(default=None, max_length=64)
    trace: str | None = Field(default=None, max_length=40)
    answer_to: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    promised: bool = False
    promise_warned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    test: bool = False
    currency: str = Field(max_length=3)
    total: Decimal | None = Field(default=None, sa_type=DecimalText)
    requester: str | None = Field(default=None, max_length=320)
    cost_center: str | None = Field(default=None, max_length=LONGEST_COST_CENTER)
    erp_number: str | None = Field(default=None, max_length=200)
    received_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (
        UniqueConstraint("realm", "customer_id", "number"),
        Index("ix_cd_orders_realm_state_id", "realm", "state", "id"),
        Index("ix_cd_orders_correlation_id", "correlation_id"),
        Index("ix_cd_orders_request_id", "request_id", sqlite_where=IS_NAMED, postgresql_where=IS_NAMED),
        Index(
            "ix_cd_orders_promised",
            "realm",
            sqlite_where=text("promised IS 1"),
            postgresql_where=text("promised IS true"),
        ),
        Index("ix_cd_orders_customer_id_id", "customer_id", "id"),
        _of_time("requester"),
        _of_time("cost_center"),
    )


class OrderRevisionRow(Row, table=True):
    """One document about an order.

    received    the canonical JSON of the document as it came.
    checked     the same as it would go to the ERP: our item numbers, Rec 20 units. Absent for a cancellation.
    hash        of `checked`, as approvals stamp it.
    findings    canonical faults: what differs and what was odd.
    changes     against the revision before: `{at, before, after}` each.
    editor_id   the person of ours who changed the order; `received` is then the buyer's document with that change.
    cart        what became of the carts that it came from, when it was judged last; absent where it came from none.
    internal    the buyer's own version (cXML isInternalVersion): kept, without effect.
    """

    __tablename__ = "cd_order_revisions"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    order_id: str = Field(foreign_key="cd_orders.id", ondelete="CASCADE", max_length=36)
    number: int
    change: str = Field(max_length=10)
    version: int | None = None
    document_id: str | None = Field(default=None, max_length=1_000)
    exchange_id: str = Field(max_length=36)
    received: str = Field(sa_type=Text)
    checked: str | None = Field(default=None, sa_type=Text)
    hash: str | None = Field(default=None, max_length=64)
    findings: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    changes: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    cart: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    internal: bool = False
    at: datetime = Field(sa_type=UtcDateTime)
    editor_id: str | None = Field(default=None, max_length=36)

    __table_args__ = (UniqueConstraint("order_id", "number"),)

    def document(self) -> Order:
        """The document as it came."""
        return from_json(self.received, Order)

    def order(self) -> Order:
        """The order as it goes to the ERP. Raises ValueError for a cancellation, which has none."""
        if self.checked is None:
            raise ValueError("a cancellation carries no order")
        return from_json(self.checked, Order)


class HoldState(StrEnum):
    """`obsolete`: the order was changed, refused or cancelled before anybody settled the case."""

    OPEN = "open"
    SETTLED = "settled"
    OBSOLETE = "obsolete"


_IS_OPEN: Final = "state = 'open'"


def _of_open(name: str, *columns: str, besides: str = "") -> Index:
    """Of the open cases, which are few among all that there ever were."""
    some = text(_IS_OPEN + besides)
    return Index(f"ix_cd_holds_open_{name}", *columns, sqlite_where=some, postgresql_where=some)


class HoldRow(Row, table=True):
    """One difference that a person settles.

    line      the buyer's line number; absent for the order as a whole.
    expected  what we would have taken, as text; `found` what the document says.
    data      what the choices need: the item, the amounts.
    choice    how it was settled, `kept` whether that became a rule of the customer's.
    assignee  who works on it, if anybody does.
    due_at    by when it should be settled; `overdue_told_at` is when people heard that it was not.
    """

    __tablename__ = "cd_holds"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    order_id: str = Field(foreign_key="cd_orders.id", ondelete="CASCADE", max_length=36)
    customer_id: str = Field(foreign_key="cd_customers.id", max_length=36)
    revision: int
    code: str = Field(max_length=60)
    line: int | None = None
    message: str = Field(max_length=500)
    expected: str | None = Field(default=None, max_length=500)
    found: str | None = Field(default=None, max_length=500)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    state: str = Field(max_length=10)
    choice: str | None = Field(default=None, max_length=30)
    reason: str | None = Field(default=None, max_length=1_000)
    kept: bool = False
    settled_by: str | None = Field(default=None, foreign_key="cd_people.id", max_length=36)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    assignee_id: str | None = Field(default=None, max_length=36)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    overdue_told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    __table_args__ = (
        Index("ix_cd_holds_order_id", "order_id"),
        Index("ix_cd_holds_realm_state_id", "realm", "state", "id"),
        _of_open("code", "realm", "code", "id"),
        _of_open("customer", "customer_id", "id"),
        _of_open("alike", "customer_id", "code", "found"),
        _of_open("due", "realm", "due_at", "id"),
        _of_open("assignee", "assignee_id", "id", besides=" AND assignee_id IS NOT NULL"),
        Index(
            "ix_cd_holds_untold",
            "due_at",
            sqlite_where=text(f"{_IS_OPEN} AND overdue_told_at IS NULL"),
            postgresql_where=text(f"{_IS_OPEN} AND overdue_told_at IS NULL"),
        ),
    )


OPEN_CASE: Final[ColumnElement[bool]] = col(HoldRow.state) == literal_column("'open'")
"""In the words of the indexes that hold the open ones alone."""

put_order = PreparedInsert(table_of(OrderRow), unless_there=True)
"""With a value for every column that may not be NULL; False when the customer has an order of that number."""
put_revision = PreparedInsert(table_of(OrderRevisionRow))


class Impossible(Exception):
    """The order cannot go from its state to that one."""


def move(order: OrderRow, to: OrderState, at: datetime) -> None:
    """Raises Impossible. Staying where it is is no move and always possible."""
    if to is not OrderState(order.state) and to not in NEXT[OrderState(order.state)]:
        raise Impossible(f"order {order.id} cannot go from {order.state} to {to}")
    order.state = to
    order.changed_at = at


def locked(session: Session, realm: str, order_id: str) -> OrderRow | None:
    """The order, so that nobody else changes it until COMMIT (PostgreSQL; on SQLite nobody else writes anyway)."""
    query = select(OrderRow).where(OrderRow.realm == realm, OrderRow.id == order_id).with_for_update()
    return session.exec(query.execution_options(populate_existing=True)).first()


def by_number(session: Session, realm: str, customer_id: str, number: str) -> OrderRow | None:
    query = select(OrderRow).where(
        OrderRow.realm == realm, OrderRow.customer_id == customer_id, OrderRow.number == number
    )
    return session.exec(query.with_for_update()).first()


def promised_before(session: Session, before: datetime, limit: int) -> list[OrderRow]:
    """Orders whose buyer has waited for the outcome since before then, and nobody was told yet; not those that wait
    for the buyer."""
    query = (
        select(OrderRow)
        .join(
            OrderRevisionRow,
            (col(OrderRevisionRow.order_id) == OrderRow.id) & (col(OrderRevisionRow.number) == OrderRow.revision),
        )
        .where(
            col(OrderRow.promised).is_(True),
            OrderRow.state != OrderState.SENT_BACK,
            col(OrderRow.promise_warned_at).is_(None),
            col(OrderRevisionRow.at) <= before,
        )
    )
    return list(session.exec(query.limit(limit)))


def overdue_cases(session: Session, now: datetime, limit: int) -> list[HoldRow]:
    """Open cases whose time is up, and nobody was told yet."""
    query = select(HoldRow).where(OPEN_CASE, col(HoldRow.overdue_told_at).is_(None), col(HoldRow.due_at) <= now)
    return list(session.exec(query.order_by(col(HoldRow.due_at)).limit(limit)))


def revision(session: Session, order: OrderRow) -> OrderRevisionRow:
    """The newest revision that counts."""
    query = select(OrderRevisionRow).where(
        OrderRevisionRow.order_id == order.id, OrderRevisionRow.number == order.revision
    )
    return session.exec(query).one()


def holds(session: Session, order: OrderRow, *states: HoldState) -> list[HoldRow]:
    """The cases of the order's newest revision, oldest first; all of them without states."""
    query = select(HoldRow).where(HoldRow.order_id == order.id, HoldRow.revision == order.revision).order_by(HoldRow.id)
    found = session.exec(query).all()
    return [hold for hold in found if not states or HoldState(hold.state) in states]

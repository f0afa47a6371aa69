"""Orders in lanes, and an ERP in memory, for tests of what stands between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from bridge_orders import order as an_order
from sqlmodel import Session, select

from app.approval.order_hash import order_hash
from app.approval.steps import State
from app.bridge.adapter import (
    Accepted,
    CannotTell,
    Delivery,
    ErpAdapter,
    Found,
    FoundNone,
    FoundOne,
    FoundSeveral,
    Label,
    Outcome,
    Rejected,
    Retry,
    Uncertain,
)
from app.bridge.comparison import wanted_lines, wanted_total
from app.clock import SetClock
from app.flows import forward_order
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.partners.identify import AnswerTo
from app.storage.approvals import RunRow
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow
from app.storage.orders import OrderRevisionRow, OrderRow, OrderState
from app.storage.partners import PartnerRow
from app.work import Lane
from schemas.base import to_json
from schemas.order import Order
from schemas.party import Identifier


@dataclass
class Kept:
    erp_id: str
    order: Order
    customer: str
    revision: int
    cancelled: bool = False


Say = Callable[["MemoryErp", Delivery], Outcome]


def works(erp: "MemoryErp", sent: Delivery) -> Outcome:
    return erp.keep(sent)


def reply_is_lost(erp: "MemoryErp", sent: Delivery) -> Outcome:
    erp.keep(sent)
    return Uncertain("the reply was lost")


def request_is_lost(erp: "MemoryErp", sent: Delivery) -> Outcome:
    return Uncertain("the request was lost")


def refuses(erp: "MemoryErp", sent: Delivery) -> Outcome:
    return Rejected("item.unknown", "no such item", "lines[0].sku")


def is_down(erp: "MemoryErp", sent: Delivery) -> Outcome:
    return Retry("connection refused")


def breaks(erp: "MemoryErp", sent: Delivery) -> Outcome:
    raise ZeroDivisionError("a bug in the adapter")


@dataclass
class MemoryErp:
    """Answers the first submission with the first of `script`, and so on, then works. Like a real one it does not
    notice that it gets an order twice. `blind`: it cannot look anything up for now."""

    script: list[Say] = field(default_factory=list)
    settle: timedelta = timedelta(seconds=60)
    longest: timedelta = timedelta(seconds=30)
    at_once: int = 100
    label: Label = Label.STAND_IN
    blind: bool = False
    kept: list[Kept] = field(default_factory=list)
    arrivals: list[tuple[str, str, int]] = field(default_factory=list)
    looked: int = 0
    lock: Lock = field(default_factory=Lock)

    def submit(self, delivery: Delivery) -> Outcome:
        with self.lock:
            say = self.script.pop(0) if self.script else works
        return say(self, delivery)

    def keep(self, sent: Delivery) -> Outcome:
        with self.lock:
            self.arrivals.append((sent.reference, sent.kind, sent.revision))
            there = [kept for kept in self.kept if self._same(kept, sent.reference, sent.customer)]
            if sent.kind == "create":
                there = [Kept(f"E{len(self.kept) + 1}", sent.order, sent.customer, sent.revision)]
                self.kept += there
            elif not there:
                return Rejected("order.unknown", "no such order")
            elif sent.kind == "change":
                there[-1].order, there[-1].revision = sent.order, sent.revision
            else:
                there[-1].cancelled = True
            return Accepted(there[-1].erp_id, f"SO-{there[-1].erp_id}")

    def _same(self, kept: Kept, reference: str, customer: str) -> bool:
        return (kept.order.id, kept.customer) == (reference, customer)

    def find(self, reference: str, customer: str) -> Found:
        with self.lock:
            self.looked += 1
            if self.blind:
                return CannotTell("no answer")
            found = [k for k in self.kept if self._same(k, reference, customer) and not k.cancelled]
        if not found:
            return FoundNone()
        if len(found) > 1:
            return FoundSeveral(tuple(kept.erp_id for kept in found))
        (one,) = found
        total = wanted_total(one.order)
        return FoundOne(
            one.erp_id,
            f"SO-{one.erp_id}",
            tuple((line.item.supplier_id or "", line.quantity.amount) for line in wanted_lines(one.order)),
            total.amount if total else None,
            one.order.currency,
            one.revision,
        )

    def close(self) -> None:
        pass

    @property
    def numbers(self) -> list[str]:
        """The order numbers it has, in the order of arrival; a double stands twice."""
        return [kept.order.id for kept in self.kept]


@dataclass
class Lanes:
    """Customers with orders on their way to one ERP, on a gateway whose work items nobody runs but the test."""

    gateway: Gateway
    clock: SetClock
    erps: dict[str, ErpAdapter]

    def customer(self, number: str = "C-1001", **settings: object) -> str:
        """Makes a customer with its own connection; the id of the customer."""
        now = self.clock.now()

        def work(tx: Session) -> str:
            partner = PartnerRow(realm=LIVE, name=f"Partner of {number}", created_at=now)
            row = CustomerRow(
                realm=LIVE, number=number, name=number, currency="EUR", settings=dict(settings), created_at=now
            )
            tx.add(partner)
            tx.add(row)
            return row.id

        return self.gateway.database.write(work)

    def approved(self, customer_id: str, number: str = "PO-9", order: Order | None = None, **more: object) -> str:
        """An approved order in its lane; the id of the order."""
        now = self.clock.now()

        def work(tx: Session) -> str:
            customer = tx.get_one(CustomerRow, customer_id)
            partner = tx.exec(select(PartnerRow).where(PartnerRow.name == f"Partner of {customer.number}")).one()
            us, them = Identifier(scheme="DUNS", value="1"), Identifier(scheme="DUNS", value="2")
            row = OrderRow(
                **{
                    "realm": LIVE,
                    "partner_id": partner.id,
                    "customer_id": customer_id,
                    "number": number,
                    "state": OrderState.APPROVED,
                    "protocol": "cxml",
                    "document_id": f"{number}@buyer.example",
                    "exchange_id": "x",
                    "correlation_id": number[-36:],
                    "answer_to": AnswerTo(ours=us, theirs=them).kept(),
                    "currency": "EUR",
                    "received_at": now,
                    "changed_at": now,
                    **more,
                }
            )
            tx.add(row)
            tx.flush()
            self._revise(tx, row, order or an_order(number), "create")
            return row.id

        return self.gateway.database.write(work)

    def revised(self, order_id: str, order: Order, kind: str = "change") -> None:
        """The next revision of the order, approved, in the lane."""

        def work(tx: Session) -> None:
            row = tx.get_one(OrderRow, order_id)
            row.revision += 1
            row.state = OrderState.CANCELLED if kind == "cancel" else OrderState.APPROVED
            self._revise(tx, row, order, kind)

        self.gateway.database.write(work)

    def _revise(self, tx: Session, row: OrderRow, order: Order, kind: str) -> None:
        document = to_json(order).decode()
        tx.add(
            OrderRevisionRow(
                realm=LIVE,
                order_id=row.id,
                number=row.revision,
                change=order.change,
                exchange_id="x",
                received=document,
                checked=None if kind == "cancel" else document,
                at=self.clock.now(),
            )
        )
        self._approve(tx, row, order)
        tx.flush()
        forward_order.queue_delivery(tx, self.gateway, row, kind)

    def _approve(self, tx: Session, row: OrderRow, order: Order) -> None:
        """The run that approved this revision."""
        customer, now = tx.get_one(CustomerRow, row.customer_id), self.clock.now()
        tx.add(
            RunRow(
                realm=LIVE,
                order_id=row.id,
                revision=row.revision,
                order_hash=order_hash(order, customer=customer.number),
                state=State.APPROVED,
                stages=0,
                stage=0,
                began_at=now,
                ended_at=now,
            )
        )

    def lanes(self) -> list[Lane]:
        """In the order of their first rows."""
        return list(dict.fromkeys(Lane(realm=row.realm, lane=row.lane) for row in self.deliveries()))

    def work(self) -> int:
        """Wakes every lane until none has anything to do at this moment; how many calls that took."""
        calls = 0
        for lane in self.lanes():
            while made := lane_job.run(self.gateway, lane):
                calls += made
        return calls

    def work_for(self, time: timedelta) -> None:
        """As `work`, while the clock goes from one due row to the next until the time is over."""
        end = self.clock.now() + time
        self.work()
        while (due := self._next_due()) is not None and due[0] <= end:
            self.clock.at = max(due[0], self.clock.at)
            while lane_job.run(self.gateway, due[1]):
                pass
        self.clock.at = end

    def _next_due(self) -> tuple[datetime, Lane] | None:
        open_rows = [row for row in self.deliveries() if row.open and row.due_at]
        return min(
            ((row.due_at, Lane(realm=row.realm, lane=row.lane)) for row in open_rows if row.due_at),
            key=lambda due: due[0],
            default=None,
        )

    def deliveries(self, order_id: str | None = None) -> Sequence[DeliveryRow]:
        with self.gateway.database.read() as session:
            query = select(DeliveryRow).order_by(DeliveryRow.sequence)  # type: ignore[arg-type]  # a column
            rows = session.exec(query).all()
        return [row for row in rows if order_id in (None, row.order_id)]

    def delivery(self, order_id: str) -> DeliveryRow:
        (row,) = self.deliveries(order_id)
        return row

    def order(self, order_id: str) -> OrderRow:
        with self.gateway.database.read() as session:
            return session.get_one(OrderRow, order_id)


def lanes_on(gateway: Gateway, clock: SetClock, erps: Mapping[str, ErpAdapter]) -> Lanes:
    known = dict(erps)
    return Lanes(replace(gateway, erps=known), clock, known)

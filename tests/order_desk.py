"""A customer with a catalog, people who approve and settle, and a way to send orders in: for tests of the path of an
order from the document to the desk, the approvers and the lane."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar
from unittest import mock

from approval_orders import order
from msgspec.structs import replace
from sqlmodel import Session, col, select

from app.flows import decide_approval, release_hold
from app.flows.cases import Choice
from app.flows.consider_order import Considered
from app.flows.decide_approval import Decision, ReasonCode, Said
from app.flows.publish_flow import Published, publish_flow
from app.flows.release_hold import Settlement
from app.flows.take_order import TakenOrder, take_order
from app.gateway import Gateway
from app.partners.identify import AnswerTo, Caller
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.catalog import CategoryRow, ItemRow, ItemTextRow, PriceListRow, PriceRow
from app.storage.customers import CustomerAddressRow, CustomerRow
from app.storage.deliveries import DeliveryRow
from app.storage.exchanges import ExchangeRow
from app.storage.ledger import put_exchange, seal_exchange
from app.storage.orders import HoldRow, HoldState, OrderRevisionRow, OrderRow
from app.storage.partners import PartnerRow
from app.storage.people import PersonRow
from schemas.faults import Findings
from schemas.order import Change, Order
from schemas.party import Identifier

T = TypeVar("T")

SMALL_ORDERS_PASS: dict[str, Any] = {
    "auto_approve": [
        {
            "key": "small",
            "text": "Small orders",
            "when": {"field": "order.total_net", "op": "<=", "value": "100.00", "currency": "EUR"},
        }
    ],
    "stages": [{"steps": [{"key": "lead", "name": "Purchasing lead", "approver": {"role": "approver"}}]}],
}


def two_stages(quorum: object = "any") -> dict[str, Any]:
    first = {"key": "lead", "name": "Purchasing lead", "approver": {"role": "approver"}, "quorum": quorum}
    second = {"key": "boss", "name": "Boss", "approver": {"user": "boss"}}
    return {"stages": [{"steps": [first]}, {"steps": [second]}]}


@dataclass
class Desk:
    """Everything is done in one transaction a call, as the product does it."""

    gateway: Gateway
    partner: PartnerRow
    customer: CustomerRow
    people: dict[str, PersonRow] = field(default_factory=dict)
    documents: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def write(self, work: Callable[[Session], T]) -> T:
        return self.gateway.database.write(work)

    def person(
        self, login: str, *roles: str, email: str | None = None, customers: list[str] | None = None
    ) -> PersonRow:
        row = PersonRow(
            realm=LIVE,
            login=login,
            name=login.title(),
            email=email,
            roles=list(roles),
            customers=customers,
            created_at=self.gateway.clock.now(),
        )
        self.people[login] = row
        self.write(lambda tx: tx.add(row))
        return row

    def rules(
        self,
        definition: dict[str, Any],
        *,
        key: str = "rules",
        customer_id: str | None = None,
        customer_group: str | None = None,
    ) -> Published:
        return self.write(
            lambda tx: publish_flow(
                tx,
                self.gateway,
                realm=LIVE,
                key=key,
                name=key.title(),
                definition=json.dumps(definition),
                customer_id=customer_id,
                customer_group=customer_group,
            )
        )

    def outdated_rules(self, definition: dict[str, Any]) -> None:
        """Published when everybody whom they ask was still there."""
        with mock.patch("app.flows.publish_flow.check_flow", return_value=Findings()):
            self.rules(definition)

    def settings(self, **terms: object) -> None:
        def work(tx: Session) -> None:
            row = tx.get_one(CustomerRow, self.customer.id)
            row.settings = {**row.settings, "orders": terms}

        self.write(work)

    def caller(self) -> Caller:
        name = Identifier(scheme="NetworkId", value="AN01-T")
        return Caller(
            realm=LIVE,
            partner=self.partner,
            customer=self.customer,
            sender=name,
            answer_to=AnswerTo(ours=Identifier(scheme="DUNS", value="1"), theirs=name),
            correlation_id=self.gateway.ids(),
        )

    def send(self, document: Order | None = None, **changes: Any) -> TakenOrder:
        """Sends an order with a document id of its own. Raises Refusal."""
        sent = replace(document or order(), document_id=f"doc-{next(self.documents)}")
        sent = replace(sent, **changes)

        return self.write(lambda tx: self.take(tx, sent))

    def take(self, tx: Session, sent: Order, considered: Considered | None = None) -> TakenOrder:
        """Raises Refusal."""
        exchange = ExchangeRow(
            realm=LIVE,
            direction="in",
            transport="http",
            protocol="cxml",
            state="received",
            correlation_id="c",
            at=self.gateway.clock.now(),
            size=1,
            sha256="0",
        )
        tx.add(exchange)
        tx.flush()
        return take_order(tx, self.gateway, self.caller(), sent, exchange.id, considered)

    def update(self, document: Order, version: int | None = None, **changes: Any) -> TakenOrder:
        return self.send(document, change=Change.UPDATE, version=version, **changes)

    def cancel(self, **changes: Any) -> TakenOrder:
        return self.send(order(), change=Change.DELETE, totals=None, **changes)

    def message(self, body: bytes, media_type: str = "text/xml", **more: Any) -> str:
        """The id of an order message in the ledger, from the desk's partner."""
        values: dict[str, Any] = {
            "id": self.gateway.ids(),
            "realm": LIVE,
            "direction": "in",
            "partner_id": self.partner.id,
            "customer_id": self.customer.id,
            "transport": "http",
            "protocol": "cxml",
            "kind": "OrderRequest",
            "control_id": "m1",
            "state": "accepted",
            "test": False,
            "media_type": media_type,
            "correlation_id": "c",
            "at": self.gateway.clock.now(),
            "size": len(body),
            "sha256": "0",
            "faults": [],
            **more,
        }
        self.write(lambda tx: put_exchange(tx, values, seal_exchange(self.gateway.keys, values["id"], body)))
        return str(values["id"])

    def order(self, number: str = "PO-1") -> OrderRow:
        with self.gateway.database.read() as session:
            return session.exec(select(OrderRow).where(OrderRow.number == number)).one()

    def revision(self, number: str = "PO-1") -> OrderRevisionRow:
        row = self.order(number)
        with self.gateway.database.read() as session:
            query = select(OrderRevisionRow).where(
                OrderRevisionRow.order_id == row.id, OrderRevisionRow.number == row.revision
            )
            return session.exec(query).one()

    def cases(self, number: str = "PO-1", state: HoldState = HoldState.OPEN) -> list[HoldRow]:
        row = self.order(number)
        with self.gateway.database.read() as session:
            query = select(HoldRow).where(HoldRow.order_id == row.id, HoldRow.state == state).order_by(HoldRow.id)
            return list(session.exec(query))

    def codes(self, number: str = "PO-1") -> list[tuple[str, int | None]]:
        return [(case.code, case.line) for case in self.cases(number)]

    def run(self, number: str = "PO-1") -> RunRow:
        row = self.order(number)
        with self.gateway.database.read() as session:
            query = select(RunRow).where(RunRow.order_id == row.id).order_by(col(RunRow.id).desc())
            return session.exec(query.limit(1)).one()

    def asked(self, number: str = "PO-1", state: str = "open") -> list[str]:
        """Logins of those whose tasks of the newest run are in the state."""
        run = self.run(number)
        with self.gateway.database.read() as session:
            tasks = session.exec(select(RunTaskRow).where(RunTaskRow.run_id == run.id).order_by(RunTaskRow.id)).all()
        logins = {person.id: login for login, person in self.people.items()}
        return [logins[task.assignee_id] for task in tasks if task.state == state]

    def task(self, login: str, number: str = "PO-1") -> RunTaskRow:
        """The newest task of that person for the order."""
        row = self.order(number)
        with self.gateway.database.read() as session:
            query = select(RunTaskRow).where(
                RunTaskRow.order_id == row.id, RunTaskRow.assignee_id == self.people[login].id
            )
            return session.exec(query.order_by(col(RunTaskRow.id).desc()).limit(1)).one()

    def decide(
        self, login: str, *, approve: bool, text: str = "too dear", number: str = "PO-1", task: str | None = None
    ) -> OrderRow:
        return self._say(login, Said.APPROVE if approve else Said.REJECT, text, number, task)

    def send_back(self, login: str, text: str = "half of it will do", number: str = "PO-1") -> OrderRow:
        return self._say(login, Said.SEND_BACK, text, number, None)

    def _say(self, login: str, said: Said, text: str, number: str, task: str | None) -> OrderRow:
        approve = said is Said.APPROVE
        decision = Decision(
            said=said,
            order_hash=self.run(number).order_hash,
            code=None if approve else ReasonCode.PRICE,
            text="" if approve else text,
        )
        task_id = task or self.task(login, number).id
        person = self.people[login]
        return self.write(lambda tx: decide_approval.decide(tx, self.gateway, person, task_id, decision, "page"))

    def settle(self, login: str, *settled: tuple[int, Choice, str, str], number: str = "PO-1") -> OrderRow:
        """`settled` are (index among the open cases, choice, value, reason)."""
        cases = self.cases(number)
        settlements = [Settlement(cases[i].id, choice, value, reason) for i, choice, value, reason in settled]
        return self.write(
            lambda tx: release_hold.settle(
                tx, self.gateway, self.people[login], self.order(number).id, settlements, "page"
            )
        )

    def deliveries(self) -> list[tuple[str, int]]:
        with self.gateway.database.read() as session:
            rows = session.exec(select(DeliveryRow).order_by(col(DeliveryRow.sequence)))
            return [(row.kind, row.revision) for row in rows]

    def waiting(self) -> list[tuple[str, int]]:
        """Kind and revision of what is still to be sent."""
        with self.gateway.database.read() as session:
            rows = session.exec(select(DeliveryRow).where(col(DeliveryRow.open)).order_by(col(DeliveryRow.sequence)))
            return [(row.kind, row.revision) for row in rows]

    def events(self, number: str = "PO-1") -> list[str]:
        row = self.order(number)
        with self.gateway.database.read() as session:
            query = select(AuditRow.event).where(AuditRow.order_id == row.id).order_by(col(AuditRow.sequence))
            return list(session.exec(query))


ITEMS = (
    ("A-100", "C62", "9.95", Decimal(1), Decimal(1), None),
    ("A-200", "XBX", "40.00", Decimal(2), Decimal(2), "44121904"),
    ("A-300", "KGM", "3.50", Decimal("0.5"), Decimal("0.5"), None),
)
"""SKU, unit, price in EUR, minimum, step, UNSPSC."""


def set_up(gateway: Gateway, items: Iterable[tuple[Any, ...]] = ITEMS) -> Desk:
    at = gateway.clock.now()
    partner = PartnerRow(realm=LIVE, name="Buyer", created_at=at)
    customer = CustomerRow(realm=LIVE, number="10001", name="Ana Ltd", currency="EUR", price_list="P1", created_at=at)

    def work(tx: Session) -> None:
        prices = PriceListRow(realm=LIVE, code="P1", currency="EUR")
        shelf = CategoryRow(realm=LIVE, code="x", names={"en": "X"}, picture="box", position=0)
        tx.add_all([partner, customer, prices, shelf])
        tx.flush()
        ship_to = {"id": "0001", "street": ["Hauptstr. 1"], "postal_code": "10115", "country": "DE"}
        tx.add(CustomerAddressRow(realm=LIVE, customer_id=customer.id, code="0001", name="Berlin", address=ship_to))
        for sku, unit, price, minimum, step, unspsc in items:
            item = ItemRow(
                realm=LIVE, sku=sku, category="x", unit=unit, unspsc=unspsc, minimum=minimum, step=step, changed_at=at
            )
            tx.add(item)
            tx.flush()
            assert item.id is not None
            assert prices.id is not None
            tx.add(ItemTextRow(item_id=item.id, language="en", name=sku, key_words=sku, more_words=""))
            tx.add(PriceRow(price_list_id=prices.id, item_id=item.id, amount=Decimal(price)))

    gateway.database.write(work)
    return Desk(gateway, partner, customer)

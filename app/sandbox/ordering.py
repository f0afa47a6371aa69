"""What journeys share that send orders and wait for what comes of them: in the ERP, and back at the buyer."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from app.sandbox.access import DemoAccess
from app.sandbox.buyer import Inbox, Reply, VirtualBuyer
from app.sandbox.demo_data import ATLAS
from app.sandbox.erp import ErpView
from app.sandbox.transcript import Transcript
from protocols.cxml import order_request
from protocols.cxml.documents import Received
from protocols.cxml.envelope import open_document
from schemas.cart import CartLine
from schemas.money import Money, round_line
from schemas.order import Change, Order, OrderLine, OrderTotals
from schemas.order_reply import Answer, OrderReply, StatusUpdate

D = TypeVar("D", OrderReply, StatusUpdate)


@dataclass(frozen=True, slots=True)
class Sent:
    order: Order
    body: bytes
    reply: Reply

    @property
    def payload_id(self) -> str | None:
        return open_document(self.body).envelope.payload_id


class Ordering:
    """A virtual buyer that sends orders, the inbox in which it hears of them, and the ERP that has them or not."""

    def __init__(self, transcript: Transcript, access: DemoAccess) -> None:
        self.told = transcript
        self.access = access
        self.buyer = VirtualBuyer(access.cxml)
        self.inbox = Inbox()
        self.erp = ErpView(access.erp_url)
        self.mark = secrets.token_hex(3).upper()

    def close(self) -> None:
        self.buyer.close()
        self.inbox.close()

    def order(self, letter: str, lines: Iterable[OrderLine], currency: str) -> Order:
        order = Order(
            id=f"PO-{self.mark}-{letter}",
            change=Change.NEW,
            ordered_at=datetime.now(UTC),
            currency=currency,
            lines=tuple(lines),
            version=1,
            ship_to=ATLAS.ship_to,
            bill_to=ATLAS.ship_to,
            followup_url=self.inbox.url,
        )
        return totalled(order)

    def send(self, order: Order) -> Sent:
        body = order_request.write(order, self.buyer.envelope())
        reply = self.buyer.post(body)
        total = order.totals.total if order.totals else None
        self.told.tell(f"{order.id} {order.change.value}: {len(order.lines)} lines, {total} -> {reply}")
        return Sent(order, body, reply)

    def is_in_erp(self, order: Order) -> None:
        wanted = {line.item.supplier_id: line.quantity.amount for line in order.lines}
        found = self.erp.wait_for(
            order.id, lambda kept: {line.sku: line.quantity for line in kept.lines} == wanted and kept.state == "open"
        )
        self.told.there(f"{order.id} is in the ERP as ordered", found, lambda kept: kept.number)
        self.told.equal("orders of that number in the ERP", len(self.erp.orders(order.id)), 1)

    def is_not_in_erp(self, order: Order) -> None:
        self.told.equal("orders in the ERP", len(self.erp.orders(order.id)), 0)

    def status(self, sent: Sent, code: int) -> None:
        received = self.inbox.wait_for(_about(StatusUpdate, lambda update: update.document_id == sent.payload_id))
        update = self.told.there("a StatusUpdateRequest arrives", received, lambda it: it.envelope.kind).document
        assert isinstance(update, StatusUpdate)
        self.told.equal("its Status", update.code, code)

    def confirmed(self, order: Order, answer: Answer) -> OrderReply:
        received = self.inbox.wait_for(_about(OrderReply, lambda reply: reply.order_id == order.id))
        reply = self.told.there("a ConfirmationRequest arrives", received, lambda it: it.envelope.kind).document
        assert isinstance(reply, OrderReply)
        self.told.equal("its type", reply.answer, answer)
        return reply

    def refused(self, sent: Sent, reason: str) -> None:
        """The buyer hears of a no and why, and the ERP of nothing."""
        self.status(sent, 400)
        said = self.confirmed(sent.order, Answer.REJECT)
        self.told.check("the reason reaches the buyer", reason in (said.reason or ""), said.reason)
        self.is_not_in_erp(sent.order)


def amount_of(line: CartLine | OrderLine) -> Decimal:
    """Rounded; a line of ours always has a price."""
    assert line.price is not None
    return round_line(line.price.of(line.quantity.amount), line.price.amount.currency)


def totalled(order: Order) -> Order:
    assert order.currency is not None
    total = Money(amount=sum(map(amount_of, order.lines), Decimal(0)), currency=order.currency)
    return msgspec.structs.replace(order, totals=OrderTotals(total=total))


def _about(kind: type[D], wanted: Callable[[D], bool]) -> Callable[[Received], bool]:
    return lambda received: isinstance(received.document, kind) and wanted(received.document)

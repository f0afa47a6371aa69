"""A buyer that is set up here, and the cXML it sends."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.gateway import Gateway
from app.partners.profile import add_partner
from app.partners.secrets import Purpose, keep_secret
from app.seal import Secret
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from protocols.cxml import credentials, order_request, profile, status_update
from protocols.cxml.credentials import Credential
from protocols.cxml.envelope import Envelope
from schemas.item import ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.order import Change, Order, OrderLine, OrderTotals
from schemas.order_reply import StatusUpdate
from schemas.party import Identifier

SENT_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Buyer:
    """What a buyer's system is configured with; `partner_id` and `customer_id` are how we keep it."""

    buyer: Identifier
    sender: Identifier
    supplier: Identifier
    secret: str
    partner_id: str = ""
    customer_id: str = ""

    def envelope(self, payload_id: str | None = "1@buyer.example", **more: Any) -> Envelope:
        names: dict[str, Any] = {
            "from_": (_credential(self.buyer),),
            "to": (_credential(self.supplier),),
            "sender": (_credential(self.sender, secret=credentials.Secret(self.secret)),),
            "user_agent": "Buyer 1.0",
        }
        return Envelope(**{"payload_id": payload_id, "sent_at": SENT_AT, **names, **more})

    def profile_request(self, **more: Any) -> bytes:
        return profile.write_request(self.envelope(**more))

    def status_update(self, payload_id: str | None = "1@buyer.example", code: int = 200, **more: Any) -> bytes:
        update = StatusUpdate(document_id="c-1@crossdock.example", code=code, text="OK")
        return status_update.write(update, self.envelope(payload_id, **more))

    def order_request(
        self, payload_id: str | None = "1@buyer.example", *, order: Order | None = None, **more: Any
    ) -> bytes:
        return order_request.write(order or an_order(), self.envelope(payload_id, **more))


def _credential(name: Identifier, **more: Any) -> Credential:
    return Credential(domain=name.scheme, identity=name.value, **more)


def an_order(number: str = "PO-1", quantity: str = "3", price: str = "9.95") -> Order:
    each, amount = Money(amount=Decimal(price), currency="EUR"), Decimal(quantity) * Decimal(price)
    line = OrderLine(
        number=1,
        quantity=Quantity(amount=Decimal(quantity), unit="C62"),
        item=ItemRef(supplier_id="BOLT-M8"),
        price=Price(amount=each),
        description=ItemDescription(texts=(Text(text="Bolt M8 x 40", language="en"),)),
    )
    return Order(
        id=number,
        change=Change.NEW,
        ordered_at=SENT_AT,
        currency="EUR",
        lines=(line,),
        totals=OrderTotals(total=Money(amount=amount, currency="EUR")),
    )


ACME = Buyer(
    buyer=Identifier(scheme="DUNS", value="123456789"),
    sender=Identifier(scheme="NetworkId", value="AN01000000001"),
    supplier=Identifier(scheme="NetworkId", value="CROSSDOCK"),
    secret="acme-shared-secret",
)


def set_up(gateway: Gateway, buyer: Buyer = ACME, *, settings: dict[str, Any] | None = None) -> Buyer:
    """The buyer as a connection and a customer of ours, in the live realm."""
    now = gateway.clock.now() - timedelta(days=1)

    def work(session: Any) -> tuple[str, str]:
        customer = CustomerRow(
            realm=LIVE, number=buyer.buyer.value, name=f"Customer {buyer.buyer.value}", currency="EUR", created_at=now
        )
        session.add(customer)
        session.flush()
        partner = add_partner(
            session,
            realm=LIVE,
            name=f"Buyer {buyer.sender.value}",
            now=now,
            senders=[buyer.sender],
            buys_for=[(buyer.buyer, customer)],
            our_names=[buyer.supplier],
        )
        partner.settings = {"cxml": settings or {}}
        keep_secret(session, gateway.keys, partner, Purpose.CXML_INBOUND, Secret(buyer.secret), now=now)
        return partner.id, customer.id

    partner_id, customer_id = gateway.database.write(work)
    return replace(buyer, partner_id=partner_id, customer_id=customer_id)

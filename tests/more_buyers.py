"""Buyers beside the demo's two: customers like its first, each with a connection of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, select

from app.gateway import Gateway
from app.partners.profile import add_partner
from app.partners.secrets import Purpose, keep_secret
from app.sandbox import demo_data
from app.sandbox.access import Cxml, Identity
from app.seal import Secret
from app.storage.approvals import FlowRow, FlowVersionRow
from app.storage.base import LIVE
from app.storage.customers import CustomerAddressRow, CustomerRow
from schemas.base import from_json, to_json
from schemas.party import Address


@dataclass(frozen=True)
class Buyer:
    customer_id: str
    access: Cxml
    ship_to: Address


def add_buyer(gateway: Gateway, number: str, *, agreed: Mapping[str, Any] | None = None, **settings: Any) -> Buyer:
    """A customer like the demo's first, with a connection, a place and an approval flow of its own. `agreed` are the
    connection's settings for cXML, `settings` the customer's."""
    model, now, secret = demo_data.ATLAS, gateway.clock.now(), f"secret-of-{number}"
    sender = Identity(domain="NetworkId", identity=f"BUYER-{number}")
    from_ = Identity(domain="DUNS", identity=f"7000{number}")

    def write(session: Session) -> str:
        like = session.exec(select(CustomerRow).where(CustomerRow.number == model.number)).one()
        customer = CustomerRow(
            realm=LIVE,
            number=f"B-{number}",
            name=f"Buyer {number}",
            currency=like.currency,
            language="en",
            price_list=like.price_list,
            settings=dict(settings),
            created_at=now,
        )
        session.add(customer)
        session.flush()
        place = from_json(to_json(model.ship_to), dict[str, Any])
        session.add(CustomerAddressRow(realm=LIVE, customer_id=customer.id, code="WERK-1", name="Werk", address=place))
        partner = add_partner(
            session,
            realm=LIVE,
            name=f"System of buyer {number}",
            now=now,
            senders=[sender.identifier],
            buys_for=[(from_.identifier, customer)],
            our_names=[demo_data.US.identifier],
        )
        partner.settings = {"cxml": dict(agreed)} if agreed else {}
        for purpose in (Purpose.CXML_INBOUND, Purpose.CXML_OUTBOUND):
            keep_secret(session, gateway.keys, partner, purpose, Secret(secret), now=now)
        _add_flow_like(session, like, customer)
        return customer.id

    customer_id = gateway.database.write(write)
    access = Cxml(url="http://127.0.0.1:8000/cxml", from_=from_, to=demo_data.US, sender=sender, secret=secret)
    return Buyer(customer_id, access, model.ship_to)


def _add_flow_like(session: Session, like: CustomerRow, customer: CustomerRow) -> None:
    flow = session.exec(select(FlowRow).where(FlowRow.customer_id == like.id)).one()
    version = session.exec(select(FlowVersionRow).where(FlowVersionRow.flow_id == flow.id)).one()
    own = FlowRow(realm=LIVE, key=f"buyer-{customer.number}", name=flow.name, customer_id=customer.id)
    session.add(own)
    session.flush()
    session.add(
        FlowVersionRow(
            realm=LIVE,
            flow_id=own.id,
            number=1,
            state=version.state,
            definition=version.definition,
            checksum=version.checksum,
            published_at=version.published_at,
        )
    )

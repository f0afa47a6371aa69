"""Orders that come in over the real way, with people in them, so that there is something to prove, keep and erase."""

import asyncio
from typing import Any

from buyers import ACME, Buyer, an_order, set_up
from msgspec.structs import replace
from sqlalchemy import update
from sqlmodel import Session, col, select

from app.gateway import Gateway
from app.storage.base import LIVE, new_id
from app.storage.deliveries import DeliveryRow, State
from app.storage.dispatches import DispatchRow
from app.storage.orders import OrderRow
from app.transports.intake import Intake, Posted
from schemas.order import Comment, Order
from schemas.party import Address, Contact, Email

SHOPPER = "Dana.Shopper@buyer.example"
STREET = "Secret Street 5"


def order_of(number: str, shopper: str = SHOPPER, **more: Any) -> Order:
    return replace(
        an_order(number),
        contacts=(Contact(name="Dana Shopper", role="endUser", emails=(Email(address=shopper),)),),
        ship_to=Address(name="Plant 2", street=(STREET,), city="Leipzig", country="DE", id="P2"),
        comments=(Comment(text="Call Dana before you come"),),
        **more,
    )


def buyer_of(gateway: Gateway) -> Buyer:
    return set_up(gateway, ACME)


def posted(gateway: Gateway, body: bytes, media_type: str = "text/xml") -> Posted:
    """As it comes off the wire."""
    return Posted(
        realm=LIVE,
        transport="http",
        body=body,
        media_type=media_type,
        remote="192.0.2.7",
        at=gateway.clock.now(),
        correlation_id=new_id(),
    )


def post(gateway: Gateway, body: bytes, media_type: str = "text/xml") -> int:
    """Sends bytes as a buyer would; the HTTP status of the answer."""
    return asyncio.run(Intake(gateway).take_cxml(posted(gateway, body, media_type))).status


def place(gateway: Gateway, buyer: Buyer, order: Order) -> str:
    """An order that was taken; its id."""
    assert post(gateway, buyer.order_request(f"{order.id}@buyer.example", order=order)) == 200
    with gateway.database.read() as session:
        return session.exec(select(OrderRow.id).where(OrderRow.number == order.id)).one()


def finish(gateway: Gateway, order_id: str) -> None:
    """Brings the order to its end, as if its ERP had taken it and the buyer had been told."""

    def work(session: Session) -> None:
        order = session.get_one(OrderRow, order_id)
        order.state, order.promised = "accepted", False
        for row in (DeliveryRow, DispatchRow):
            closed = {"open": False, "closed_at": gateway.clock.now()}
            session.execute(update(row).where(col(row.order_id) == order_id).values(**closed))
        session.execute(update(DeliveryRow).where(col(DeliveryRow.order_id) == order_id).values(state=State.ACCEPTED))

    gateway.database.write(work)

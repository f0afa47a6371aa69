"""Many orders at once in the rows of a database, as if they had been taken and approved while no worker ran."""

from datetime import timedelta
from functools import partial
from typing import Final

from bridge_orders import order
from sqlmodel import Session, col, select

from app.approval.order_hash import order_hash
from app.approval.steps import State as RunState
from app.bridge.registry import DEFAULT
from app.gateway import Gateway
from app.partners.identify import AnswerTo
from app.storage import deliveries
from app.storage.approvals import RunRow
from app.storage.base import LIVE, new_id
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow, State
from app.storage.orders import OrderRevisionRow, OrderRow, OrderState
from app.storage.partners import PartnerRow
from schemas.base import to_json
from schemas.party import Identifier

PIECE: Final = 500
AGO: Final = timedelta(minutes=2)
"""How old they are: the first sweep takes them for left behind."""


def fill(gateway: Gateway, orders: int, *, prefix: str, open_: bool = True) -> None:
    """Orders of all customers by turns; with `open_` each has a delivery in its customer's lane."""
    with gateway.database.read() as session:
        customers = list(session.exec(select(CustomerRow).order_by(col(CustomerRow.number))))
        partner = session.exec(select(PartnerRow.id).limit(1)).one()
    for begin in range(0, orders, PIECE):
        numbers = range(begin, min(begin + PIECE, orders))
        gateway.database.write(partial(_put, gateway, partner, customers, numbers, prefix, open_), patience=60)


def _put(
    gateway: Gateway, partner: str, customers: list[CustomerRow], numbers: range, prefix: str, open_: bool, tx: Session
) -> None:
    at = gateway.clock.now() - AGO
    us, them = Identifier(scheme="DUNS", value="1"), Identifier(scheme="DUNS", value="2")
    answer_to = AnswerTo(ours=us, theirs=them).kept()
    rows: list[OrderRow | OrderRevisionRow | RunRow | DeliveryRow] = []
    for number in numbers:
        order_id, name, sold_to = new_id(), f"{prefix}{number:07d}", customers[number % len(customers)]
        customer, sent = sold_to.id, order(name)
        document = to_json(sent).decode()
        rows.append(
            OrderRow(
                id=order_id,
                realm=LIVE,
                partner_id=partner,
                customer_id=customer,
                number=name,
                state=OrderState.APPROVED if open_ else OrderState.ACCEPTED,
                protocol="cxml",
                document_id=f"{name}@buyer.example",
                exchange_id="x",
                correlation_id=order_id,
                answer_to=answer_to,
                currency="EUR",
                received_at=at,
                changed_at=at,
            )
        )
        rows.append(
            OrderRevisionRow(
                realm=LIVE,
                order_id=order_id,
                number=1,
                change=sent.change,
                exchange_id="x",
                received=document,
                checked=document,
                at=at,
            )
        )
        if open_:
            rows.append(
                RunRow(
                    realm=LIVE,
                    order_id=order_id,
                    revision=1,
                    order_hash=order_hash(sent, customer=sold_to.number),
                    state=RunState.APPROVED,
                    stages=0,
                    stage=0,
                    began_at=at,
                    ended_at=at,
                )
            )
            rows.append(
                DeliveryRow(
                    realm=LIVE,
                    customer_id=customer,
                    erp=DEFAULT,
                    lane=deliveries.lane_of(customer, DEFAULT),
                    order_id=order_id,
                    revision=1,
                    kind="create",
                    correlation_id=order_id,
                    state=State.PENDING,
                    created_at=at,
                    touched_at=at,
                )
            )
    for kind in (OrderRow, OrderRevisionRow, RunRow, DeliveryRow):
        tx.add_all(row for row in rows if isinstance(row, kind))
        tx.flush()

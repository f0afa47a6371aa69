"""The way in before a flow that counts: who is let in, what is kept, what is answered."""

from collections.abc import Mapping

from conftest import AT
from sqlmodel import col, select

from app.errors import No, Refusal
from app.flows.arrival import Answer, Effect, Receiver
from app.flows.cxml_requests import REQUESTS, Request, Take, Taking
from app.flows.receive_cxml import CxmlReceiver
from app.gateway import Gateway
from app.partners.identify import Caller
from app.storage.base import LIVE
from app.storage.batch import session_of
from app.storage.exchanges import ExchangeRow
from app.storage.processes import ProcessRow
from app.transports.intake import Intake, Posted
from protocols.cxml.envelope import Opened, open_document
from protocols.cxml.status import Status


def counting_order(opened: Opened, gateway: Gateway, caller: Caller) -> Take:
    """Takes an order by writing one row of its number, which cannot be written twice."""
    opened.raise_if_refused()

    def take(moment: Taking) -> Effect:
        tx = session_of(moment.tx)
        order_id = opened.payload_of("OrderRequest")[0].get("orderID", "")
        if order_id == "REFUSED":
            tx.add(ProcessRow(id="half", seen_at=AT))
            tx.flush()
            raise Refusal(No.CONFLICT, "An order of that number was shipped already.")
        if order_id == "BUG":
            tx.add(ProcessRow(id="half", seen_at=AT))
            tx.flush()
            raise ZeroDivisionError("c4nary detail")
        tx.add(ProcessRow(id=gateway.ids(), seen_at=AT))
        return Effect(answer=moment.stamp.response(200), caused_kind="order", caused_id="order-1")

    return Take(take)


RECEIVERS = {"cxml": CxmlReceiver({**REQUESTS, "OrderRequest": Request(counting_order)})}


class Door:
    """Takes what is posted, as the cXML endpoint does."""

    def __init__(self, gateway: Gateway, receivers: Mapping[str, Receiver] = RECEIVERS) -> None:
        self._gateway = gateway
        self._intake = Intake(gateway, receivers)

    async def post(self, body: bytes, media_type: str = "text/xml") -> Answer:
        return await self._intake.take_cxml(
            Posted(
                realm=LIVE,
                transport="http",
                body=body,
                media_type=media_type,
                remote="192.0.2.1",
                at=self._gateway.clock.now(),
                correlation_id=self._gateway.ids(),
            )
        )


def status_of(answer: Answer) -> Status:
    status = open_document(answer.body).envelope.status
    assert status is not None
    return status


def exchanges(gateway: Gateway) -> list[ExchangeRow]:
    with gateway.database.read() as session:
        return list(session.exec(select(ExchangeRow).order_by(col(ExchangeRow.id))))


def states(gateway: Gateway) -> list[str]:
    """Of what came in, in the order in which it came."""
    return [row.state for row in exchanges(gateway) if row.direction == "in"]


def orders(gateway: Gateway) -> int:
    with gateway.database.read() as session:
        return len(session.exec(select(ProcessRow)).all())

"""What is written is read back the same, by every pair, and is valid by our table and by the standard's own DTD."""

from collections.abc import Callable
from typing import Any

import cxml_documents as make
import msgspec
from cxml_validity import is_valid
from hypothesis import HealthCheck, given, settings

from protocols.cxml import confirmation, order_request, punchout_order, punchout_setup, status_update
from protocols.cxml.documents import receive
from protocols.cxml.envelope import Envelope
from schemas.cart import Cart
from schemas.order import Order
from schemas.order_reply import OrderReply, StatusUpdate
from schemas.punchout import PunchoutRequest

calm = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def goes_round(document: Any, envelope: Envelope, write: Callable[[Any, Envelope], bytes]) -> None:
    body = write(document, envelope)
    received = receive(body)
    assert received.document == document
    assert received.envelope == envelope
    assert received.findings == ()
    is_valid(body)


@calm
@given(make.punchout_requests, make.envelopes(punchout_setup.KIND))
def test_a_punchout_request(document: PunchoutRequest, envelope: Envelope) -> None:
    document = msgspec.structs.replace(document, language=envelope.language)
    goes_round(document, envelope, punchout_setup.write)


@calm
@given(make.carts, make.envelopes(punchout_order.KIND))
def test_a_cart(document: Cart, envelope: Envelope) -> None:
    goes_round(document, envelope, punchout_order.write)


@calm
@given(make.carts, make.envelopes(punchout_order.KIND))
def test_a_cart_in_a_form(document: Cart, envelope: Envelope) -> None:
    for encoding in ("base64", "urlencoded"):
        post = punchout_order.return_post(document, envelope, "https://buyer.example/in", encoding)
        assert receive(punchout_order.from_form(post.fields)).document == document


@calm
@given(make.orders(), make.envelopes(order_request.KIND))
def test_an_order(document: Order, envelope: Envelope) -> None:
    envelope = msgspec.structs.replace(envelope, test=document.test, payload_id=document.document_id)
    goes_round(document, envelope, order_request.write)


@calm
@given(make.replies(), make.envelopes(confirmation.KIND))
def test_a_confirmation(document: OrderReply, envelope: Envelope) -> None:
    goes_round(document, envelope, confirmation.write)


@calm
@given(make.status_updates, make.envelopes(status_update.KIND))
def test_a_status_update(document: StatusUpdate, envelope: Envelope) -> None:
    goes_round(document, envelope, status_update.write)

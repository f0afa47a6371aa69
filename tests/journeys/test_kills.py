"""kill -9 at every named point between the buyer and the ERP: nothing that was answered is lost or there twice.

The buyer does what a buyer does: without an answer it sends the same bytes again."""

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from console import Demo
from demo_orders import order_bytes
from kill_points import DELIVERY, INTAKE, REPLY

from app.sandbox.approver import Approver
from app.sandbox.buyer import Inbox, VirtualBuyer
from app.sandbox.erp import ErpView
from protocols.cxml.documents import Received
from schemas.order_reply import StatusUpdate

LONG = pytest.mark.long
BRIEFLY = ("receive.committed", "delivery.after_request", "reply.after_request")
"""What the short form asks of a whole demo; of the separate processes `tests/faults` asks every point each time."""


def points(*names: str) -> list[object]:
    return [pytest.param(name, marks=() if name in BRIEFLY else LONG) for name in names]


@contextmanager
def started(data: Path, port: int | None = None, **extra: str) -> Iterator[Demo]:
    running = Demo(data, port, **extra)
    try:
        yield running.ready()
    finally:
        if running.process.poll() is None:
            running.kill()


def dies(running: Demo) -> None:
    """Any other end than by the point's own signal fails."""
    assert running.process.wait(30) == -signal.SIGKILL, running.output[-2000:]


def post(buyer: VirtualBuyer, body: bytes) -> bytes | None:
    """The answer, None when the connection broke."""
    try:
        reply = buyer.post(body)
    except httpx.TransportError:
        return None
    assert reply.cxml is not None
    assert reply.cxml.success, reply
    return reply.body


@pytest.mark.parametrize("point", points("intake.recorded", "receive.committed", *DELIVERY))
def test_an_order_is_in_the_erp_once(point: str, copied: Callable[[], Path]) -> None:
    once_in_the_erp(point, copied(), orders=1)


@LONG
@pytest.mark.parametrize("round_", range(10))
@pytest.mark.parametrize("point", [*INTAKE, *DELIVERY])
def test_many_orders_are_in_the_erp_once_each(point: str, round_: int, copied: Callable[[], Path]) -> None:
    once_in_the_erp(point, copied(), orders=20)


def once_in_the_erp(point: str, data: Path, *, orders: int) -> None:
    numbers = [f"KILL-{secrets.token_hex(4)}" for _ in range(orders)]
    with started(data, CROSSDOCK_KILL_AT=point) as running:
        buyer = VirtualBuyer(running.access.cxml)
        bodies = [order_bytes(buyer, number) for number in numbers]
        answers = [post(buyer, body) for body in bodies]
        buyer.close()
        dies(running)
    with started(data, running.port) as again:
        erp = ErpView(again.access.erp_url)
        buyer = VirtualBuyer(again.access.cxml)
        for number, body, answer in zip(numbers, bodies, answers, strict=True):
            if answer is not None:
                # What was answered arrives although nobody sends it again.
                assert erp.wait_for(number) is not None, f"{number} was acknowledged and is lost"
            said = post(buyer, body)
            assert said is not None
            assert answer in (None, said), "a resend got another answer"
            assert erp.wait_for(number) is not None
        buyer.close()
        time.sleep(0.5)
        assert [len(erp.orders(number)) for number in numbers] == [1] * orders
        assert erp.doubles() == 0


@pytest.mark.parametrize("point", points(*REPLY))
def test_a_promised_outcome_reaches_the_buyer(point: str, copied: Callable[[], Path]) -> None:
    """The same document, however often it is posted; the order is in the ERP once."""
    data, number, inbox = copied(), f"KILL-{secrets.token_hex(4)}", Inbox()

    def update(received: Received) -> bool:
        return isinstance(received.document, StatusUpdate)

    with started(data, CROSSDOCK_KILL_AT=point) as running:
        access = running.access
        buyer = VirtualBuyer(access.cxml)
        reply = buyer.post(order_bytes(buyer, number, 20, followup_url=inbox.url))
        buyer.close()
        assert reply.code == 201
        with Approver(access.base_url, access.user("approver")) as approver:
            assert approver.opens(number)
            approver.approve()
        dies(running)
    with started(data, running.port) as again:
        received = inbox.wait_for(update, 40)
        assert received is not None, "the outcome was promised and is lost"
        assert isinstance(received.document, StatusUpdate)
        assert received.document.code == 200
        time.sleep(1)
        assert len({document.envelope.payload_id for document in inbox.arrived if update(document)}) == 1
        assert len(ErpView(again.access.erp_url).orders(number)) == 1
    inbox.close()

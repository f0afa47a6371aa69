"""Documents to buyers, posted to a real socket: what their answers decide, and that every attempt is the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from bridge_orders import order
from lanes import Lanes, MemoryErp, lanes_on, refuses
from sqlmodel import Session, col, select
from stub_server import Behaviour, StubServer, answer, cut, drop, hang, reset

from app.clock import SetClock
from app.flows import reply, send_reply
from app.gateway import Gateway
from app.jobs import dispatch, sweep
from app.jobs.dispatch import LIMITS
from app.partners.secrets import Purpose, keep_secret
from app.seal import Secret
from app.storage import ledger
from app.storage.attempts import AttemptRow
from app.storage.dispatches import DispatchRow, State
from app.storage.exchanges import ExchangeRow
from app.storage.orders import OrderRow
from app.storage.partners import PartnerRow
from app.work import SEND_DISPATCH, DispatchId
from protocols.cxml import confirmation, status, status_update
from protocols.cxml.envelope import open_document
from protocols.cxml.status import Status

HOUR = timedelta(hours=1)


def response(code: int, reason: str | None = None) -> bytes:

    return status.write(
        Status(code=code, reason=reason), payload_id="r@buyer.example", at=datetime(2026, 3, 2, tzinfo=UTC)
    )


def says(code: int, *, http: int = 200, reason: str | None = None) -> Behaviour:
    return answer(http, response(code, reason), Content_Type="text/xml; charset=UTF-8")


@dataclass
class Buyer:
    """A buyer whose order was answered "later", and the system that takes what we send."""

    lanes: Lanes
    server: StubServer
    customer_id: str

    def configured(self, **settings: object) -> None:
        def work(tx: Session) -> None:
            partner = tx.exec(select(PartnerRow)).one()
            partner.settings = {"cxml": settings}

        self.lanes.gateway.database.write(work)

    def owed(self, number: str = "PO-9", code: int = 200, **more: object) -> str:
        """A status that is owed to the buyer of a fresh order; the id of the dispatch."""
        order_id = self.lanes.approved(self.customer_id, number, promised=True, **more)

        def work(tx: Session) -> str:
            row = tx.get_one(OrderRow, order_id)
            owed = reply.owe_status(tx, self.lanes.gateway, row, code, "OK", None if code == 200 else "no budget")
            assert owed is not None
            return owed.id

        return self.lanes.gateway.database.write(work)

    def post(self, dispatch_id: str) -> DispatchRow:
        dispatch.run(self.lanes.gateway, DispatchId(realm="live", dispatch_id=dispatch_id))
        return self.row(dispatch_id)

    def row(self, dispatch_id: str) -> DispatchRow:
        with self.lanes.gateway.database.read() as session:
            return session.exec(select(DispatchRow).where(DispatchRow.id == dispatch_id)).one()

    def rows(self) -> list[DispatchRow]:
        with self.lanes.gateway.database.read() as session:
            return list(session.exec(select(DispatchRow).order_by(col(DispatchRow.sequence))))


@pytest.fixture
def buyer(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Buyer]:
    monkeypatch.setattr(dispatch, "LIMITS", replace(LIMITS, total=0.5))
    inside = gateway.settings.model_copy(update={"reply_private_networks": True})
    lanes = lanes_on(replace(gateway, settings=inside), clock, {"main": MemoryErp()})
    with StubServer([says(200)]) as server:
        buyer = Buyer(lanes, server, lanes.customer())
        buyer.configured(reply_url=f"{server.url}/in")
        yield buyer


def test_the_outcome_reaches_the_buyer_as_valid_cxml(buyer: Buyer, clock: SetClock) -> None:
    def work(tx: Session) -> None:
        partner = tx.exec(select(PartnerRow)).one()
        keep_secret(tx, buyer.lanes.gateway.keys, partner, Purpose.CXML_OUTBOUND, Secret("s3cret-out"), now=clock.now())

    buyer.lanes.gateway.database.write(work)
    row = buyer.post(buyer.owed())
    assert (row.state, row.answer_code, row.attempts) == (State.DONE, 200, 1)
    (request,) = buyer.server.requests
    assert (request.method, request.target) == ("POST", "/in")
    assert request.headers["content-type"] == "text/xml; charset=UTF-8"
    opened = open_document(request.body)
    assert opened.source.faults == ()
    update = status_update.read(opened)
    assert (update.document_id, update.code) == ("PO-9@buyer.example", 200)
    envelope = opened.envelope
    assert envelope.payload_id == row.control_id
    assert [c.identity for c in (*envelope.from_, *envelope.to, *envelope.sender)] == ["1", "2", "1"]
    assert envelope.sender[0].secret is not None
    assert envelope.sender[0].secret.reveal() == "s3cret-out"


def test_what_was_sent_and_answered_is_in_the_ledger_sealed(buyer: Buyer) -> None:
    row = buyer.post(buyer.owed())
    with buyer.lanes.gateway.database.read() as session:
        sent = session.get_one(ExchangeRow, row.exchange_id)
        assert sent.answered_by is not None
        answered = session.get_one(ExchangeRow, sent.answered_by)
        assert ledger.body_of(session, buyer.lanes.gateway.keys, sent.id) == buyer.server.requests[0].body
        assert ledger.body_of(session, buyer.lanes.gateway.keys, answered.id) == response(200)
    assert (sent.direction, sent.kind, sent.control_id, sent.state) == (
        "out",
        "StatusUpdateRequest",
        row.control_id,
        "accepted",
    )
    assert (answered.direction, answered.answers, answered.status) == ("in", sent.id, 200)


HTML = b"<html>Bad gateway</html>"
ANSWERS: dict[str, tuple[Behaviour, State]] = {
    "200": (says(200), State.DONE),
    "201": (says(201), State.DONE),
    "unknown 2xx": (says(280), State.DONE),
    "Status 200 under HTTP 500": (says(200, http=500), State.DONE),
    "Status 401 under HTTP 200": (says(401), State.REFUSED),
    "Status 400 under HTTP 500": (says(400, http=500), State.REFUSED),
    "Status 450": (says(450), State.REFUSED),
    "Status 500": (says(500), State.WAITING),
    "Status 560 under HTTP 503": (says(560, http=503), State.WAITING),
    "HTML under HTTP 500": (answer(500, HTML), State.WAITING),
    "HTML under HTTP 404": (answer(404, HTML), State.WAITING),
    "HTML under HTTP 200": (answer(200, HTML), State.WAITING),
    "empty under HTTP 200": (answer(200), State.WAITING),
    "redirect": (answer(302, Location="/elsewhere"), State.WAITING),
    "broken XML": (answer(200, response(200)[:-9]), State.WAITING),
    "truncated": (cut(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + response(200)[:60]), State.WAITING),
    "reset": (reset, State.WAITING),
    "dropped": (drop, State.WAITING),
    "hangs": (hang, State.WAITING),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_what_an_answer_decides(buyer: Buyer, case: str) -> None:
    behaviour, state = ANSWERS[case]
    buyer.server.script[:] = [behaviour]
    assert buyer.post(buyer.owed()).state == state
    assert len(buyer.server.requests) == 1


def test_an_attempt_repeats_id_time_and_bytes(buyer: Buyer, clock: SetClock) -> None:
    buyer.server.script[:] = [answer(500, HTML), drop, says(200)]
    dispatch_id = buyer.owed()
    for _ in range(3):
        row = buyer.post(dispatch_id)
        clock.move(HOUR)
    assert row.state == State.DONE
    assert len({request.body for request in buyer.server.requests}) == 1
    assert len(buyer.server.requests) == 3


def test_nothing_is_posted_before_its_time(buyer: Buyer, clock: SetClock) -> None:
    buyer.server.script[:] = [answer(500, HTML), says(200)]
    dispatch_id = buyer.owed()
    buyer.post(dispatch_id)
    buyer.post(dispatch_id)
    assert len(buyer.server.requests) == 1
    clock.move(timedelta(seconds=75))
    assert buyer.post(dispatch_id).state == State.DONE


def test_a_retry_after_is_met(buyer: Buyer, clock: SetClock) -> None:
    buyer.server.script[:] = [answer(503, response(560), Retry_After="7200")]
    row = buyer.post(buyer.owed())
    assert row.due_at is not None
    assert 2 * HOUR <= row.due_at - clock.now() <= 2.4 * HOUR


def test_it_is_tried_for_at_least_six_hours_and_then_dies_visibly(buyer: Buyer, clock: SetClock) -> None:
    buyer.server.script[:] = [answer(500, HTML)]
    dispatch_id, begun = buyer.owed(), clock.now()
    while (row := buyer.post(dispatch_id)).open:
        assert row.due_at is not None
        clock.move(row.due_at - clock.now())
    assert row.state == State.DEAD
    assert 6 * HOUR < clock.now() - begun < 12 * HOUR
    assert row.attempts >= 10


def test_documents_of_one_order_keep_their_order(buyer: Buyer, clock: SetClock) -> None:
    buyer.configured(reply_url=f"{buyer.server.url}/in", confirmations=True)
    buyer.server.script[:] = [answer(500, HTML), says(200)]
    order_id = buyer.lanes.approved(buyer.customer_id, promised=True)
    buyer.lanes.work()
    first, second = buyer.rows()
    assert (first.kind, second.kind) == ("StatusUpdateRequest", "ConfirmationRequest")
    buyer.post(second.id)
    assert buyer.server.requests == []
    buyer.post(first.id)
    buyer.post(second.id)
    assert len(buyer.server.requests) == 1
    clock.move(HOUR)
    assert buyer.post(first.id).state == State.DONE
    woken = [item.dispatch_id for item in buyer.lanes.gateway.engine.arguments(SEND_DISPATCH)]  # type: ignore[attr-defined]  # the test's queue
    assert woken[-1] == second.id
    assert buyer.post(second.id).state == State.DONE
    accepted = confirmation.read(open_document(buyer.server.requests[-1].body))
    assert (accepted.answer, accepted.order_id, accepted.order_document_id) == ("accept", "PO-9", "PO-9@buyer.example")
    assert not buyer.lanes.order(order_id).promised


def test_a_refusal_is_told_with_its_reason(buyer: Buyer) -> None:
    buyer.configured(reply_url=f"{buyer.server.url}/in", confirmations=True)
    order_id = buyer.lanes.approved(buyer.customer_id, promised=True)

    def work(tx: Session) -> None:
        reply.owe_rejection(tx, buyer.lanes.gateway, tx.get_one(OrderRow, order_id), "The budget is used up.")

    buyer.lanes.gateway.database.write(work)
    for row in buyer.rows():
        buyer.post(row.id)
    update = status_update.read(open_document(buyer.server.requests[0].body))
    assert (update.code, update.reason) == (400, "The budget is used up.")
    refused = confirmation.read(open_document(buyer.server.requests[1].body))
    assert (refused.answer, refused.reason) == ("reject", "The budget is used up.")


def test_an_order_answered_at_once_is_owed_no_status(buyer: Buyer) -> None:
    buyer.lanes.approved(buyer.customer_id, promised=False)
    buyer.lanes.work()
    assert buyer.rows() == []


def test_the_erps_refusal_is_not_passed_on_by_itself(buyer: Buyer) -> None:
    erp = buyer.lanes.erps["main"]
    assert isinstance(erp, MemoryErp)
    erp.script = [refuses]
    buyer.lanes.approved(buyer.customer_id, promised=True)
    buyer.lanes.work()
    assert buyer.rows() == []


# Where to


def test_without_an_address_it_waits_for_one_and_says_so(buyer: Buyer) -> None:
    buyer.configured()
    row = buyer.post(buyer.owed())
    assert (row.state, row.exchange_id) == (State.NOWHERE, None)
    assert "reply_url" in (row.reason or "")
    buyer.configured(reply_url=f"{buyer.server.url}/in")
    again(buyer, row.id)
    assert buyer.post(row.id).state == State.DONE


def again(buyer: Buyer, dispatch_id: str) -> None:
    def work(tx: Session) -> None:
        reply.again(tx, buyer.lanes.gateway, tx.exec(select(DispatchRow).where(DispatchRow.id == dispatch_id)).one())

    buyer.lanes.gateway.database.write(work)


def test_an_order_may_direct_its_answers_to_a_listed_host(buyer: Buyer) -> None:
    with StubServer([says(200)]) as other:
        buyer.configured(reply_url=f"{buyer.server.url}/in", reply_hosts=["127.0.0.1"])
        wanted = order("PO-9", followup_url=f"{other.url}/followup?order=9")
        assert buyer.post(buyer.owed(order=wanted)).state == State.DONE
        assert [request.target for request in other.requests] == ["/followup?order=9"]
    assert buyer.server.requests == []


@pytest.mark.parametrize("wanted", ["https://evil.example/x", "https://[oops/", "file:///etc/passwd", "x"])
def test_an_order_cannot_direct_its_answers_elsewhere(buyer: Buyer, wanted: str) -> None:
    buyer.configured(reply_url=f"{buyer.server.url}/in", reply_hosts=["buyer.example"])
    assert buyer.post(buyer.owed(order=order("PO-9", followup_url=wanted))).state == State.DONE
    assert len(buyer.server.requests) == 1


def test_a_private_address_is_not_reached_without_the_switch(buyer: Buyer) -> None:
    outside = replace(
        buyer.lanes.gateway,
        settings=buyer.lanes.gateway.settings.model_copy(update={"reply_private_networks": False}),
    )
    buyer.configured(reply_url="https://127.0.0.1:1/in")
    dispatch_id = buyer.owed()
    dispatch.run(outside, DispatchId(realm="live", dispatch_id=dispatch_id))
    row = buyer.row(dispatch_id)
    assert row.state == State.NOWHERE
    assert "not public" in (row.reason or "")


# Workers that are lost


def test_a_worker_that_died_while_posting_is_succeeded_with_the_same_bytes(buyer: Buyer, clock: SetClock) -> None:
    dispatch_id = buyer.owed()
    gateway = buyer.lanes.gateway
    taken = gateway.database.write(lambda tx: send_reply.prepare(tx, gateway, dispatch_id))
    assert taken is not None
    assert buyer.post(dispatch_id).state == State.SENDING
    assert sweep.recover(gateway) == 1
    assert buyer.post(dispatch_id).state == State.DONE
    assert buyer.server.requests[0].body == taken.body
    with gateway.database.read() as session:
        attempts = session.exec(select(AttemptRow).order_by(col(AttemptRow.id))).all()
    assert [(attempt.outcome, attempt.status) for attempt in attempts] == [(None, None), ("confirm", 200)]

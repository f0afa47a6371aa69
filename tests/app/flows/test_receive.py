"""What becomes of a document: recorded before it is read, taken once, answered whatever happens."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from buyers import ACME, Buyer, an_order, set_up
from structlog.testing import capture_logs
from way_in import RECEIVERS, Door, exchanges, orders, states, status_of

from app.clock import SetClock
from app.flows.arrival import Effect
from app.flows.cxml_requests import REQUESTS, Request, Take
from app.flows.receive_cxml import CxmlReceiver
from app.gateway import Gateway
from app.partners.identify import Caller
from app.storage import ledger
from app.storage.exchanges import ExchangeState
from protocols.cxml import order_request, profile
from protocols.cxml.attachments import Part, pack
from protocols.cxml.envelope import Opened, open_document
from schemas.party import Identifier

pytestmark = pytest.mark.anyio


@pytest.fixture
def buyer(gateway: Gateway) -> Buyer:
    return set_up(gateway)


@pytest.fixture
def door(gateway: Gateway) -> Door:
    return Door(gateway)


# Recorded before it is read


async def test_a_document_and_its_answer_are_in_the_ledger_sealed_and_linked(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    body = buyer.order_request()
    answer = await door.post(body)
    request, answered = exchanges(gateway)
    assert (request.kind, request.control_id, request.state) == ("OrderRequest", "1@buyer.example", "accepted")
    assert (request.partner_id, request.customer_id) == (buyer.partner_id, buyer.customer_id)
    assert (request.caused_kind, request.caused_id) == ("order", "order-1")
    assert request.sha256 == hashlib.sha256(body).hexdigest()
    assert (request.answered_by, answered.answers) == (answered.id, request.id)
    assert request.correlation_id == answered.correlation_id
    with gateway.database.read() as session:
        assert ledger.body_of(session, gateway.keys, request.id) == body
        assert ledger.body_of(session, gateway.keys, answered.id) == answer.body
        raw = session.connection().exec_driver_sql("SELECT sealed_body FROM cd_exchange_bodies").scalars().all()
    assert not any(b"cXML" in bytes(sealed) or buyer.secret.encode() in bytes(sealed) for sealed in raw)


async def test_what_cannot_be_read_is_in_the_ledger_when_its_sender_is_known(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    body = buyer.order_request().replace(b"</OrderRequest>", b"</Order>")
    answer = await door.post(body)
    assert status_of(answer).code == 406
    (request, _) = exchanges(gateway)
    assert request.state == ExchangeState.REFUSED
    assert request.faults[0]["code"] == "xml.not_well_formed"
    with gateway.database.read() as session:
        assert ledger.body_of(session, gateway.keys, request.id) == body


async def test_nothing_is_read_for_meaning_before_it_is_recorded(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    seen: list[str] = []

    def look(opened: Opened, gateway: Gateway, caller: Caller) -> Take:
        seen.extend(states(gateway))
        return Take(lambda moment: Effect(answer=moment.stamp.response(200)))

    await Door(gateway, {"cxml": CxmlReceiver({"OrderRequest": Request(look)})}).post(buyer.order_request())
    assert seen == ["received"]


# What is offered


async def test_the_profile_lists_exactly_what_is_offered(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    answer = await Door(gateway).post(buyer.profile_request())
    found = profile.read(open_document(answer.body))
    assert {transaction.name for transaction in found.transactions} == set(REQUESTS)
    assert {transaction.url for transaction in found.transactions} == {"https://crossdock.example/cxml"}
    assert found.effective is not None


async def test_a_profile_is_answered_afresh_under_any_payload_id(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    answers = [await door.post(buyer.profile_request(user_agent=agent)) for agent in ("a", "b", "b")]
    assert [status_of(answer).code for answer in answers] == [200, 200, 200]
    assert len({answer.body for answer in answers}) == 3


async def test_a_request_that_is_not_offered_is_answered_450_by_its_kind(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    body = buyer.status_update().replace(b"StatusUpdateRequest", b"GetPendingRequest")
    status = status_of(await door.post(body))
    assert status.code == 450
    assert status.reason is not None
    assert status.reason.startswith("GetPendingRequest is not offered here")


async def test_a_status_update_of_the_buyer_is_recorded(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    assert status_of(await door.post(buyer.status_update())).code == 200
    (request, _) = exchanges(gateway)
    assert (request.kind, request.state) == ("StatusUpdateRequest", "accepted")


async def test_all_faults_come_in_one_answer(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    body = (
        buyer.order_request().replace(b'currency="EUR"', b'currency="XYZ"').replace(b'quantity="3"', b'quantity="3x"')
    )
    reading = Door(gateway, {"cxml": CxmlReceiver({"OrderRequest": Request(reading_order)})})
    answer = await reading.post(body)
    status = status_of(answer)
    assert status.code == 400
    assert status.reason is not None
    assert status.reason.count("[currency.unknown]") >= 1
    assert status.reason.count("[quantity.not_a_number]") == 1
    (request, _) = exchanges(gateway)
    assert {fault["code"] for fault in request.faults} >= {"currency.unknown", "quantity.not_a_number"}


def reading_order(opened: Opened, gateway: Gateway, caller: Caller) -> Take:
    order_request.read(opened)
    return Take(lambda moment: Effect(answer=moment.stamp.response(200)))


# Law 6


async def test_the_same_document_again_is_given_the_same_answer_byte_for_byte(
    gateway: Gateway, buyer: Buyer, door: Door, clock: SetClock
) -> None:
    first = await door.post(buyer.order_request())
    clock.move(timedelta(days=3))
    again = await door.post(buyer.order_request())
    assert again == first
    assert orders(gateway) == 1
    assert states(gateway) == ["accepted", "duplicate"]
    rows = exchanges(gateway)
    assert rows[0].answered_by == rows[2].answered_by


async def test_fifty_at_once_are_one_order_and_one_answer(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    answers = await asyncio.gather(*(door.post(buyer.order_request()) for _ in range(50)))
    assert len({answer.body for answer in answers}) == 1
    assert orders(gateway) == 1
    assert sorted(states(gateway)) == ["accepted"] + ["duplicate"] * 49


async def test_a_new_process_gives_the_stored_answer(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    first = await door.post(buyer.order_request())
    gateway.database.writer.stop()
    gateway.database.writer.start()
    again = await Door(gateway, RECEIVERS).post(buyer.order_request())
    assert again.body == first.body
    assert orders(gateway) == 1


async def test_other_bytes_under_the_same_id_are_a_conflict_and_both_are_kept(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    first, other = buyer.order_request(), buyer.order_request(user_agent="Buyer 2.0")
    await door.post(first)
    assert status_of(await door.post(other)).code == 409
    assert orders(gateway) == 1
    assert states(gateway) == ["accepted", "conflict"]
    with gateway.database.read() as session:
        kept = [ledger.body_of(session, gateway.keys, row.id) for row in exchanges(gateway) if row.direction == "in"]
    assert kept == [first, other]
    assert status_of(await door.post(first)).code == 200


async def test_a_partner_that_repeats_its_ids_is_known_by_the_bytes(gateway: Gateway, door: Door) -> None:
    buyer = set_up(gateway, settings={"nonunique_payload_id": True})
    first, other = buyer.order_request(), buyer.order_request(user_agent="Buyer 2.0")
    codes = [status_of(await door.post(body)).code for body in (first, other, first)]
    assert codes == [200, 200, 200]
    assert states(gateway) == ["accepted", "accepted", "duplicate"]


async def test_a_document_without_an_id_is_known_by_its_bytes(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    body = buyer.order_request("gone@x").replace(b' payloadID="gone@x"', b"")
    other = body.replace(b"Buyer 1.0", b"Buyer 2.0")
    answers = [await door.post(sent) for sent in (body, body, other)]
    assert answers[0] == answers[1]
    assert states(gateway) == ["accepted", "duplicate", "accepted"]


async def test_the_same_id_of_another_buyer_is_another_document(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    names = {"sender": Identifier(scheme="NetworkId", value="AN2"), "buyer": Identifier(scheme="DUNS", value="2")}
    other = set_up(gateway, replace(ACME, secret="other-secret", **names))
    codes = [status_of(await door.post(who.order_request())).code for who in (buyer, other)]
    assert codes == [200, 200]
    assert orders(gateway) == 2


async def test_a_multipart_document_is_the_same_whatever_its_boundary(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    part = Part(data=b"%PDF-1.7", media_type="application/pdf", content_id="dwg@x")
    media_type, body = pack(buyer.order_request(), [part])
    boundary = media_type.rpartition('boundary="')[2].rstrip('"')
    first = await door.post(body, media_type)
    again = await door.post(body.replace(boundary.encode(), b"other"), media_type.replace(boundary, "other"))
    assert again == first
    changed = body.replace(b"%PDF-1.7", b"%PDF-1.8")
    assert status_of(await door.post(changed, media_type)).code == 409


async def test_what_was_refused_leaves_nothing_and_may_be_corrected_under_its_id(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    refused = await door.post(buyer.order_request(order=an_order("REFUSED")))
    assert status_of(refused).code == 409
    assert status_of(refused).reason == "An order of that number was shipped already."
    assert orders(gateway) == 0
    assert status_of(await door.post(buyer.order_request(order=an_order("PO-2")))).code == 200


async def test_an_answer_that_was_erased_is_told_and_not_made_up(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    await door.post(buyer.order_request())
    gateway.database.write(
        lambda session: session.connection().exec_driver_sql("UPDATE cd_exchange_bodies SET sealed_key = NULL")
    )
    status = status_of(await door.post(buyer.order_request()))
    assert (status.code, status.reason) == (
        409,
        "This document was taken before; its answer is no longer kept.",
    )
    assert orders(gateway) == 1


# When something is wrong with us


async def test_a_bug_is_answered_500_and_leaves_an_alert_and_a_failed_exchange(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    with capture_logs() as lines:
        answer = await door.post(buyer.order_request(order=an_order("BUG")))
    assert (answer.status, status_of(answer).code) == (200, 500)
    assert b"c4nary" not in answer.body
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["alert"]
    assert states(gateway) == ["failed"]
    assert orders(gateway) == 0
    fixed = Door(gateway, {"cxml": CxmlReceiver({"OrderRequest": Request(reading_order)})})
    assert status_of(await fixed.post(buyer.order_request(order=an_order("BUG")))).code == 200


async def test_a_bug_before_the_ledger_is_answered_too(
    gateway: Gateway, buyer: Buyer, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.transports.intake.peek", lambda *_, **__: 1 / 0)
    answer = await door.post(buyer.order_request())
    assert status_of(answer).code == 500


async def test_a_database_that_is_gone_means_come_back_later(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    gateway.database.writer.stop()
    answer = await door.post(buyer.order_request())
    assert (answer.status, answer.retry_after, status_of(answer).code) == (503, 30, 560)


async def test_a_status_is_mirrored_in_http_where_agreed(gateway: Gateway, door: Door) -> None:
    buyer = set_up(gateway, settings={"mirror_http_status": True})
    assert (await door.post(replace(buyer, secret="wrong").order_request())).status == 401
    answer = await door.post(buyer.status_update().replace(b"StatusUpdateRequest", b"GetPendingRequest"))
    assert answer.status == 501
    assert (await door.post(buyer.order_request())).status == 200

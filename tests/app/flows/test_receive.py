"""Law 6 and the gate: who may send, what is taken once, and what is answered."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from buyers import ACME, Buyer, an_order, set_up
from conftest import AT
from sqlmodel import Session, col, select
from structlog.testing import capture_logs

from app.clock import SetClock
from app.errors import No, Refusal
from app.flows.arrival import Answer, Effect
from app.flows.cxml_requests import REQUESTS, Request, Take, Taking
from app.flows.receive_cxml import CxmlReceiver
from app.gateway import Gateway
from app.partners.identify import Caller
from app.partners.secrets import Purpose, keep_secret
from app.seal import Secret
from app.storage import ledger
from app.storage.base import LIVE
from app.storage.exchanges import ExchangeRow, ExchangeState, QuarantineRow
from app.storage.partners import PartnerRow
from app.storage.processes import ProcessRow
from app.transports.intake import Intake, Posted
from protocols.cxml import order_request, profile
from protocols.cxml.attachments import Part, pack
from protocols.cxml.credentials import Credential, CredentialMac
from protocols.cxml.credentials import Secret as Sent
from protocols.cxml.envelope import Opened, open_document
from protocols.cxml.status import Status
from schemas.party import Identifier

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def counting_order(opened: Opened, gateway: Gateway, caller: Caller) -> Take:
    """Takes an order by writing one row of its number, which cannot be written twice."""
    opened.raise_if_refused()

    def take(moment: Taking) -> Effect:
        order_id = opened.payload_of("OrderRequest")[0].get("orderID", "")
        if order_id == "REFUSED":
            moment.tx.add(ProcessRow(id="half", seen_at=AT))
            moment.tx.flush()
            raise Refusal(No.CONFLICT, "An order of that number was shipped already.")
        if order_id == "BUG":
            moment.tx.add(ProcessRow(id="half", seen_at=AT))
            moment.tx.flush()
            raise ZeroDivisionError("c4nary detail")
        moment.tx.add(ProcessRow(id=gateway.ids(), seen_at=AT))
        return Effect(answer=moment.stamp.response(200), caused_kind="order", caused_id="order-1")

    return take


RECEIVERS = {"cxml": CxmlReceiver({**REQUESTS, "OrderRequest": Request(counting_order)})}

Post = Callable[..., Any]


@pytest.fixture
def buyer(gateway: Gateway) -> Buyer:
    return set_up(gateway)


@pytest.fixture
def intake(gateway: Gateway) -> Intake:
    return Intake(gateway, RECEIVERS)


@pytest.fixture
def post(intake: Intake, gateway: Gateway) -> Post:
    async def post(body: bytes, media_type: str = "text/xml", *, by: Intake | None = None) -> Answer:
        return await (by or intake).take_cxml(
            Posted(
                realm=LIVE,
                transport="http",
                body=body,
                media_type=media_type,
                remote="192.0.2.1",
                at=gateway.clock.now(),
                correlation_id=gateway.ids(),
            )
        )

    return post


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


# Recorded before it is read


async def test_a_document_and_its_answer_are_in_the_ledger_sealed_and_linked(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    body = buyer.order_request()
    answer = await post(body)
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
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    body = buyer.order_request().replace(b"</OrderRequest>", b"</Order>")
    answer = await post(body)
    assert status_of(answer).code == 406
    (request, _) = exchanges(gateway)
    assert request.state == ExchangeState.REFUSED
    assert request.faults[0]["code"] == "xml.not_well_formed"
    with gateway.database.read() as session:
        assert ledger.body_of(session, gateway.keys, request.id) == body


async def test_nothing_is_read_for_meaning_before_it_is_recorded(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    seen: list[str] = []

    def look(opened: Opened, gateway: Gateway, caller: Caller) -> Take:
        seen.extend(states(gateway))
        return lambda moment: Effect(answer=moment.stamp.response(200))

    await post(buyer.order_request(), by=Intake(gateway, {"cxml": CxmlReceiver({"OrderRequest": Request(look)})}))
    assert seen == ["received"]


# Who may send


async def test_an_unknown_sender_and_a_wrong_secret_are_answered_alike(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    stranger = replace(buyer, sender=Identifier(scheme="NetworkId", value="AN99"))
    answers = [await post(who.order_request()) for who in (stranger, replace(buyer, secret="wrong"))]
    first, second = (status_of(answer) for answer in answers)
    assert first == second
    assert (first.code, first.text) == (401, "Unauthorized")
    assert [answer.status for answer in answers] == [200, 200]
    assert orders(gateway) == 0


async def test_an_unknown_sender_goes_to_the_quarantine_and_not_to_the_ledger(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    body = replace(buyer, sender=Identifier(scheme="NetworkId", value="AN99")).order_request()
    await post(body)
    await post(b"<html>not cXML at all")
    assert exchanges(gateway) == []
    with gateway.database.read() as session:
        first, second = session.exec(select(QuarantineRow).order_by(col(QuarantineRow.id))).all()
        assert ledger.quarantined_body(session, gateway.keys, first.id) == body
    assert first.claimed == [{"scheme": "NetworkId", "value": "AN99"}]
    assert second.claimed == []
    assert "read" in second.reason


async def test_the_quarantine_is_capped_in_number_and_bytes_and_loses_the_oldest(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    few = gateway.settings.model_copy(update={"quarantine_rows": 3, "quarantine_bytes": 1_000})
    small = Intake(replace(gateway, settings=few))
    for size in (10, 20, 30, 40):
        await post(b"x" * size, by=small)

    def sizes() -> list[int]:
        with gateway.database.read() as session:
            return [row.size for row in session.exec(select(QuarantineRow).order_by(col(QuarantineRow.id)))]

    assert sizes() == [20, 30, 40]
    await post(b"x" * 950, by=small)
    assert sizes() == [40, 950]
    await post(b"x" * 2_000, by=small)
    assert sizes() == []


async def test_of_a_large_stranger_only_the_beginning_is_kept(gateway: Gateway, post: Post) -> None:
    await post(b"y" * 1_000_000)
    with gateway.database.read() as session:
        (row,) = session.exec(select(QuarantineRow)).all()
        assert (row.size, row.kept) == (1_000_000, ledger.LARGEST_KEPT)
        assert len(ledger.quarantined_body(session, gateway.keys, row.id)) == ledger.LARGEST_KEPT


async def test_names_compare_without_regard_to_case_and_blanks(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    shouting = replace(
        buyer,
        buyer=Identifier(scheme="duns", value=" 123456789 "),
        sender=Identifier(scheme="NETWORKID", value=" an01000000001 "),
        supplier=Identifier(scheme="networkID", value="crossdock"),
    )
    assert status_of(await post(shouting.order_request())).code == 200


async def test_the_configured_one_of_several_names_counts(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    other = Credential(domain="Other", identity="x")
    envelope = buyer.envelope()
    many = {
        "from_": (replace_marketplace(other), other, *envelope.from_),
        "to": (other, *envelope.to),
        "sender": (other, *envelope.sender),
    }
    assert status_of(await post(buyer.order_request(**many))).code == 200


def replace_marketplace(credential: Credential) -> Credential:
    return Credential(domain=credential.domain, identity=credential.identity, marketplace=True)


async def test_two_secrets_are_valid_while_one_replaces_the_other(
    gateway: Gateway, buyer: Buyer, post: Post, clock: SetClock
) -> None:
    until = clock.now() + timedelta(days=7)

    def rotate(session: Session) -> None:
        partner = session.get_one(PartnerRow, buyer.partner_id)
        keep_secret(
            session,
            gateway.keys,
            partner,
            Purpose.CXML_INBOUND,
            Secret("new-secret"),
            now=clock.now(),
            overlap_until=until,
        )

    gateway.database.write(rotate)
    new = replace(buyer, secret="new-secret")

    async def codes(number: int) -> list[int]:
        bodies = [who.order_request(f"{number}-{who.secret}@x") for who in (buyer, new)]
        return [status_of(await post(body)).code for body in bodies]

    assert await codes(1) == [200, 200]
    clock.move(timedelta(days=7))
    assert await codes(2) == [401, 200]


async def test_a_sender_is_known_by_the_mac_of_its_hub(
    gateway: Gateway, buyer: Buyer, post: Post, clock: SetClock
) -> None:
    def share(session: Session) -> None:
        partner = session.get_one(PartnerRow, buyer.partner_id)
        keep_secret(session, gateway.keys, partner, Purpose.CXML_MAC, Secret("hub-key"), now=clock.now())

    gateway.database.write(share)
    created, expires = "2026-03-02T10:00:00+01:00", "2026-03-02T11:00:00+01:00"
    parts = ["duns", "123456789", "networkid", "an01000000001", created, expires]
    digest = hmac.new(b"hub-key", b"".join(part.encode() + b"\0" for part in parts), hashlib.sha1).digest()
    mac = base64.b64encode(digest[:12]).decode()

    def sender(value: str) -> dict[str, Any]:
        proof = CredentialMac(value=Sent(value), creation=created, expiration=expires)
        return {"sender": (Credential(domain="NetworkId", identity="AN01000000001", mac=proof),)}

    assert status_of(await post(buyer.order_request("1", **sender(mac)))).code == 200
    wrong = ("B" if mac[0] == "A" else "A") + mac[1:]
    assert status_of(await post(buyer.order_request("2", **sender(wrong)))).code == 401
    clock.move(timedelta(hours=1))
    assert status_of(await post(buyer.order_request("3", **sender(mac)))).code == 401


async def test_a_sender_without_any_proof_is_refused(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    bare = (Credential(domain="NetworkId", identity="AN01000000001"),)
    assert status_of(await post(buyer.order_request(sender=bare))).code == 401


async def test_a_buyer_that_the_connection_does_not_know_is_forbidden(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    other = replace(buyer, buyer=Identifier(scheme="DUNS", value="987654321"))
    status = status_of(await post(other.order_request()))
    assert (status.code, status.reason) == (403, "The buyer in From is not set up for this connection.")


async def test_a_document_for_somebody_else_is_refused(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    other = replace(buyer, supplier=Identifier(scheme="NetworkId", value="ANOTHER-SHOP"))
    assert status_of(await post(other.order_request())).code == 400


async def test_a_partner_that_is_switched_off_is_unknown(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    def switch_off(session: Session) -> None:
        session.get_one(PartnerRow, buyer.partner_id).active = False

    gateway.database.write(switch_off)
    assert status_of(await post(buyer.order_request())).code == 401


async def test_a_test_document_is_refused_on_a_live_connection_unless_agreed(gateway: Gateway, post: Post) -> None:
    strict = set_up(gateway)
    assert status_of(await post(strict.order_request(test=True))).code == 403
    assert [row.test for row in exchanges(gateway)] == [True, True]
    agreed = set_up(
        gateway,
        replace(ACME, sender=Identifier(scheme="NetworkId", value="AN2"), buyer=Identifier(scheme="DUNS", value="2")),
        settings={"test_documents": "accept"},
    )
    assert status_of(await post(agreed.order_request(test=True))).code == 200


async def test_too_many_wrong_secrets_are_not_looked_at_any_more(
    gateway: Gateway, buyer: Buyer, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.transports.intake.SHORTEST_NO", 0)
    wrong = replace(buyer, secret="wrong")
    codes = [status_of(await post(wrong.order_request(str(number)))).code for number in range(40)]
    assert set(codes) == {401}
    assert len(states(gateway)) == 30


# What is offered


async def test_the_profile_lists_exactly_what_is_offered(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    answer = await post(buyer.profile_request(), by=Intake(gateway))
    found = profile.read(open_document(answer.body))
    assert {transaction.name for transaction in found.transactions} == set(REQUESTS)
    assert {transaction.url for transaction in found.transactions} == {"https://crossdock.example/cxml"}
    assert found.effective is not None


async def test_a_profile_is_answered_afresh_under_any_payload_id(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    answers = [await post(buyer.profile_request(user_agent=agent)) for agent in ("a", "b", "b")]
    assert [status_of(answer).code for answer in answers] == [200, 200, 200]
    assert len({answer.body for answer in answers}) == 3


async def test_a_request_that_is_not_offered_is_answered_450_by_its_kind(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    body = buyer.status_update().replace(b"StatusUpdateRequest", b"GetPendingRequest")
    status = status_of(await post(body))
    assert status.code == 450
    assert status.reason is not None
    assert status.reason.startswith("GetPendingRequest is not offered here")


async def test_a_status_update_of_the_buyer_is_recorded(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    assert status_of(await post(buyer.status_update())).code == 200
    (request, _) = exchanges(gateway)
    assert (request.kind, request.state) == ("StatusUpdateRequest", "accepted")


async def test_all_faults_come_in_one_answer(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    body = (
        buyer.order_request().replace(b'currency="EUR"', b'currency="XYZ"').replace(b'quantity="3"', b'quantity="3x"')
    )
    reading = Intake(gateway, {"cxml": CxmlReceiver({"OrderRequest": Request(reading_order)})})
    answer = await post(body, by=reading)
    status = status_of(answer)
    assert status.code == 400
    assert status.reason is not None
    assert status.reason.count("[currency.unknown]") >= 1
    assert status.reason.count("[quantity.not_a_number]") == 1
    (request, _) = exchanges(gateway)
    assert {fault["code"] for fault in request.faults} >= {"currency.unknown", "quantity.not_a_number"}


def reading_order(opened: Opened, gateway: Gateway, caller: Caller) -> Take:
    order_request.read(opened)
    return lambda moment: Effect(answer=moment.stamp.response(200))


# Law 6


async def test_the_same_document_again_is_given_the_same_answer_byte_for_byte(
    gateway: Gateway, buyer: Buyer, post: Post, clock: SetClock
) -> None:
    first = await post(buyer.order_request())
    clock.move(timedelta(days=3))
    again = await post(buyer.order_request())
    assert again == first
    assert orders(gateway) == 1
    assert states(gateway) == ["accepted", "duplicate"]
    rows = exchanges(gateway)
    assert rows[0].answered_by == rows[2].answered_by


async def test_fifty_at_once_are_one_order_and_one_answer(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    answers = await asyncio.gather(*(post(buyer.order_request()) for _ in range(50)))
    assert len({answer.body for answer in answers}) == 1
    assert orders(gateway) == 1
    assert sorted(states(gateway)) == ["accepted"] + ["duplicate"] * 49


async def test_a_new_process_gives_the_stored_answer(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    first = await post(buyer.order_request())
    gateway.database.writer.stop()
    gateway.database.writer.start()
    again = await post(buyer.order_request(), by=Intake(gateway, RECEIVERS))
    assert again.body == first.body
    assert orders(gateway) == 1


async def test_other_bytes_under_the_same_id_are_a_conflict_and_both_are_kept(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    first, other = buyer.order_request(), buyer.order_request(user_agent="Buyer 2.0")
    await post(first)
    assert status_of(await post(other)).code == 409
    assert orders(gateway) == 1
    assert states(gateway) == ["accepted", "conflict"]
    with gateway.database.read() as session:
        kept = [ledger.body_of(session, gateway.keys, row.id) for row in exchanges(gateway) if row.direction == "in"]
    assert kept == [first, other]
    assert status_of(await post(first)).code == 200


async def test_a_partner_that_repeats_its_ids_is_known_by_the_bytes(gateway: Gateway, post: Post) -> None:
    buyer = set_up(gateway, settings={"nonunique_payload_id": True})
    first, other = buyer.order_request(), buyer.order_request(user_agent="Buyer 2.0")
    codes = [status_of(await post(body)).code for body in (first, other, first)]
    assert codes == [200, 200, 200]
    assert states(gateway) == ["accepted", "accepted", "duplicate"]


async def test_a_document_without_an_id_is_known_by_its_bytes(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    body = buyer.order_request("gone@x").replace(b' payloadID="gone@x"', b"")
    other = body.replace(b"Buyer 1.0", b"Buyer 2.0")
    answers = [await post(sent) for sent in (body, body, other)]
    assert answers[0] == answers[1]
    assert states(gateway) == ["accepted", "duplicate", "accepted"]


async def test_the_same_id_of_another_buyer_is_another_document(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    names = {"sender": Identifier(scheme="NetworkId", value="AN2"), "buyer": Identifier(scheme="DUNS", value="2")}
    other = set_up(gateway, replace(ACME, secret="other-secret", **names))
    codes = [status_of(await post(who.order_request())).code for who in (buyer, other)]
    assert codes == [200, 200]
    assert orders(gateway) == 2


async def test_a_multipart_document_is_the_same_whatever_its_boundary(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    part = Part(data=b"%PDF-1.7", media_type="application/pdf", content_id="dwg@x")
    media_type, body = pack(buyer.order_request(), [part])
    boundary = media_type.rpartition('boundary="')[2].rstrip('"')
    first = await post(body, media_type)
    again = await post(body.replace(boundary.encode(), b"other"), media_type.replace(boundary, "other"))
    assert again == first
    changed = body.replace(b"%PDF-1.7", b"%PDF-1.8")
    assert status_of(await post(changed, media_type)).code == 409


async def test_what_was_refused_leaves_nothing_and_may_be_corrected_under_its_id(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    refused = await post(buyer.order_request(order=an_order("REFUSED")))
    assert status_of(refused).code == 409
    assert status_of(refused).reason == "An order of that number was shipped already."
    assert orders(gateway) == 0
    assert status_of(await post(buyer.order_request(order=an_order("PO-2")))).code == 200


async def test_an_answer_that_was_erased_is_told_and_not_made_up(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    await post(buyer.order_request())
    gateway.database.write(
        lambda session: session.connection().exec_driver_sql("UPDATE cd_exchange_bodies SET sealed_key = NULL")
    )
    status = status_of(await post(buyer.order_request()))
    assert (status.code, status.reason) == (
        409,
        "This document was taken before; its answer is no longer kept.",
    )
    assert orders(gateway) == 1


# When something is wrong with us


async def test_a_bug_is_answered_500_and_leaves_an_alert_and_a_failed_exchange(
    gateway: Gateway, buyer: Buyer, post: Post
) -> None:
    with capture_logs() as lines:
        answer = await post(buyer.order_request(order=an_order("BUG")))
    assert (answer.status, status_of(answer).code) == (200, 500)
    assert b"c4nary" not in answer.body
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["alert"]
    assert states(gateway) == ["failed"]
    assert orders(gateway) == 0
    fixed = Intake(gateway, {"cxml": CxmlReceiver({"OrderRequest": Request(reading_order)})})
    assert status_of(await post(buyer.order_request(order=an_order("BUG")), by=fixed)).code == 200


async def test_a_bug_before_the_ledger_is_answered_too(
    gateway: Gateway, buyer: Buyer, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.transports.intake.peek", lambda *_, **__: 1 / 0)
    answer = await post(buyer.order_request())
    assert status_of(answer).code == 500


async def test_a_database_that_is_gone_means_come_back_later(gateway: Gateway, buyer: Buyer, post: Post) -> None:
    gateway.database.writer.stop()
    answer = await post(buyer.order_request())
    assert (answer.status, answer.retry_after, status_of(answer).code) == (503, 30, 560)


async def test_a_status_is_mirrored_in_http_where_agreed(gateway: Gateway, post: Post) -> None:
    buyer = set_up(gateway, settings={"mirror_http_status": True})
    assert (await post(replace(buyer, secret="wrong").order_request())).status == 401
    answer = await post(buyer.status_update().replace(b"StatusUpdateRequest", b"GetPendingRequest"))
    assert answer.status == 501
    assert (await post(buyer.order_request())).status == 200

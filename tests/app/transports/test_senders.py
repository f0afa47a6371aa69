"""Who is let in: names, secrets, MACs, and what becomes of those who are not."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from buyers import ACME, Buyer, set_up
from sqlmodel import Session, col, select
from way_in import Door, exchanges, orders, states, status_of

from app.clock import SetClock
from app.gateway import Gateway
from app.partners.secrets import Purpose, keep_secret
from app.seal import Secret
from app.storage import ledger
from app.storage.exchanges import QuarantineRow
from app.storage.partners import PartnerRow
from protocols.cxml.credentials import Credential, CredentialMac
from protocols.cxml.credentials import Secret as Sent
from schemas.party import Identifier

pytestmark = pytest.mark.anyio


@pytest.fixture
def buyer(gateway: Gateway) -> Buyer:
    return set_up(gateway)


@pytest.fixture
def door(gateway: Gateway) -> Door:
    return Door(gateway)


async def test_an_unknown_sender_and_a_wrong_secret_are_answered_alike(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    stranger = replace(buyer, sender=Identifier(scheme="NetworkId", value="AN99"))
    answers = [await door.post(who.order_request()) for who in (stranger, replace(buyer, secret="wrong"))]
    first, second = (status_of(answer) for answer in answers)
    assert first == second
    assert (first.code, first.text) == (401, "Unauthorized")
    assert [answer.status for answer in answers] == [200, 200]
    assert orders(gateway) == 0


async def test_an_unknown_sender_goes_to_the_quarantine_and_not_to_the_ledger(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    body = replace(buyer, sender=Identifier(scheme="NetworkId", value="AN99")).order_request()
    await door.post(body)
    await door.post(b"<html>not cXML at all")
    assert exchanges(gateway) == []
    with gateway.database.read() as session:
        first, second = session.exec(select(QuarantineRow).order_by(col(QuarantineRow.id))).all()
        assert ledger.quarantined_body(session, gateway.keys, first.id) == body
    assert first.claimed == [{"scheme": "NetworkId", "value": "AN99"}]
    assert second.claimed == []
    assert "read" in second.reason


async def test_the_quarantine_is_capped_in_number_and_bytes_and_loses_the_oldest(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    few = gateway.settings.model_copy(update={"quarantine_rows": 3, "quarantine_bytes": 1_000})
    small = Door(replace(gateway, settings=few))
    for size in (10, 20, 30, 40):
        await small.post(b"x" * size)

    def sizes() -> list[int]:
        with gateway.database.read() as session:
            return [row.size for row in session.exec(select(QuarantineRow).order_by(col(QuarantineRow.id)))]

    assert sizes() == [20, 30, 40]
    await small.post(b"x" * 950)
    assert sizes() == [40, 950]
    await small.post(b"x" * 2_000)
    assert sizes() == []


async def test_of_a_large_stranger_only_the_beginning_is_kept(gateway: Gateway, door: Door) -> None:
    await door.post(b"y" * 1_000_000)
    with gateway.database.read() as session:
        (row,) = session.exec(select(QuarantineRow)).all()
        assert (row.size, row.kept) == (1_000_000, ledger.LARGEST_KEPT)
        assert len(ledger.quarantined_body(session, gateway.keys, row.id)) == ledger.LARGEST_KEPT


async def test_names_compare_without_regard_to_case_and_blanks(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    shouting = replace(
        buyer,
        buyer=Identifier(scheme="duns", value=" 123456789 "),
        sender=Identifier(scheme="NETWORKID", value=" an01000000001 "),
        supplier=Identifier(scheme="networkID", value="crossdock"),
    )
    assert status_of(await door.post(shouting.order_request())).code == 200


async def test_the_configured_one_of_several_names_counts(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    other = Credential(domain="Other", identity="x")
    envelope = buyer.envelope()
    many = {
        "from_": (replace_marketplace(other), other, *envelope.from_),
        "to": (other, *envelope.to),
        "sender": (other, *envelope.sender),
    }
    assert status_of(await door.post(buyer.order_request(**many))).code == 200


def replace_marketplace(credential: Credential) -> Credential:
    return Credential(domain=credential.domain, identity=credential.identity, marketplace=True)


async def test_two_secrets_are_valid_while_one_replaces_the_other(
    gateway: Gateway, buyer: Buyer, door: Door, clock: SetClock
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
        return [status_of(await door.post(body)).code for body in bodies]

    assert await codes(1) == [200, 200]
    clock.move(timedelta(days=7))
    assert await codes(2) == [401, 200]


async def test_a_sender_is_known_by_the_mac_of_its_hub(
    gateway: Gateway, buyer: Buyer, door: Door, clock: SetClock
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

    assert status_of(await door.post(buyer.order_request("1", **sender(mac)))).code == 200
    wrong = ("B" if mac[0] == "A" else "A") + mac[1:]
    assert status_of(await door.post(buyer.order_request("2", **sender(wrong)))).code == 401
    clock.move(timedelta(hours=1))
    assert status_of(await door.post(buyer.order_request("3", **sender(mac)))).code == 401


async def test_a_sender_without_any_proof_is_refused(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    bare = (Credential(domain="NetworkId", identity="AN01000000001"),)
    assert status_of(await door.post(buyer.order_request(sender=bare))).code == 401


async def test_a_buyer_that_the_connection_does_not_know_is_forbidden(
    gateway: Gateway, buyer: Buyer, door: Door
) -> None:
    other = replace(buyer, buyer=Identifier(scheme="DUNS", value="987654321"))
    status = status_of(await door.post(other.order_request()))
    assert (status.code, status.reason) == (403, "The buyer in From is not set up for this connection.")


async def test_a_document_for_somebody_else_is_refused(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    other = replace(buyer, supplier=Identifier(scheme="NetworkId", value="ANOTHER-SHOP"))
    assert status_of(await door.post(other.order_request())).code == 400


async def test_a_partner_that_is_switched_off_is_unknown(gateway: Gateway, buyer: Buyer, door: Door) -> None:
    def switch_off(session: Session) -> None:
        session.get_one(PartnerRow, buyer.partner_id).active = False

    gateway.database.write(switch_off)
    assert status_of(await door.post(buyer.order_request())).code == 401


async def test_a_test_document_is_refused_on_a_live_connection_unless_agreed(gateway: Gateway, door: Door) -> None:
    strict = set_up(gateway)
    assert status_of(await door.post(strict.order_request(test=True))).code == 403
    assert [row.test for row in exchanges(gateway)] == [True, True]
    agreed = set_up(
        gateway,
        replace(ACME, sender=Identifier(scheme="NetworkId", value="AN2"), buyer=Identifier(scheme="DUNS", value="2")),
        settings={"test_documents": "accept"},
    )
    assert status_of(await door.post(agreed.order_request(test=True))).code == 200


async def test_of_too_many_wrong_secrets_nothing_is_kept_and_the_right_one_still_comes_through(
    gateway: Gateway, buyer: Buyer, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.transports.intake.SHORTEST_NO", 0)
    wrong = replace(buyer, secret="wrong")
    codes = [status_of(await door.post(wrong.order_request(str(number)))).code for number in range(40)]
    assert set(codes) == {401}
    assert len(states(gateway)) == 30
    assert (
        status_of(await door.post(replace(buyer, sender=Identifier(scheme="X", value="Y")).order_request())).code == 401
    )
    assert status_of(await door.post(buyer.order_request())).code == 200
    assert states(gateway)[30:] == ["accepted"]
    with gateway.database.read() as session:
        assert session.exec(select(QuarantineRow)).all() == []

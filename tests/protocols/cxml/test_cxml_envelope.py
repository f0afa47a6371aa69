"""Envelope: peeked at from a beginning, read from the whole, written."""

import time
from datetime import UTC, datetime
from typing import Any

import cxml_documents as make
import msgspec
import pytest
from cxml_validity import is_valid
from golden import FIXTURES
from hypothesis import given, settings

from protocols.cxml import order_request, profile, punchout_order
from protocols.cxml.attachments import Part, pack
from protocols.cxml.credentials import Credential, CredentialMac, Secret
from protocols.cxml.envelope import Envelope, open_document, peek
from protocols.cxml.settings import CxmlSettings
from protocols.dates import zone_named
from protocols.xml_source import Repairs
from schemas.cart import Cart
from schemas.faults import Malformed, Rejected, Unwritable

CASES = sorted((FIXTURES / "cxml").rglob("*.xml"))
ORDER = (FIXTURES / "cxml/order_request/second_version.xml").read_bytes()
HUB = (FIXTURES / "cxml/punchout_setup/inspect_in_words_of_a_hub.xml").read_bytes()


def test_a_peek_sees_what_the_whole_reading_sees() -> None:
    seen = 0
    for case in CASES:
        try:
            opened = open_document(case.read_bytes())
        except Malformed:
            continue
        assert peek(case.read_bytes()) == opened.envelope
        seen += 1
    assert seen > 40


def test_a_peek_does_not_read_on() -> None:
    beginning = ORDER[: ORDER.index(b"<OrderRequestHeader")]
    for body in (
        beginning,
        beginning + b"<<< & broken",
        beginning + b"<x/>" * 5_000_000,
        beginning + b"\xff\xfe\x00",
        b"\n \n" + beginning,
        beginning.replace(b"ProcureApp", b"Procure & App"),
    ):
        envelope = peek(body)
        assert envelope.kind == "OrderRequest"
        assert [c.identity for c in envelope.sender] == ["HUB-1"]
        assert envelope.test


def test_a_peek_at_a_huge_body_is_quick() -> None:
    started = time.process_time()
    peek(ORDER.replace(b"</OrderRequest>", b"x" * 20_000_000 + b"</OrderRequest>"))
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body/></html>",
        b"<cXML>" + b"<Header>" * 300,
        b"<cXML><Header>" + b"<x/>" * 100_000,
        b"<Order xmlns='urn:oasis:names:specification:ubl:schema:xsd:Order-2'/>",
        b"UNA:+.? '",
        b"<cXML>",
        b'<!DOCTYPE cXML [<!ENTITY a "b">]><cXML><Header/></cXML>',
    ],
)
def test_a_peek_at_what_is_no_cxml_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        peek(body)


def test_a_peek_into_a_multipart_body() -> None:
    part = Part(data=b"\x00\xff" * 1000, media_type="application/pdf", content_id="dwg1@b.example")
    media_type, body = pack(ORDER, [part])
    assert peek(body, media_type) == peek(ORDER)


def test_credentials_are_read_in_their_order_with_what_they_carry() -> None:
    envelope = peek(HUB)
    assert [(c.domain, c.identity, c.marketplace) for c in envelope.from_] == [
        ("AribaNetworkUserId", "market@hub.example", True),
        (" networkid ", "an01-T", False),
    ]
    assert [c.identity for c in envelope.to] == ["942888711", "CROSSDOCK-T", "CROSSDOCK"]
    mac = envelope.sender[0].mac
    assert mac is not None
    assert (mac.value.reveal(), mac.creation) == ("B2UM79gYJs5FbZ3C", "2026-03-01T09:00:00+01:00")


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(make.envelopes(profile.REQUEST))
def test_an_envelope_survives_the_round_trip(envelope: Envelope) -> None:
    body = profile.write_request(envelope)
    is_valid(body)
    assert peek(body) == envelope
    assert open_document(body).envelope == envelope


def cart() -> Cart:
    return Cart(buyer_cookie="b", operation_allowed="create", total=make.Money(amount=make.Decimal(0), currency="EUR"))


def envelope(**fields: Any) -> Envelope:
    who = (Credential(domain="NetworkId", identity="A"),)
    return Envelope(
        **{
            "payload_id": "p1",
            "sent_at": datetime(2026, 3, 2, 10, 15, 30, 999, tzinfo=UTC),
            "from_": who,
            "to": who,
            "sender": who,
        }
        | fields
    )


def test_nothing_that_proves_a_sender_goes_through_the_browser() -> None:
    mac = CredentialMac(value=Secret("canary-mac"), creation="x", expiration="y")
    sender = (
        Credential(domain="NetworkId", identity="A", secret=Secret("canary-secret")),
        Credential(domain="NetworkId", identity="B", mac=mac),
    )
    body = punchout_order.write(cart(), envelope(sender=sender, from_=sender))
    assert b"canary" not in body
    assert b"canary-secret" in profile.write_request(envelope(sender=sender))


def test_what_is_written_names_its_version_its_mode_and_no_z() -> None:
    body = profile.write_request(envelope(version="1.2.050", test=True))
    assert b"/schemas/cXML/1.2.050/cXML.dtd" in body
    assert b'timestamp="2026-03-02T10:15:30+00:00"' in body
    assert b'deploymentMode="test"' in body
    assert b'deploymentMode="production"' in profile.write_request(envelope())
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')


def test_what_has_no_id_or_time_is_not_written() -> None:
    for missing in ({"payload_id": None}, {"sent_at": None}):
        with pytest.raises(ValueError, match="payloadID and a timestamp"):
            profile.write_request(envelope(**missing))


def test_only_valid_documents_leave() -> None:
    with pytest.raises(Unwritable) as error:
        profile.write_request(envelope(to=()))
    assert [(fault.code, fault.at) for fault in error.value.faults] == [("dtd.invalid", "/cXML/Header/To")]


def test_markup_of_the_buyers_goes_back_as_it_came() -> None:
    cookie = msgspec.structs.replace(cart(), buyer_cookie='a <own k="1">b</own> c', cookie_markup=True)
    body = punchout_order.write(cookie, envelope())
    assert b'<BuyerCookie>a <own k="1">b</own> c</BuyerCookie>' in body


def test_a_reader_of_another_kind_refuses() -> None:
    with pytest.raises(Rejected, match="is to carry a PunchOutOrderMessage"):
        punchout_order.read(open_document(ORDER))


def test_switches_of_a_partner_change_what_is_read() -> None:
    latin = ORDER.replace(b"Werk Eins", "Lager Süd".encode("latin-1")).replace(b"PO-9", b"PO&9")
    with pytest.raises(Malformed):
        open_document(b"\n" + latin)
    repairs = Repairs(leading_blank=True, encoding=True, unescaped=True)
    order = order_request.read(open_document(b"\n" + latin, settings=CxmlSettings(repairs=repairs)))
    # The document is UTF-8 with one Latin-1 byte: all of it is read as Windows-1252, and a finding says so.
    assert order.id == "PO&9"
    assert order.ship_to is not None
    assert order.ship_to.name == "Lager Süd"


def test_settings_give_zone_order_basis_and_currencies() -> None:
    body = (FIXTURES / "cxml/order_request/dates_in_every_form.xml").read_bytes()
    berlin = CxmlSettings(time_zone="Europe/Berlin", date_order="dmy")
    order = order_request.read(open_document(body, settings=berlin))
    assert order.lines[1].requested_delivery == datetime(2026, 3, 9, 8, tzinfo=zone_named("Europe/Berlin"))
    assert str(order.lines[4].requested_delivery) == "2026-04-03"
    mixed = (FIXTURES / "cxml/order_request/currencies_mixed.xml").read_bytes()
    order = order_request.read(open_document(mixed, settings=CxmlSettings(several_currencies=True)))
    assert [line.price.amount.currency for line in order.lines if line.price] == ["EUR", "USD"]
    basis = (FIXTURES / "cxml/order_request/price_with_basis_and_factor.xml").read_bytes()
    amounts = {}
    for mode in ("full", "quantity_only", "ignore"):
        order = order_request.read(open_document(basis, settings=CxmlSettings(price_basis=mode)))
        amounts[mode] = str(order.lines[0].amount())
    assert amounts == {"full": "3.60", "quantity_only": "0.072", "ignore": "7.20"}


@pytest.mark.parametrize("fields", [{"time_zone": "Nowhere"}, {"mac_skew_seconds": -1}])
def test_settings_that_cannot_be_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        CxmlSettings(**fields)

"""What is sent to a partner with an older version of cXML."""

from typing import Any

import cxml_documents as make
import msgspec
import pytest
from hypothesis import given, settings

from protocols import xml
from protocols.cxml import punchout_order, status_update
from protocols.cxml.documents import receive
from protocols.cxml.envelope import Envelope
from schemas import wire
from schemas.cart import Cart
from schemas.faults import Findings, Unwritable
from schemas.item import Classification, ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.order_reply import StatusUpdate
from schemas.party import Extension, Identifier

calm = settings(max_examples=15, deadline=None, derandomize=True, database=None)


def line(**changes: Any) -> make.CartLine:
    fields: dict[str, Any] = {
        "number": 1,
        "quantity": Quantity(amount=make.Decimal(2), unit="C62"),
        "item": ItemRef(supplier_id="A", buyer_id="100", identifiers=(Identifier(scheme="x", value="y"),)),
        "price": Price(amount=Money(amount=make.Decimal(5), currency="EUR")),
        "description": ItemDescription(
            texts=(Text(text="Bolt", language="en", kind="long"),),
            classifications=(Classification(scheme="UNSPSC", code="31161500", name="Bolts"),),
        ),
        "comments": ("hello",),
        "extensions": (Extension(name="Colour", value="blue"),) * 150,
    }
    return make.CartLine(**fields | changes)


def cart(*lines: make.CartLine) -> Cart:
    return Cart(
        buyer_cookie="b",
        operation_allowed="edit",
        total=Money(amount=make.Decimal(10), currency="EUR"),
        lines=lines,
    )


@calm
@given(make.envelopes(punchout_order.KIND))
def test_annotations_are_left_out_and_the_rest_stays(envelope: Envelope) -> None:
    envelope = msgspec.structs.replace(envelope, version="1.2.014")
    body = punchout_order.write(cart(line(), line(number=2)), envelope)
    root = wire_root(body)
    assert wire.check_pin(root, "1.2.014") == ()
    assert wire.check_cxml(root) == ()
    assert b"/1.2.014/cXML.dtd" in body
    read = receive(body).document
    assert isinstance(read, Cart)
    plain = line(
        item=ItemRef(supplier_id="A"),
        comments=(),
        extensions=(),
        description=ItemDescription(
            texts=(Text(text="Bolt", language="en"),),
            classifications=(Classification(scheme="UNSPSC", code="31161500"),),
        ),
    )
    assert read.lines == (plain, msgspec.structs.replace(plain, number=2))


def wire_root(body: bytes) -> Any:
    return xml.parse(body, Findings())


def test_a_price_per_hundred_is_not_said_as_a_price_for_one() -> None:
    per_hundred = Price(amount=Money(amount=make.Decimal(5), currency="EUR"), basis=make.Decimal(100))
    envelope = msgspec.structs.replace(make_envelope(), version="1.2.014")
    with pytest.raises(Unwritable) as error:
        punchout_order.write(cart(line(price=per_hundred)), envelope)
    assert [(fault.code, fault.found) for fault in error.value.faults] == [("pin.unsayable", "PriceBasisQuantity")]


def make_envelope() -> Envelope:
    who = (make.Credential(domain="NetworkId", identity="A"),)
    moment = make.datetime(2026, 3, 2, tzinfo=make.timezone.utc)
    return Envelope(payload_id="p1", sent_at=moment, from_=who, to=who, sender=who)


def test_a_status_update_for_an_old_version_goes_without_extrinsics() -> None:
    update = StatusUpdate(document_id="d", code=200, text="OK", extensions=(Extension(name="a", value="b"),))
    body = status_update.write(update, msgspec.structs.replace(make_envelope(), version="1.2.020"))
    assert receive(body).document == msgspec.structs.replace(update, extensions=())


@pytest.mark.parametrize("version", ["latest", '1.2"><x', ""])
def test_a_version_that_is_none_is_not_written(version: str) -> None:
    update = StatusUpdate(document_id="d", code=200, text="OK")
    if version:
        with pytest.raises(ValueError, match="version"):
            status_update.write(update, msgspec.structs.replace(make_envelope(), version=version))
    else:
        assert b"/1.2.071/" in status_update.write(update, msgspec.structs.replace(make_envelope(), version=version))

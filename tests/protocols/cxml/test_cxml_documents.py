"""Any input: whether it is cXML, and what a form with a cart holds."""

import base64
from urllib.parse import quote_plus, urlencode

import pytest
from golden import FIXTURES

from protocols.cxml.attachments import Part, pack
from protocols.cxml.documents import looks_like, read_any, receive
from protocols.cxml.punchout_order import from_form
from protocols.registry import PROTOCOLS, recognise
from schemas.cart import Cart
from schemas.faults import Malformed

ORDER = (FIXTURES / "cxml/order_request/second_version.xml").read_bytes()
CART = (FIXTURES / "cxml/punchout_order/texts_from_many_scripts.xml").read_bytes()


@pytest.mark.parametrize(
    "body",
    [
        ORDER,
        ORDER.decode().encode("utf-16"),
        ORDER.decode().encode("utf-16-be"),
        b"\xef\xbb\xbf" + ORDER,
        b"\n\n" + ORDER,
        b"<!-- <Order xmlns='x'/> -->" + ORDER.partition(b"?>")[2],
        b"<cxml/>",
        b"<x:cXML xmlns:x='u'/>",
        b"<!DOCTYPE cXML SYSTEM 'x'><",
        b"<OrderRequest>",
        b"<Index><",
        b"cxml-base64=PD94",
        b" cXML-urlencoded=%3C",
        pack(ORDER, [Part(data=b"x", media_type="a/b", content_id="a@b")])[1],
    ],
)
def test_what_is_cxml(body: bytes) -> None:
    media_type = "multipart/related; boundary=x" if body.startswith(b"--") else None
    assert looks_like(body, media_type)
    protocol = recognise(body, media_type)
    assert protocol is not None
    assert protocol.name == "cxml"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"cXML",
        b"<html>",
        b"<Order xmlns='urn:oasis:names:specification:ubl:schema:xsd:Order-2'>",
        b"UNB+UNOA:1+A+B+260302:1015+1'",
        b"NEW_ITEM-DESCRIPTION[1]=Bolt",
        b"\x00" * 100,
        b'{"cXML": 1}',
        b"PK\x03\x04",
        b"<!DOCTYPE html><cXML>",
    ],
)
def test_what_is_not(body: bytes) -> None:
    assert not looks_like(body, None)
    assert not read_any(body).documents
    assert read_any(body).faults


def test_the_registry_has_it() -> None:
    assert "cxml" in [protocol.name for protocol in PROTOCOLS]


def fields(**values: bytes) -> list[tuple[str, str]]:
    return [(name.replace("_", "-"), value.decode("ascii")) for name, value in values.items()]


ASCII = CART.decode().encode("ascii", "xmlcharrefreplace")
WHOLE = receive(CART).document


@pytest.mark.parametrize(
    "posted",
    [
        fields(cxml_base64=base64.b64encode(CART)),
        fields(cXML_Base64=base64.encodebytes(CART)),
        fields(cxml_base64=base64.b64encode(CART).rstrip(b"=")),
        fields(cxml_base64=base64.b64encode(CART).replace(b"+", b" ")),
        fields(cxml_base64=base64.urlsafe_b64encode(CART)),
        fields(cxml_base64=base64.b64encode(CART.decode().encode("utf-16"))),
        fields(cxml_urlencoded=ASCII),
        fields(cxml_urlencoded=ASCII.replace(b"UTF-8", b"US-ASCII")),
        fields(cxml_urlencoded=quote_plus(ASCII).encode()),
        fields(CXML_URLENCODED=b"broken", cxml_base64=base64.b64encode(CART)),
        [("other", "1"), ("cxml-urlencoded", CART.decode().replace("UTF-8", "ISO-8859-1"))],
    ],
)
def test_a_cart_in_a_form_is_the_same_cart(posted: list[tuple[str, str]]) -> None:
    assert receive(from_form(posted)).document == WHOLE


def test_a_posted_form_is_read_as_an_input() -> None:
    body = urlencode(fields(cxml_urlencoded=ASCII)).encode()
    for media_type in (None, "application/x-www-form-urlencoded; charset=utf-8"):
        document = read_any(body, media_type).documents[0].document
        assert isinstance(document, Cart)
        assert document == WHOLE


@pytest.mark.parametrize(
    ("posted", "code"),
    [
        ([], "form.no_document"),
        ([("cart", "1")], "form.no_document"),
        ([("cxml-base64", "a")], "form.not_base64"),
        ([("cxml-base64", "!!!!!")], None),
    ],
)
def test_a_form_without_a_cart_is_malformed(posted: list[tuple[str, str]], code: str | None) -> None:
    if code is None:
        assert read_any(urlencode(posted).encode(), None).refused
        return
    with pytest.raises(Malformed) as error:
        from_form(posted)
    assert [fault.code for fault in error.value.faults] == [code]


def test_a_form_of_a_million_fields_is_refused() -> None:
    reading = read_any(b"cxml-base64=&" + b"a=1&" * 10**6)
    assert [fault.code for fault in reading.faults] == ["form.too_many_fields"]

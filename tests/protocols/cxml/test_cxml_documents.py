"""Any input: whether it is cXML, and what a form with a cart holds."""

import base64
import html
import time
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from golden import FIXTURES

from protocols.cxml import punchout_order
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


@pytest.mark.parametrize(
    "item",
    [
        '<ItemOut quantity="1" lineNumber="1"/>',
        "<ItemOut/>",
        "<foo/>",
        '<ItemOut quantity="1"><ItemID><SupplierPartID>1</SupplierPartID></ItemID><x/></ItemOut>',
        '<ItemOut><ItemDetail><UnitPrice><Money currency="EUR">x</Money></UnitPrice></ItemDetail></ItemOut>',
        "<Contact><Name>x</Name><y/></Contact>",
    ],
)
def test_time_grows_with_a_wide_document_and_not_with_its_square(item: str) -> None:
    started = time.process_time()
    for mark in (b"<DocumentReference", b"</OrderRequest>"):
        reading = read_any(ORDER.replace(mark, item.encode() * 20_000 + mark, 1))
        assert len(reading.all_faults) + len(reading.all_findings) < 700
    assert time.process_time() - started < 10


def test_a_cart_survives_a_real_form() -> None:
    received = receive(CART)
    assert isinstance(received.document, Cart)
    for encoding in ("base64", "urlencoded"):
        post = punchout_order.return_post(received.document, received.envelope, "https://b.example/?a=1&b=2", encoding)
        ((name, value),) = post.fields
        assert value.isascii()
        page = f'<form action="{html.escape(post.url)}"><input name="{name}" value="{html.escape(value)}"></form>'
        form = Form()
        form.feed(page)
        assert form.values == {name: value}
        browser = urlencode(form.values)
        assert receive(from_form(parse_qsl(browser))).document == received.document


class Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input":
            found = dict(attrs)
            self.values[found["name"] or ""] = found["value"] or ""

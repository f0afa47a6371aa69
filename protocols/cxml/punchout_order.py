"""PunchOutOrderMessage: the cart on its way home, through the shopper's browser.

`cxml-base64` is the Base64 of the UTF-8 document. `cxml-urlencoded` is the document in US-ASCII, all else as numeric
references, because no declaration holds for it; the percent-encoding is the browser's. Nothing that proves a sender
goes with it (protocols/cxml/envelope.py).
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import unquote_plus

import msgspec

from protocols import dates, xml
from protocols.cxml import envelope as frame
from protocols.cxml.cart_lines import read_cart_line, write_cart_line
from protocols.cxml.envelope import Envelope, Opened
from protocols.cxml.parts import read_shipping, read_tax, set_markup, write_money, write_shipping, write_tax
from protocols.cxml.places import read_ship_to, write_ship_to
from protocols.cxml.source import Fields, Source
from protocols.cxml.status import Status
from protocols.cxml.verbatim import put_back
from protocols.xml import Element
from schemas.cart import Cart
from schemas.faults import Findings, Malformed
from schemas.punchout import ReturnPost

KIND = "PunchOutOrderMessage"
_HEADER = "PunchOutOrderMessageHeader"
_ALLOWED = ("create", "inspect", "edit")


def read(opened: Opened) -> Cart:
    """Raises Rejected with every fault of the document."""
    element, source = opened.payload_of(KIND), opened.source
    fields: Fields = {"buyer_cookie": ""}
    items: list[Element] = []
    header: Element | None = None
    for child in element:
        match child.tag:
            case "BuyerCookie":
                fields["buyer_cookie"], fields["cookie_markup"] = xml.inner(child)
            case "PunchOutOrderMessageHeader" if header is None:
                header = child
                _read_header(child, fields, source)
            case "ItemIn":
                items.append(child)
            case _:
                source.keep(child)
    fields["verbatim"] = source.leftovers(element)
    lines = [read_cart_line(item, source) for item in items]
    if header is None:
        source.fault("cart.no_header", element, f"has no {_HEADER}")
    status = opened.envelope.status
    if status is not None and (status.code == 204 or not status.success):
        fields["unchanged"] = True
        if lines:
            source.fault("cart.unchanged_with_lines", element, f"has items beside the Status {status.code}")
    opened.raise_if_refused()
    return Cart(lines=tuple(line for line in lines if line is not None), **fields)


def _read_header(element: Element, fields: Fields, source: Source) -> None:
    allowed = (element.get("operationAllowed") or "").strip().lower()
    if allowed not in _ALLOWED:
        message = "is create, inspect or edit; read as create, the least"
        source.note(
            "operation.unknown", element, message, element.get("operationAllowed"), attribute="operationAllowed"
        )
        allowed = "create"
    fields["operation_allowed"] = allowed
    for name, value in xml.attributes(element):
        if name == "quoteStatus":
            fields["quote_status"] = value
        elif name != "operationAllowed":
            source.keep_attribute(element, name, value)
    for child in element:
        match child.tag:
            case "Total":
                fields["total"] = source.money_in(child)
            case "ShipTo":
                fields["ship_to"] = read_ship_to(child, source)
            case "Shipping":
                read_shipping(child, fields, source)
            case "Tax":
                fields["tax"] = read_tax(child, source)
            case "SupplierOrderInfo":
                fields["supplier_order_id"] = child.get("orderID") or None
                fields["supplier_order_date"] = source.date(child.get("orderDate"), child, "orderDate")
            case _:
                source.keep(child)
    if "total" not in fields:
        source.fault("amount.missing", element, "has no Total")


def element_of(cart: Cart) -> Element:
    """Raises Unwritable for what cXML cannot say."""
    element = xml.element(KIND)
    set_markup(xml.add(element, "BuyerCookie"), cart.buyer_cookie, markup=cart.cookie_markup)
    header = xml.add(element, _HEADER, operationAllowed=cart.operation_allowed, quoteStatus=cart.quote_status)
    write_money(header, "Total", cart.total)
    write_ship_to(header, "ShipTo", cart.ship_to)
    write_shipping(header, cart.shipping, cart.shipping_description)
    write_tax(header, cart.tax)
    if cart.supplier_order_id:
        made = xml.add(header, "SupplierOrderInfo", orderID=cart.supplier_order_id)
        if cart.supplier_order_date is not None:
            made.set("orderDate", dates.write(cart.supplier_order_date))
    for position, line in enumerate(cart.lines, start=1):
        write_cart_line(element, line, "ItemIn", position)
    put_back(element, cart.verbatim)
    return element


def write(cart: Cart, envelope: Envelope, encoding: Literal["UTF-8", "US-ASCII"] = "UTF-8") -> bytes:
    """The message; an unchanged cart says Status 204. Raises Unwritable for what cXML cannot say."""
    status = Status(code=204) if cart.unchanged else None
    return frame.write(element_of(cart), msgspec.structs.replace(envelope, status=status), encoding=encoding)


def return_post(
    cart: Cart, envelope: Envelope, url: str, encoding: Literal["base64", "urlencoded"] = "base64"
) -> ReturnPost:
    """The form that the shopper's browser posts to the buyer; the page escapes the value once, for HTML."""
    if encoding == "base64":
        field = ("cxml-base64", base64.b64encode(write(cart, envelope)).decode())
    else:
        field = ("cxml-urlencoded", write(cart, envelope, "US-ASCII").decode())
    return ReturnPost(url=url, fields=(field,))


_DECLARED = re.compile(r"""\A(\s*<\?xml[^>]*?)\s+encoding\s*=\s*(?:"[^"]*"|'[^']*')""")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


def from_form(fields: Iterable[tuple[str, str]]) -> bytes:
    """The document in a posted form; `cxml-base64` is preferred where a sender uses both names, in any case.

    What a form decoder made of cxml-urlencoded is text already: the encoding that it declares holds no more.
    Raises Malformed when there is none, or it is not Base64."""
    found: dict[str, str] = {}
    for name, value in fields:
        found.setdefault(name.strip().casefold(), value)
    if (encoded := found.get("cxml-base64")) is not None:
        # A blank was a plus before somebody decoded it once too often.
        bare = _NOT_BASE64.sub("", re.sub(r"(?<=\S) (?=\S)", "+", encoded).replace("-", "+").replace("_", "/"))
        try:
            return base64.b64decode(bare + "=" * (-len(bare) % 4))
        except (binascii.Error, ValueError):
            raise _no_form("form.not_base64", "cxml-base64", "is not Base64") from None
    text = found.get("cxml-urlencoded")
    if text is None:
        raise _no_form("form.no_document", "cxml-base64", "a returned cart is in cxml-base64 or cxml-urlencoded")
    if text.lstrip()[:3].upper() == "%3C":
        text = unquote_plus(text)
    return _DECLARED.sub(r"\1", text, count=1).encode("utf-8", "surrogatepass")


def _no_form(code: str, at: str, message: str) -> Malformed:
    findings = Findings()
    findings.add(code, at, message)
    return Malformed(findings.faults)

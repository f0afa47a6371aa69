"""PunchOutSetupRequest: a buyer's person wants to shop here, change a cart or look at one."""

from protocols import xml
from protocols.cxml import envelope as frame
from protocols.cxml.cart_lines import read_cart_line, write_cart_line
from protocols.cxml.envelope import Envelope, Opened
from protocols.cxml.items import read_item_id, write_item_id
from protocols.cxml.parts import read_extension, set_markup, text, write_extensions
from protocols.cxml.places import read_contact, read_ship_to, write_contacts, write_ship_to
from protocols.cxml.source import Fields
from protocols.cxml.verbatim import put_back
from protocols.xml import Element
from schemas.item import ItemRef
from schemas.party import Contact, Extension
from schemas.punchout import Operation, PunchoutRequest

KIND = "PunchOutSetupRequest"

_OPERATIONS = {operation.value: operation for operation in Operation}


def read(opened: Opened) -> PunchoutRequest:
    """Raises Rejected with every fault of the document."""
    element, source = opened.payload_of(KIND), opened.source
    fields: Fields = {"buyer_cookie": ""}
    extensions: list[Extension] = []
    contacts: list[Contact] = []
    items: list[Element] = []
    for child in element:
        match child.tag:
            case "BuyerCookie":
                fields["buyer_cookie"], fields["cookie_markup"] = xml.inner(child)
            case "Extrinsic":
                extensions.append(read_extension(child, source))
            case "BrowserFormPost":
                fields["return_url"] = _url(child)
            case "Contact":
                contacts.append(read_contact(child, source))
            case "SupplierSetup":
                fields["supplier_url"] = _url(child)
            case "ShipTo":
                fields["ship_to"] = read_ship_to(child, source)
            case "SelectedItem" if (item_id := child.find("ItemID")) is not None:
                item: Fields = {}
                read_item_id(item_id, item, source)
                fields["selected"] = ItemRef(**item)
            case "ItemOut":
                items.append(child)
            case _:
                source.keep(child)
    fields["verbatim"] = source.leftovers(element)
    lines = [read_cart_line(item, source) for item in items]
    operation = _OPERATIONS.get((element.get("operation") or "").strip().lower())
    if operation is None:
        message = "is create, edit, inspect or source"
        source.fault("operation.unknown", element, message, element.get("operation"), attribute="operation")
    opened.raise_if_refused()
    assert operation is not None
    return PunchoutRequest(
        operation=operation,
        language=opened.envelope.language,
        extensions=tuple(extensions),
        contacts=tuple(contacts),
        lines=tuple(line for line in lines if line is not None),
        **fields,
    )


def _url(element: Element) -> str | None:
    url = element.find("URL")
    return text(url) if url is not None else None


def write(request: PunchoutRequest, envelope: Envelope) -> bytes:
    """Raises Unwritable for what cXML cannot say."""
    element = xml.element(KIND, operation=request.operation.value)
    set_markup(xml.add(element, "BuyerCookie"), request.buyer_cookie, markup=request.cookie_markup)
    write_extensions(element, request.extensions)
    if request.return_url:
        xml.add(xml.add(element, "BrowserFormPost"), "URL", request.return_url)
    write_contacts(element, request.contacts)
    if request.supplier_url:
        xml.add(xml.add(element, "SupplierSetup"), "URL", request.supplier_url)
    write_ship_to(element, "ShipTo", request.ship_to)
    if request.selected is not None:
        write_item_id(xml.add(element, "SelectedItem"), request.selected)
    for position, line in enumerate(request.lines, start=1):
        write_cart_line(element, line, "ItemOut", position)
    put_back(element, request.verbatim)
    return frame.write(element, envelope)

"""The lines of an order: ItemOut."""

import msgspec

from protocols import dates, numbers, xml
from protocols.cxml.items import read_item_detail, read_item_id, write_item_detail, write_item_id
from protocols.cxml.parts import (
    read_comment,
    read_extension,
    read_shipping,
    read_split,
    read_tax,
    write_comments,
    write_shipping,
    write_splits,
    write_tax,
)
from protocols.cxml.places import read_contact, read_ship_to, write_contacts, write_ship_to
from protocols.cxml.source import Fields, Source, flag
from protocols.cxml.terms import read_delivery_terms, read_schedule_line, write_delivery_terms, write_schedule
from protocols.cxml.verbatim import put_back
from protocols.xml import Element
from schemas.faults import unwritable
from schemas.item import ItemRef, Quantity
from schemas.order import OrderLine

_ATTRIBUTES = {"requisitionID": "requisition_id", "agreementItemNumber": "agreement_line"}
_FLAGS = {"isAdHoc": "ad_hoc", "isReturn": "is_return"}
_READERS = {
    "ShipTo": ("ship_to", read_ship_to),
    "Tax": ("tax", read_tax),
    "TermsOfDelivery": ("delivery_terms", read_delivery_terms),
}
_LISTS = {
    "Distribution": ("splits", read_split),
    "Contact": ("contacts", read_contact),
    "Comments": ("comments", read_comment),
    "ScheduleLine": ("schedule", read_schedule_line),
    "Extrinsic": ("extensions", read_extension),
}


def read_order_line(element: Element, number: int, source: Source) -> OrderLine | None:
    """One line under the number that it is to have; None after a fault."""
    fields: Fields = {}
    item: Fields = {}
    unit: str | None = None
    detailed = False
    lists: dict[str, list[object]] = {}
    for child in element:
        tag = child.tag
        if tag == "ItemID":
            read_item_id(child, item, source)
        elif tag in ("ItemDetail", "BlanketItemDetail"):
            unit = read_item_detail(child, item, fields, source)
            detailed = tag == "ItemDetail"
            if detailed and unit is None:
                source.fault("unit.missing", child, "has no UnitOfMeasure; it is not guessed")
        elif tag in _LISTS:
            name, read = _LISTS[tag]
            if (found := read(child, source)) is not None:
                lists.setdefault(name, []).append(found)
        elif tag in _READERS:
            name, read_one = _READERS[tag]
            if name in fields:
                source.keep(child)
            else:
                fields[name] = read_one(child, source)
        elif tag == "Shipping":
            read_shipping(child, fields, source)
        else:
            source.keep(child)
    quantity = None
    for name, value in xml.attributes(element):
        if name == "quantity":
            quantity = source.number(value, "quantity", element, name)
        elif name == "requestedDeliveryDate":
            fields["requested_delivery"] = source.date(value, element, name)
        elif name in _ATTRIBUTES:
            fields[_ATTRIBUTES[name]] = value.strip() or None
        elif name in _FLAGS and value == "yes":
            fields[_FLAGS[name]] = True
        elif name == "parentLineNumber":
            fields["parent_number"] = source.whole(value, "line_number", element, name)
        elif name == "operation" and value in ("delete", "block"):
            fields["change"] = value
        elif name != "lineNumber":
            source.keep_attribute(element, name, value)
    _judge(element, item, fields, source)
    if quantity is None:
        if element.get("quantity") is None:
            source.fault("quantity.missing", element, "has no quantity", attribute="quantity")
        return None
    for name, values in lists.items():
        fields[name] = tuple(values)
    if "extensions" in fields and detailed:
        # An Extrinsic belongs into the ItemDetail; some stand behind it.
        description = fields["description"]
        extensions = description.extensions + fields.pop("extensions")
        fields["description"] = msgspec.structs.replace(description, extensions=extensions)
    return OrderLine(
        number=number,
        quantity=Quantity(amount=quantity, unit=unit),
        item=ItemRef(**item),
        verbatim=source.leftovers(element),
        **fields,
    )


def _judge(element: Element, item: Fields, fields: Fields, source: Source) -> None:
    if item.get("supplier_id") or fields.get("ad_hoc"):
        return
    if item.get("buyer_id") or item.get("manufacturer_id") or fields.get("description"):
        source.note("item.no_supplier_id", element, "names its item by no SupplierPartID")
    else:
        source.fault("line.no_item", element, "names no item: neither an ItemID with a part number nor an ItemDetail")


def write_order_line(parent: Element, line: OrderLine, position: int, *, blanket: bool) -> None:
    """ItemDetail is written when the line has a price, a description or a unit; then it demands all three.

    Raises Unwritable for what cXML cannot say."""
    at = f"lines[{position}]"
    if line.charges:
        raise unwritable("line.charges", at, "cXML has no charges of a line")
    element = xml.add(
        parent,
        "ItemOut",
        quantity=numbers.write(line.quantity.amount),
        lineNumber=str(line.number),
        requisitionID=line.requisition_id,
        agreementItemNumber=line.agreement_line,
        requestedDeliveryDate=dates.write(line.requested_delivery) if line.requested_delivery is not None else None,
        isAdHoc=flag(line.ad_hoc),
        parentLineNumber=str(line.parent_number) if line.parent_number is not None else None,
        isReturn=flag(line.is_return),
        operation=line.change,
    )
    write_item_id(element, line.item)
    if line.price is not None or line.description is not None or line.quantity.unit:
        unit = line.quantity.unit
        write_item_detail(
            element,
            line.item,
            line.description,
            line.price,
            unit,
            at=at,
            blanket=blanket,
            extensions=line.extensions,
        )
    elif line.extensions:
        raise unwritable("line.extensions", at, "cXML has extrinsics of a line only beside its price and description")
    write_ship_to(element, "ShipTo", line.ship_to)
    write_shipping(element, line.shipping, line.shipping_description)
    write_tax(element, line.tax)
    write_splits(element, line.splits)
    write_contacts(element, line.contacts)
    write_delivery_terms(element, line.delivery_terms)
    write_comments(element, line.comments)
    write_schedule(element, line.schedule, line.quantity.unit)
    put_back(element, line.verbatim)

"""The lines of a cart: ItemIn on its way home, ItemOut when it is to be edited or looked at."""

from typing import Literal

from protocols import numbers, xml
from protocols.cxml.items import read_item_detail, read_item_id, write_item_detail, write_item_id
from protocols.cxml.parts import (
    read_comment,
    read_extension,
    read_shipping,
    read_split,
    read_tax,
    write_extensions,
    write_shipping,
    write_splits,
    write_tax,
)
from protocols.cxml.places import read_contact, read_ship_to, write_contacts, write_ship_to
from protocols.cxml.source import Fields, Source
from protocols.cxml.verbatim import put_back
from protocols.xml import Element
from schemas.cart import CartLine
from schemas.item import ItemRef, Quantity
from schemas.order import Split
from schemas.party import Contact, Extension


def read_cart_line(element: Element, source: Source) -> CartLine | None:
    """ItemIn or ItemOut; None after a fault. The unit may be missing: a person or a table settles it later."""
    fields: Fields = {}
    item: Fields = {}
    unit: str | None = None
    splits: list[Split] = []
    contacts: list[Contact] = []
    comments: list[str] = []
    extensions: list[Extension] = []
    for child in element:
        match child.tag:
            case "ItemID":
                read_item_id(child, item, source)
            case "ItemDetail":
                unit = read_item_detail(child, item, fields, source)
            case "ShipTo":
                fields["ship_to"] = read_ship_to(child, source)
            case "Shipping":
                read_shipping(child, fields, source)
            case "Tax":
                fields["tax"] = read_tax(child, source)
            case "Distribution":
                if split := read_split(child, source):
                    splits.append(split)
            case "Contact":
                contacts.append(read_contact(child, source))
            case "Comments":
                comment = read_comment(child, source)
                if comment.text:
                    comments.append(comment.text)
                for attachment in child.iterchildren("Attachment"):
                    source.keep(attachment)
            case "Extrinsic":
                extensions.append(read_extension(child, source))
            case _:
                source.keep(child)
    quantity = None
    for name, value in xml.attributes(element):
        if name == "quantity":
            quantity = source.number(value, "quantity", element, name)
        elif name == "lineNumber":
            fields["number"] = source.whole(value, "line_number", element, name)
        elif name == "parentLineNumber":
            fields["parent_number"] = source.whole(value, "line_number", element, name)
        else:
            source.keep_attribute(element, name, value)
    if quantity is None:
        if element.get("quantity") is None:
            source.fault("quantity.missing", element, "has no quantity", attribute="quantity")
        return None
    return CartLine(
        quantity=Quantity(amount=quantity, unit=unit),
        item=ItemRef(**item),
        splits=tuple(splits),
        contacts=tuple(contacts),
        comments=tuple(comments),
        extensions=tuple(extensions),
        verbatim=source.leftovers(element),
        **fields,
    )


def write_cart_line(parent: Element, line: CartLine, tag: Literal["ItemIn", "ItemOut"], position: int) -> None:
    """`position` from 1 is the lineNumber of a line that has none. ItemIn demands an ItemDetail; ItemOut gets one when
    the line has a price, a description and a unit. Raises Unwritable."""
    at = f"lines[{position - 1}]"
    element = xml.add(
        parent,
        tag,
        quantity=numbers.write(line.quantity.amount),
        lineNumber=str(line.number if line.number is not None else position),
        parentLineNumber=str(line.parent_number) if line.parent_number is not None else None,
    )
    write_item_id(element, line.item)
    described = line.description is not None and (line.description.texts or line.description.short_name)
    if tag == "ItemIn" or (line.price is not None and line.quantity.unit and described):
        write_item_detail(element, line.item, line.description, line.price, line.quantity.unit, at=at)
    write_ship_to(element, "ShipTo", line.ship_to)
    write_shipping(element, line.shipping, line.shipping_description)
    write_tax(element, line.tax)
    write_splits(element, line.splits)
    write_contacts(element, line.contacts)
    # ItemIn has one Comments at most.
    if line.comments:
        xml.add(element, "Comments", "\n".join(line.comments))
    if tag == "ItemIn":
        write_extensions(element, line.extensions)
    put_back(element, line.verbatim)

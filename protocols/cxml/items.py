"""What is bought: ItemID and ItemDetail, as carts, orders and confirmations carry them."""

from protocols import numbers, xml
from protocols.cxml.parts import (
    LANGUAGE,
    add_text,
    mixed,
    read_extension,
    read_identifier,
    set_markup,
    text,
    write_extensions,
    write_identifiers,
    write_money,
)
from protocols.cxml.source import Fields, Source
from protocols.xml import XML_LANG, Element
from schemas.faults import unwritable
from schemas.item import Classification, ItemDescription, ItemRef, Price, Text
from schemas.money import Money
from schemas.party import Extension, Identifier

_GTIN = "GTIN"
"""IdReference domain under which a GTIN is written; cXML has no element for it beside ItemDetailRetail."""


def read_item_id(element: Element, item: Fields, source: Source) -> None:
    """Into the fields of an ItemRef; those of the manufacturer stand in ItemDetail."""
    identifiers: list[Identifier] = []
    for child in element:
        tag = child.tag
        if tag == "SupplierPartID":
            item["supplier_id"] = text(child)
            if revision := child.get("revisionID"):
                item["supplier_revision"] = revision
        elif tag == "SupplierPartAuxiliaryID":
            value, markup = xml.inner(child)
            if value := value.strip():
                item["supplier_auxiliary_id"] = value
                if markup:
                    item["auxiliary_markup"] = True
        elif tag == "BuyerPartID":
            item["buyer_id"] = text(child)
        elif tag == "IdReference":
            identifier = read_identifier(child, source)
            if identifier.scheme.upper() == _GTIN and "gtin" not in item:
                item["gtin"] = identifier.value
            else:
                identifiers.append(identifier)
        else:
            source.keep(child)
    if identifiers:
        item["identifiers"] = tuple(identifiers)


def write_item_id(parent: Element, item: ItemRef) -> None:
    element = xml.add(parent, "ItemID")
    xml.add(element, "SupplierPartID", item.supplier_id or "", revisionID=item.supplier_revision)
    if item.supplier_auxiliary_id:
        auxiliary = xml.add(element, "SupplierPartAuxiliaryID")
        set_markup(auxiliary, item.supplier_auxiliary_id, markup=item.auxiliary_markup)
    add_text(element, "BuyerPartID", item.buyer_id)
    if item.gtin:
        write_identifiers(element, (Identifier(scheme=_GTIN, value=item.gtin),))
    write_identifiers(element, item.identifiers)


def read_item_detail(element: Element, item: Fields, fields: Fields, source: Source) -> str | None:
    """ItemDetail or BlanketItemDetail in one pass over its children: the manufacturer into `item`, `description` and
    `price` into `fields`. The unit of measure."""
    unit: str | None = None
    money: Money | None = None
    basis: Element | None = None
    texts: list[Text] = []
    classes: list[Classification] = []
    extensions: list[Extension] = []
    described: Fields = {}
    for child in element:
        tag = child.tag
        if tag == "UnitPrice" and money is None:
            money = source.money_in(child, "price")
        elif tag == "Description":
            _read_description(child, texts, described, source)
        elif tag == "UnitOfMeasure":
            unit = text(child)
        elif tag == "Classification":
            if found := _read_classification(child, source):
                classes.append(found)
        elif tag == "Extrinsic":
            extensions.append(read_extension(child, source))
        elif tag == "ManufacturerPartID":
            item["manufacturer_id"] = text(child)
        elif tag == "ManufacturerName":
            item["manufacturer_name"] = text(child)
        elif tag == "PriceBasisQuantity":
            basis = child
        elif tag == "URL":
            described["url"] = text(child)
        elif tag == "LeadTime":
            described["lead_days"] = source.whole(text(child), "lead_time", child)
        else:
            source.keep(child)
    fields["description"] = ItemDescription(
        texts=tuple(texts), classifications=tuple(classes), extensions=tuple(extensions), **described
    )
    if money is not None:
        fields["price"] = Price(amount=money) if basis is None else _read_price(money, basis, source)
    return unit


def _read_description(element: Element, texts: list[Text], fields: Fields, source: Source) -> None:
    words, found = mixed(element, "ShortName", source)
    for child in found:
        if "short_name" in fields:
            source.keep(child)
        else:
            fields["short_name"] = text(child)
    language = kind = None
    for name, value in xml.attributes(element):
        if name == XML_LANG:
            language = value or None
        elif name == "type":
            kind = value or None
        elif name.casefold() == "shortname":
            # Seen in the field: ShortName as an attribute.
            fields.setdefault("short_name", value)
        else:
            source.keep_attribute(element, name, value)
    if words:
        texts.append(Text(text=words, language=language, kind=kind))


_UNSPSC = ("UNSPSC", "SPSC")


def _read_classification(element: Element, source: Source) -> Classification | None:
    """UNSPSC as eight digits, where dots or a prefix hide them; else as written. None when it is empty."""
    words = code = text(element)
    scheme = ""
    name: str | None = None
    for attribute, value in xml.attributes(element):
        if attribute == "domain":
            scheme = value
        elif attribute == "code":
            if value and value != words:
                code, name = value, words
        else:
            source.keep_attribute(element, attribute, value)
    if not code or code.casefold() == "null":
        return None
    if not code.isdigit() and scheme.upper() in _UNSPSC:
        digits = "".join(c for c in code if c in "0123456789")
        if len(digits) == 8:
            source.note("classification.repaired", element, f"is a UNSPSC code of eight digits; read as {digits}", code)
            code = digits
    return Classification(scheme=scheme, code=code, name=name)


def _read_price(money: Money, element: Element, source: Source) -> Price | None:
    """None after a fault. What PriceBasisQuantity means is agreed with the partner (`price_basis`)."""
    basis = source.number(element.get("quantity"), "price_basis", element, "quantity")
    factor = source.number(element.get("conversionFactor", "1"), "price_basis", element, "conversionFactor")
    unit = None
    for child in element:
        if child.tag == "UnitOfMeasure":
            unit = text(child)
        else:
            source.keep(child)
    if basis is None or factor is None:
        return None
    if basis <= 0 or factor <= 0:
        source.fault("price_basis.not_positive", element, "has a quantity and a conversionFactor above zero")
        return None
    mode = source.settings.price_basis
    if mode == "ignore":
        return Price(amount=money)
    fields: Fields = {"basis": basis} if basis != 1 else {}
    if mode == "full" and factor != 1:
        fields["factor"] = factor
    return Price(amount=money, unit=unit, **fields)


def write_item_detail(
    parent: Element,
    item: ItemRef,
    description: ItemDescription | None,
    price: Price | None,
    unit: str | None,
    *,
    at: str,
    blanket: bool = False,
    extensions: tuple[Extension, ...] = (),
) -> None:
    """ItemDetail (or BlanketItemDetail) in the order of the DTD. `at` names the line in what is Unwritable; the
    `extensions` of a line have no other place.

    ItemDetail demands a price, a description, a unit and a classification; the last is written as `unknown` when
    there is none."""
    element = xml.add(parent, "BlanketItemDetail" if blanket else "ItemDetail")
    description = description or ItemDescription()
    if price is None and not blanket:
        raise unwritable("line.no_price", at, "an ItemDetail has a price")
    if blanket:
        _write_descriptions(element, description, at)
    if price is not None:
        write_money(element, "UnitPrice", price.amount)
    if not blanket:
        _write_descriptions(element, description, at)
    if unit:
        xml.add(element, "UnitOfMeasure", unit)
    elif not blanket:
        raise unwritable("line.no_unit", at, "an ItemDetail has a unit of measure")
    if price is not None and (price.basis != 1 or price.factor != 1 or (price.unit or unit) != unit):
        basis = xml.add(
            element,
            "PriceBasisQuantity",
            quantity=numbers.write(price.basis),
            conversionFactor=numbers.write(price.factor),
        )
        xml.add(basis, "UnitOfMeasure", price.unit or unit or "")
    for found in description.classifications:
        code = found.code if found.name else None
        xml.add(element, "Classification", found.name or found.code, domain=found.scheme, code=code)
    if not description.classifications and not blanket:
        xml.add(element, "Classification", "", domain="unknown")
    if not blanket:
        add_text(element, "ManufacturerPartID", item.manufacturer_id)
        add_text(element, "ManufacturerName", item.manufacturer_name)
        add_text(element, "URL", description.url)
        add_text(element, "LeadTime", str(description.lead_days) if description.lead_days is not None else None)
    write_extensions(element, description.extensions + extensions)


def _write_descriptions(parent: Element, description: ItemDescription, at: str) -> None:
    texts = description.texts or ((Text(text=""),) if description.short_name else ())
    if not texts:
        raise unwritable("line.no_description", at, "an ItemDetail has a description")
    for position, words in enumerate(texts):
        element = xml.add(parent, "Description", type=words.kind)
        element.set(XML_LANG, words.language or LANGUAGE)
        if position == 0 and description.short_name:
            xml.add(element, "ShortName", description.short_name).tail = xml.sound(words.text) or None
        else:
            element.text = xml.sound(words.text)

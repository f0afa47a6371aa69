"""The small blocks that all documents share: texts, extrinsics, identifiers, comments, taxes, shipping, accounting.

Each noun has its reader and its writer side by side. Readers go by the names of children, in any order; writers keep
the order of the DTD.
"""

from collections.abc import Iterable

from protocols import numbers, xml
from protocols.cxml.source import Fields, Source
from protocols.xml import XML_LANG, Element
from schemas.faults import Malformed, unwritable
from schemas.money import Money
from schemas.order import Attachment, Comment, Split, SplitSegment, Tax, TaxPart
from schemas.party import Extension, Identifier

LANGUAGE = "en"
"""xml:lang of texts that come without a language: the DTD demands one."""


def text(element: Element) -> str | None:
    """The trimmed text; None when there is none."""
    found = xml.text_of(element) if len(element) else element.text
    return found.strip() or None if found else None


def add_text(parent: Element, name: str, value: str | None, *, language: str | None = None) -> None:
    """A child with text, left out when there is none."""
    if value:
        child = xml.add(parent, name, value)
        if language:
            child.set(XML_LANG, language)


def set_markup(element: Element, value: str, *, markup: bool) -> None:
    """Content as `xml.inner` gave it out. Raises Unwritable when it says that it is markup and is not."""
    if not markup:
        element.text = xml.sound(value)
        return
    try:
        xml.set_inner(element, value)
    except Malformed as error:
        raise unwritable("markup.broken", element.tag, str(error), value) from error


def read_extension(element: Element, source: Source) -> Extension:
    name = element.get("name")
    if name is None:
        source.note("extrinsic.no_name", element, "has no name")
    value, markup = xml.inner(element)
    return Extension(name=name or "", value=value, markup=markup)


def write_extensions(parent: Element, extensions: Iterable[Extension]) -> None:
    for extension in extensions:
        child = xml.add(parent, "Extrinsic", name=extension.name)
        set_markup(child, extension.value, markup=extension.markup)


def read_identifier(element: Element, source: Source) -> Identifier:
    """IdReference; its Creator and Description are kept as they were."""
    for child in element:
        source.keep(child)
    return Identifier(scheme=element.get("domain") or "", value=element.get("identifier") or "")


def write_identifiers(parent: Element, identifiers: Iterable[Identifier]) -> None:
    for identifier in identifiers:
        xml.add(parent, "IdReference", identifier=identifier.value, domain=identifier.scheme)


def write_money(parent: Element, name: str, money: Money) -> Element:
    """A child with a Money inside: `<Total><Money currency="EUR">15.00</Money></Total>`."""
    child = xml.add(parent, name)
    xml.add(child, "Money", numbers.write(money.amount), currency=money.currency)
    return child


def mixed(element: Element, tag: str, source: Source) -> tuple[str, list[Element]]:
    """Text with elements of one name in it: the words around them, trimmed, and the elements."""
    words = element.text or ""
    if not len(element):
        return words.strip(), []
    pieces = [words]
    found = []
    for child in element:
        if child.tag == tag:
            found.append(child)
        else:
            source.keep(child)
        pieces.append(child.tail or "")
    return "".join(pieces).strip(), found


def read_comment(element: Element, source: Source) -> Comment:
    words, found = mixed(element, "Attachment", source)
    language = kind = None
    for name, value in xml.attributes(element):
        if name == XML_LANG:
            language = value or None
        elif name == "type":
            kind = value or None
        else:
            source.keep_attribute(element, name, value)
    attachments = tuple([read_attachment(child, source) for child in found])
    return Comment(text=words, language=language, kind=kind, attachments=attachments)


def read_attachment(element: Element, source: Source) -> Attachment:
    """The part that came along when the URL is a `cid:` that names one, else the bare reference with a finding."""
    url = element.find("URL")
    reference = (text(url) if url is not None else None) or ""
    internal = element.get("visibility") == "internal"
    name = (url.get("name") if url is not None else None) or None
    part = source.attached.find(reference)
    if part is None:
        if reference[:4].lower() == "cid:":
            source.note("attachment.dangling", element, "names a part that did not come along", reference)
        return Attachment(reference=reference, name=name, internal=internal)
    return Attachment(
        reference=reference,
        name=name or part.name,
        media_type=part.media_type,
        size=part.size,
        sha256=part.sha256,
        internal=internal,
    )


def write_comments(parent: Element, comments: Iterable[Comment]) -> None:
    for comment in comments:
        child = xml.add(parent, "Comments", comment.text, type=comment.kind)
        if comment.language:
            child.set(XML_LANG, comment.language)
        for attachment in comment.attachments:
            holder = xml.add(child, "Attachment", visibility="internal" if attachment.internal else None)
            xml.add(holder, "URL", attachment.reference, name=attachment.name)


def read_shipping(element: Element, fields: Fields, source: Source) -> None:
    """Into `shipping` and `shipping_description`."""
    for name, value in xml.attributes(element):
        source.keep_attribute(element, name, value)
    seen = False
    for child in element:
        if child.tag == "Money" and not seen:
            fields["shipping"] = source.money(child)
            seen = True
        elif child.tag == "Description" and "shipping_description" not in fields:
            fields["shipping_description"] = text(child)
        else:
            source.keep(child)
    if not seen:
        source.fault("amount.missing", element, "has no Money")


def write_shipping(parent: Element, amount: Money | None, description: str | None) -> None:
    if amount is not None:
        child = write_money(parent, "Shipping", amount)
        xml.add(child, "Description", description or "").set(XML_LANG, LANGUAGE)


def read_tax(element: Element, source: Source) -> Tax | None:
    amount: Money | None = None
    description: str | None = None
    parts = []
    for child in element:
        match child.tag:
            case "Money" if amount is None:
                amount = source.money(child)
            case "Description" if description is None:
                description = text(child)
            case "TaxDetail":
                parts.append(_read_tax_part(child, source))
            case _:
                source.keep(child)
    if amount is None:
        if element.find("Money") is None:
            source.fault("amount.missing", element, "has no Money")
        return None
    return Tax(amount=amount, description=description, parts=tuple(parts))


_TAX_TEXTS = {"TaxLocation": "location", "Description": "description"}
_TAX_AMOUNTS = {"TaxAmount": "amount", "TaxableAmount": "taxable"}
_TAX_ATTRIBUTES = {"category": "category", "purpose": "purpose", "exemptDetail": "exemption"}


def _read_tax_part(element: Element, source: Source) -> TaxPart:
    fields: Fields = {"category": ""}
    for name, value in xml.attributes(element):
        if name in _TAX_ATTRIBUTES:
            fields[_TAX_ATTRIBUTES[name]] = value
        elif name == "percentageRate":
            fields["rate"] = source.number(value.strip().removesuffix("%"), "rate", element, name)
        else:
            source.keep_attribute(element, name, value)
    for child in element:
        if child.tag in _TAX_AMOUNTS:
            fields[_TAX_AMOUNTS[child.tag]] = source.money_in(child)
        elif child.tag in _TAX_TEXTS:
            fields[_TAX_TEXTS[child.tag]] = text(child)
        else:
            source.keep(child)
    return TaxPart(**fields)


def write_tax(parent: Element, tax: Tax | None) -> None:
    """Raises Unwritable for a part without an amount: the DTD demands a TaxAmount."""
    if tax is None:
        return
    element = write_money(parent, "Tax", tax.amount)
    xml.add(element, "Description", tax.description or "").set(XML_LANG, LANGUAGE)
    for part in tax.parts:
        if part.amount is None:
            raise unwritable("tax.no_amount", "tax.parts", "a part of a tax has an amount in cXML", part.category)
        detail = xml.add(
            element,
            "TaxDetail",
            purpose=part.purpose,
            category=part.category,
            percentageRate=numbers.write(part.rate) if part.rate is not None else None,
            exemptDetail=part.exemption,
        )
        if part.taxable is not None:
            write_money(detail, "TaxableAmount", part.taxable)
        write_money(detail, "TaxAmount", part.amount)
        add_text(detail, "TaxLocation", part.location, language=LANGUAGE)
        add_text(detail, "Description", part.description, language=LANGUAGE)


def read_split(element: Element, source: Source) -> Split | None:
    """Distribution. None, after a fault, without a Charge."""
    name = ""
    segments: list[SplitSegment] = []
    charge: Money | None = None
    charged = False
    for child in element:
        tag = child.tag
        if tag == "Accounting":
            name = child.get("name") or ""
            segments.extend([_read_segment(segment, source) for segment in child])
        elif tag == "Charge" and not charged:
            charge = source.money_in(child)
            charged = True
        else:
            source.keep(child)
    if charge is None:
        if not charged:
            source.fault("amount.missing", element, "has no Charge")
        return None
    return Split(name=name, segments=tuple(segments), charge=charge)


def _read_segment(element: Element, source: Source) -> SplitSegment:
    tag = element.tag
    if tag == "Segment":
        name = key = ""
        description: str | None = None
        for attribute, value in xml.attributes(element):
            if attribute == "type":
                name = value
            elif attribute == "id":
                key = value
            elif attribute == "description":
                description = value or None
            else:
                source.keep_attribute(element, attribute, value)
        return SplitSegment(name=name, id=key, description=description)
    if tag != "AccountingSegment":
        source.keep(element)
    found = {child.tag: text(child) for child in element}
    return SplitSegment(name=found.get("Name") or "", id=element.get("id") or "", description=found.get("Description"))


def write_splits(parent: Element, splits: Iterable[Split]) -> None:
    for split in splits:
        if not split.segments:
            raise unwritable("split.no_segment", "splits", "an account assignment names an account", split.name)
        element = xml.add(parent, "Distribution")
        accounting = xml.add(element, "Accounting", name=split.name)
        for segment in split.segments:
            child = xml.add(accounting, "AccountingSegment", id=segment.id)
            xml.add(child, "Name", segment.name).set(XML_LANG, LANGUAGE)
            xml.add(child, "Description", segment.description or "").set(XML_LANG, LANGUAGE)
        write_money(element, "Charge", split.charge)

"""OrderRequest: a purchase order, a new version of one, or its cancellation."""

from datetime import date, datetime

from protocols import dates, xml
from protocols.cxml import envelope as frame
from protocols.cxml.envelope import Envelope, Opened
from protocols.cxml.order_lines import read_order_line, write_order_line
from protocols.cxml.parts import (
    read_comment,
    read_extension,
    read_identifier,
    read_shipping,
    read_tax,
    text,
    write_comments,
    write_extensions,
    write_identifiers,
    write_money,
    write_shipping,
    write_tax,
)
from protocols.cxml.places import (
    read_contact,
    read_party,
    read_ship_to,
    write_contacts,
    write_parties,
    write_ship_to,
)
from protocols.cxml.source import Fields, Source, flag
from protocols.cxml.terms import (
    read_delivery_terms,
    read_payment,
    read_payment_term,
    write_delivery_terms,
    write_payment,
    write_payment_terms,
    write_period,
)
from protocols.cxml.verbatim import put_back
from protocols.xml import Element
from schemas.faults import unwritable
from schemas.money import Money
from schemas.order import Change, Order, OrderLine, OrderTotals
from schemas.party import Address

KIND = "OrderRequest"
_HEADER = "OrderRequestHeader"

_CHANGES = {change.value: change for change in Change}
_TEXT_ATTRIBUTES = {"orderType": "kind", "agreementID": "agreement_id", "requisitionID": "requisition_id"}
_DATE_ATTRIBUTES = {
    "orderDate": "ordered_at",
    "requestedDeliveryDate": "requested_delivery",
    "effectiveDate": "valid_from",
    "expirationDate": "valid_until",
}
_FLAGS = {"isInternalVersion": "internal_version", "shipComplete": "ship_complete"}
_READERS = {
    "ShipTo": ("ship_to", read_ship_to),
    "BillTo": ("bill_to", read_ship_to),
    "Tax": ("tax", read_tax),
    "Payment": ("payment_card", read_payment),
    "TermsOfDelivery": ("delivery_terms", read_delivery_terms),
}
_LISTS = {
    "BusinessPartner": ("parties", read_party),
    "LegalEntity": ("parties", read_party),
    "OrganizationalUnit": ("parties", read_party),
    "PaymentTerm": ("payment_terms", read_payment_term),
    "Contact": ("contacts", read_contact),
    "Comments": ("comments", read_comment),
    "IdReference": ("identifiers", read_identifier),
    "Extrinsic": ("extensions", read_extension),
}


def read(opened: Opened) -> Order:
    """Raises Rejected with every fault of the document.

    What the order check is for stays as it is: quantities of zero and below, prices, units, totals that do not add
    up."""
    element, source, envelope = opened.payload_of(KIND), opened.source, opened.envelope
    fields: Fields = {}
    header: Element | None = None
    items: list[Element] = []
    for child in element:
        if child.tag == "ItemOut":
            items.append(child)
        elif child.tag == _HEADER and header is None:
            header = child
            _read_header(child, fields, source)
        else:
            source.keep(child)
    if header is None:
        source.fault("order.no_header", element, f"has no {_HEADER}")
        opened.raise_if_refused()
    assert header is not None
    fields["verbatim"] = source.leftovers(header)
    lines = _read_lines(items, source)
    if not items and fields["change"] is not Change.DELETE:
        source.fault("order.no_lines", element, "has no ItemOut; only a cancellation may have none")
    currency = fields["totals"].total.currency if fields.get("totals") else source.currency
    if currency is None and fields["change"] is not Change.DELETE:
        source.fault("currency.missing", header, "names no currency, neither in a Total nor in a price")
    _judge_levels(fields, lines, header, source)
    fields["attachments"] = opened.unreferenced(element)
    opened.raise_if_refused()
    return Order(
        currency=currency,
        lines=tuple(lines),
        document_id=envelope.payload_id,
        test=envelope.test,
        **fields,
    )


def _read_header(element: Element, fields: Fields, source: Source) -> None:
    _read_attributes(element, fields, source)
    lists: dict[str, list[object]] = {}
    for child in element:
        tag = child.tag
        if tag in _READERS:
            name, read_one = _READERS[tag]
            if name in fields:
                source.keep(child)
            else:
                fields[name] = read_one(child, source)
        elif tag in _LISTS:
            name, read_each = _LISTS[tag]
            if (found := read_each(child, source)) is not None:
                lists.setdefault(name, []).append(found)
        elif tag == "Total":
            fields["totals"] = source.money_in(child)
        elif tag == "Shipping":
            read_shipping(child, fields, source)
        elif tag == "Followup" and (url := child.find("URL")) is not None:
            fields["followup_url"] = text(url)
        elif tag == "DocumentReference":
            fields["previous_document_id"] = child.get("payloadID") or None
        elif tag == "SupplierOrderInfo":
            fields["supplier_order_id"] = child.get("orderID") or None
            if ordered := child.get("orderDate"):
                source.keep_attribute(child, "orderDate", ordered)
        elif tag == "DeliveryPeriod" and (period := child.find("Period")) is not None:
            fields["delivery_from"] = source.date(period.get("startDate"), period, "startDate")
            fields["delivery_until"] = source.date(period.get("endDate"), period, "endDate")
        else:
            source.keep(child)
    for name, values in lists.items():
        fields[name] = tuple(values)
    _put_totals_together(element, fields, source)
    if fields.get("kind") == "blanket" and "valid_from" not in fields:
        source.note("order.blanket_without_start", element, "is a blanket order without an effectiveDate")
    if fields.get("kind") == "release" and fields.get("agreement_id") is None:
        source.note("order.release_without_agreement", element, "is a release without an agreementID")


def _read_attributes(element: Element, fields: Fields, source: Source) -> None:
    fields["id"] = (element.get("orderID") or "").strip()
    if not fields["id"]:
        source.fault("order.no_id", element, "has no orderID", attribute="orderID")
    change = _CHANGES.get(element.get("type", "new").strip().lower())
    if change is None:
        source.fault("order.type_unknown", element, "is new, update or delete", element.get("type"), attribute="type")
    fields["change"] = change or Change.NEW
    fields["ordered_at"] = None
    for name, value in xml.attributes(element):
        if name in _DATE_ATTRIBUTES:
            fields[_DATE_ATTRIBUTES[name]] = source.date(value, element, name)
        elif name in _TEXT_ATTRIBUTES:
            if (word := value.strip()) and word != "regular":
                fields[_TEXT_ATTRIBUTES[name]] = word
        elif name in _FLAGS and value == "yes":
            fields[_FLAGS[name]] = True
        elif name == "orderVersion":
            fields["version"] = source.whole(value, "order_version", element, name)
        elif name not in ("orderID", "type"):
            source.keep_attribute(element, name, value)


def _put_totals_together(element: Element, fields: Fields, source: Source) -> None:
    total = fields.pop("totals", None)
    rest = {name: fields.pop(name) for name in ("shipping", "shipping_description", "tax") if name in fields}
    if total is not None:
        fields["totals"] = OrderTotals(total=total, **rest)
    else:
        for name in ("Shipping", "Tax"):
            for child in element.iterchildren(name):
                source.keep(child)


def _read_lines(items: list[Element], source: Source) -> list[OrderLine]:
    """Each under the number that it gives, else, told by a notice, under the first free one from its position."""
    numbers = [_number(item, source) for item in items]
    taken: set[int] = set()
    for item, number in zip(items, numbers, strict=True):
        if number in taken:
            source.fault(
                "line.number_repeated", item, "has the number of another line", str(number), attribute="lineNumber"
            )
        elif number is not None:
            taken.add(number)
    lines = []
    told = False
    free = 0
    for position, (item, number) in enumerate(zip(items, numbers, strict=True), start=1):
        if number is None:
            free = max(free + 1, position)
            while free in taken:
                free += 1
            number = free
            if not told:
                source.tell("line.number_given", item, "has no lineNumber; lines without one are numbered by position")
                told = True
        line = read_order_line(item, number, source)
        if line is not None:
            lines.append(line)
    return lines


def _number(item: Element, source: Source) -> int | None:
    """None when there is none. One that is no whole number is a fault: every answer refers to a line by its number."""
    text = item.get("lineNumber")
    if text is None:
        return None
    bare = text.strip()
    if bare.isdigit() and bare.isascii():
        return source.whole(text, "line_number", item, "lineNumber")
    source.fault("line_number.not_whole", item, "must be a whole number", text, attribute="lineNumber")
    return None


def _judge_levels(fields: Fields, lines: list[OrderLine], header: Element, source: Source) -> None:
    """What the guide wants either in the header or on every line; where both say it, the line counts."""
    both = [
        (name, fields.get(field) and any(getattr(line, field) for line in lines))
        for name, field in (("ShipTo", "ship_to"), ("requisitionID", "requisition_id"))
    ]
    totals: OrderTotals | None = fields.get("totals")
    both.append(("Shipping", totals is not None and totals.shipping and any(line.shipping for line in lines)))
    for name, twice in both:
        if twice:
            source.note("order.said_twice", header, f"says {name} in the header and on lines; the line counts")


def write(order: Order, envelope: Envelope) -> bytes:
    """Raises Unwritable for what cXML cannot say."""
    if not order.lines:
        raise unwritable("order.no_lines", "lines", "an OrderRequest has a line, also when it cancels the order")
    if order.charges or order.splits:
        raise unwritable("order.charges", "charges", "cXML has neither charges nor account assignments of an order")
    element = xml.element(KIND)
    _write_header(element, order, envelope)
    for position, line in enumerate(order.lines):
        write_order_line(element, line, position, blanket=order.kind == "blanket")
    return frame.write(element, envelope)


def _write_header(parent: Element, order: Order, envelope: Envelope) -> None:
    element = xml.add(
        parent,
        _HEADER,
        orderID=order.id,
        orderDate=_date(order.ordered_at or envelope.sent_at),
        orderType=order.kind,
        type=order.change.value,
        orderVersion=str(order.version) if order.version is not None else None,
        isInternalVersion=flag(order.internal_version),
        effectiveDate=_date(order.valid_from),
        expirationDate=_date(order.valid_until),
        agreementID=order.agreement_id,
        requisitionID=order.requisition_id,
        shipComplete=flag(order.ship_complete),
        requestedDeliveryDate=_date(order.requested_delivery),
    )
    totals = order.totals or _totals_of(order)
    write_money(element, "Total", totals.total)
    write_ship_to(element, "ShipTo", order.ship_to)
    write_ship_to(element, "BillTo", order.bill_to or Address())
    write_parties(element, order.parties)
    write_shipping(element, totals.shipping, totals.shipping_description)
    write_tax(element, totals.tax)
    write_payment(element, order.payment_card)
    write_payment_terms(element, order.payment_terms)
    write_contacts(element, order.contacts)
    write_comments(element, order.comments)
    if order.followup_url:
        xml.add(xml.add(element, "Followup"), "URL", order.followup_url)
    if order.previous_document_id:
        xml.add(element, "DocumentReference", payloadID=order.previous_document_id)
    if order.supplier_order_id:
        xml.add(element, "SupplierOrderInfo", orderID=order.supplier_order_id)
    write_delivery_terms(element, order.delivery_terms)
    write_period(element, order.delivery_from, order.delivery_until)
    write_identifiers(element, order.identifiers)
    write_extensions(element, order.extensions)
    put_back(element, order.verbatim)


def _date(moment: datetime | date | None) -> str | None:
    return dates.write(moment) if moment is not None else None


def _totals_of(order: Order) -> OrderTotals:
    """Of an order that states none: the sum of its lines."""
    total = order.sum_of_lines
    if total is None or order.currency is None:
        raise unwritable("order.no_total", "totals", "an OrderRequest has a Total, and not every line has a price")
    return OrderTotals(total=Money(amount=total, currency=order.currency))

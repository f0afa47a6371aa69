"""How an order is paid and delivered: PaymentTerm, Payment, TermsOfDelivery, DeliveryPeriod, ScheduleLine."""

from collections.abc import Iterable
from datetime import date, datetime

from protocols import dates, numbers, xml
from protocols.cxml.parts import LANGUAGE, read_extension, text, write_extensions, write_money
from protocols.cxml.places import read_ship_to, write_ship_to
from protocols.cxml.source import Fields, Source, last_four
from protocols.xml import XML_LANG, Element
from schemas.faults import unwritable
from schemas.item import Quantity
from schemas.order import DeliveryTerms, PaymentCard, PaymentTerm, ScheduleLine
from schemas.party import Address, Extension


def read_payment_term(element: Element, source: Source) -> PaymentTerm | None:
    """None, and kept as it was, when the number of days is not one."""
    days = (element.get("payInNumberOfDays") or "").strip()
    if not (days.isdigit() and days.isascii() and len(days) <= 9):
        message = "must be a whole number of days; kept as it was"
        source.note("payment_term.not_whole", element, message, days, attribute="payInNumberOfDays")
        source.keep(element)
        return None
    fields: Fields = {}
    extensions: list[Extension] = []
    for child in element:
        if child.tag == "Extrinsic":
            extensions.append(read_extension(child, source))
        elif child.tag == "Discount" and (percent := child.find("DiscountPercent")) is not None:
            fields["discount_percent"] = source.number(percent.get("percent"), "discount", percent, "percent")
        elif child.tag == "Discount" and (amount := child.find("DiscountAmount")) is not None:
            fields["discount_amount"] = source.money_in(amount)
        else:
            source.keep(child)
    return PaymentTerm(days=int(days), extensions=tuple(extensions), **fields)


def write_payment_terms(parent: Element, terms: Iterable[PaymentTerm]) -> None:
    for term in terms:
        element = xml.add(parent, "PaymentTerm", payInNumberOfDays=str(term.days))
        if term.discount_percent is not None:
            discount = xml.add(element, "Discount")
            xml.add(discount, "DiscountPercent", percent=numbers.write(term.discount_percent))
        elif term.discount_amount is not None:
            write_money(xml.add(element, "Discount"), "DiscountAmount", term.discount_amount)
        write_extensions(element, term.extensions)


def read_payment(element: Element, source: Source) -> PaymentCard | None:
    """The card without its number; other ways to pay are kept as they were, with a finding."""
    card: PaymentCard | None = None
    for child in element:
        if child.tag == "PCard" and card is None:
            card = PaymentCard(
                last_four=last_four(child.get("number")),
                expires=child.get("expiration") or None,
                holder=child.get("name") or None,
            )
            for below in child:
                source.keep(below)
        else:
            source.note("payment.unknown", child, "is no way to pay that cXML has; kept as it was")
            source.keep(child)
    return card


def write_payment(parent: Element, card: PaymentCard | None) -> None:
    """The number is masked but for its last four digits: no more of it is ever kept."""
    if card is not None:
        xml.add(
            xml.add(parent, "Payment"),
            "PCard",
            number=f"************{card.last_four}",
            expiration=card.expires or "",
            name=card.holder,
        )


_TERMS = {
    "TermsOfDeliveryCode": "code",
    "ShippingPaymentMethod": "shipping_payment",
    "TransportTerms": "transport",
}


def read_delivery_terms(element: Element, source: Source) -> DeliveryTerms:
    fields: Fields = {"code": ""}
    comments: list[str] = []
    for child in element:
        if child.tag in _TERMS:
            fields[_TERMS[child.tag]] = child.get("value") or ""
            if words := text(child):
                comments.append(words)
        elif child.tag == "Comments" and not len(child):
            comments += [words] if (words := text(child)) else []
        else:
            source.keep(child)
    return DeliveryTerms(comments=tuple(comments), **fields)


def write_delivery_terms(parent: Element, terms: DeliveryTerms | None) -> None:
    if terms is None:
        return
    element = xml.add(parent, "TermsOfDelivery")
    xml.add(element, "TermsOfDeliveryCode", value=terms.code)
    xml.add(element, "ShippingPaymentMethod", value=terms.shipping_payment or "")
    if terms.transport:
        xml.add(element, "TransportTerms", value=terms.transport)
    for comment in terms.comments:
        xml.add(element, "Comments", comment).set(XML_LANG, LANGUAGE)


def write_period(parent: Element, start: datetime | date | None, end: datetime | date | None) -> None:
    """DeliveryPeriod demands both ends. Raises Unwritable for one alone."""
    if start is None and end is None:
        return
    if start is None or end is None:
        raise unwritable("delivery_period.open", "delivery_from", "a delivery period has a first and a last day")
    period = xml.add(parent, "DeliveryPeriod")
    xml.add(period, "Period", startDate=dates.write(start), endDate=dates.write(end))


def read_schedule_line(element: Element, source: Source) -> ScheduleLine | None:
    """None, and kept as it was, when its date cannot be read; None after a fault."""
    fields: Fields = {}
    unit: str | None = None
    ship_to: Address | None = None
    amount = source.number(element.get("quantity"), "quantity", element, "quantity")
    requested = source.date(element.get("requestedDeliveryDate"), element, "requestedDeliveryDate", keep=False)
    if amount is None or requested is None:
        source.keep(element)
        return None
    for name, value in xml.attributes(element):
        if name == "lineNumber":
            fields["number"] = source.whole(value, "line_number", element, name)
        elif name not in ("quantity", "requestedDeliveryDate"):
            source.keep_attribute(element, name, value)
    for child in element:
        if child.tag == "UnitOfMeasure":
            unit = text(child)
        elif child.tag == "ShipTo":
            ship_to = read_ship_to(child, source)
        else:
            source.keep(child)
    return ScheduleLine(quantity=Quantity(amount=amount, unit=unit), requested=requested, ship_to=ship_to, **fields)


def write_schedule(parent: Element, schedule: Iterable[ScheduleLine], unit: str | None) -> None:
    for line in schedule:
        element = xml.add(
            parent,
            "ScheduleLine",
            quantity=numbers.write(line.quantity.amount),
            requestedDeliveryDate=dates.write(line.requested),
            lineNumber=str(line.number) if line.number is not None else None,
        )
        xml.add(element, "UnitOfMeasure", line.quantity.unit or unit or "")
        write_ship_to(element, "ShipTo", line.ship_to)

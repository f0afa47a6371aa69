"""ConfirmationRequest: what becomes of an order, as a whole or line by line.

An `accept`, `except` or `reject` discards all earlier confirmations of the order; `detail` speaks only of the lines
that it lists. What the guide forbids is refused before it is sent: `check` names all of it at once.
"""

from collections.abc import Iterator
from decimal import Decimal

from protocols import dates, numbers, xml
from protocols.cxml import envelope as frame
from protocols.cxml.envelope import Envelope, Opened
from protocols.cxml.items import read_item_detail, read_item_id, write_item_detail, write_item_id
from protocols.cxml.parts import (
    LANGUAGE,
    read_extension,
    read_shipping,
    read_tax,
    text,
    write_extensions,
    write_money,
    write_shipping,
    write_tax,
)
from protocols.cxml.source import Fields, Source
from protocols.cxml.verbatim import put_back
from protocols.xml import XML_LANG, Element
from schemas.faults import Fault, Unwritable
from schemas.item import ItemRef, Price, Quantity
from schemas.money import Money
from schemas.order_reply import Answer, LinePart, LineReply, OrderReply
from schemas.party import Extension

KIND = "ConfirmationRequest"

_ANSWERS = {answer.value: answer for answer in Answer}
_ANY = frozenset({"accept", "detail", "backordered", "reject", "unknown"})
_ALLOWED: dict[Answer, frozenset[str]] = {
    Answer.ACCEPT: frozenset({"accept"}),
    Answer.BACKORDERED: frozenset({"backordered"}),
    Answer.EXCEPT: _ANY,
    Answer.DETAIL: _ANY,
    Answer.ALL_DETAIL: frozenset({"allDetail", "reject", "unknown", "backordered"}),
    Answer.REJECT: frozenset(),
    Answer.REPLACE: frozenset({"detail"}),
    Answer.REQUEST_TO_PAY: frozenset({"requestToPay"}),
}
"""What a line may say under each answer (cXML Reference Guide, ConfirmationHeader)."""

_NEEDS_LINES = frozenset({Answer.EXCEPT, Answer.DETAIL, Answer.ALL_DETAIL, Answer.REPLACE})


def read(opened: Opened) -> OrderReply:
    """Raises Rejected with every fault of the document."""
    element, source = opened.payload_of(KIND), opened.source
    fields: Fields = {"order_id": ""}
    items: list[Element] = []
    header: Element | None = None
    for child in element:
        match child.tag:
            case "ConfirmationHeader" if header is None:
                header = child
                _read_header(child, fields, source)
            case "OrderReference":
                fields["order_id"] = child.get("orderID") or ""
                fields["order_date"] = source.date(child.get("orderDate"), child, "orderDate")
                reference = child.find("DocumentReference")
                fields["order_document_id"] = (reference.get("payloadID") if reference is not None else None) or None
            case "ConfirmationItem":
                items.append(child)
            case _:
                source.keep(child)
    fields["verbatim"] = source.leftovers(element)
    lines = tuple(line for item in items if (line := _read_line(item, source)) is not None)
    if header is None:
        source.fault("confirmation.no_header", element, "has no ConfirmationHeader")
    if not fields["order_id"] and not fields.get("order_document_id"):
        source.fault("confirmation.no_order", element, "names no order: neither an orderID nor a DocumentReference")
    opened.raise_if_refused()
    return OrderReply(lines=lines, **fields)


def _read_header(element: Element, fields: Fields, source: Source) -> None:
    comments: list[str] = []
    extensions: list[Extension] = []
    fields["id"] = element.get("confirmID") or None
    fields["at"] = source.date(element.get("noticeDate"), element, "noticeDate")
    answer = _ANSWERS.get((element.get("type") or "").strip())
    if answer is None:
        source.fault(
            "confirmation.type_unknown", element, "has no type that is known", element.get("type"), attribute="type"
        )
    fields["answer"] = answer
    for name, value in xml.attributes(element):
        if name not in ("confirmID", "noticeDate", "type", "operation"):
            source.keep_attribute(element, name, value)
    for child in element:
        match child.tag:
            case "DocumentReference":
                fields["previous_document_id"] = child.get("payloadID") or None
            case "Total":
                fields["total"] = source.money_in(child)
            case "Shipping":
                read_shipping(child, fields, source)
            case "Tax":
                fields["tax"] = read_tax(child, source)
            case "Comments" if not len(child):
                comments += [words] if (words := text(child)) else []
            case "Extrinsic":
                extensions.append(read_extension(child, source))
            case _:
                source.keep(child)
    if element.get("operation") == "update" and "previous_document_id" not in fields:
        source.note("confirmation.update_of_nothing", element, "is an update that names no earlier document")
        source.keep_attribute(element, "operation", "update")
    if answer is Answer.REJECT and comments:
        fields["reason"] = comments.pop(0)
    fields.update(comments=tuple(comments), extensions=tuple(extensions))


def _read_line(element: Element, source: Source) -> LineReply | None:
    number = source.whole(element.get("lineNumber"), "line_number", element, "lineNumber")
    amount = source.number(element.get("quantity"), "quantity", element, "quantity")
    if number is None:
        source.fault("line.no_number", element, "has no lineNumber", attribute="lineNumber")
    unit: str | None = None
    parts: list[LinePart] = []
    for child in element:
        if child.tag == "UnitOfMeasure":
            unit = text(child)
        elif child.tag == "ConfirmationStatus":
            if (part := _read_part(child, source)) is not None:
                parts.append(part)
        else:
            source.keep(child)
    for name, value in xml.attributes(element):
        if name not in ("lineNumber", "quantity"):
            source.keep_attribute(element, name, value)
    if number is None or amount is None:
        return None
    return LineReply(
        number=number,
        quantity=Quantity(amount=amount, unit=unit),
        parts=tuple(parts),
        verbatim=source.leftovers(element),
    )


def _read_part(element: Element, source: Source) -> LinePart | None:
    fields: Fields = {}
    comments: list[str] = []
    unit: str | None = None
    amount = source.number(element.get("quantity"), "quantity", element, "quantity")
    for child in element:
        match child.tag:
            case "UnitOfMeasure":
                unit = text(child)
            case "UnitPrice":
                money = source.money_in(child, "price")
                fields["price"] = Price(amount=money) if money is not None else None
            case "Tax":
                fields["tax"] = read_tax(child, source)
            case "Shipping":
                fields["shipping"] = _read_shipping(child, source)
            case "ItemIn":
                _read_substitute(child, fields, unit, source)
            case "Comments" if not len(child):
                comments += [words] if (words := text(child)) else []
            case _:
                source.keep(child)
    for name, value in xml.attributes(element):
        if name == "shipmentDate":
            fields["ship_date"] = source.date(value, element, name)
        elif name == "deliveryDate":
            fields["delivery_date"] = source.date(value, element, name)
        elif name not in ("quantity", "type"):
            source.keep_attribute(element, name, value)
    if amount is None:
        return None
    return LinePart(
        status=element.get("type") or "unknown",
        quantity=Quantity(amount=amount, unit=unit),
        comments=tuple(comments),
        **fields,
    )


def _read_shipping(element: Element, source: Source) -> Money | None:
    fields: Fields = {}
    read_shipping(element, fields, source)
    found: Money | None = fields.get("shipping")
    return found


def _read_substitute(element: Element, fields: Fields, unit: str | None, source: Source) -> None:
    item: Fields = {}
    for child in element:
        match child.tag:
            case "ItemID":
                read_item_id(child, item, source)
            case "ItemDetail":
                detail: Fields = {}
                other = read_item_detail(child, item, detail, source)
                fields["substitute_description"] = detail["description"]
                fields["price"] = detail.get("price")
                if other != unit:
                    source.note("unit.differs", child, "is in another unit than the part that it stands in", other)
            case "Shipping":
                fields["shipping"] = _read_shipping(child, source)
            case "Tax":
                fields["tax"] = read_tax(child, source)
            case _:
                source.keep(child)
    fields["substitute"] = ItemRef(**item)


def check(reply: OrderReply) -> tuple[Fault, ...]:
    """What the guide forbids to send, all of it."""
    return tuple(_forbidden(reply))


def _forbidden(reply: OrderReply) -> Iterator[Fault]:
    allowed = _ALLOWED[reply.answer]
    if not reply.order_id and not reply.order_document_id:
        yield Fault(code="confirmation.no_order", at="order_id", message="names no order")
    if reply.previous_document_id and not reply.id:
        yield Fault(code="confirmation.no_id", at="id", message="replaces an earlier one, and so has its confirmID")
    if reply.answer is Answer.REJECT and not reply.reason:
        yield Fault(code="confirmation.no_reason", at="reason", message="a refusal of the whole order gives a reason")
    if reply.answer is Answer.REJECT and reply.lines:
        yield Fault(
            code="confirmation.reject_with_lines", at="lines", message="a refusal of the whole order has no lines"
        )
        return
    if reply.answer in _NEEDS_LINES and not reply.lines:
        yield Fault(code="confirmation.no_lines", at="lines", message=f"{reply.answer.value} lists lines")
    seen: set[int] = set()
    for position, line in enumerate(reply.lines):
        at = f"lines[{position}]"
        if line.number in seen:
            yield Fault(code="confirmation.line_twice", at=at, message="a line stands once", found=str(line.number))
        seen.add(line.number)
        yield from _forbidden_line(line, allowed, reply.answer, at)


def _forbidden_line(line: LineReply, allowed: frozenset[str], answer: Answer, at: str) -> Iterator[Fault]:
    total = sum((part.quantity.amount for part in line.parts), Decimal(0))
    if total != line.quantity.amount:
        message = f"the parts add up to the ordered quantity, {numbers.write(line.quantity.amount)}"
        yield Fault(code="confirmation.sum", at=at, message=message, found=numbers.write(total))
    if not line.quantity.unit:
        yield Fault(code="unit.missing", at=at, message="has a unit of measure")
    for position, part in enumerate(line.parts):
        here = f"{at}.parts[{position}]"
        if part.status not in allowed:
            message = f"is not for a line under {answer.value}"
            yield Fault(code="confirmation.status", at=here, message=message, found=part.status)
        if part.quantity.amount <= 0:
            message = "a part has a quantity above zero"
            yield Fault(
                code="confirmation.quantity", at=here, message=message, found=numbers.write(part.quantity.amount)
            )
        if (part.quantity.unit or line.quantity.unit) != line.quantity.unit:
            message = f"is in the unit of its line, {line.quantity.unit}"
            yield Fault(code="confirmation.unit", at=here, message=message, found=part.quantity.unit)
        news = (part.price, part.shipping, part.tax, part.substitute, part.delivery_date)
        if part.status == "detail" and all(value is None for value in news):
            yield Fault(code="confirmation.nothing_new", at=here, message="detail says what differs")
        if answer is Answer.REPLACE and part.substitute is None:
            yield Fault(code="confirmation.no_item", at=here, message="a replacement names the item")
        if part.price is not None and part.substitute is None and (part.price.basis != 1 or part.price.factor != 1):
            yield Fault(code="confirmation.price_basis", at=here, message="is a price for one order unit")


def write(reply: OrderReply, envelope: Envelope) -> bytes:
    """Raises Unwritable with all that `check` finds."""
    if faults := check(reply):
        raise Unwritable(faults)
    element = xml.element(KIND)
    _write_header(element, reply, envelope)
    reference = xml.add(
        element,
        "OrderReference",
        orderID=reply.order_id or None,
        orderDate=dates.write(reply.order_date) if reply.order_date is not None else None,
    )
    xml.add(reference, "DocumentReference", payloadID=reply.order_document_id or "")
    for position, line in enumerate(reply.lines):
        _write_line(element, line, f"lines[{position}]")
    put_back(element, reply.verbatim, "Fulfill")
    return frame.write(element, envelope)


def _write_header(parent: Element, reply: OrderReply, envelope: Envelope) -> None:
    at = reply.at or envelope.sent_at
    element = xml.add(
        parent,
        "ConfirmationHeader",
        noticeDate=dates.write(at) if at is not None else None,
        type=reply.answer.value,
        operation="update" if reply.previous_document_id else None,
        confirmID=reply.id,
    )
    if reply.previous_document_id:
        xml.add(element, "DocumentReference", payloadID=reply.previous_document_id)
    if reply.total is not None:
        write_money(element, "Total", reply.total)
    write_shipping(element, reply.shipping, reply.shipping_description)
    write_tax(element, reply.tax)
    for comment in (*((reply.reason,) if reply.reason else ()), *reply.comments):
        xml.add(element, "Comments", comment).set(XML_LANG, LANGUAGE)
    write_extensions(element, reply.extensions)


def _write_line(parent: Element, line: LineReply, at: str) -> None:
    quantity = numbers.write(line.quantity.amount)
    element = xml.add(parent, "ConfirmationItem", quantity=quantity, lineNumber=str(line.number))
    xml.add(element, "UnitOfMeasure", line.quantity.unit or "")
    for position, part in enumerate(line.parts):
        _write_part(element, part, line, f"{at}.parts[{position}]")
    put_back(element, line.verbatim, "Fulfill")


def _write_part(parent: Element, part: LinePart, line: LineReply, at: str) -> None:
    unit = part.quantity.unit or line.quantity.unit
    quantity = numbers.write(part.quantity.amount)
    element = xml.add(
        parent,
        "ConfirmationStatus",
        quantity=quantity,
        type=part.status,
        shipmentDate=dates.write(part.ship_date) if part.ship_date is not None else None,
        deliveryDate=dates.write(part.delivery_date) if part.delivery_date is not None else None,
    )
    xml.add(element, "UnitOfMeasure", unit or "")
    if part.substitute is not None:
        item = xml.add(element, "ItemIn", quantity=quantity, lineNumber=str(line.number))
        write_item_id(item, part.substitute)
        write_item_detail(item, part.substitute, part.substitute_description, part.price, unit, at=at)
        write_shipping(item, part.shipping, None)
        write_tax(item, part.tax)
    else:
        if part.price is not None:
            write_money(element, "UnitPrice", part.price.amount)
        write_tax(element, part.tax)
        write_shipping(element, part.shipping, None)
    for comment in part.comments:
        xml.add(element, "Comments", comment).set(XML_LANG, LANGUAGE)

"""The field catalogue: everything a rule can ask about, in one table that drives reading, checking, explanation, the
editor and the documentation. A rule cannot name what is not here.

Labels are message ids: the pages translate them (`app/web/locale`, catalogue `rules`)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from app.approval.extras import Extra, Said
from app.approval.operators import OPERATORS, Operator, Type, Value
from app.approval.subject import LineSubject, Subject

OfOrder = Callable[[Subject], Value | None]
OfLine = Callable[[LineSubject], Value | None]


class Source(StrEnum):
    """Where a value comes from. What is not in the document is looked up before the order is judged, and only when a
    flow asks about it (`app.approval.flow.needs`)."""

    DOCUMENT = "document"
    AGREEMENT = "agreement"
    CATALOG = "catalog"
    PEOPLE = "people"
    CUSTOMER = "customer"
    SUMS = "sums"


@dataclass(frozen=True)
class Field:
    """
    key           `order.total_net`, `line.sku`; what stands before the first dot says whether it needs a line.
    label         in English, a message id.
    example       a value as a rule would write it.
    header, row   the value of an order, or of a line; one of the two is there. None: it is not said.
    hierarchical  a code whose beginning is its parent group.
    own           declared for one customer (`app.approval.extras`); its label is in no other language.
    """

    key: str
    label: str
    type: Type
    example: str
    source: Source
    header: OfOrder | None = None
    row: OfLine | None = None
    hierarchical: bool = False
    own: bool = False

    @property
    def of_line(self) -> bool:
        return self.row is not None

    @property
    def operators(self) -> tuple[Operator, ...]:
        allowed = OPERATORS[self.type]
        if self.type is Type.CODE and not self.hierarchical:
            return tuple(op for op in allowed if op is not Operator.STARTS_WITH)
        return allowed


Catalogue = Mapping[str, Field]


def _order(key: str, label: str, type_: Type, example: str, read: OfOrder, source: Source = Source.DOCUMENT) -> Field:
    return Field(f"order.{key}", label, type_, example, source, read)


def _known(key: str, label: str, type_: Type, example: str, source: Source, *, hierarchical: bool = False) -> Field:
    return Field(key, label, type_, example, source, lambda s: s.known.get(key), hierarchical=hierarchical)


def _line(
    key: str,
    label: str,
    type_: Type,
    example: str,
    read: OfLine,
    source: Source = Source.DOCUMENT,
    *,
    hierarchical: bool = False,
) -> Field:
    return Field(f"line.{key}", label, type_, example, source, row=read, hierarchical=hierarchical)


def _known_line(key: str, label: str, type_: Type, example: str, source: Source = Source.CATALOG) -> Field:
    full = f"line.{key}"
    return Field(full, label, type_, example, source, row=lambda x: x.known.get(full))


def _text_of_comments(subject: Subject) -> str | None:
    return "\n".join(comment.text for comment in subject.order.comments) or None


def _days_to_delivery(subject: Subject) -> int | None:
    return (subject.requested_date - subject.at.date()).days if subject.requested_date else None


def _department(subject: Subject) -> str | None:
    named = (e.value for e in subject.order.extensions if not e.markup and e.name.casefold() == "department")
    return next(named, None) or _text(subject.known.get("requester.department"))


def _text(value: Value | None) -> str | None:
    return value if isinstance(value, str) else None


_HEADER: Final = (
    _order("total_net", "order total without tax", Type.MONEY, "5000.00", lambda s: s.total_net),
    _order("total_tax", "tax of the order", Type.MONEY, "950.00", lambda s: s.total_tax),
    _order("total_gross", "order total with tax", Type.MONEY, "5950.00", lambda s: s.total_gross),
    _order("shipping", "shipping of the order", Type.MONEY, "50.00", lambda s: s.shipping),
    _order("discount", "discount on the order", Type.MONEY, "100.00", lambda s: s.discount),
    _order("positive_net", "sum of the lines above zero", Type.MONEY, "5000.00", lambda s: s.positive_net),
    _order("largest_line", "largest line", Type.MONEY, "2000.00", lambda s: s.largest_line),
    _order("currency", "currency", Type.CODE, "EUR", lambda s: s.order.currency),
    _order("line_count", "number of lines", Type.INTEGER, "50", lambda s: len(s.lines)),
    _order(
        "sku_count",
        "number of different items",
        Type.INTEGER,
        "20",
        lambda s: len({line.line.item.supplier_id for line in s.lines}),
    ),
    _order("protocol", "protocol", Type.CODE, "cxml", lambda s: s.protocol),
    _order("type", "new order or change", Type.CODE, "new", lambda s: s.order.change.value),
    _order("requested_date", "earliest delivery date asked for", Type.DATE, "2026-12-24", lambda s: s.requested_date),
    _order("days_to_delivery", "days until the delivery asked for", Type.INTEGER, "3", _days_to_delivery),
    _order("comment", "comment", Type.TEXT, "urgent", _text_of_comments),
    _order(
        "terms",
        "days to pay",
        Type.INTEGER,
        "30",
        lambda s: max((term.days for term in s.order.payment_terms), default=None),
    ),
    _order("payment_card", "paid by purchasing card", Type.BOOL, "", lambda s: s.order.payment_card is not None),
    _order("ship_to.id", "ship-to code", Type.CODE, "0001", lambda s: s.ship_to.id if s.ship_to else None),
    _order("ship_to.country", "ship-to country", Type.CODE, "DE", lambda s: s.ship_to.country if s.ship_to else None),
    _order(
        "ship_to.postal_code",
        "ship-to postal code",
        Type.TEXT,
        "10115",
        lambda s: s.ship_to.postal_code if s.ship_to else None,
    ),
    _order(
        "ship_to.is_new",
        "ship-to is not among the known addresses",
        Type.BOOL,
        "",
        lambda s: None if s.ship_to_known is None else not s.ship_to_known,
        Source.AGREEMENT,
    ),
    _order("bill_to.id", "bill-to code", Type.CODE, "100", lambda s: s.order.bill_to.id if s.order.bill_to else None),
    _order(
        "deviation_amount",
        "amount above the agreement",
        Type.MONEY,
        "20.00",
        lambda s: s.deviation_amount,
        Source.AGREEMENT,
    ),
    _order(
        "deviation_percent",
        "percent above the agreement",
        Type.DECIMAL,
        "2.5",
        lambda s: s.deviation_percent,
        Source.AGREEMENT,
    ),
)

_STANDING: Final = (
    Field(
        "requester.user",
        "requester",
        Type.CODE,
        "ana@example.com",
        Source.DOCUMENT,
        lambda s: s.requester,
    ),
    _known("requester.group", "group of the requester", Type.CODE, "plant-north", Source.PEOPLE, hierarchical=True),
    Field("requester.department", "department of the requester", Type.TEXT, "Quality", Source.PEOPLE, _department),
    _known("requester.self_limit", "what the requester may approve alone", Type.MONEY, "500.00", Source.PEOPLE),
    _known("requester.total_today", "orders of the requester today", Type.MONEY, "5000.00", Source.SUMS),
    _known("requester.total_30_days", "orders of the requester in 30 days", Type.MONEY, "20000.00", Source.SUMS),
    Field("cost_center.code", "cost centre of the order", Type.CODE, "4711", Source.DOCUMENT, lambda s: s.cost_center),
    _known("cost_center.month_total", "orders of the cost centre this month", Type.MONEY, "20000.00", Source.SUMS),
    _known("cost_center.budget_left", "budget left to the cost centre", Type.MONEY, "0.00", Source.SUMS),
    Field("customer.id", "customer", Type.CODE, "10001", Source.CUSTOMER, lambda s: s.customer),
    _known("customer.group", "group of the customer", Type.CODE, "automotive", Source.CUSTOMER, hierarchical=True),
    _known("customer.credit_left", "credit left to the customer", Type.MONEY, "0.00", Source.SUMS),
    _known("customer.is_new", "the customer has no order yet", Type.BOOL, "", Source.CUSTOMER),
    _known("customer.on_hold", "the customer is on hold", Type.BOOL, "", Source.CUSTOMER),
)

_LINES: Final = (
    _line("sku", "item number", Type.CODE, "A-100", lambda x: x.line.item.supplier_id),
    _line("name", "description", Type.TEXT, "toner", lambda x: x.line.description.text if x.line.description else None),
    _line("unspsc", "UNSPSC class", Type.CODE, "43", lambda x: x.classification("unspsc"), hierarchical=True),
    _line("eclass", "eClass class", Type.CODE, "24", lambda x: x.classification("eclass"), hierarchical=True),
    _known_line("supplier", "supplier of the item", Type.CODE, "S-77"),
    _line("manufacturer", "manufacturer", Type.TEXT, "Acme", lambda x: x.line.item.manufacturer_name),
    _line("quantity", "quantity", Type.DECIMAL, "10", lambda x: x.line.quantity.amount),
    _line("unit", "unit", Type.CODE, "C62", lambda x: x.line.quantity.unit),
    _line("unit_price", "price", Type.MONEY, "9.95", lambda x: x.line.price.amount if x.line.price else None),
    _line("net", "line total", Type.MONEY, "99.50", lambda x: x.net),
    _line("on_contract", "has an agreed price", Type.BOOL, "", lambda x: x.agreed is not None, Source.AGREEMENT),
    _line(
        "price_deviation_percent",
        "percent above the agreed price",
        Type.DECIMAL,
        "2.5",
        lambda x: x.price_deviation_percent,
        Source.AGREEMENT,
    ),
    _known_line(
        "quantity_deviation_percent", "percent above the quantity in the cart", Type.DECIMAL, "50", Source.SUMS
    ),
    _known_line("off_order_quantity", "quantity that the catalog does not offer", Type.BOOL, ""),
    _known_line("is_new_item", "is in none of the customer's last orders", Type.BOOL, "", Source.SUMS),
    _known_line("hazardous", "dangerous goods", Type.BOOL, ""),
    _known_line("stock_missing", "not in stock", Type.BOOL, ""),
    _known_line("lead_days", "days of delivery time", Type.INTEGER, "10"),
    _line("cost_center", "cost centre", Type.CODE, "4711", lambda x: x.account("costcenter")),
    _line("gl_account", "general ledger account", Type.CODE, "6000", lambda x: x.account("glaccount")),
    _line("is_free_text", "ordered as free text", Type.BOOL, "", lambda x: x.line.ad_hoc),
    _line("is_return", "is a return", Type.BOOL, "", lambda x: x.line.is_return),
)

FIELDS: Final[Catalogue] = MappingProxyType({field.key: field for field in (*_HEADER, *_STANDING, *_LINES)})


def catalogue(extras: Iterable[Extra]) -> Catalogue:
    """All fields that rules of one customer may name: ours, and `extra.<name>` for each of its own."""
    own = {extra.key: _own(extra) for extra in extras}
    return MappingProxyType({**FIELDS, **own}) if own else FIELDS


_EXAMPLES: Final[Mapping[Type, str]] = {
    Type.MONEY: "5000.00",
    Type.DECIMAL: "2.5",
    Type.INTEGER: "10",
    Type.DATE: "2026-12-24",
    Type.TEXT: "Atlas",
    Type.CODE: "P-100",
    Type.BOOL: "",
}


def _own(extra: Extra) -> Field:
    """Read as it is declared when the order is judged: with another type than the rule knows it is not known."""

    def of_order(subject: Subject) -> Value | None:
        return _value(subject.said(extra.key))

    def of_line(line: LineSubject) -> Value | None:
        return _value(line.said(extra.key))

    def _value(found: tuple[Extra, Said | None] | None) -> Value | None:
        if found is None or found[1] is None or found[0].type is not extra.type:
            return None
        return found[1].value

    header, row = (None, of_line) if extra.of_line else (of_order, None)
    return Field(extra.key, extra.label, extra.type, _EXAMPLES[extra.type], Source.DOCUMENT, header, row, own=True)

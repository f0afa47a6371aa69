"""The field catalogue: everything a rule can ask about, in one table that drives reading, checking, explanation and the
documentation. A rule cannot name what is not here."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from app.approval.subject import LineSubject, Subject, requesters
from schemas.money import Money

Value = Money | Decimal | int | date | str | bool


class Type(StrEnum):
    MONEY = "money"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE = "date"
    TEXT = "text"
    CODE = "code"
    BOOL = "bool"


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    ABOVE = ">"
    BELOW = "<"
    AT_LEAST = ">="
    AT_MOST = "<="
    BETWEEN = "between"
    IN = "in"
    NOT_IN = "not_in"
    STARTS_WITH = "starts_with"
    CONTAINS = "contains"
    IS_EMPTY = "is_empty"
    IS_TRUE = "is_true"
    IS_FALSE = "is_false"


_ORDERED = (
    Operator.EQUAL,
    Operator.UNEQUAL,
    Operator.ABOVE,
    Operator.BELOW,
    Operator.AT_LEAST,
    Operator.AT_MOST,
    Operator.BETWEEN,
    Operator.IS_EMPTY,
)

OPERATORS: dict[Type, tuple[Operator, ...]] = {
    Type.MONEY: _ORDERED,
    Type.DECIMAL: _ORDERED,
    Type.INTEGER: _ORDERED,
    Type.DATE: _ORDERED,
    Type.TEXT: (
        Operator.EQUAL,
        Operator.UNEQUAL,
        Operator.IN,
        Operator.NOT_IN,
        Operator.STARTS_WITH,
        Operator.CONTAINS,
        Operator.IS_EMPTY,
    ),
    Type.CODE: (
        Operator.EQUAL,
        Operator.UNEQUAL,
        Operator.IN,
        Operator.NOT_IN,
        Operator.STARTS_WITH,
        Operator.IS_EMPTY,
    ),
    Type.BOOL: (Operator.IS_TRUE, Operator.IS_FALSE),
}
"""`starts_with` on a code is further limited to hierarchical ones (Field.hierarchical)."""


@dataclass(frozen=True)
class Field:
    """
    key           `order.total_net`, `line.sku`; what stands before the dot says whether it needs a line.
    label         in English; the pages translate it.
    example       a value as a rule would write it.
    read          its value for a subject; `line` is given for line fields only. None: the order does not say.
    hierarchical  a code whose beginning is its parent group.
    """

    key: str
    label: str
    type: Type
    example: str
    read: Callable[[Subject, LineSubject | None], Value | None]
    hierarchical: bool = False

    @property
    def of_line(self) -> bool:
        return self.key.startswith("line.")

    @property
    def operators(self) -> tuple[Operator, ...]:
        allowed = OPERATORS[self.type]
        if self.type is Type.CODE and not self.hierarchical:
            return tuple(op for op in allowed if op is not Operator.STARTS_WITH)
        return allowed


def _order(key: str, label: str, type_: Type, example: str, read: Callable[[Subject], Value | None]) -> Field:
    return Field(f"order.{key}", label, type_, example, lambda subject, _: read(subject))


def _line(
    key: str,
    label: str,
    type_: Type,
    example: str,
    read: Callable[[LineSubject], Value | None],
    *,
    hierarchical: bool = False,
) -> Field:
    def value(_: Subject, line: LineSubject | None) -> Value | None:
        return None if line is None else read(line)

    return Field(f"line.{key}", label, type_, example, value, hierarchical)


def _text_of_comments(subject: Subject) -> str | None:
    return "\n".join(comment.text for comment in subject.order.comments) or None


def _days_to_delivery(subject: Subject) -> int | None:
    return (subject.requested_date - subject.at.date()).days if subject.requested_date else None


FIELDS: dict[str, Field] = {
    field.key: field
    for field in (
        _order("total_net", "order total without tax", Type.MONEY, "5000.00", lambda s: s.total_net),
        _order("total_tax", "tax of the order", Type.MONEY, "950.00", lambda s: s.total_tax),
        _order("total_gross", "order total with tax", Type.MONEY, "5950.00", lambda s: s.total_gross),
        _order("shipping", "shipping of the order", Type.MONEY, "50.00", lambda s: s.shipping),
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
        _order(
            "requested_date", "earliest delivery date asked for", Type.DATE, "2026-12-24", lambda s: s.requested_date
        ),
        _order("days_to_delivery", "days until the delivery asked for", Type.INTEGER, "3", _days_to_delivery),
        _order("comment", "comment", Type.TEXT, "urgent", _text_of_comments),
        _order("payment_card", "paid by purchasing card", Type.BOOL, "", lambda s: s.order.payment_card is not None),
        _order("ship_to.id", "ship-to code", Type.CODE, "0001", lambda s: s.ship_to.id if s.ship_to else None),
        _order(
            "ship_to.country", "ship-to country", Type.CODE, "DE", lambda s: s.ship_to.country if s.ship_to else None
        ),
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
        ),
        _order(
            "bill_to.id", "bill-to code", Type.CODE, "100", lambda s: s.order.bill_to.id if s.order.bill_to else None
        ),
        _order("deviation_amount", "amount above the agreement", Type.MONEY, "20.00", lambda s: s.deviation_amount),
        _order("deviation_percent", "percent above the agreement", Type.DECIMAL, "2.5", lambda s: s.deviation_percent),
        Field(
            "requester.user",
            "requester",
            Type.CODE,
            "ana@example.com",
            lambda s, _: next(iter(requesters(s.order)), None),
        ),
        Field("customer.id", "customer", Type.CODE, "10001", lambda s, _: s.customer),
        _line("sku", "item number", Type.CODE, "A-100", lambda x: x.line.item.supplier_id),
        _line(
            "name", "description", Type.TEXT, "toner", lambda x: x.line.description.text if x.line.description else None
        ),
        _line("unspsc", "UNSPSC class", Type.CODE, "43", lambda x: x.classification("unspsc"), hierarchical=True),
        _line("eclass", "eClass class", Type.CODE, "24", lambda x: x.classification("eclass"), hierarchical=True),
        _line("manufacturer", "manufacturer", Type.TEXT, "Acme", lambda x: x.line.item.manufacturer_name),
        _line("quantity", "quantity", Type.DECIMAL, "10", lambda x: x.line.quantity.amount),
        _line("unit", "unit", Type.CODE, "C62", lambda x: x.line.quantity.unit),
        _line("unit_price", "price", Type.MONEY, "9.95", lambda x: x.line.price.amount if x.line.price else None),
        _line("net", "line total", Type.MONEY, "99.50", lambda x: x.net),
        _line("on_contract", "has an agreed price", Type.BOOL, "", lambda x: x.agreed is not None),
        _line(
            "price_deviation_percent",
            "percent above the agreed price",
            Type.DECIMAL,
            "2.5",
            lambda x: x.price_deviation_percent,
        ),
        _line("cost_center", "cost centre", Type.CODE, "4711", lambda x: x.account("costcenter")),
        _line("gl_account", "general ledger account", Type.CODE, "6000", lambda x: x.account("glaccount")),
        _line("is_free_text", "ordered as free text", Type.BOOL, "", lambda x: x.line.ad_hoc),
        _line("is_return", "is a return", Type.BOOL, "", lambda x: x.line.is_return),
    )
}


@lru_cache(maxsize=5_000)
def folded(text: str) -> str:
    """As texts and codes are compared: Unicode NFC, trimmed, without case."""
    return unicodedata.normalize("NFC", text).strip().casefold()

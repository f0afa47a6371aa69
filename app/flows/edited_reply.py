"""What a buyer is told when the order that was accepted is not quite the one that was sent: approvers have changed it.

A ConfirmationRequest of `except` accepts the order but for the lines it lists: of a smaller quantity the rest is
rejected, another delivery date is its `detail`. What it has no place for (more than was ordered, another address or
account) stands in its comments, as the quantities of a line add up to the ordered one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace
from sqlmodel import Session

from app.approval import changes
from app.approval.flow import Flow
from app.flows import order_revisions
from app.storage import orders
from app.storage.orders import OrderRow
from schemas.order import Order, OrderLine
from schemas.order_reply import LinePart, LineReply

_TOLD: Final = {
    "quantity": "quantity",
    "requested_date": "delivery date",
    "ship_to": "ship-to",
    "bill_to": "bill-to",
    "cost_assignment": "accounts",
}
"""What the buyer hears of, by the word of the difference; totals follow from it."""


@dataclass(frozen=True, slots=True)
class Edited:
    """`comments` are in English, one for each thing that differs from the buyer's own document."""

    lines: tuple[LineReply, ...]
    comments: tuple[str, ...]


def edited(tx: Session, order: OrderRow) -> Edited | None:
    """None where the order is the buyer's as it was sent, or differs in nothing that the buyer needs to know."""
    if order.revision == 1:
        # As it came, like most orders, for which nothing needs to be read.
        return None
    revision = orders.revision(tx, order)
    if revision.editor_id is None:
        return None
    sent, now = order_revisions.of_buyer(tx, revision).document(), revision.document()
    comments = tuple(_comments(sent, now))
    return Edited(tuple(_lines(sent, now)), comments) if comments else None


def _comments(sent: Order, now: Order) -> Iterator[str]:
    for one in changes.compare(sent, now, Flow()).differences:
        if one.at in _TOLD:
            line = f"line {one.line}: " if one.line is not None else ""
            yield f"{line}{_TOLD[one.at]} {one.after or 'none'} instead of {one.before or 'none'}"


def _lines(sent: Order, now: Order) -> Iterator[LineReply]:
    before = {line.number: line for line in sent.lines}
    for line in now.lines:
        ordered = before.get(line.number)
        if ordered is not None and line.quantity.unit and (parts := _parts(ordered, line)):
            yield LineReply(number=line.number, quantity=ordered.quantity, parts=parts)


def _parts(ordered: OrderLine, now: OrderLine) -> tuple[LinePart, ...]:
    """Empty for a line of which a confirmation has nothing to say."""
    date = now.requested_delivery if now.requested_delivery != ordered.requested_delivery else None
    rest = ordered.quantity.amount - now.quantity.amount
    if date is None and rest <= 0:
        return ()
    taken = now.quantity if rest > 0 else ordered.quantity
    part = LinePart(status="accept" if date is None else "detail", quantity=taken, delivery_date=date)
    if rest <= 0:
        return (part,)
    return (part, LinePart(status="reject", quantity=replace(ordered.quantity, amount=rest)))

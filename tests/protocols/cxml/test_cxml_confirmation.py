"""Confirmations: what the guide forbids is not sent."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from protocols.cxml import confirmation
from protocols.cxml.credentials import Credential
from protocols.cxml.envelope import Envelope
from schemas.faults import Unwritable
from schemas.item import ItemRef, Price, Quantity
from schemas.money import Money
from schemas.order_reply import Answer, LinePart, LineReply, OrderReply

WHO = (Credential(domain="NetworkId", identity="A"),)
ENVELOPE = Envelope(payload_id="p", sent_at=datetime(2026, 3, 3, tzinfo=UTC), from_=WHO, to=WHO, sender=WHO)
EUR = Money(amount=Decimal(1), currency="EUR")


def part(amount: str = "10", status: str = "accept", **fields: Any) -> LinePart:
    unit = fields.pop("unit", "C62")
    return LinePart(status=status, quantity=Quantity(amount=Decimal(amount), unit=unit), **fields)


def line(*parts: LinePart, amount: str = "10", number: int = 1, unit: str | None = "C62") -> LineReply:
    return LineReply(number=number, quantity=Quantity(amount=Decimal(amount), unit=unit), parts=parts)


def reply(answer: Answer, *lines: LineReply, **fields: Any) -> OrderReply:
    defaults: dict[str, Any] = {"id": "C-1", "at": None, "order_id": "PO-9", "lines": lines, "answer": answer}
    return OrderReply(**defaults | fields)


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        (reply(Answer.ACCEPT), []),
        (reply(Answer.ACCEPT, line(part())), []),
        (reply(Answer.BACKORDERED, line(part(status="backordered"))), []),
        (reply(Answer.REJECT, reason="no"), []),
        (reply(Answer.EXCEPT, line(part("4"), part("6", "backordered"))), []),
        (reply(Answer.DETAIL, line(part(status="detail", delivery_date=date(2026, 3, 9)))), []),
        (reply(Answer.REPLACE, line(part(status="detail", substitute=ItemRef(supplier_id="B")))), []),
        (reply(Answer.ALL_DETAIL, line(part(status="allDetail"))), []),
        (reply(Answer.REQUEST_TO_PAY), []),
        (reply(Answer.REJECT), ["confirmation.no_reason"]),
        (reply(Answer.REJECT, line(part()), reason="no"), ["confirmation.reject_with_lines"]),
        (reply(Answer.EXCEPT), ["confirmation.no_lines"]),
        (reply(Answer.DETAIL), ["confirmation.no_lines"]),
        (reply(Answer.REPLACE), ["confirmation.no_lines"]),
        (reply(Answer.EXCEPT, line(part("4"))), ["confirmation.sum"]),
        (reply(Answer.EXCEPT, line()), ["confirmation.sum"]),
        (reply(Answer.EXCEPT, line(part()), line(part())), ["confirmation.line_twice"]),
        (reply(Answer.ACCEPT, line(part(status="reject"))), ["confirmation.status"]),
        (reply(Answer.EXCEPT, line(part(status="allDetail"))), ["confirmation.status"]),
        (reply(Answer.EXCEPT, line(part(status="perhaps"))), ["confirmation.status"]),
        (reply(Answer.EXCEPT, line(part("11"), part("-1"))), ["confirmation.quantity"]),
        (reply(Answer.EXCEPT, line(part(unit="XBX"))), ["confirmation.unit"]),
        (reply(Answer.EXCEPT, line(part(unit=None), unit=None)), ["unit.missing"]),
        (reply(Answer.DETAIL, line(part(status="detail"))), ["confirmation.nothing_new"]),
        (
            reply(Answer.REPLACE, line(part(status="detail", price=Price(amount=EUR)))),
            ["confirmation.no_item"],
        ),
        (
            reply(Answer.DETAIL, line(part(status="detail", price=Price(amount=EUR, basis=Decimal(100))))),
            ["confirmation.price_basis"],
        ),
        (reply(Answer.ACCEPT, order_id=""), ["confirmation.no_order"]),
        (reply(Answer.ACCEPT, order_id="", order_document_id="d"), []),
        (reply(Answer.ACCEPT, id=None, previous_document_id="d"), ["confirmation.no_id"]),
        (
            reply(Answer.EXCEPT, line(part("4", "perhaps")), line(part("-1", unit="X"))),
            [
                "confirmation.sum",
                "confirmation.status",
                "confirmation.line_twice",
                "confirmation.sum",
                "confirmation.quantity",
                "confirmation.unit",
            ],
        ),
    ],
)
def test_all_that_is_forbidden_is_found_at_once(sent: OrderReply, codes: list[str]) -> None:
    assert [fault.code for fault in confirmation.check(sent)] == codes
    if codes:
        with pytest.raises(Unwritable) as error:
            confirmation.write(sent, ENVELOPE)
        assert [fault.code for fault in error.value.faults] == codes
    elif not any(part.substitute for line in sent.lines for part in line.parts):
        assert b"<ConfirmationRequest>" in confirmation.write(sent, ENVELOPE)


def test_a_fault_points_into_the_reply() -> None:
    (fault,) = confirmation.check(reply(Answer.EXCEPT, line(part("4"), part("6", "perhaps"))))
    assert str(fault) == "lines[0].parts[1]: is not for a line under except (found 'perhaps') [confirmation.status]"


def test_an_answer_without_a_time_is_of_the_moment_it_is_sent() -> None:
    assert b'noticeDate="2026-03-03T00:00:00+00:00"' in confirmation.write(reply(Answer.ACCEPT), ENVELOPE)

"""Documents without the people in them: what may be kept when somebody's data must go.

Kept is what trade and books need: numbers, items, quantities, prices, taxes, company identifiers, the country that
goods go to. Names, addresses, contacts, free text and every field that is the partner's own are left out."""

import msgspec

from schemas.order import Order, OrderLine, PaymentCard, ScheduleLine
from schemas.party import Address, Party
from schemas.punchout import PunchoutRequest


def order(document: Order) -> Order:
    return msgspec.structs.replace(
        document,
        lines=tuple(_line(line) for line in document.lines),
        ship_to=_place(document.ship_to),
        bill_to=_place(document.bill_to),
        parties=tuple(Party(role=party.role, identifiers=party.identifiers) for party in document.parties),
        contacts=(),
        comments=(),
        payment_card=PaymentCard(last_four="") if document.payment_card else None,
        followup_url=None,
        attachments=(),
        extensions=(),
        verbatim=(),
    )


def punchout(document: PunchoutRequest) -> PunchoutRequest:
    return msgspec.structs.replace(
        document, contacts=(), ship_to=_place(document.ship_to), lines=(), extensions=(), verbatim=()
    )


def _line(line: OrderLine) -> OrderLine:
    return msgspec.structs.replace(
        line,
        ship_to=_place(line.ship_to),
        schedule=tuple(_scheduled(part) for part in line.schedule),
        contacts=(),
        comments=(),
        extensions=(),
        verbatim=(),
    )


def _scheduled(part: ScheduleLine) -> ScheduleLine:
    return msgspec.structs.replace(part, ship_to=_place(part.ship_to))


def _place(address: Address | None) -> Address | None:
    return Address(country=address.country) if address else None

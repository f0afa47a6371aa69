"""A buyer's person is sent to us: the session is set up and its start URL goes back to the buyer's system."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, col, select

from app.catalog import cart
from app.catalog.prices import price_list
from app.errors import No, Refusal
from app.flows import visit as visits
from app.gateway import Gateway
from app.partners.identify import Caller
from app.partners.return_urls import fault_of, frame_origins
from app.partners.shop import shop_settings
from app.storage.partners import PartnerRow
from app.storage.sessions import CartLineRow, PunchoutSessionRow, ReturnedCartRow
from schemas.base import to_json
from schemas.cart import CartLine
from schemas.faults import Fault, shortened
from schemas.punchout import Operation, PunchoutRequest

RANK: Final = {"create": 0, "inspect": 1, "edit": 2}
"""Edit implies inspect, and both imply create (cXML 1.2, operationAllowed)."""

LONGEST_SKU: Final = 100
LONGEST_AUXILIARY_ID: Final = 500


@dataclass(frozen=True, slots=True)
class Invitation:
    """start_url  what the buyer's system opens for its shopper: good once, within minutes."""

    session_id: str
    start_url: str


def open_punchout(
    tx: Session, gateway: Gateway, caller: Caller, request: PunchoutRequest, exchange_id: str | None
) -> Invitation:
    """Raises Refusal: an operation that is not offered, no place to return to or one that is not agreed, an edit
    without lines or beyond what was allowed for the cart that they came in."""
    if request.operation is Operation.SOURCE:
        raise Refusal(No.NOT_OFFERED, "Requests for quotation (operation source) are not offered to this partner.")
    return_url = _return_url(caller.partner, request)
    prices = price_list(tx, caller.realm, caller.customer.price_list)
    if prices is None:
        raise Refusal(No.FORBIDDEN, "No price list is agreed for this customer, so there is nothing to shop for.")
    if request.operation in (Operation.EDIT, Operation.INSPECT):
        _check_lines(tx, caller, request)
    now = gateway.clock.now()
    email = request.user_email
    visit = PunchoutSessionRow(
        id=gateway.ids(),
        realm=caller.realm,
        partner_id=caller.partner.id,
        customer_id=caller.customer.id,
        exchange_id=exchange_id,
        correlation_id=caller.correlation_id,
        test=caller.test,
        operation=request.operation,
        person=email if email and len(email) <= 320 else None,
        price_list=prices.code,
        currency=prices.currency,
        language=request.language if request.language and len(request.language) <= 20 else None,
        return_url=return_url,
        request=to_json(request).decode(),
        answer_to=caller.answer_to.kept(),
        framed_by=list(frame_origins(caller.partner, return_url)),
        created_at=now,
        expires_at=now + visits.LONGEST_LIFE,
    )
    tx.add(visit)
    tx.flush()
    for position, line in enumerate(request.lines):
        cart.append(tx, visit, line.item.supplier_id or "", line.quantity.amount, position=position, came=line)
    return Invitation(visit.id, visits.invite(tx, gateway, visit))


def _return_url(partner: PartnerRow, request: PunchoutRequest) -> str:
    url = request.return_url or shop_settings(partner).return_url
    if url is None:
        raise Refusal(
            No.UNACCEPTABLE, "No place to return the cart to was named, and none is agreed with this partner."
        )
    wrong = fault_of(url, partner)
    if wrong is not None:
        fault = Fault(code="return_url.refused", at="return_url", message=wrong, found=shortened(url))
        raise Refusal(No.UNACCEPTABLE, f"The place to return the cart to {wrong}.", (fault,))
    return url


def _check_lines(tx: Session, caller: Caller, request: PunchoutRequest) -> None:
    """Buyers copy old requisitions, so ids of carts that we do not know arrive as well: those lines are found again by
    their part ids alone, and no other customer's cart is looked at."""
    if not request.lines:
        raise Refusal(No.PRECONDITION, f"There is no cart to {request.operation}: the request names no lines.")
    if len(request.lines) > cart.MOST_LINES:
        raise Refusal(No.UNACCEPTABLE, f"The cart has more than {cart.MOST_LINES} lines.")
    faults = tuple(_too_long(request.lines))
    if faults:
        raise Refusal(No.UNACCEPTABLE, "Ids of this cart are longer than any that we give out.", faults)
    allowed = _allowed(tx, caller, request.lines)
    if allowed is not None and RANK[request.operation] > RANK[allowed]:
        raise Refusal(
            No.PRECONDITION, f"The cart was returned with operationAllowed={allowed}: {request.operation} is beyond it."
        )


def _too_long(lines: Iterable[CartLine]) -> Iterable[Fault]:
    for number, line in enumerate(lines, start=1):
        for name, text, longest in (
            ("supplier_id", line.item.supplier_id, LONGEST_SKU),
            ("supplier_auxiliary_id", line.item.supplier_auxiliary_id, LONGEST_AUXILIARY_ID),
        ):
            if text is not None and len(text) > longest:
                message = f"must have at most {longest} characters"
                yield Fault(
                    code="item.id_too_long", at=f"lines[{number}].{name}", message=message, found=shortened(text)
                )


def _allowed(tx: Session, caller: Caller, lines: tuple[CartLine, ...]) -> str | None:
    """The least that was allowed for any returned cart of this customer that these lines came home in."""
    ids = {line.item.supplier_auxiliary_id for line in lines if line.item.supplier_auxiliary_id}
    found = tx.exec(
        select(ReturnedCartRow.operation_allowed)
        .join(CartLineRow, col(CartLineRow.session_id) == ReturnedCartRow.session_id)
        .where(
            ReturnedCartRow.realm == caller.realm,
            ReturnedCartRow.customer_id == caller.customer.id,
            col(CartLineRow.auxiliary_id).in_(ids),
        )
    ).all()
    return min(found, key=RANK.__getitem__, default=None)

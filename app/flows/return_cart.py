"""The shopper goes home: with the cart, or without a change. Either ends the session, and only one of them, once."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal
from urllib.parse import urlsplit

from sqlmodel import Session

from app.catalog.cart import Problem, ViewedCart, ViewedLine
from app.errors import No, Refusal
from app.flows import visit as visits
from app.flows.visit import Alive
from app.gateway import Gateway
from app.partners.identify import AnswerTo
from app.partners.profile import settings_of
from app.partners.shop import Rule, ShopSettings, shop_settings
from app.storage.partners import PartnerRow
from app.storage.sessions import PunchoutSessionRow, ReturnedCartRow, SessionState
from protocols.cxml import punchout_order
from protocols.cxml.credentials import Credential
from protocols.cxml.envelope import Envelope
from protocols.cxml.settings import CxmlSettings
from schemas.base import from_json, to_json
from schemas.cart import Cart, CartLine
from schemas.item import Classification, ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.punchout import Operation, PunchoutRequest, ReturnPost

ALWAYS_BLOCK: Final = frozenset({Problem.VANISHED, Problem.QUANTITY})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What stands between a cart and its way home: lines that stop it, and lines that the shopper must have seen."""

    blocking: tuple[tuple[ViewedLine, Problem], ...]
    warning: tuple[tuple[ViewedLine, Problem], ...]


def judge(viewed: ViewedCart, partner: PartnerRow) -> Judgement:
    settings = shop_settings(partner)
    found = [(line, problem, rule_for(problem, settings)) for line in viewed.lines for problem in line.problems]
    return Judgement(
        blocking=tuple((line, problem) for line, problem, rule in found if rule == "block"),
        warning=tuple((line, problem) for line, problem, rule in found if rule == "warn"),
    )


def rule_for(problem: Problem, settings: ShopSettings) -> Rule:
    if problem in ALWAYS_BLOCK:
        return "block"
    rules: dict[Problem, Rule] = {
        Problem.ZERO_PRICE: settings.zero_price,
        Problem.MISSING_UNSPSC: settings.missing_unspsc,
        Problem.MISSING_LEAD_TIME: settings.missing_lead_time,
    }
    return rules[problem]


def may_return_empty(visit: PunchoutSessionRow) -> bool:
    """In an edit, an empty cart deletes the buyer's lines; in a new cart there is nothing to say with it."""
    return visit.operation == Operation.EDIT


def return_cart(tx: Session, gateway: Gateway, alive: Alive, viewed: ViewedCart) -> ReturnPost:
    """The form that takes the cart home. The caller has judged `viewed` and saw that it is what the shopper saw.

    Raises Refusal CONFLICT when the session has ended meanwhile."""
    visit, now = alive.visit, gateway.clock.now()
    cxml = settings_of(alive.partner, "cxml", CxmlSettings)
    if not visits.end(tx, visit, SessionState.RETURNED, now):
        raise Refusal(No.CONFLICT, "This cart has been returned or cancelled already.")
    made = _cart(visit, viewed, cxml)
    tx.add(
        ReturnedCartRow(
            id=gateway.ids(),
            session_id=visit.id,
            realm=visit.realm,
            customer_id=visit.customer_id,
            operation_allowed=made.operation_allowed,
            cart=to_json(made).decode(),
            at=now,
        )
    )
    return _post(gateway, visit, cxml, made)


def leave(tx: Session, gateway: Gateway, alive: Alive) -> ReturnPost:
    """The form that says that nothing changes: the buyer adds nothing, keeps the cart that was edited or looked at.

    Raises Refusal CONFLICT when the session has ended meanwhile."""
    visit = alive.visit
    cxml = settings_of(alive.partner, "cxml", CxmlSettings)
    if not visits.end(tx, visit, SessionState.CANCELLED, gateway.clock.now()):
        raise Refusal(No.CONFLICT, "This cart has been returned or cancelled already.")
    request = from_json(visit.request, PunchoutRequest)
    unchanged = Cart(
        buyer_cookie=request.buyer_cookie,
        cookie_markup=request.cookie_markup,
        operation_allowed=cxml.operation_allowed,
        total=Money(amount=Decimal(0), currency=visit.currency),
        unchanged=True,
    )
    return _post(gateway, visit, cxml, unchanged)


def _cart(visit: PunchoutSessionRow, viewed: ViewedCart, cxml: CxmlSettings) -> Cart:
    request = from_json(visit.request, PunchoutRequest)
    return Cart(
        buyer_cookie=request.buyer_cookie,
        cookie_markup=request.cookie_markup,
        operation_allowed=cxml.operation_allowed,
        total=viewed.total,
        lines=tuple(_line(line, cxml) for line in viewed.lines),
    )


def _line(line: ViewedLine, cxml: CxmlSettings) -> CartLine:
    """Only lines that `judge` let pass come here: they have an offer and a price."""
    assert line.offer is not None
    assert line.price is not None
    item = line.offer.item
    classifications = (Classification(scheme="UNSPSC", code=item.unspsc),) if item.unspsc else ()
    return CartLine(
        quantity=Quantity(amount=line.row.quantity, unit=item.unit),
        item=ItemRef(
            supplier_id=item.sku,
            supplier_auxiliary_id=line.row.auxiliary_id,
            auxiliary_markup=line.row.auxiliary_markup,
            buyer_id=line.came.item.buyer_id if line.came else None,
            manufacturer_id=item.manufacturer_part,
            manufacturer_name=item.manufacturer,
            gtin=item.gtin,
        ),
        description=ItemDescription(
            texts=(Text(text=line.offer.name, language=line.offer.language),),
            classifications=classifications,
            lead_days=item.lead_days,
        ),
        price=understood(line.price, item.unit, cxml.price_basis),
    )


def understood(price: Price, unit: str, reading: Literal["full", "quantity_only", "ignore"]) -> Price:
    """The same price in the form that this buyer reads aright (see CxmlSettings.price_basis). A price that has no
    exact form of that kind stays as it is."""
    factor, basis, amount = price.factor, price.basis, price.amount.amount
    if reading == "full" or (reading == "quantity_only" and factor == 1):
        return price
    if reading == "quantity_only":
        return Price(amount=Money(amount=amount * factor, currency=price.amount.currency), basis=basis, unit=unit)
    each = amount * factor / basis
    if each * basis != amount * factor:
        return price
    return Price(amount=Money(amount=each, currency=price.amount.currency))


def _post(gateway: Gateway, visit: PunchoutSessionRow, cxml: CxmlSettings, made: Cart) -> ReturnPost:
    answer_to = AnswerTo.read(visit.answer_to)
    us, them = (Credential(domain=name.scheme, identity=name.value) for name in (answer_to.ours, answer_to.theirs))
    envelope = Envelope(
        payload_id=f"{gateway.ids()}@{urlsplit(gateway.settings.url).hostname}",
        sent_at=gateway.clock.now(),
        from_=(us,),
        to=(them,),
        sender=(us,),
        test=visit.test,
        version=cxml.version,
        language=answer_to.language,
    )
    return punchout_order.return_post(made, envelope, visit.return_url, cxml.return_encoding)

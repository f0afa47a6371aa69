"""The shopper goes home: with the cart, or without a change. Either ends the session, and only one of them, once."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from sqlmodel import Session, select

from app.catalog.cart import Problem, ViewedCart, ViewedLine
from app.errors import No, Refusal
from app.flows import visit as visits
from app.flows.visit import Alive, Dead
from app.gateway import Gateway
from app.partners.identify import AnswerTo
from app.partners.profile import settings_of
from app.partners.shop import Rule, ShopSettings, shop_settings
from app.storage import ledger, returned_carts
from app.storage.exchanges import Direction, ExchangeState
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


def return_cart(tx: Session, gateway: Gateway, alive: Alive, viewed: ViewedCart, *, form_key: str) -> ReturnPost:
    """The form that takes the cart home. The caller has judged `viewed` and saw that it is what the shopper saw.

    Raises Refusal CONFLICT when the session has ended meanwhile."""
    made = _cart(alive.visit, viewed, settings_of(alive.partner, "cxml", CxmlSettings))
    message = _end(tx, gateway, alive, SessionState.RETURNED, form_key)
    _record(tx, gateway, alive, message, made)
    row = ReturnedCartRow(
        id=gateway.ids(),
        session_id=alive.visit.id,
        realm=alive.visit.realm,
        customer_id=alive.visit.customer_id,
        operation_allowed=made.operation_allowed,
        cart=to_json(made).decode(),
        cookie_sha256=returned_carts.digest(made.buyer_cookie),
        at=message.at,
    )
    tx.add(row)
    returned_carts.keep_lines(tx, row.id, made)
    return _post(alive, message, made)


def leave(tx: Session, gateway: Gateway, alive: Alive, *, form_key: str) -> ReturnPost:
    """The form that says that nothing changes: the buyer adds nothing, keeps the cart that was edited or looked at.

    Raises Refusal CONFLICT when the session has ended meanwhile."""
    message, made = _end(tx, gateway, alive, SessionState.CANCELLED, form_key), _unchanged(alive)
    _record(tx, gateway, alive, message, made)
    return _post(alive, message, made)


def pressed_twice(tx: Session, gateway: Gateway, dead: Dead, form_key: str) -> ReturnPost | None:
    """The same form again, byte for byte, for the second half of a double press; None for every other late press."""
    if not visits.pressed_twice(dead, form_key, gateway.clock.now()):
        return None
    visit, partner = dead.visit, dead.partner
    assert visit is not None
    assert partner is not None
    assert visit.message_id is not None
    assert visit.ended_at is not None
    alive = Alive(visit, partner)
    returned = tx.exec(select(ReturnedCartRow).where(ReturnedCartRow.session_id == visit.id)).first()
    made = from_json(returned.cart, Cart) if returned is not None else _unchanged(alive)
    return _post(alive, _Message(visit.message_id, visit.ended_at), made)


@dataclass(frozen=True, slots=True)
class _Message:
    id: str
    at: datetime


def _end(tx: Session, gateway: Gateway, alive: Alive, state: SessionState, form_key: str) -> _Message:
    host = urlsplit(gateway.settings.url).hostname
    message = _Message(f"{gateway.ids()}@{host}", gateway.clock.now())
    if not visits.end(tx, alive.visit, state, message.at, form_key=form_key, message_id=message.id):
        raise Refusal(No.CONFLICT, "This cart has been returned or cancelled already.")
    return message


def _unchanged(alive: Alive) -> Cart:
    request = from_json(alive.visit.request, PunchoutRequest)
    return Cart(
        buyer_cookie=request.buyer_cookie,
        cookie_markup=request.cookie_markup,
        operation_allowed=settings_of(alive.partner, "cxml", CxmlSettings).operation_allowed,
        total=Money(amount=Decimal(0), currency=alive.visit.currency),
        unchanged=True,
    )


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


def _post(alive: Alive, message: _Message, made: Cart) -> ReturnPost:
    cxml = settings_of(alive.partner, "cxml", CxmlSettings)
    return punchout_order.return_post(
        made, _envelope(alive.visit, message, cxml), alive.visit.return_url, cxml.return_encoding
    )


def _record(tx: Session, gateway: Gateway, alive: Alive, message: _Message, made: Cart) -> None:
    """The message in the ledger."""
    visit = alive.visit
    body = punchout_order.write(made, _envelope(visit, message, settings_of(alive.partner, "cxml", CxmlSettings)))
    exchange_id = gateway.ids()
    values: dict[str, Any] = {
        "id": exchange_id,
        "realm": visit.realm,
        "direction": Direction.OUT,
        "partner_id": visit.partner_id,
        "customer_id": visit.customer_id,
        "transport": "browser",
        "remote": urlsplit(visit.return_url).hostname,
        "protocol": "cxml",
        "kind": punchout_order.KIND,
        "control_id": message.id,
        "state": ExchangeState.CARRIED,
        "test": visit.test,
        "media_type": "text/xml; charset=UTF-8",
        "faults": [],
        "correlation_id": visit.correlation_id,
        "caused_kind": "punchout_session",
        "caused_id": visit.id,
        "at": message.at,
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    ledger.put_exchange(tx, values, ledger.seal_exchange(gateway.keys, exchange_id, body))


def _envelope(visit: PunchoutSessionRow, message: _Message, cxml: CxmlSettings) -> Envelope:
    answer_to = AnswerTo.read(visit.answer_to)
    us, them = (Credential(domain=name.scheme, identity=name.value) for name in (answer_to.ours, answer_to.theirs))
    return Envelope(
        payload_id=message.id,
        sent_at=message.at,
        from_=(us,),
        to=(them,),
        sender=(us,),
        test=visit.test,
        version=cxml.version,
        language=answer_to.language,
    )

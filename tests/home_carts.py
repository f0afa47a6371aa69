"""Carts that a customer took home from our shop, and orders as the buyer's system makes them of a cart."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from approval_orders import order
from order_desk import Desk
from sqlmodel import Session, select

from app.catalog import cart
from app.catalog.items import Audience, find
from app.flows import return_cart as going_home
from app.flows import visit as visits
from app.flows.open_punchout import open_punchout
from app.flows.visit import Alive, Begun
from app.storage.partners import PartnerRow
from app.storage.sessions import ReturnedCartRow
from schemas.base import from_json
from schemas.cart import Cart, CartLine
from schemas.money import Money
from schemas.order import Order, OrderLine, OrderTotals
from schemas.punchout import Operation, PunchoutRequest


def bring_home(desk: Desk, wanted: dict[str, str] | None = None, **asked: Any) -> Cart:
    """A cart with these quantities by SKU, through a visit from its setup request to its return; in an edit what came
    in its lines, changed to them."""
    gateway, now = desk.gateway, desk.gateway.clock.now()
    fields: dict[str, Any] = {
        "operation": Operation.CREATE,
        "buyer_cookie": "c-1",
        "return_url": "https://b.example/in",
    }
    request = PunchoutRequest(**{**fields, **asked})
    audience = Audience.of(desk.customer)

    def visit(tx: Session) -> str:
        partner = tx.get_one(PartnerRow, desk.partner.id)
        partner.return_hosts = ["b.example"]
        start = open_punchout(tx, gateway, replace(desk.caller(), partner=partner), request, None).start_url
        begun = visits.begin(tx, gateway, start.rpartition("/")[2], browser="x", speak=lambda _: "en")
        assert isinstance(begun, Begun)
        for sku, quantity in (wanted or {}).items():
            offer = find(tx, audience, sku, now)
            assert offer is not None
            lines = {row.sku: row for row in cart.lines_of(tx, begun.visit)}
            if sku in lines:
                cart.set_quantities(tx, begun.visit, {lines[sku].id: Decimal(quantity)})
            else:
                cart.put(tx, begun.visit, offer, Decimal(quantity), f"key-{sku}")
        alive = visits.find(tx, begun.token, now, lock=True)
        assert isinstance(alive, Alive)
        going_home.return_cart(tx, gateway, alive, cart.view(tx, alive.visit, audience, now), form_key="home")
        return begun.visit.id

    visit_id = desk.write(visit)
    with gateway.database.read() as session:
        row = session.exec(select(ReturnedCartRow).where(ReturnedCartRow.session_id == visit_id)).one()
    return from_json(row.cart, Cart)


def ordered(line: CartLine, number: int, **changes: Any) -> OrderLine:
    """The line as buyers' systems send it in the order."""
    fields: dict[str, Any] = {
        "quantity": line.quantity,
        "item": line.item,
        "description": line.description,
        "price": line.price,
    }
    return OrderLine(number=number, **{**fields, **changes})


def order_of(*lines: OrderLine, **more: Any) -> Order:
    total = sum((line.amount() or Decimal(0) for line in lines), Decimal(0))
    stated = OrderTotals(total=Money(amount=total, currency="EUR").rounded())
    return order(*lines, **{"totals": stated, **more})


def whole(cart: Cart, **more: Any) -> Order:
    return order_of(*(ordered(line, number) for number, line in enumerate(cart.lines, 1)), **more)

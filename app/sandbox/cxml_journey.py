"""The journey `cxml`: a buyer punches out, shops, takes the cart home and orders; people approve; the ERP has it; the
buyer hears the outcome. Everything goes over HTTP, and the virtual ERP is asked what it really has."""

import secrets
from decimal import Decimal
from typing import Final

import msgspec

from app.sandbox.access import DemoAccess
from app.sandbox.approver import Approver
from app.sandbox.buyer import VirtualBuyer
from app.sandbox.demo_data import APPROVAL_LIMIT
from app.sandbox.ordering import Ordering, Sent, amount_of, totalled
from app.sandbox.shopper import Returned, Shopper
from app.sandbox.transcript import Transcript
from protocols.cxml import profile
from schemas.cart import Cart, CartLine
from schemas.order import Change, Order, OrderLine
from schemas.order_reply import Answer
from schemas.punchout import Operation, PunchoutRequest

OFFERED: Final = ("ProfileRequest", "PunchOutSetupRequest", "OrderRequest")
COOKIE: Final = ' r7&x<"quoted"> '
FEW: Final = Decimal(2)
DOZENS: Final = Decimal(24)
DEAR: Final = "TO-2010"
MANY: Final = Decimal(20)


def run(transcript: Transcript, access: DemoAccess) -> None:
    """Raises StepFailed, Stuck or httpx.HTTPError where something is not as it should be."""
    journey = _Journey(transcript, access)
    try:
        journey.knock()
        cart = journey.shop()
        cart = journey.edit(cart)
        journey.look(cart)
        small = journey.order_within_limit(cart)
        journey.say_it_again(small)
        big = journey.shop_for_more()
        journey.approve(big)
        journey.refuse(big)
        journey.change_and_cancel(small)
        journey.check_erp()
    finally:
        journey.close()


class _Journey:
    def __init__(self, transcript: Transcript, access: DemoAccess) -> None:
        self.told = transcript
        self.access = access
        self.ordering = Ordering(transcript, access)
        self.buyer = self.ordering.buyer
        self.erp = self.ordering.erp
        self.home = f"http://localhost:{self.ordering.inbox.port}/cart?session=9&step=2"

    def close(self) -> None:
        self.ordering.close()

    # Knocking

    def knock(self) -> None:
        told = self.told
        told.step("Profile: what may be sent here")
        reply, offered = self.buyer.ask_profile()
        told.equal("Status", reply.code, 200)
        names = {transaction.name for transaction in told.there("a profile", offered, _names).transactions}
        told.check(f"offers {', '.join(OFFERED)}", names >= set(OFFERED), names)
        told.step("A wrong secret and a stranger get the same answer")
        wrong = self.buyer.post(profile.write_request(self.buyer.envelope(secret=secrets.token_hex(8))))
        stranger = VirtualBuyer(
            msgspec.structs.replace(
                self.access.cxml, sender=msgspec.structs.replace(self.access.cxml.sender, identity="NOBODY")
            )
        )
        unknown, _ = stranger.ask_profile()
        stranger.close()
        told.equal("wrong secret: HTTP and Status", (wrong.http, wrong.code), (200, 401))
        told.equal("stranger: HTTP and Status", (unknown.http, unknown.code), (200, 401))
        told.equal("the same text", unknown.cxml, wrong.cxml)

    # Shopping

    def shop(self) -> Cart:
        told = self.told
        told.step("PunchOutSetupRequest create, and a shopper without cookies or script")
        shopper = self._enter(Operation.CREATE)
        found = shopper.search("hexagon screw")
        told.check(f"a search finds {', '.join(found)}", len(found) > 0, found)
        shopper.add(found[0], FEW)
        found = shopper.search("gloves")
        told.check(f"another finds {', '.join(found)}", len(found) > 0, found)
        shopper.add(found[0], DOZENS)
        shopper.open_cart()
        returned = shopper.return_cart()
        cart = self._returned(returned, Operation.CREATE)
        told.equal("lines", len(cart.lines), 2)
        told.check(
            "every line has part id, auxiliary id, price, unit and UNSPSC",
            all(map(_complete, cart.lines)),
            cart.lines,
        )
        total = sum((amount_of(line) for line in cart.lines), Decimal(0))
        told.equal("the total is the sum of the lines", cart.total.amount, total)
        told.step("The session is over, and the start page was good for one visit")
        told.equal("HTTP of a late click", shopper.browser.get(f"{shopper.prefix}cart").status, 410)
        told.equal("HTTP of the start page, again", shopper.browser.get(shopper.start_url).status, 410)
        shopper.close()
        return cart

    def shop_for_more(self) -> Cart:
        self.told.step(f"Another cart, above {APPROVAL_LIMIT}")
        shopper = self._enter(Operation.CREATE)
        shopper.search(DEAR)
        shopper.add(DEAR, MANY)
        shopper.open_cart()
        cart = self._returned(shopper.return_cart(), Operation.CREATE)
        shopper.close()
        self.told.check(f"worth more than {APPROVAL_LIMIT}", cart.total.amount > Decimal(APPROVAL_LIMIT), cart.total)
        return cart

    def edit(self, cart: Cart) -> Cart:
        told = self.told
        told.step("PunchOutSetupRequest edit: the cart of before, changed and returned")
        shopper = self._enter(Operation.EDIT, cart)
        shopper.set_quantity(0, FEW + 1)
        edited = self._returned(shopper.return_cart(), Operation.EDIT)
        shopper.close()
        told.equal("auxiliary ids stay", _auxiliary_ids(edited), _auxiliary_ids(cart))
        told.equal("quantities", _quantities(edited), [FEW + 1, *_quantities(cart)[1:]])
        told.step("PunchOutSetupRequest edit, cancelled: Status 204 and no lines")
        shopper = self._enter(Operation.EDIT, edited)
        left = shopper.leave().cart
        shopper.close()
        told.check("the cart is unchanged", left.unchanged and not left.lines, left)
        return edited

    def look(self, cart: Cart) -> None:
        told = self.told
        told.step("PunchOutSetupRequest inspect: to be seen, not changed")
        shopper = self._enter(Operation.INSPECT, cart)
        names = {name for form in shopper.page.forms for name in form.names}
        told.check("no field for a quantity", not any(name.startswith("quantity") for name in names), names)
        left = shopper.leave().cart
        shopper.close()
        told.check("nothing comes back", not left.lines, left.lines)

    def _enter(self, operation: Operation, cart: Cart | None = None) -> Shopper:
        before = cart.lines if cart else ()
        lines = tuple(CartLine(number=n, quantity=line.quantity, item=line.item) for n, line in enumerate(before, 1))
        request = PunchoutRequest(
            operation=operation, buyer_cookie=COOKIE, return_url=self.home, language="en", lines=lines
        )
        reply, start = self.buyer.punch_out(request)
        self.told.equal("Status", reply.code, 200)
        start = self.told.there("a start page", start)
        shopper = Shopper(start)
        self.told.equal("HTTP of the shop", shopper.page.status, 200)
        return shopper

    def _returned(self, returned: Returned, operation: Operation) -> Cart:
        told = self.told
        told.equal("the cart goes to", returned.url, self.home)
        told.equal("the buyer's cookie comes back", returned.cart.buyer_cookie, COOKIE)
        told.tell(f"{operation.value}: {len(returned.cart.lines)} lines, {returned.cart.total}")
        return returned.cart

    # Ordering

    def order_within_limit(self, cart: Cart) -> Sent:
        told = self.told
        told.step(f"OrderRequest within {APPROVAL_LIMIT} {cart.total.currency}: taken at once")
        sent = self.ordering.send(self._order("A", cart))
        told.equal("Status", sent.reply.code, 200)
        self.ordering.is_in_erp(sent.order)
        self.ordering.confirmed(sent.order, Answer.ACCEPT)
        return sent

    def say_it_again(self, sent: Sent) -> None:
        told = self.told
        told.step("The same document again: the same answer, byte for byte")
        again = self.buyer.post(sent.body)
        told.check("the answer is the same", again.body == sent.reply.body, again)
        told.step("Another document under the same payloadID: a conflict")
        other = self.buyer.post(sent.body.replace(sent.order.id.encode(), f"{sent.order.id}X".encode()))
        told.equal("Status", other.code, 409)
        told.equal("orders in the ERP", len(self.erp.orders(sent.order.id)), 1)

    def approve(self, cart: Cart) -> None:
        told = self.told
        told.step("OrderRequest over the limit: 201, and a person is asked")
        sent = self.ordering.send(self._order("B", cart))
        told.equal("Status", sent.reply.code, 201)
        told.equal("orders in the ERP", len(self.erp.orders(sent.order.id)), 0)
        with self._approver() as approver:
            told.check("the approver sees what it is about", approver.opens(sent.order.id), approver.page.title)
            approver.approve()
        self.ordering.is_in_erp(sent.order)
        self.ordering.status(sent, 200)

    def refuse(self, cart: Cart) -> None:
        told = self.told
        told.step("Another one, which the approver refuses")
        sent = self.ordering.send(self._order("C", cart))
        told.equal("Status", sent.reply.code, 201)
        reason = "Please order from the framework contract."
        with self._approver() as approver:
            told.check("the approver sees what it is about", approver.opens(sent.order.id), approver.page.title)
            approver.reject(reason)
        self.ordering.refused(sent, reason)

    def change_and_cancel(self, first: Sent) -> None:
        told = self.told
        told.step("OrderRequest update: the ERP follows")
        changed = self._changed(first, Change.UPDATE, FEW + 2)
        sent = self.ordering.send(changed)
        told.equal("Status", sent.reply.code, 200)
        self.ordering.is_in_erp(changed)
        told.step("OrderRequest delete: cancelled in the ERP")
        cancelled = self.ordering.send(self._changed(sent, Change.DELETE, FEW + 2))
        told.equal("Status", cancelled.reply.code, 201)
        found = self.erp.wait_for(first.order.id, lambda order: order.state == "cancelled")
        told.there("cancelled in the ERP", found, lambda order: order.number)
        self.ordering.status(cancelled, 200)
        told.step("Changing an order that nobody knows: 417")
        unknown = msgspec.structs.replace(changed, id=f"PO-{self.ordering.mark}-NONE", previous_document_id=None)
        told.equal("Status", self.ordering.send(unknown).reply.code, 417)

    def check_erp(self) -> None:
        self.told.step("Nothing is in the ERP twice")
        self.told.equal("doubles", self.erp.doubles(), 0)

    def _approver(self) -> Approver:
        return Approver(self.access.base_url, self.access.user("approver"))

    def _order(self, letter: str, cart: Cart) -> Order:
        lines = (
            OrderLine(
                number=number,
                quantity=line.quantity,
                item=line.item,
                description=line.description,
                price=line.price,
            )
            for number, line in enumerate(cart.lines, start=1)
        )
        return self.ordering.order(letter, lines, cart.total.currency)

    def _changed(self, before: Sent, change: Change, quantity: Decimal) -> Order:
        first, *rest = before.order.lines
        first = msgspec.structs.replace(first, quantity=msgspec.structs.replace(first.quantity, amount=quantity))
        return totalled(
            msgspec.structs.replace(
                before.order,
                change=change,
                lines=(first, *rest),
                version=(before.order.version or 0) + 1,
                previous_document_id=before.payload_id,
            )
        )


def _names(offered: profile.Profile) -> str:
    return ", ".join(transaction.name for transaction in offered.transactions)


def _complete(line: CartLine) -> bool:
    described = line.description is not None and bool(line.description.classifications)
    item = line.item
    return bool(item.supplier_id and item.supplier_auxiliary_id and line.quantity.unit and line.price and described)


def _auxiliary_ids(cart: Cart) -> list[str | None]:
    return [line.item.supplier_auxiliary_id for line in cart.lines]


def _quantities(cart: Cart) -> list[Decimal]:
    return [line.quantity.amount for line in cart.lines]

"""Somebody who shops with us from within a procurement system: no script, no cookie, only pages and their forms."""

from dataclasses import dataclass
from decimal import Decimal

from app.sandbox.browser import Browser, Form, Page
from protocols.cxml import punchout_order
from protocols.cxml.documents import receive
from schemas.cart import Cart


class Stuck(Exception):
    """A page does not offer what a shopper needs next."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What the browser would post to the buyer: where to, the fields, and the cart in them."""

    url: str
    fields: dict[str, str]
    cart: Cart


class Shopper:
    def __init__(self, start_url: str) -> None:
        self.browser = Browser(cookies=False)
        self.start_url = start_url
        self.page = self.browser.get(start_url)

    def close(self) -> None:
        self.browser.close()

    @property
    def prefix(self) -> str:
        """The address below which this visit's pages are: `.../p/{token}/`."""
        before, _, after = self.page.url.partition("/p/")
        return f"{before}/p/{after.partition('/')[0]}/"

    def search(self, words: str) -> list[str]:
        """The product numbers found, in their order."""
        self.page = self.browser.submit(self._form("q"), {"q": words})
        return [form.values["sku"] for form in self.page.forms if form.has("sku", "quantity")]

    def add(self, sku: str, quantity: Decimal) -> None:
        """From the page that shows it. Raises Stuck when it is not there, or the shop does not sell that quantity."""
        for form in self.page.forms:
            if form.values.get("sku") == sku:
                self.page = self.browser.submit(form, {"quantity": f"{quantity:f}"})
                if self.page.alert:
                    raise Stuck(f"{sku} was not added: {self.page.alert}")
                return
        raise Stuck(f"{sku} cannot be added on {self.page.title!r}")

    def open_cart(self) -> Page:
        links = self.page.links("/cart")
        if not links:
            raise Stuck(f"no link to the cart on {self.page.title!r}")
        self.page = self.browser.get(links[0])
        return self.page

    def set_quantity(self, position: int, quantity: Decimal) -> None:
        """Of a line of the cart that is open."""
        form = self._form("version")
        names = [name for name in form.values if name.startswith("quantity-")]
        self.page = self.browser.submit(form, {names[position]: f"{quantity:f}"})

    def return_cart(self) -> Returned:
        """Ticks the box that remarks ask for."""
        form = self._form("version")
        if not form.targets:
            raise Stuck(f"the cart cannot be returned from {self.page.title!r}")
        ticked = {"seen": "yes"} if form.has("seen") else {}
        self.page = self.browser.submit(form, ticked, to=form.targets[0])
        return self._returned()

    def leave(self) -> Returned:
        """Cancel, and yes to the question whether the cart may be lost."""
        self.page = self.browser.submit(self._form(action="/leave"))
        if (question := self.page.form("key", action="/leave")) is not None:
            self.page = self.browser.submit(question, {"sure": "yes"})
        return self._returned()

    def _form(self, *names: str, action: str = "") -> Form:
        form = self.page.form(*names, action=action)
        if form is None:
            raise Stuck(f"no form with {', '.join(names) or action} on {self.page.title!r} (HTTP {self.page.status})")
        return form

    def _returned(self) -> Returned:
        for form in self.page.forms:
            if form.has("cxml-base64") or form.has("cxml-urlencoded"):
                document = receive(punchout_order.from_form(form.values.items())).document
                if isinstance(document, Cart):
                    return Returned(form.url, form.values, document)
        raise Stuck(f"no cart comes back on {self.page.title!r} (HTTP {self.page.status}): {self.page.text[:200]}")

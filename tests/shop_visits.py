"""A shop with the demo catalog, a buyer who punches out to it, and a shopper's browser without cookies."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
from lxml import html
from starlette.applications import Starlette

from app.catalog.demo import demo_files
from app.catalog.load import import_files
from app.flows.open_punchout import open_punchout
from app.gateway import Gateway
from app.partners.identify import AnswerTo, Caller
from app.partners.profile import add_partner
from app.storage.base import LIVE, new_id
from app.storage.customers import CustomerRow
from app.storage.partners import PartnerRow
from app.web.routes import assemble
from protocols.cxml import punchout_order
from protocols.cxml.envelope import Opened, open_document
from schemas.cart import Cart, CartLine
from schemas.item import ItemDescription, ItemRef, Price, Quantity, Text
from schemas.money import Money
from schemas.party import Identifier
from schemas.punchout import Operation, PunchoutRequest

US = Identifier(scheme="NetworkId", value="CROSSDOCK")
BUYER = "https://buyer.example"
RETURN_URL = f"{BUYER}/punchout/return?session=4711&lang=en"


@dataclass
class BuyerSide:
    """One buyer as a connection and a customer of ours."""

    gateway: Gateway
    partner: PartnerRow
    customer: CustomerRow
    theirs: Identifier

    def punch_out(self, operation: str = "create", **more: Any) -> str:
        """The start URL for a setup request of this buyer."""
        fields: dict[str, Any] = {"buyer_cookie": "cookie-1", "return_url": RETURN_URL, "language": "en-US"}
        request = PunchoutRequest(operation=Operation(operation), **{**fields, **more})
        invitation = self.gateway.database.write(
            lambda tx: open_punchout(tx, self.gateway, self.caller(), request, exchange_id=None)
        )
        return invitation.start_url

    def caller(self) -> Caller:
        return Caller(
            realm=LIVE,
            partner=self.partner,
            customer=self.customer,
            sender=self.theirs,
            answer_to=AnswerTo(ours=US, theirs=self.theirs, language="en"),
            correlation_id=new_id(),
        )

    def agree(self, **values: Any) -> None:
        """Changes the partner's record."""

        def work(tx: Any) -> PartnerRow:
            row = tx.get_one(PartnerRow, self.partner.id)
            for name, value in values.items():
                setattr(row, name, value)
            tx.flush()
            return row

        self.partner = self.gateway.database.write(work)


def stock_shop(gateway: Gateway) -> None:
    gateway.database.write(lambda tx: import_files(tx, LIVE, demo_files(), gateway.clock.now()))


def add_buyer(
    gateway: Gateway,
    name: str = "atlas",
    *,
    price_list: str = "atlas",
    return_hosts: tuple[str, ...] = ("buyer.example",),
    settings: dict[str, Any] | None = None,
) -> BuyerSide:
    now = gateway.clock.now() - timedelta(days=1)
    theirs = Identifier(scheme="DUNS", value=f"1-{name}")

    def work(tx: Any) -> tuple[PartnerRow, CustomerRow]:
        customer = CustomerRow(
            realm=LIVE, number=name, name=f"Customer {name}", currency="EUR", price_list=price_list, created_at=now
        )
        tx.add(customer)
        tx.flush()
        partner = add_partner(
            tx,
            realm=LIVE,
            name=f"Connection {name}",
            now=now,
            senders=[theirs],
            buys_for=[(theirs, customer)],
            our_names=[US],
        )
        partner.return_hosts = list(return_hosts)
        partner.settings = settings or {}
        tx.flush()
        return partner, customer

    partner, customer = gateway.database.write(work)
    return BuyerSide(gateway, partner, customer, theirs)


def line(
    sku: str, quantity: str, auxiliary_id: str | None = None, text: str | None = None, price: str | None = None
) -> CartLine:
    """A line as buyers send it in an edit: item and quantity, seldom more. The price is in EUR."""
    return CartLine(
        quantity=Quantity(amount=Decimal(quantity)),
        item=ItemRef(supplier_id=sku, supplier_auxiliary_id=auxiliary_id),
        description=ItemDescription(texts=(Text(text=text),)) if text else None,
        price=Price(amount=Money(amount=Decimal(price), currency="EUR")) if price else None,
    )


def application(gateway: Gateway) -> Starlette:
    return assemble(gateway, allowed_hosts=("crossdock.example",))


@dataclass
class Shopper:
    """A browser without cookies and scripts that stands on one page."""

    app: Starlette
    answer: httpx.Response | None = None
    language: str = "en"
    seen: list[str] = field(default_factory=list)

    async def go(self, url: str, *, follow: bool = True, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.send("GET", url, follow=follow, headers=headers)

    async def post(self, path: str, *, follow: bool = True, **fields: str) -> httpx.Response:
        """Posts fields to a page of the visit."""
        return await self.send("POST", self.prefix + path, fields, follow=follow)

    async def add(self, sku: str, quantity: str = "1", **more: str) -> httpx.Response:
        fields = {"sku": sku, "quantity": quantity, "key": self.key, **more}
        return await self.post("add", **fields)

    async def quantities(
        self, path: str = "cart", *, change: dict[str, str] | None = None, **more: str
    ) -> httpx.Response:
        """Sends the cart form that this page shows, with the quantities of some SKUs changed."""
        fields = self.fields("cart")
        for sku, quantity in (change or {}).items():
            fields[f"quantity-{self.line_id(sku)}"] = quantity
        return await self.post(path, **{**fields, **more})

    async def send(
        self,
        method: str,
        url: str,
        fields: dict[str, str] | None = None,
        *,
        follow: bool = True,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        base = {"Accept-Language": self.language, "User-Agent": "Test browser", **(headers or {})}
        if method == "POST":
            base["Sec-Fetch-Site"] = "same-origin"
        async with httpx.AsyncClient(transport=transport, base_url="https://crossdock.example", headers=base) as client:
            answer = await client.request(method, url, data=fields, follow_redirects=follow)
        assert not answer.headers.get_list("set-cookie")
        self.answer = answer
        self.seen.append(answer.text)
        return answer

    @property
    def page(self) -> html.HtmlElement:
        assert self.answer is not None
        return html.document_fromstring(self.answer.text)

    @property
    def text(self) -> str:
        body = self.page.find("body")
        assert body is not None
        return " ".join(body.text_content().split())

    @property
    def prefix(self) -> str:
        assert self.answer is not None
        match = re.search(r"/p/[A-Za-z0-9_-]{43}/", str(self.answer.url) + self.answer.text)
        assert match, "not in the shop"
        return match[0]

    @property
    def key(self) -> str:
        return self.page.xpath("string(//input[@name='key']/@value)")

    def fields(self, form_class: str) -> dict[str, str]:
        """What the page's form of this class would send, without its buttons."""
        (form,) = self.page.xpath("//form[@class=$name]", name=form_class)
        return {name: value or "" for name, value in form.form_values()}

    def rows(self) -> list[str]:
        """The names in the list or cart that the page shows."""
        return [" ".join(h.text_content().split()) for h in self.page.xpath("//li[contains(@class,'row')]//h2")]

    def line_id(self, sku: str) -> str:
        path = "string(//li[contains(@class,'line')][.//p[contains(@class,'facts')]/span[text()=$sku]]/@id)"
        return self.page.xpath(path, sku=sku).removeprefix("line-")


def returned(answer: httpx.Response) -> Opened:
    """The cXML message in the return page that posts itself."""
    (form,) = html.document_fromstring(answer.text).forms
    fields = dict(form.form_values())
    return open_document(punchout_order.from_form(fields.items()))


def returned_cart(answer: httpx.Response) -> Cart:
    return punchout_order.read(returned(answer))

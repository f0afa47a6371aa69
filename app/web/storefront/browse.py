"""Looking for products, looking at one, and putting it into the cart."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.catalog import cart
from app.catalog.cart import Put, QuantityFault, quantity_fault
from app.catalog.items import find
from app.catalog.search import search
from app.flows import visit as visits
from app.flows.visit import Dead
from app.gateway import Gateway
from app.web.endpoint import gateway_of
from app.web.forms import Form, FormLimits, read_form
from app.web.storefront import quantities
from app.web.storefront.guard import dead_page
from app.web.storefront.page import Shop, audience_of, language_of, prefix
from app.web.storefront.texts import FAULT_TEXTS
from schemas.base import from_json
from schemas.punchout import PunchoutRequest

PAGE_SIZE: Final = 20
LONGEST_QUERY: Final = 200
LAST_PAGE: Final = 500
ADD_FORM: Final = FormLimits(fields=10, size=1_000)


@dataclass(frozen=True, slots=True)
class Where:
    """Which part of the catalog a page shows, as it stands in the page's address."""

    query: str = ""
    shelf: str | None = None
    number: int = 1

    @staticmethod
    def read(query: str, shelf: str, number: str) -> "Where":
        page_number = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 1
        return Where(query.strip()[:LONGEST_QUERY], shelf[:50] or None, min(max(page_number, 1), LAST_PAGE))

    def address(self, **more: str) -> str:
        fields = {"q": self.query, "shelf": self.shelf or "", "page": str(self.number) if self.number > 1 else ""}
        named = {name: value for name, value in {**fields, **more}.items() if value}
        return f"?{urlencode(named)}" if named else ""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A quantity that could not be added, to be shown beside its field as it was typed."""

    sku: str
    typed: str
    text: str


def entrance(request: Request) -> Response:
    """The catalog: all of it, a shelf, or what a search finds."""
    asked = request.query_params
    where = Where.read(asked.get("q", ""), asked.get("shelf", ""), asked.get("page", ""))
    with gateway_of(request).database.read() as session:
        return _listing(Shop(request, session), where)


def _listing(shop: Shop, where: Where, wrong: Wrong | None = None) -> Response:
    found = search(
        shop.session,
        shop.audience,
        where.query,
        at=shop.gateway.clock.now(),
        category=where.shelf,
        offset=(where.number - 1) * PAGE_SIZE,
        limit=PAGE_SIZE,
    )
    context = {
        "query": where.query,
        "shelf": where.shelf,
        "where": where,
        "found": found,
        "pages": -(-found.total // PAGE_SIZE),
        "wrong": wrong,
        "just_added": shop.request.query_params.get("sku") if wrong is None else None,
        "everywhere": Where(query=where.query),
    }
    return shop.page("storefront/list.html", context, status=400 if wrong else 200)


def item(request: Request) -> Response:
    with gateway_of(request).database.read() as session:
        return _item_page(Shop(request, session), request.path_params["sku"])


def _item_page(shop: Shop, sku: str, wrong: Wrong | None = None) -> Response:
    offer = find(shop.session, shop.audience, sku, shop.gateway.clock.now())
    if offer is None:
        return shop.page("storefront/no_item.html", {}, status=404)
    return shop.page("storefront/item.html", {"offer": offer, "wrong": wrong}, status=400 if wrong else 200)


def selected(request: Request) -> Response:
    """What the setup request named: an item, a shelf, or else a search for it."""
    with gateway_of(request).database.read() as session:
        shop = Shop(request, session)
        asked = from_json(shop.visit.request, PunchoutRequest).selected
        named = (asked.supplier_id if asked else None) or ""
        if find(session, shop.audience, named, shop.gateway.clock.now()) is not None:
            target = f"item/{quote(named, safe='')}"
        elif named in shop.shelves:
            target = Where(shelf=named).address()
        else:
            target = Where(query=named[:LONGEST_QUERY]).address()
    return RedirectResponse(prefix(request) + target, status_code=303)


async def add(request: Request) -> Response:
    """Puts something into the cart and goes back to where the shopper was."""
    form = await read_form(request, ADD_FORM)
    gateway = gateway_of(request)
    sku, typed = form.text("sku"), form.text("quantity")
    quantity = quantities.read(typed, language_of(request))
    outcome = await gateway.database.awrite(
        lambda tx: _put(tx, gateway, request.path_params["token"], sku, quantity, form.text("key"))
    )
    if isinstance(outcome, Dead):
        return await dead_page(request, outcome, what="shop_token")
    if isinstance(outcome, QuantityFault):
        return await run_in_threadpool(_with_fault, request, form, Wrong(sku, typed, FAULT_TEXTS[outcome]))
    note = outcome.value if outcome is not None else "gone"
    return RedirectResponse(_back(request, form, note), status_code=303)


def _put(
    tx: Session, gateway: Gateway, token: str, sku: str, quantity: Decimal | None, key: str
) -> Put | QuantityFault | Dead | None:
    """None: the item is not there for this customer."""
    now = gateway.clock.now()
    found = visits.find(tx, token, now, lock=True)
    if isinstance(found, Dead):
        return found
    offer = find(tx, audience_of(found.visit), sku, now)
    if offer is None:
        return None
    if quantity is None:
        return QuantityFault.NOT_A_NUMBER
    return quantity_fault(offer, quantity) or cart.put(tx, found.visit, offer, quantity, key[:64])


def _with_fault(request: Request, form: Form, wrong: Wrong) -> Response:
    with gateway_of(request).database.read() as session:
        shop = Shop(request, session)
        if form.text("from") == "item":
            return _item_page(shop, wrong.sku, wrong)
        return _listing(shop, _where(form), wrong)


def _where(form: Form) -> Where:
    return Where.read(form.text("q"), form.text("shelf"), form.text("page"))


def _back(request: Request, form: Form, note: str) -> str:
    sku = form.text("sku")
    if form.text("from") == "item":
        return f"{prefix(request)}item/{quote(sku, safe='')}?{urlencode({'note': note})}"
    return f"{prefix(request)}{_where(form).address(note=note, sku=sku)}#{quote('row-' + sku, safe='')}"

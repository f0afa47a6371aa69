"""What every page of the shop has: the bar with the cart, the prefix of all links, the shopper's language."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.catalog import cart
from app.catalog.cart import ViewedCart
from app.catalog.items import Audience, Shelf, shelves
from app.flows.visit import Alive
from app.gateway import Gateway
from app.storage.sessions import PunchoutSessionRow
from app.web.endpoint import gateway_of
from app.web.storefront import quantities, texts
from app.web.storefront.guard import alive_of
from app.web.views import page
from schemas.punchout import Operation


@dataclass
class Shop:
    """One request of a shopper, over one reading session."""

    request: Request
    session: Session

    @cached_property
    def gateway(self) -> Gateway:
        return gateway_of(self.request)

    @cached_property
    def alive(self) -> Alive:
        return alive_of(self.request)

    @property
    def visit(self) -> PunchoutSessionRow:
        return self.alive.visit

    @cached_property
    def audience(self) -> Audience:
        return audience_of(self.visit)

    @cached_property
    def cart(self) -> ViewedCart:
        return cart.view(self.session, self.visit, self.audience, self.gateway.clock.now())

    @cached_property
    def shelves(self) -> dict[str, Shelf]:
        return shelves(self.session, self.audience)

    def page(self, template: str, context: Mapping[str, Any], *, status: int = 200) -> Response:
        """Renders with what all pages need. `notice` is a name of `texts.NOTICES`, from the address: others are not
        shown."""
        notice = context.get("notice", self.request.query_params.get("note"))
        shared = {
            "prefix": prefix(self.request),
            "visit": self.visit,
            "editing": self.visit.operation == Operation.EDIT,
            "inspecting": self.visit.operation == Operation.INSPECT,
            "cart": self.cart,
            "in_cart": {line.row.sku: line.row.quantity for line in self.cart.lines},
            "shelves": self.shelves,
            "form_key": secrets.token_urlsafe(12),
            "unit_words": texts.unit_words,
            "typed_quantity": partial(quantities.shown, language=language_of(self.request)),
            "query": "",
            "shelf": None,
            **context,
            "notice": texts.NOTICES.get(notice or ""),
        }
        return page(self.request, template, shared, language=self.visit.language, status=status)


def audience_of(visit: PunchoutSessionRow) -> Audience:
    language = (visit.language or "en").partition("-")[0]
    return Audience(visit.realm, visit.price_list, language)


def language_of(request: Request) -> str:
    return alive_of(request).visit.language or "en"


def prefix(request: Request) -> str:
    """The path that all links of this visit begin with."""
    return f"/p/{request.path_params['token']}/"

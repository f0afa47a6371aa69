"""The demo's buyer, for whoever tries the server by hand: the page where carts come home, and the address where
confirmations and status updates arrive. It keeps the last of them, in memory."""

import re
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox.buyer import MEDIA_TYPE
from app.storage.base import new_id
from protocols.cxml import punchout_order, status
from protocols.cxml.envelope import open_document
from protocols.cxml.status import Status
from schemas.faults import Refused

PAGE: Final = "/buyer"
CART: Final = "/buyer/cart"
CXML: Final = "/buyer/cxml"
KEPT: Final = 50
LARGEST: Final = 20_000_000

_SECRET = re.compile(r"(<SharedSecret[^>]*>)[^<]*")
_pages = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)


class Arrived(NamedTuple):
    at: datetime
    kind: str
    text: str
    request_id: str | None


class DemoBuyer:
    def __init__(self) -> None:
        self._arrived: deque[Arrived] = deque(maxlen=KEPT)

    def routes(self) -> Sequence[BaseRoute]:
        return (
            Route(PAGE, self.page),
            Route(CART, self.cart, methods=["POST"], max_body_size=LARGEST),
            Route(CXML, self.cxml, methods=["POST"], max_body_size=LARGEST),
        )

    async def page(self, request: Request) -> Response:
        return self._page()

    async def cart(self, request: Request) -> Response:
        """What a shopper's browser brings."""
        async with request.form(max_fields=10, max_files=0, max_part_size=LARGEST) as form:
            fields = [(name, str(value)) for name, value in form.multi_items()]
        try:
            body = punchout_order.from_form(fields)
        except Refused as refused:
            return self._page(fault=str(refused), http=400)
        self._keep(body)
        return self._page()

    async def cxml(self, request: Request) -> Response:
        """What the server sends by itself."""
        said = self._keep(await request.body(), request.headers.get("x-request-id"))
        answer = status.write(said, payload_id=f"{new_id()}@buyer.example", at=datetime.now(UTC))
        return Response(answer, media_type=MEDIA_TYPE)

    def _keep(self, body: bytes, request_id: str | None = None) -> Status:
        try:
            kind, said = open_document(body).envelope.kind, Status(code=200)
        except Refused as refused:
            kind, said = "unreadable", status.of_refusal(refused)
        text = _SECRET.sub(r"\1***", body.decode("utf-8", "replace"))
        self._arrived.appendleft(Arrived(datetime.now(UTC), kind, text, request_id))
        return said

    def _page(self, fault: str | None = None, http: int = 200) -> Response:
        page = _pages.get_template("demo_buyer.html").render(arrived=self._arrived, fault=fault)
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        return HTMLResponse(page, status_code=http, headers={"Content-Security-Policy": policy})

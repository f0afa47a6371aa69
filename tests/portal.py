"""A buyer's procurement system, as a browser sees it: its page shows the shop in a frame, and a cart comes home."""

from dataclasses import dataclass, field
from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from protocols.cxml import punchout_order
from protocols.cxml.envelope import open_document
from schemas.cart import Cart


@dataclass
class Portal:
    """The buyer's system: its page shows the shop in a frame, and takes the cart that the browser brings."""

    received: list[tuple[Cart, Request]] = field(default_factory=list)
    url: str = ""

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/portal", self._portal), Route("/back", self._back, methods=["POST"])])

    async def _portal(self, request: Request) -> Response:
        start = escape(request.query_params["start"])
        style = "width:100%;height:95vh;border:0"
        return HTMLResponse(
            f"<!doctype html><title>Portal</title><iframe name=shop src='{start}' style='{style}'></iframe>"
        )

    async def _back(self, request: Request) -> Response:
        form = await request.form(max_part_size=1_000_000)
        body = punchout_order.from_form((name, str(value)) for name, value in form.multi_items())
        self.received.append((punchout_order.read(open_document(body)), request))
        return HTMLResponse("<!doctype html><title>Received</title><h1>Received</h1>")

    @property
    def cart(self) -> Cart:
        ((cart, _),) = self.received
        return cart

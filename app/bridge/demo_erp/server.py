"""The demo ERP's HTTP side: the contract of `rest_json` from the other end, a page, and the switch.

POST /orders                          signed order events
GET  /orders?reference=&customer=     signed look-up
GET  /                                the page: what it received, doubles in red, the switch
GET  /received                        the same as JSON
GET|POST /switch                      the switch as JSON (form fields from the page)
"""

import asyncio
import base64
import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec
import uvicorn
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from app.bridge.demo_erp.store import Incoming, KeptLine, Store
from app.bridge.demo_erp.switch import Behaviour, Mode, Switch
from app.bridge.rest_json.mapping import TYPES
from app.seal import Secret

LARGEST_ORDER: Final = 20_000_000
DATABASE: Final = "demo-erp.db"
KEY_FILE: Final = "demo-erp.secret"
_KINDS: Final = {name: kind for kind, name in TYPES.items()}
_encoder = msgspec.json.Encoder(decimal_format="string")
_pages = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)


class _Line(msgspec.Struct):
    quantity: Decimal
    sku: str | None = None
    unit: str | None = None


class _Data(msgspec.Struct):
    reference: str
    revision: int
    customer: str
    lines: list[_Line]
    currency: str | None = None
    total: Decimal | None = None


class _Event(msgspec.Struct):
    id: str
    type: str
    data: _Data


class _CutReply(Response):
    """Begins an answer and never ends it: the server closes the connection over it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})


class DemoErp:
    """secrets  any of them may have signed a request: two while they change."""

    def __init__(self, data: Path, secrets: Sequence[Secret]) -> None:
        self.store = Store(data / DATABASE)
        self.behaviour = Behaviour()
        self._webhooks = [Webhook(secret.reveal()) for secret in secrets]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/received", self.received),
                Route("/switch", self.show_switch),
                Route("/switch", self.set_switch, methods=["POST"], max_body_size=100_000),
                Route("/orders", self.look_up),
                Route("/orders", self.take, methods=["POST"], max_body_size=LARGEST_ORDER),
            ]
        )

    async def take(self, request: Request) -> Response:
        mode = self.behaviour.of_request(order=True)
        body = await request.body()
        if (stopped := await self._misbehave(mode)) is not None:
            return stopped
        if not self._is_signed(request, body.decode("utf-8", "replace")):
            return _refusal(401, "signature.invalid", "the request is not signed by a secret that is known here")
        if mode is Mode.REJECT:
            return _refusal(422, "order.refused", "the credit limit of this customer is used up", "customer")
        try:
            event = msgspec.json.decode(body, type=_Event)
            kind = _KINDS[event.type]
        except (msgspec.DecodeError, KeyError) as error:
            return _refusal(400, "event.unreadable", f"this is not an order event: {error}")
        answer = await asyncio.to_thread(self._keep, kind, event, request.headers)
        return _CutReply() if mode is Mode.DROP else answer

    def _keep(self, kind: str, event: _Event, headers: Headers) -> Response:
        switch = self.behaviour.switch
        if switch.idempotent and (before := self.store.seen(event.id)) is not None:
            return _taken(200, before)
        data = event.data
        for index, line in enumerate(data.lines):
            if switch.known_skus is not None and line.sku not in switch.known_skus:
                return _refusal(422, "item.unknown", f"no item {line.sku}", f"lines[{index}].sku")
        order = Incoming(
            event_id=event.id,
            type=event.type,
            reference=data.reference,
            customer=data.customer,
            revision=data.revision,
            currency=data.currency,
            total=data.total,
            lines=tuple(KeptLine(sku=line.sku or "", quantity=line.quantity, unit=line.unit) for line in data.lines),
            request_id=headers.get("x-request-id"),
            traceparent=headers.get("traceparent"),
        )
        if kind == "create":
            return _taken(201, self.store.create(order, datetime.now(UTC)))
        order_id = self.store.change(order) if kind == "change" else self.store.cancel(order)
        if order_id is None:
            return _refusal(
                409, "order.unknown", f"customer {data.customer} has no order {data.reference}", "reference"
            )
        return _taken(200, order_id)

    async def look_up(self, request: Request) -> Response:
        if (stopped := await self._misbehave(self.behaviour.of_request(order=False))) is not None:
            return stopped
        path: bytes = request.scope["raw_path"]
        if not self._is_signed(request, f"{path.decode('ascii')}?{request.url.query}"):
            return _refusal(401, "signature.invalid", "the request is not signed by a secret that is known here")
        reference, customer = (request.query_params.get(name, "") for name in ("reference", "customer"))
        found = await asyncio.to_thread(self.store.find, reference, customer)
        return _json({"orders": found})

    async def _misbehave(self, mode: Mode) -> Response | None:
        if mode is Mode.FAIL:
            return Response("Internal error", 500)
        if mode is Mode.BUSY:
            return Response("Maintenance", 503, {"Retry-After": "30"})
        if mode in (Mode.HANG, Mode.SLOW):
            await asyncio.sleep(self.behaviour.switch.seconds)
        return Response("Gateway timeout", 504) if mode is Mode.HANG else None

    def _is_signed(self, request: Request, text: str) -> bool:
        headers = dict(request.headers)
        for webhook in self._webhooks:
            try:
                webhook.verify(text, headers, json_parse=False)
            except (WebhookVerificationError, ValueError):
                continue
            return True
        return False

    async def received(self, request: Request) -> Response:
        orders, events, doubles = await asyncio.to_thread(
            lambda: (self.store.orders(100_000), self.store.events(), self.store.doubles())
        )
        return _json({"orders": orders, "events": events, "doubles": doubles, "switch": self.behaviour.switch})

    async def page(self, request: Request) -> Response:
        orders, doubles = await asyncio.to_thread(lambda: (self.store.orders(), self.store.doubles()))
        page = _pages.get_template("page.html").render(
            orders=orders, doubles=doubles, switch=self.behaviour.switch, modes=list(Mode)
        )
        return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})

    async def show_switch(self, request: Request) -> Response:
        return _json(self.behaviour.switch)

    async def set_switch(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _refusal(403, "cross_site", "the switch is set from this page only")
        from_page = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        try:
            given = await self._form(request) if from_page else msgspec.json.decode(await request.body())
            switch = msgspec.convert(given, Switch, strict=not from_page)
        except (msgspec.DecodeError, ValueError) as error:
            return _refusal(400, "switch.invalid", str(error))
        self.behaviour.set(switch)
        return RedirectResponse("/", 303) if from_page else _json(switch)

    async def _form(self, request: Request) -> dict[str, Any]:
        async with request.form(max_fields=10, max_files=0) as form:
            given: dict[str, Any] = dict(form)
        given["idempotent"] = "idempotent" in given
        skus = str(given.pop("known_skus", "")).split()
        return given | ({"known_skus": skus} if skus else {})


def _taken(status: int, order_id: str) -> Response:
    return _json({"id": order_id, "number": f"SO-{10_000 + int(order_id)}"}, status)


def _refusal(status: int, code: str, message: str, at: str | None = None) -> Response:
    return _json({"code": code, "message": message, "at": at}, status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(_encoder.encode(value), status, media_type="application/json")


def secret_of(data: Path) -> Secret:
    """The secret that the demo ERP shares with the server; made at the first call, readable by its owner only."""
    path = data / KEY_FILE
    data.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
    except FileExistsError:
        pass
    return Secret(path.read_text().strip())


def serve(host: str, port: int, data: Path, beside: Sequence[BaseRoute] = ()) -> None:
    """Runs the demo ERP, with its database and its secret below `data`, until the process is told to stop. `beside`
    are routes that have nothing to do with it and are served at the same port."""
    erp = DemoErp(data, [secret_of(data)])
    app = erp.app()
    app.router.routes.extend(beside)
    try:
        uvicorn.run(app, host=host, port=port, log_level="critical", access_log=False)
    finally:
        erp.store.close()

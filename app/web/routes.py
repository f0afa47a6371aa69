"""Every URL of the product, in one table, and the application that serves it.

To add pages: export a tuple of `Endpoint` from `web/<area>/routes.py` and name it in `ENDPOINTS`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.transports.intake import Intake
from app.web.admin import routes as admin
from app.web.admin.trial import routes as trial
from app.web.api import routes as api
from app.web.api.guard import keys_only
from app.web.approvals import routes as approvals
from app.web.buyers import routes as buyers
from app.web.desk import routes as desk
from app.web.endpoint import Auth, Endpoint, Guard, Guards
from app.web.errors import HANDLERS
from app.web.exchanges import routes as exchanges
from app.web.links import routes as links
from app.web.mail import routes as mail
from app.web.observe import Observed
from app.web.operations import routes as operations
from app.web.operators import routes as operators
from app.web.operators.handlers import operators_only
from app.web.orders import routes as orders
from app.web.people import routes as people
from app.web.people.sessions import people_only
from app.web.records import routes as records
from app.web.security import SameSiteOnly, SecurityHeaders
from app.web.storefront import routes as storefront
from app.web.storefront.guard import shoppers_only
from app.web.tries import Limits
from app.web.views import STATIC_FOLDER
from app.web.work import routes as work

ENDPOINTS: tuple[Endpoint, ...] = (
    *operators.ENDPOINTS,
    *buyers.ENDPOINTS,
    *people.ENDPOINTS,
    *approvals.ENDPOINTS,
    *links.ENDPOINTS,
    *desk.ENDPOINTS,
    *orders.ENDPOINTS,
    *exchanges.ENDPOINTS,
    *operations.ENDPOINTS,
    *work.ENDPOINTS,
    *mail.ENDPOINTS,
    *admin.ENDPOINTS,
    *trial.ENDPOINTS,
    *records.ENDPOINTS,
    *api.ENDPOINTS,
    *storefront.ENDPOINTS,
)

GUARDS: Guards = {
    Auth.OPERATOR: operators_only,
    Auth.PERSON: people_only,
    Auth.SHOPPER: shoppers_only,
    Auth.KEY: keys_only,
}
"""Who decides for each kind of declared authentication. OPEN needs nobody; DOCUMENT is decided by the transport, which
alone can read the document."""

UNGUARDED = frozenset({Auth.OPEN, Auth.DOCUMENT})

Lifespan: TypeAlias = Callable[[Any], AbstractAsyncContextManager[None]]


def assemble(
    gateway: Any,
    *,
    allowed_hosts: Sequence[str],
    endpoints: Sequence[Endpoint] = ENDPOINTS,
    guards: Guards = GUARDS,
    lifespan: Lifespan | None = None,
) -> Starlette:
    """The application for these endpoints; handlers find the gateway in `request.app.state.gateway`.

    Raises KeyError for an endpoint whose declared authentication nobody guards."""
    app = Starlette(
        routes=[*(_route(endpoint, guards) for endpoint in endpoints), _assets()],
        middleware=[
            Middleware(Observed),
            Middleware(SecurityHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts), www_redirect=False),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    # Its redirect would be built from the Host header.
    app.router.redirect_slashes = False
    app.state.gateway = gateway
    app.state.limits = Limits()
    if gateway is not None:
        app.state.intake = Intake(gateway)
    return app


def _route(endpoint: Endpoint, guards: Guards) -> BaseRoute:
    chain = [Middleware(NoNul)]
    if not endpoint.csrf_exempt:
        chain.append(Middleware(SameSiteOnly))
    if endpoint.body_limit is not None:
        chain.append(Middleware(DeclaredLength, limit=endpoint.body_limit))
        chain.append(Middleware(RequestBodyLimitMiddleware, max_body_size=endpoint.body_limit))
    if endpoint.auth not in UNGUARDED:
        chain.append(Middleware(Guarded, endpoint=endpoint, guard=guards[endpoint.auth]))
    return Route(endpoint.path, endpoint.handler, methods=list(endpoint.methods), middleware=chain)


class NoNul:
    """Refuses addresses with a NUL: PostgreSQL keeps none in a text, and nobody who means well sends one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            raise HTTPException(400)
        await self.app(scope, receive, send)


class DeclaredLength:
    """Refuses a body whose Content-Length is over the limit with our own page; what lies about its length, or says
    none, meets the counting limit behind."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = Request(scope).headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self.limit:
            raise HTTPException(413)
        await self.app(scope, receive, send)


class Guarded:
    """Asks the guard before the handler."""

    def __init__(self, app: ASGIApp, *, endpoint: Endpoint, guard: Guard) -> None:
        self.app = app
        self.endpoint = endpoint
        self.guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self.guard(Request(scope, receive), self.endpoint)
        await (answer or self.app)(scope, receive, send)


def _assets() -> BaseRoute:
    """Our own files and, from the starlette-admin wheel, Tabler. Public and without tokens, so they may be zipped."""
    files = StaticFiles(directory=STATIC_FOLDER, packages=[("starlette_admin", "static")])
    return Mount("/assets", app=GZipMiddleware(LongCached(files)), name="assets")


class LongCached:
    """Lets browsers keep a file: our own URLs carry a digest, those of the wheel change with a release."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lifetime = 31_536_000 if scope.get("query_string", b"").startswith(b"v=") else 86_400

        async def send_with_lifetime(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (200, 206, 304):
                message["headers"] = [*message["headers"], (b"cache-control", f"public, max-age={lifetime}".encode())]
            await send(message)

        await self.app(scope, receive, send_with_lifetime)

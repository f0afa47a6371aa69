"""What the route table says of one URL: who may call it, how much it may send, what it may be framed by.

Every area of the web exports a tuple of these, `web/routes.py` joins them, and only from there is anything served. The
declaration is also the enforcement: `routes.assemble` puts the guard of `auth`, the check against cross-site posts and
the body limit in front of the handler, so that a handler cannot forget them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from app.gateway import Gateway
from app.storage.api_keys import Scope

KIB = 1024


class Auth(StrEnum):
    """
    OPEN      anyone: start codes, the login page, health.
    SHOPPER   the path token of a punchout session.
    PERSON    a signed-in person with one of the endpoint's roles.
    KEY       a key of the API that has the endpoint's scope.
    DOCUMENT  credentials inside or beside the posted document, checked by the transport that reads it.
    OPERATOR  whoever calls from an address that the operator listed.
    """

    OPEN = "open"
    SHOPPER = "shopper"
    PERSON = "person"
    KEY = "key"
    DOCUMENT = "document"
    OPERATOR = "operator"


Handler: TypeAlias = Callable[[Request], Awaitable[Response]] | Callable[[Request], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """
    handler      a coroutine function, or a plain function that is then run in the thread pool.
    roles        for PERSON: one of these is needed; empty means that any signed-in person will do.
    scope        for KEY, and only there: what the key must be allowed to do.
    before_enrolment  for PERSON: also for one who lacks the second factor that their role needs.
    body_limit   bytes; more is answered with 413 before anything parses. None: the handler counts for itself, because
                 its protocol has an answer of its own for a body that is too large.
    csrf_exempt  posts from other sites are what this URL is for (documents, buyers' forms), or it needs no session.
    """

    path: str
    handler: Handler
    auth: Auth
    methods: tuple[str, ...] = ("GET",)
    roles: tuple[str, ...] = ()
    before_enrolment: bool = False
    scope: Scope | None = None
    body_limit: int | None = 64 * KIB
    csrf_exempt: bool = False

    def __post_init__(self) -> None:
        if (self.auth is Auth.KEY) != (self.scope is not None):
            raise ValueError(f"{self.path}: a scope is what an endpoint for keys needs, and no other has one")


def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


Guard: TypeAlias = Callable[[Request, Endpoint], Awaitable[Response | None]]
"""Lets a request pass (None) or answers it. What it learns (the session, the person) it leaves in `request.state`."""

Guards: TypeAlias = Mapping[Auth, Guard]

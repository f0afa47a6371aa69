"""Headers on every answer, and the check against posts from other sites.

Ready-made header presets send X-Frame-Options, COOP and CORP, each of which breaks a shop that is a frame of the
buyer's page; the packaged CSRF middlewares rely on cookies, which such a frame does not have. So both are here.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def content_security_policy(
    *, framed_by: Iterable[str] = (), posts_to: Iterable[str] = (), images: Iterable[str] = ()
) -> str:
    """The policy of one page. Origins must have been checked: they go into the header as they are.

    framed_by  origins that may show the page in a frame; none: nobody.
    posts_to   origins besides our own that a form of the page may be sent to, redirects included (Chromium).
    images     sources of images besides our own (`data:` for pages that use Tabler)."""
    ancestors = " ".join(framed_by) or "'none'"
    pictures = " ".join(("'self'", *images))
    targets = " ".join(("'self'", *posts_to))
    return (
        f"default-src 'self'; script-src 'self'; img-src {pictures}; object-src 'none'; base-uri 'none'; "
        f"frame-ancestors {ancestors}; form-action {targets}"
    )


def with_inline(policy: str) -> str:
    """The same for pages of a library that starts its scripts, and sets styles, within the page."""
    inline = "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
    return policy.replace("script-src 'self'", inline)


PEOPLE_POLICY = content_security_policy(images=("data:",))


def set_headers(headers: MutableHeaders, scope: Scope) -> None:
    """Adds what is missing; what a page has set for itself stays.

    A guard may have left a policy for every answer of its pages in `request.state.policy`.

    Referrer-Policy is `strict-origin`: the path token of a shop never leaves, and unlike with `no-referrer` the
    browser still names our origin when the shop's own forms are posted."""
    headers.setdefault("Content-Security-Policy", scope.get("state", {}).get("policy", PEOPLE_POLICY))
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Referrer-Policy", "strict-origin")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    if (trace := scope.get("state", {}).get("trace")) is not None:
        headers["X-Request-ID"] = trace.number
    if scope["scheme"] == "https":
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")


class SecurityHeaders:
    """Puts the headers on every answer of what it wraps."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                set_headers(MutableHeaders(scope=message), scope)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def from_another_site(headers: Headers) -> bool:
    """Whether a browser says that another site made it send this.

    Browsers send Sec-Fetch-Site to https and loopback; elsewhere only the comparison of Origin with Host is left. A
    request with neither comes from no browser (those name the origin of every cross-site post)."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.casefold() != headers.get("host", "").casefold()


class SameSiteOnly:
    """Refuses unsafe methods that another site's page caused, with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in SAFE_METHODS and from_another_site(Headers(scope=scope)):
            raise HTTPException(403)
        await self.app(scope, receive, send)

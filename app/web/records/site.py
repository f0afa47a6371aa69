"""The lists put together for one gateway, and served below `/admin/records`.

The guard, the check against posts from other sites and the limit of bodies stand in front of the one URL that leads
here, as in front of every other; nothing of the library runs for who has not passed them. Its pages start their scripts
inside the page, so they alone have a policy that lets them."""

from pathlib import Path
from typing import Any, Final, cast

import structlog
from babel.support import Translations
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Router
from starlette.types import Message, Receive, Scope, Send
from starlette_admin import i18n
from starlette_admin.contrib.sqlmodel import Admin
from starlette_admin.routing import route
from starlette_admin.views import CustomView, Link

from app.gateway import Gateway
from app.languages import catalogues
from app.web.errors import HANDLERS
from app.web.language import PEOPLE_LANGUAGES, msgid, translations
from app.web.people.sessions import gateway_of, language_of, signed_in
from app.web.records import export
from app.web.records.views import VIEWS
from app.web.security import PEOPLE_POLICY, with_inline
from app.web.views import HERE, asset

_log = structlog.get_logger(__name__)

BASE: Final = "/admin/records"
POLICY: Final = with_inline(PEOPLE_POLICY)
TEMPLATES: Final = HERE / "templates" / "records"
OUR_TEXTS: Final = Path(__file__).parent / "locale"
"""The library's own texts in the languages that it has none for."""


class First(CustomView):
    """The first list that the person may see; there is no page before it."""

    path = "/"
    add_to_menu = False

    @route("")
    async def index(self, request: Request) -> Response:
        for view in cast(Admin, self._admin)._model_views:
            if view.is_accessible(request):
                return RedirectResponse(f"{BASE}/{view.key}/list", status_code=303)
        raise HTTPException(403)


def site(gateway: Gateway) -> Starlette:
    """The library's application over these lists."""
    _teach()
    admin = Admin(
        gateway.database.read_engine,
        title="Crossdock",
        base_url=BASE,
        route_name="records",
        index_view=First(),
        templates_dir=str(TEMPLATES),
        favicon_url=lambda _: asset("crossdock/mark.svg"),
        secret_key=gateway.keys.derived("records"),
        timezone_config=i18n.TimezoneConfig(timezone_cookie_name=None, use_user_locale_timezone=False),
    )
    # Once each, kept by browsers, and without a look at the session: as our own pages have them.
    admin.templates.env.globals["static_url"] = _asset
    admin.templates.env.globals["asset"] = asset
    views = [view() for view in VIEWS]
    for view in views:
        admin.add_view(view)
    admin.add_link(Link(i18n.lazy_gettext(msgid("Back to Crossdock")), icon="fa fa-arrow-left", url="/"))
    outer = Starlette()
    admin.mount_to(outer)
    made = admin.app
    made.router.routes.insert(0, export.route(views))
    made.state.gateway = gateway
    for error in (DBAPIError, PoolTimeout, Exception):
        made.add_exception_handler(error, HANDLERS[error])
    return made


def _asset(_request: Request, path: str, v: Any = None) -> str:
    return f"/assets/{path}" if v is None else f"/assets/{path}?release={v}"


def _teach() -> None:
    """The library our languages, and its texts ours; the second time changes nothing."""
    for language in PEOPLE_LANGUAGES:
        if language not in i18n.SUPPORTED_LOCALES:
            i18n.SUPPORTED_LOCALES.append(language)
            i18n.translations[language] = catalogues(OUR_TEXTS, language)
        known = i18n.translations[language]
        ours = translations(language)
        if isinstance(known, Translations) and isinstance(ours, Translations):
            known.merge(ours)


class Served(Response):
    """What the lists answer, in the person's language. The library finds its own routes by their names, so it gets a
    router of its own in the scope."""

    def __init__(self, app: Starlette, language: str) -> None:
        super().__init__()
        self.router = Router([Mount(BASE, app=app, name="records")])
        self.language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        i18n.set_locale(self.language)
        own = {name: value for name, value in scope.items() if name not in ("router", "route", "endpoint")}
        started = False

        async def send_once(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.router({**own, "path_params": {}}, receive, send_once)
        except Exception:
            # The library's application has answered already, with our page.
            if not started:
                raise
            _log.exception("records.failed")


async def records(request: Request) -> Response:
    if request.method == "POST" and not request.query_params.get("name"):
        raise HTTPException(400)
    state = request.app.state
    if not hasattr(state, "records"):
        state.records = site(gateway_of(request))
    request.state.policy = POLICY
    return Served(state.records, language_of(request, signed_in(request).person))


def begin(_request: Request) -> Response:
    return RedirectResponse(f"{BASE}/", status_code=303)

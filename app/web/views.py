"""Pages: Jinja templates with the texts and formats of the reader's language.

Nothing that a partner or a person wrote is ever a template: it goes in as a value and is escaped.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.formats import formats
from app.web.language import negotiated, translations

HERE = Path(__file__).parent
STATIC_FOLDER = HERE / "static"


@cache
def asset(path: str) -> str:
    """The URL of one of our own static files, with its digest: it may be cached for ever."""
    digest = sha256((STATIC_FOLDER / path).read_bytes()).hexdigest()[:12]
    return f"/assets/{path}?v={digest}"


@cache
def environment(language: str) -> Environment:
    """For a language of ours, or one with its region: texts by the language, formats by both."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(translations(language.partition("-")[0]), newstyle=True)  # type: ignore[attr-defined]  # by the extension
    as_read = formats(language)
    made.globals.update(language=language, asset=asset)
    made.filters.update(
        number=as_read.number,
        written=as_read.written,
        money=as_read.money,
        percent=as_read.percent,
        day=as_read.date,
        time=as_read.time,
    )
    return made


def page(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    *,
    language: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Renders a template. Without a language, the best one for the request's Accept-Language header."""
    spoken = language or negotiated(request.headers.get("accept-language"))
    body = environment(spoken).get_template(template).render(context)
    return HTMLResponse(body, status_code=status, headers={"Content-Language": spoken, **(headers or {})})

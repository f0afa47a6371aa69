"""What people see when something goes wrong: one page, in their language, that tells nothing about our inside."""

from dataclasses import dataclass
from typing import Final, cast

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from app.errors import No, Refusal
from app.storage.database import is_gone
from app.storage.intake_writer import Busy, Unwritten
from app.web.language import msgid
from app.web.problem import asks_the_api, problem
from app.web.security import set_headers
from app.web.views import page

STATUS_OF: dict[No, int] = {
    No.UNREADABLE: 400,
    No.UNACCEPTABLE: 400,
    No.UNAUTHENTICATED: 401,
    No.FORBIDDEN: 403,
    No.CONFLICT: 409,
    No.PRECONDITION: 412,
    No.UNKNOWN_REFERENCE: 404,
    No.NOT_OFFERED: 404,
    No.TOO_LARGE: 413,
    No.TOO_MANY: 429,
    No.UNAVAILABLE: 503,
}


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    text: str


WORDS: dict[int, Words] = {
    400: Words(msgid("This request could not be read"), msgid("Go back, check what you entered and send it again.")),
    401: Words(msgid("Please sign in"), msgid("This page is for people who are signed in.")),
    403: Words(
        msgid("This is not allowed"),
        msgid("The request came from another site, or your rights do not cover it. Open the page anew and try again."),
    ),
    404: Words(msgid("Page not found"), msgid("There is nothing at this address, or nothing that you may see.")),
    405: Words(msgid("This is not allowed"), msgid("This address does not take this kind of request.")),
    409: Words(msgid("This was changed meanwhile"), msgid("Reload the page to see how things stand now.")),
    410: Words(msgid("This is no longer here"), msgid("What was at this address has ended.")),
    412: Words(msgid("This is not possible now"), msgid("Reload the page to see how things stand now.")),
    413: Words(msgid("This is too large"), msgid("What you sent is larger than this page takes.")),
    429: Words(msgid("Too many requests"), msgid("Please wait a moment and try again.")),
    503: Words(msgid("Not available at the moment"), msgid("Please try again in a few minutes.")),
}
COME_BACK: Final = 10
"""Seconds."""

GONE = Words(
    msgid("Not available at the moment"),
    msgid("The database does not answer. Nothing of what you sent was saved; please try again in a few minutes."),
)
OURS = Words(msgid("Something went wrong on our side"), msgid("It has been recorded. Please try again in a moment."))


def error_page(
    request: Request,
    status: int,
    *,
    headers: dict[str, str] | None = None,
    reason: str | None = None,
    words: Words | None = None,
) -> Response:
    """The page for a status, in its own `words` or others; a problem document where a machine asked. `reason` is a
    sentence of ours for people (never an exception's text)."""
    words = words or WORDS.get(status, OURS if status >= 500 else WORDS[400])
    if asks_the_api(request):
        return problem(request, status, reason or words.text, headers=headers)
    context = {"words": words, "reason": reason, "number": request.state.trace.number}
    return page(request, "error.html", context, status=status, headers=headers)


def on_http_exception(request: Request, error: HTTPException) -> Response:
    return error_page(request, error.status_code, headers=dict(error.headers or {}))


def on_refusal(request: Request, refusal: Refusal) -> Response:
    wait = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after is not None else {}
    return error_page(request, STATUS_OF[refusal.no], headers=wait, reason=refusal.reason)


def on_unwritten(request: Request, error: Exception) -> Response:
    """The database takes nothing at the moment: nothing was done, and the same may work soon."""
    words = GONE if isinstance(error, Unwritten) else None
    return error_page(request, 503, headers={"Retry-After": str(COME_BACK)}, words=words)


def on_no_database(request: Request, error: Exception) -> Response:
    """Reading failed where writing has not been tried yet. Only a lost or refused connection means that the database
    is gone; a statement that it does not understand is a bug of ours."""
    if not is_gone(error):
        raise error
    _log.warning("database.gone", error=type(getattr(error, "orig", error)).__name__)
    return error_page(request, 503, headers={"Retry-After": str(COME_BACK)}, words=GONE)


def on_hang_up(_request: Request, _error: Exception) -> Response:
    """Whoever asked is gone before the whole question was there; nobody reads this."""
    return Response(status_code=400)


def on_bug(request: Request, _error: Exception) -> Response:
    """Starlette sends this answer outside of all middleware, so it brings its headers itself."""
    answer = error_page(request, 500)
    set_headers(answer.headers, request.scope)
    return answer


_log = structlog.get_logger(__name__)

HANDLERS: dict[type[Exception], ExceptionHandler] = {
    HTTPException: cast(ExceptionHandler, on_http_exception),
    Refusal: cast(ExceptionHandler, on_refusal),
    Busy: on_unwritten,
    Unwritten: on_unwritten,
    DBAPIError: on_no_database,
    PoolTimeout: on_no_database,
    ClientDisconnect: on_hang_up,
    Exception: on_bug,
}

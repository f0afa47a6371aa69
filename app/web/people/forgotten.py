"""Who forgot the password asks for a link by mail.

The answer is the same for whoever is known and whoever is not, and so is the work: one entry of the record. The mail is
sent elsewhere."""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.flows import password_links
from app.storage import people
from app.web.forms import FormLimits, read_form
from app.web.language import msgid
from app.web.people.sessions import gateway_of, language_of
from app.web.tries import limits_of, network
from app.web.views import page

LIMITS: Final = FormLimits(fields=10, size=1_000)
LONGEST: Final = 320
NOTHING: Final = msgid("Enter your name or your mail address.")
TOO_MANY: Final = msgid("Too many requests. Please wait an hour, and look for the mail among the unwanted ones.")


def form(request: Request) -> Response:
    return _page(request)


def _page(
    request: Request, *, fault: str | None = None, typed: str = "", sent: bool = False, status: int = 200
) -> Response:
    """Raises HTTPException 404 where no mail server is set."""
    if gateway_of(request).settings.smtp_host is None:
        raise HTTPException(404)
    context = {"fault": fault, "typed": typed, "sent": sent}
    answer = page(request, "people/forgotten.html", context, language=language_of(request), status=status)
    if status == 429:
        answer.headers["Retry-After"] = str(limits_of(request).asked_for.window)
    return answer


async def ask(request: Request) -> Response:
    typed = people.folded((await read_form(request, LIMITS)).text("who"))
    if not 0 < len(typed) <= LONGEST:
        return await run_in_threadpool(_page, request, fault=NOTHING, status=400)
    limits = limits_of(request)
    if not (limits.forgotten.count(network(request)) and limits.asked_for.count(typed)):
        return await run_in_threadpool(_page, request, fault=TOO_MANY, typed=typed, status=429)
    answer = await run_in_threadpool(_page, request, sent=True)
    gateway, language = gateway_of(request), language_of(request)
    await gateway.database.awrite(lambda tx: password_links.ask(tx, gateway, typed, language))
    return answer

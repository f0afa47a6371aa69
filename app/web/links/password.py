"""Choosing a password by the link of a mail."""

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.flows import password_links
from app.languages import LANGUAGES, offered
from app.storage import passwords
from app.storage.people import PersonRow
from app.web.forms import FormLimits, read_form
from app.web.language import msgid, negotiated
from app.web.people.handlers import NEEDS_HTTPS, Entered, enter, go_on
from app.web.people.sessions import gateway_of, needs_https
from app.web.tries import count_link
from app.web.views import page

FORM = FormLimits(fields=10, size=4_000)

LENGTH = msgid("A password has 10 to 200 characters.")
DIFFERENT = msgid("The two passwords are not the same.")
OWN_NAME = msgid("Your name or address is no password: others try it first.")


def show(request: Request) -> Response:
    """Looking at it, however often, uses nothing up."""
    return _page(request, _whose(request), ())


def _whose(request: Request) -> PersonRow | None:
    """Raises Refusal for too many links from one address that lead nowhere."""
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        person = password_links.whose(session, gateway, request.path_params["token"])
    if person is None:
        count_link(request)
    return person


def _page(request: Request, person: PersonRow | None, faults: tuple[str, ...], *, status: int = 200) -> Response:
    unsafe = person is not None and needs_https(request)
    own = offered(person.language) if person is not None else None
    context = {
        "person": person,
        "faults": (NEEDS_HTTPS,) if unsafe else faults,
        "usable": person is not None and not unsafe,
        "mails": gateway_of(request).settings.smtp_host is not None,
        "shortest": passwords.SHORTEST,
        "longest": passwords.LONGEST,
    }
    language = own or negotiated(request.headers.get("accept-language"), LANGUAGES)
    status = 410 if person is None else 403 if unsafe else status
    return page(request, "links/password.html", context, language=language, status=status)


async def choose(request: Request) -> Response:
    """The password becomes that of the link's person, who is signed in by it, or asked for the second factor."""
    person = await run_in_threadpool(_whose, request)
    if person is None or needs_https(request):
        return await run_in_threadpool(_page, request, person, ())
    form = await read_form(request, FORM)
    password, again = ((form.all(name) or ("",))[0] for name in ("password", "again"))
    if faults := _faults(person, password, again):
        return await run_in_threadpool(_page, request, person, faults, status=400)
    gateway, token = gateway_of(request), request.path_params["token"]
    hashed = await run_in_threadpool(passwords.hashed, password)

    def work(tx: Session) -> Entered | None:
        chosen = password_links.choose(tx, gateway, token, hashed)
        return None if chosen is None else enter(tx, gateway, chosen, request, by="link")

    entered = await gateway.database.awrite(work)
    return await run_in_threadpool(_page, request, None, ()) if entered is None else go_on(entered, "")


def _faults(person: PersonRow, password: str, again: str) -> tuple[str, ...]:
    """All of them at once."""
    name = password.strip().casefold()
    found = {
        LENGTH: not passwords.SHORTEST <= len(password) <= passwords.LONGEST,
        DIFFERENT: password != again,
        OWN_NAME: name in {person.login, person.email, person.name.casefold()},
    }
    return tuple(fault for fault, holds in found.items() if holds)

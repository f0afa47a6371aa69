"""The page of the keys that machines call the API with."""

from typing import Final

from sqlmodel import Session, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import No, Refusal
from app.flows import api_keys as flow
from app.storage import api_keys, audit
from app.storage.api_keys import ApiKeyRow, Scope
from app.storage.customers import CustomerRow
from app.web.forms import FormLimits, read_form
from app.web.people.sessions import gateway_of, people_page, signed_in

FORM: Final = FormLimits(fields=1_000, size=200)
FOREVER: Final = "0"


def keys_page(request: Request, *, made: str | None = None) -> Response:
    """`made`: a key that is shown now and never again."""
    gateway, realm = gateway_of(request), signed_in(request).person.realm
    with gateway.database.read() as session:
        keys, customers = api_keys.of_realm(session, realm), _customers(session, realm)
    context = {
        "keys": keys,
        "now": gateway.clock.now(),
        "customers": customers,
        "names": {row.id: row.name for row in customers},
        "scopes": list(Scope),
        "large": Scope.APPROVALS_DECIDE_LARGE,
        "days": flow.DAYS,
        "longest": flow.LONGEST_DAYS,
        "made": made,
    }
    return people_page(request, "admin/keys.html", context)


def _customers(session: Session, realm: str) -> list[CustomerRow]:
    query = select(CustomerRow).where(CustomerRow.realm == realm).order_by(CustomerRow.name)
    return list(session.exec(query))


async def create(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    days, customers = form.text("days"), form.all("customer")
    if not (days.isascii() and days.isdigit() and len(days) < 6) or set(form.all("scope")) - set(Scope):
        raise Refusal(No.UNACCEPTABLE, "Say for how many days the key lives, and what it may do.")
    wanted = flow.Wanted(
        name=form.text("name"),
        scopes=[Scope(scope) for scope in form.all("scope")] or None,
        customers=customers or None,
        days=None if days == FOREVER else int(days),
    )

    def work(tx: Session) -> tuple[ApiKeyRow, str]:
        return flow.issue(tx, gateway, wanted, realm=person.realm, actor=audit.by(person.id), channel="page")

    _, made = await gateway.database.awrite(work)
    return await run_in_threadpool(keys_page, request, made=made)


def revoke(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person
    key_id = request.path_params["key_id"]
    gateway.database.write(
        lambda tx: flow.revoke(tx, gateway, key_id, realm=person.realm, actor=audit.by(person.id), channel="page")
    )
    return RedirectResponse("/admin/keys", status_code=303)

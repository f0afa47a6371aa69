"""The fields of a customer's own: what its documents carry that its rules may ask about."""

from collections.abc import Mapping
from typing import Any, Final

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval.operators import Type
from app.errors import Refusal
from app.flows import own_fields
from app.storage import audit
from app.storage.customers import CustomerRow
from app.web.admin.flow_editor import labels
from app.web.admin.flow_editor.access import may
from app.web.errors import STATUS_OF
from app.web.forms import FormLimits, read_form
from app.web.people.sessions import gateway_of, people_page, signed_in

FORM: Final = FormLimits(fields=10, size=1_000)
EMPTY: Final[Mapping[str, Any]] = {
    "name": "",
    "type": Type.TEXT,
    "label": "",
    "extension": "",
    "of_line": False,
    "currency": None,
}
"""What the form begins with."""


def fields_page(request: Request) -> Response:
    """`change` in the query: the name of the field that the form is filled with."""
    return _page(request)


def _page(
    request: Request, given: Mapping[str, Any] | None = None, *, refusal: str = "", status: int = 200
) -> Response:
    """`given`: what was posted and refused."""
    wanted = request.query_params.get("change", "")
    with gateway_of(request).database.read() as session:
        customer = _customer(session, request)
        declared = own_fields.of_customer(session, customer.id)
        used = {one.key: own_fields.used_by(session, customer, one.key) for one in declared}
    chosen = next((one for one in declared if one.name == wanted), None)
    context = {
        "customer": customer,
        "declared": declared,
        "used": used,
        "given": given or chosen or EMPTY,
        "types": labels.TYPES,
        "refusal": refusal,
    }
    return people_page(request, "rules/own_fields.html", context, status=status)


async def declare(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    given: dict[str, Any] = {name: form.text(name).strip() for name in ("name", "type", "label", "extension")}
    currency = form.text("currency").strip().upper() if given["type"] == Type.MONEY else ""
    given |= {"of_line": form.text("place") == "line", "currency": currency or None}

    def work(tx: Session) -> CustomerRow:
        customer = _customer(tx, request)
        own_fields.declare(tx, gateway, customer.id, given, actor=audit.by(person.id), channel="page")
        return customer

    try:
        customer = await gateway.database.awrite(work)
    except Refusal as refusal:
        status = STATUS_OF[refusal.no]
        return await run_in_threadpool(_page, request, given, refusal=refusal.reason, status=status)
    await run_in_threadpool(own_fields.judge_waiting, gateway, customer, given["name"])
    return _back(customer)


def retire(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person

    def work(tx: Session) -> CustomerRow:
        customer, name = _customer(tx, request), request.path_params["name"]
        own_fields.retire(tx, gateway, customer.id, name, actor=audit.by(person.id), channel="page")
        return customer

    try:
        return _back(gateway.database.write(work))
    except Refusal as refusal:
        return _page(request, refusal=refusal.reason, status=STATUS_OF[refusal.no])


def _customer(session: Session, request: Request) -> CustomerRow:
    """The customer that the URL names. Raises HTTPException 404."""
    person = signed_in(request).person
    customer = session.get(CustomerRow, request.path_params["customer_id"])
    if customer is None or customer.realm != person.realm or not may(person, customer.id):
        raise HTTPException(404)
    return customer


def _back(customer: CustomerRow) -> Response:
    return RedirectResponse(f"/admin/rules/{customer.id}/fields", status_code=303)

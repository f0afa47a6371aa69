"""People, partners, approval rules and the audit record."""

from typing import Final

import msgspec
from sqlmodel import Session, col, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval.fields import FIELDS
from app.errors import No, Refusal
from app.flows import keep_person, second_factor
from app.flows.check_flow import check_flow
from app.flows.consider_order import read_flow
from app.flows.publish_flow import publish_flow
from app.storage import approvals, audit, people
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState
from app.storage.audit import AuditRow
from app.storage.customers import CustomerRow
from app.storage.partners import PartnerIdentityRow, PartnerRow
from app.storage.people import PersonRow
from app.web.forms import FormLimits, read_form
from app.web.orders import words
from app.web.orders.order_list import customers_of
from app.web.people.sessions import gateway_of, people_page, signed_in
from schemas.faults import Fault, Rejected

FORM: Final = FormLimits(fields=10, size=128 * 1024)
ENTRIES: Final = 100
FOR_ALL: Final = "all"
"""Stands in the URL for the rules of customers that have none of their own."""


def overview(request: Request) -> Response:
    person = signed_in(request).person
    realm = person.realm
    with gateway_of(request).database.read() as session:
        context = {
            "partners": _partners(session, realm),
            "customers": _rules(session, person),
            "names": {row.id: row.name for row in session.exec(select(CustomerRow).where(CustomerRow.realm == realm))},
        }
    return people_page(request, "admin/overview.html", context)


async def reset_second_factor(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, admin = gateway_of(request), signed_in(request).person
    person_id = request.path_params["person_id"]

    def work(tx: Session) -> None:
        person = tx.get(PersonRow, person_id)
        if person is None or not keep_person.may_keep(admin, person):
            raise Refusal(No.UNKNOWN_REFERENCE, "There is no such person.")
        actor, reason = audit.by(admin.id), form.text("reason")
        second_factor.reset(tx, gateway, person, actor=actor, channel="page", reason=reason)

    await gateway.database.awrite(work)
    return RedirectResponse(f"/admin/people/{person_id}", status_code=303)


def _partners(session: Session, realm: str) -> list[tuple[PartnerRow, list[PartnerIdentityRow]]]:
    rows = session.exec(select(PartnerRow).where(PartnerRow.realm == realm).order_by(PartnerRow.name)).all()
    names = session.exec(select(PartnerIdentityRow).where(PartnerIdentityRow.realm == realm)).all()
    return [(row, [name for name in names if name.partner_id == row.id]) for row in rows]


def _rules(session: Session, person: PersonRow) -> list[tuple[CustomerRow, str | None]]:
    """Each customer of the person's with the name of the rules that are tried first for it."""
    found = []
    for customer in customers_of(session, person):
        flows = approvals.candidates(session, person.realm, customer.id)
        found.append((customer, f"{flows[0][0].name} ({flows[0][1].number})" if flows else None))
    return found


def rules_list(request: Request) -> Response:
    with gateway_of(request).database.read() as session:
        context = {"customers": _rules(session, signed_in(request).person)}
    return people_page(request, "admin/rules_list.html", context)


def rules_page(request: Request) -> Response:
    """The active definition of one customer's rules, or of the rules for all, to be read and replaced."""
    customer, flow, version = _own_rules(request)
    return _rules_page(
        request, customer, flow, version.definition if version else "", (), _doubts(request, flow, version)
    )


def _doubts(request: Request, flow: FlowRow | None, version: FlowVersionRow | None) -> tuple[Fault, ...]:
    """What is wrong or doubtful today about the rules that are active: people leave, limits change."""
    if flow is None or version is None:
        return ()
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        found = check_flow(session, flow, read_flow(version.definition), gateway.clock.now())
    return (*found.faults, *found.findings)


def _own_rules(request: Request) -> tuple[CustomerRow | None, FlowRow | None, FlowVersionRow | None]:
    person, wanted = signed_in(request).person, request.path_params["customer_id"]
    with gateway_of(request).database.read() as session:
        customer = None if wanted == FOR_ALL else session.get(CustomerRow, wanted)
        if customer is None:
            # The rules for all are nothing for who works for some customers only.
            known = wanted == FOR_ALL and person.customers is None
        else:
            known = customer.realm == person.realm and person.serves(customer.id)
        if not known:
            raise HTTPException(404)
        query = select(FlowRow).where(
            FlowRow.realm == person.realm,
            col(FlowRow.customer_id).is_not_distinct_from(customer.id if customer else None),
        )
        flow = session.exec(query.order_by(col(FlowRow.priority).desc(), FlowRow.key)).first()
        if flow is None:
            return customer, None, None
        active = select(FlowVersionRow).where(
            FlowVersionRow.flow_id == flow.id, FlowVersionRow.state == VersionState.ACTIVE
        )
        return customer, flow, session.exec(active).first()


def _rules_page(
    request: Request,
    customer: CustomerRow | None,
    flow: FlowRow | None,
    definition: str,
    faults: tuple[Fault, ...],
    doubts: tuple[Fault, ...] = (),
    *,
    status: int = 200,
) -> Response:
    context = {
        "customer": customer,
        "flow": flow,
        "definition": _indented(definition),
        "faults": faults,
        "doubts": doubts,
        "fields": FIELDS.values(),
        "words": words,
    }
    return people_page(request, "admin/rules.html", context, status=status)


def _indented(definition: str) -> str:
    try:
        return msgspec.json.format(definition, indent=2)
    except msgspec.DecodeError:
        return definition


async def publish(request: Request) -> Response:
    form = await read_form(request, FORM)
    customer, flow, _ = await run_in_threadpool(_own_rules, request)
    gateway, person = gateway_of(request), signed_in(request).person
    name = form.text("name")[:200] or (customer.name if customer else "Default rules")
    key = flow.key if flow else customer.number if customer else "default"
    definition = form.text("definition")
    try:
        published = await gateway.database.awrite(
            lambda tx: publish_flow(
                tx,
                gateway,
                realm=person.realm,
                key=key,
                name=name,
                definition=definition,
                customer_id=customer.id if customer else None,
                by=person,
            )
        )
    except Rejected as rejected:
        return await run_in_threadpool(_rules_page, request, customer, flow, definition, rejected.faults, status=400)
    shown = f"/{request.path_params['customer_id']}" if published.findings else ""
    return RedirectResponse(f"/admin/rules{shown}", status_code=303)


def record(request: Request) -> Response:
    """The newest entries; on demand, whether the chain is whole, for which all of it is read."""
    person = signed_in(request).person
    verify = "verify" in request.query_params
    before = request.query_params.get("before", "")
    with gateway_of(request).database.read() as session:
        query = select(AuditRow).where(AuditRow.realm == person.realm).order_by(col(AuditRow.sequence).desc())
        if before.isascii() and before.isdigit():
            query = query.where(col(AuditRow.sequence) < int(before[:18]))
        entries = session.exec(query.limit(ENTRIES)).all()
        names = people.named(session, person.realm, {entry.actor.partition(":")[2] for entry in entries})
        context = {
            "entries": entries,
            "names": names,
            "count": audit.last(session),
            "verified": verify,
            "broken": audit.first_broken(session) if verify else None,
            "before": entries[-1].sequence if len(entries) == ENTRIES else None,
            "words": words,
        }
    return people_page(request, "admin/record.html", context)

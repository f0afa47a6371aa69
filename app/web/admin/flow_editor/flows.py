"""The list of approval rules, and one flow with its versions: begun, renamed, retired."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import No, Refusal
from app.flows import edit_flow
from app.flows.check_flow import check_flow
from app.flows.consider_order import read_version
from app.flows.own_fields import fields_of
from app.storage import approvals, flow_drafts, people
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState
from app.storage.customers import CustomerRow, groups
from app.storage.flow_drafts import FlowDraftRow
from app.storage.people import PersonRow
from app.web.admin.flow_editor.access import flow_of, flows_of, may, version_of
from app.web.admin.flow_editor.audience import audience_of
from app.web.admin.flow_editor.fault_words import FaultWords
from app.web.forms import FormLimits, read_form
from app.web.orders.order_list import customers_of
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in
from schemas.faults import Fault

FORM: Final = FormLimits(fields=10, size=1_000)
FOR_ALL: Final = "all"
"""Stands in the URL for the rules of customers that have none of their own."""
FOR_GROUP: Final = "group"
"""Stands for those of a group of customers."""


@dataclass(frozen=True, slots=True)
class Listed:
    flow: FlowRow
    active: FlowVersionRow | None
    draft: FlowDraftRow | None
    author: str | None


def rules_list(request: Request) -> Response:
    return _list(request, request.query_params.get("customer", ""))


def customer_rules(request: Request) -> Response:
    """The list of one customer's, of those for groups, or of those for all. Raises HTTPException 404."""
    wanted, person = request.path_params["customer_id"], signed_in(request).person
    with gateway_of(request).database.read() as session:
        several = wanted in (FOR_ALL, FOR_GROUP)
        customer = None if several else session.get(CustomerRow, wanted)
        known = several or (customer is not None and customer.realm == person.realm)
    if not known or not may(person, customer.id if customer else None):
        raise HTTPException(404)
    return _list(request, wanted)


def _list(request: Request, wanted: str) -> Response:
    person, text = signed_in(request).person, request.query_params.get("q", "").strip()[:200]
    state = request.query_params.get("state", "")
    with gateway_of(request).database.read() as session:
        listed = [
            one
            for one in _listed(session, person)
            if (not wanted or _for(one.flow) == wanted)
            and text.casefold() in one.flow.name.casefold()
            and (state != "active" or one.active)
            and (state != "draft" or one.draft)
            and (state != "retired" or not (one.active or one.draft))
        ]
        customers = customers_of(session, person)
        context = {
            "flows": listed,
            "customers": customers,
            "names": {row.id: row.name for row in customers},
            "people": people.named(session, person.realm, (one.author for one in listed)),
            "first": tried_first(session, person),
            "filter": {"q": text, "customer": wanted, "state": state},
            "for_all": FOR_ALL,
            "for_group": FOR_GROUP,
            "groups": groups(session, person.realm) if person.customers is None else (),
        }
    return people_page(request, "rules/list.html", context)


def _for(flow: FlowRow) -> str:
    return flow.customer_id or (FOR_GROUP if flow.customer_group is not None else FOR_ALL)


def _listed(session: Session, person: PersonRow) -> list[Listed]:
    flows = flows_of(session, person)
    newest: dict[str, FlowVersionRow] = {}
    for version in approvals.versions(session, (flow.id for flow in flows)):
        if version.state == VersionState.ACTIVE:
            newest[version.flow_id] = version
    drafts = flow_drafts.of_realm(session, person.realm)
    found = []
    for flow in flows:
        active, draft = newest.get(flow.id), drafts.get(flow.id)
        author = (active.author_id or active.published_by) if active else draft.author_id if draft else None
        found.append(Listed(flow, active, draft, author))
    return found


def tried_first(session: Session, person: PersonRow) -> list[tuple[CustomerRow, str | None]]:
    """Each customer of the person's with the name of the rules that are tried first for it."""
    found = []
    for customer in customers_of(session, person):
        flows = approvals.candidates(session, customer)
        found.append((customer, f"{flows[0][0].name} ({flows[0][1].number})" if flows else None))
    return found


async def create(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, person, wanted = gateway_of(request), signed_in(request).person, form.text("customer")
    priority = _number(form.text("priority"))

    def work(tx: Session) -> FlowRow:
        several = wanted in (FOR_ALL, FOR_GROUP)
        customer = None if several else tx.get(CustomerRow, wanted)
        if not several and (customer is None or customer.realm != person.realm):
            raise Refusal(No.UNACCEPTABLE, "Say for which customer the rules are, or that they are for all.")
        customer_id = customer.id if customer else None
        if not may(person, customer_id):
            raise HTTPException(404)
        return edit_flow.create_flow(
            tx,
            gateway,
            person,
            name=form.text("name"),
            customer_id=customer_id,
            priority=priority,
            customer_group=form.text("group") if wanted == FOR_GROUP else None,
        )

    flow = await gateway.database.awrite(work)
    return RedirectResponse(f"/admin/rules/flows/{flow.id}/draft", status_code=303)


def _number(text: str) -> int:
    """0, which is no priority, for what is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def flow_page(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person
    with gateway.database.read() as session:
        flow = flow_of(session, request, person)
        versions = approvals.versions(session, (flow.id,))
        draft = flow_drafts.of_flow(session, flow.id)
        asked = [one for version in versions for one in (version.author_id, version.published_by)]
        asked += [draft.author_id, draft.changed_by] if draft else []
        context = {
            "flow": flow,
            "customer": session.get(CustomerRow, flow.customer_id) if flow.customer_id else None,
            "versions": versions,
            "draft": draft,
            "people": people.named(session, person.realm, asked),
            "doubts": _doubts(session, flow, versions, gateway.clock.now()),
            "fault_words": FaultWords(language_of(request, person)),
        }
    return people_page(request, "rules/flow.html", context)


def _doubts(session: Session, flow: FlowRow, versions: list[FlowVersionRow], at: datetime) -> tuple[Fault, ...]:
    """What is wrong or doubtful today about the rules that are active: people leave, limits change."""
    active = next((version for version in versions if version.state == VersionState.ACTIVE), None)
    if active is None:
        return ()
    found = check_flow(session, flow, read_version(active), at)
    return (*found.faults, *found.findings)


async def change(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person

    def work(tx: Session) -> FlowRow:
        flow, priority = flow_of(tx, request, person), _number(form.text("priority"))
        edit_flow.change_flow(tx, gateway, person, flow, name=form.text("name"), priority=priority)
        return flow

    return back_to(await gateway.database.awrite(work))


def version_page(request: Request) -> Response:
    """A published version, in sentences."""
    person = signed_in(request).person
    with gateway_of(request).database.read() as session:
        flow = flow_of(session, request, person)
        version = version_of(session, request, flow)
        context = {
            "flow": flow,
            "version": version,
            "people": people.named(session, person.realm, (version.author_id, version.published_by)),
            "has_draft": flow_drafts.of_flow(session, flow.id) is not None,
            "data": msgspec.json.decode(version.definition),
            "phrases": audience_of(session, flow).phrases(
                language_of(request, person), fields_of(session, version, flow)
            ),
        }
    return people_page(request, "rules/version.html", context)


def begin_draft(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person
    flow = _changed(
        request,
        lambda tx, flow: edit_flow.begin_draft(tx, gateway, person, flow, version_of(tx, request, flow)),
    )
    return RedirectResponse(f"/admin/rules/flows/{flow.id}/draft", status_code=303)


def retire(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person
    return back_to(
        _changed(request, lambda tx, flow: edit_flow.retire(tx, gateway, person, flow, version_of(tx, request, flow)))
    )


def discard_draft(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person
    return back_to(_changed(request, lambda tx, flow: edit_flow.discard_draft(tx, gateway, person, flow)))


def _changed(request: Request, change: Callable[[Session, FlowRow], object]) -> FlowRow:
    person = signed_in(request).person

    def work(tx: Session) -> FlowRow:
        flow = flow_of(tx, request, person)
        change(tx, flow)
        return flow

    return gateway_of(request).database.write(work)


def back_to(flow: FlowRow) -> Response:
    return RedirectResponse(f"/admin/rules/flows/{flow.id}", status_code=303)

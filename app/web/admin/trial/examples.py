"""The examples that are kept with rules: listed with what comes of them now, added, removed."""

from typing import Final

from sqlmodel import Session, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval import definition as definitions
from app.approval.flow import Step
from app.errors import No, Refusal
from app.flows import flow_examples
from app.flows.own_fields import fields_for
from app.flows.past_orders import Trial
from app.storage import flow_examples as kept
from app.storage.approvals import FlowRow
from app.storage.orders import OrderRow
from app.storage.people import PersonRow
from app.web.admin.flow_editor.access import flow_of
from app.web.admin.trial import words
from app.web.admin.trial.sources import Source, sources
from app.web.forms import FormLimits, read_form
from app.web.language import translations
from app.web.orders.order_list import visible_to
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in
from schemas.faults import Rejected

FORM: Final = FormLimits(fields=10, size=1_000)


def examples(request: Request) -> Response:
    """`source`: the draft or the version that they are tried with; unless it is said, the first there is."""
    gateway, person = gateway_of(request), signed_in(request).person
    translate = translations(language_of(request, person)).gettext
    with gateway.database.read() as session:
        row = flow_of(session, request, person)
        known = sources(session, row)
        wanted = request.query_params.get("source", "")
        chosen = next((one for one in known if one.name == wanted), known[0] if known else None)
        steps, tried = _tried(session, row, chosen, Trial(gateway.clock.now()))
        context = {
            "flow": row,
            "sources": known,
            "chosen": chosen,
            "steps": steps,
            "tried": tried,
            "examples": kept.of_flow(session, row.id),
            "outcomes": words.OUTCOMES,
            "told": lambda judged: words.told(judged, translate),
            "order": request.query_params.get("order", "")[:200],
            "most": flow_examples.MOST,
        }
    return people_page(request, "trial/examples.html", context)


def _tried(
    session: Session, row: FlowRow, chosen: Source | None, trial: Trial
) -> tuple[list[Step], list[flow_examples.Tried] | None]:
    """None: the definition cannot be read, so nothing can be tried with it."""
    try:
        flow = definitions.read(chosen.definition, fields_for(session, row)) if chosen else None
    except Rejected:
        flow = None
    if flow is None:
        return [], None
    return list(flow.steps), flow_examples.try_out(session, row, flow, trial)


async def add(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person

    def work(tx: Session) -> None:
        row = flow_of(tx, request, person)
        order = _order(tx, person, row, form.text("order"))
        flow_examples.add(tx, gateway, person, row, order, outcome=form.text("outcome"), step=form.text("step"))

    await gateway.database.awrite(work)
    return _back(request)


def _order(tx: Session, person: PersonRow, row: FlowRow, number: str) -> OrderRow:
    """By its number. Raises Refusal when there is none, or several customers have one of this number."""
    query = select(OrderRow).where(OrderRow.number == number, *visible_to(person))
    if row.customer_id is not None:
        query = query.where(OrderRow.customer_id == row.customer_id)
    found = tx.exec(query.limit(2)).all()
    if len(found) != 1:
        several = "Several customers have an order of this number." if found else "There is no order of this number."
        raise Refusal(No.UNACCEPTABLE, several)
    return found[0]


async def remove(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person

    def work(tx: Session) -> None:
        row = flow_of(tx, request, person)
        flow_examples.remove(tx, gateway, person, row, request.path_params["example_id"])

    await gateway.database.awrite(work)
    return _back(request)


def _back(request: Request) -> Response:
    return RedirectResponse(f"/admin/rules/flows/{request.path_params['flow_id']}/examples", status_code=303)

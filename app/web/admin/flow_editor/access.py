"""Whose rules a person sees and edits: those of the customers whom they serve; who serves all, also those for groups
and for all.
Anything else is not there for them."""

from sqlmodel import Session, select
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.storage import approvals
from app.storage.approvals import FlowRow, FlowVersionRow
from app.storage.people import PersonRow


def may(person: PersonRow, customer_id: str | None) -> bool:
    """Whether rules for this customer, or for several where it is None, are theirs."""
    return person.customers is None if customer_id is None else person.serves(customer_id)


def flow_of(session: Session, request: Request, person: PersonRow) -> FlowRow:
    """The flow that the URL names. Raises HTTPException 404."""
    flow = session.get(FlowRow, request.path_params["flow_id"])
    if flow is None or flow.realm != person.realm or not may(person, flow.customer_id):
        raise HTTPException(404)
    return flow


def version_of(session: Session, request: Request, flow: FlowRow) -> FlowVersionRow:
    """The version that the URL names. Raises HTTPException 404."""
    number = request.path_params["number"]
    if not (number.isascii() and number.isdigit() and len(number) < 9):
        raise HTTPException(404)
    query = select(FlowVersionRow).where(FlowVersionRow.flow_id == flow.id, FlowVersionRow.number == int(number))
    version = session.exec(query).first()
    if version is None:
        raise HTTPException(404)
    return version


def flows_of(session: Session, person: PersonRow) -> list[FlowRow]:
    """By customer and in the order in which they are tried."""
    return [flow for flow in approvals.flows(session, person.realm) if may(person, flow.customer_id)]

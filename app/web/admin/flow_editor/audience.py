"""Whom and what the rules of a flow can name: people, groups and roles, the currencies that are ordered in, fields."""

from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, select

from app.approval.fields import Catalogue
from app.flows import own_fields
from app.storage import approver_profiles, people
from app.storage.approvals import FlowRow
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow, Role
from app.web.admin.flow_editor.phrases import Phrases

MOST: Final = 500
"""How many names a page offers; others can be typed."""


@dataclass(frozen=True, slots=True)
class Audience:
    people: tuple[PersonRow, ...]
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    currencies: tuple[str, ...]
    fields: Catalogue

    def phrases(self, language: str, fields: Catalogue | None = None) -> Phrases:
        """With `fields` in place of those that may be named now."""
        return Phrases(language, {person.login: person.name for person in self.people}, fields or self.fields)


def audience_of(session: Session, flow: FlowRow) -> Audience:
    """Those who serve a customer of the flow, or everybody for a flow for all."""
    everyone = session.exec(select(CustomerRow).where(CustomerRow.realm == flow.realm))
    customers = [customer for customer in everyone if flow.meets(customer)]
    reached = [
        person
        for person in people.of_realm(session, flow.realm)
        if person.active
        and (flow.for_all or person.customers is None or any(person.serves(one.id) for one in customers))
    ]
    profiles = approver_profiles.profiles(session, flow.realm)
    groups = {group for person in reached if person.id in profiles for group in profiles[person.id].groups}
    currencies = sorted({customer.currency for customer in customers})
    fields = own_fields.fields_for(session, flow)
    return Audience(tuple(reached), tuple(sorted(groups))[:MOST], tuple(map(str, Role)), tuple(currencies), fields)

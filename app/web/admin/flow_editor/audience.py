"""Whom and what the rules of a flow can name: people, groups and roles, and the currencies that are ordered in."""

from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, select

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

    def phrases(self, language: str) -> Phrases:
        return Phrases(language, {person.login: person.name for person in self.people})


def audience_of(session: Session, flow: FlowRow) -> Audience:
    """Those who serve the customer of the flow, or everybody for a flow for all."""
    reached = [
        person
        for person in people.of_realm(session, flow.realm)
        if person.active and (flow.customer_id is None or person.serves(flow.customer_id))
    ]
    profiles = approver_profiles.profiles(session, flow.realm)
    groups = {group for person in reached if person.id in profiles for group in profiles[person.id].groups}
    query = select(CustomerRow.currency).where(CustomerRow.realm == flow.realm)
    if flow.customer_id is not None:
        query = query.where(CustomerRow.id == flow.customer_id)
    return Audience(
        tuple(reached), tuple(sorted(groups))[:MOST], tuple(map(str, Role)), tuple(sorted(set(session.exec(query))))
    )

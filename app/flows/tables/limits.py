"""Approval limits as a table: `login`, `currency`, `amount`. An empty amount takes the limit away."""

from collections.abc import Sequence
from decimal import Decimal

from sqlmodel import Session

from app.flows import keep_profile
from app.flows.tables.csv_lines import Line
from app.flows.tables.table import Cells
from app.gateway import Gateway
from app.languages import msgid
from app.storage import approver_profiles, people
from app.storage.people import PersonRow
from schemas.money import Money


class Limits:
    columns: Cells = ("login", "currency", "amount")
    keys: int = 2
    needed: Cells = ("login", "currency", "amount")
    numbers: Cells = ("amount",)

    def __init__(self, among: Sequence[PersonRow]) -> None:
        """Other people than these are unknown."""
        self.people = {person.login: person for person in among}

    def kept(self, session: Session) -> dict[Cells, Cells]:
        logins = {person.id: login for login, person in self.people.items()}
        realms = {person.realm for person in self.people.values()}
        found = {
            (logins[limit.person_id], limit.currency): (f"{limit.amount:f}",)
            for realm in realms
            for limit in approver_profiles.limits(session, realm)
            if limit.person_id in logins
        }
        return dict(sorted(found.items()))

    def read(self, line: Line) -> tuple[Cells, Cells | None] | None:
        login = people.folded(line.text("login"))
        if login not in self.people:
            line.fault("login", msgid("there is nobody with this login"))
        currency = line.currency("currency")
        amount = line.amount("amount", currency) if line.text("amount") else None
        if not line.good:
            return None
        return (login, currency), None if amount is None else (f"{amount:f}",)

    def keep(
        self, tx: Session, gateway: Gateway, key: Cells, values: Cells | None, *, actor: str, channel: str
    ) -> None:
        person, currency = self.people[key[0]], key[1]
        if values is None:
            keep_profile.drop_limit(tx, gateway, person, currency, actor=actor, channel=channel)
        else:
            limit = Money(amount=Decimal(values[0]), currency=currency)
            keep_profile.set_limit(tx, gateway, person, limit, actor=actor, channel=channel)

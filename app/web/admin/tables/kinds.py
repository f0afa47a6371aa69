"""What there is to keep: for each table its words, its URLs, who may write it, and what follows a change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlmodel import Session, col, select
from starlette.requests import Request

from app.flows import judge_again
from app.flows.tables.budgets import Budgets
from app.flows.tables.limits import Limits
from app.flows.tables.rates import Rates
from app.flows.tables.staff import Staff
from app.flows.tables.table import Change, Table
from app.gateway import Gateway
from app.storage import people
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow, Role
from app.web.admin.people import kept_by
from app.web.language import msgid
from app.web.orders.order_list import customers_of
from app.web.people.sessions import gateway_of, signed_in


def _nothing(_gateway: Gateway, _person: PersonRow, _changes: Sequence[Change]) -> int:
    return 0


def _admins(person: PersonRow) -> bool:
    return person.has(Role.ADMIN)


def _authors(person: PersonRow) -> bool:
    return person.has(Role.ADMIN, Role.FLOW_AUTHOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """
    name    of the files.
    page    where the table is seen; `files` where one is read in, and `files`/apply where it is taken.
    made    the table, as the person who asks may see and change it.
    after   what follows changes; how many held orders were judged again by it.
    row     whether one row can be typed into a form.
    """

    name: str
    page: str
    files: str
    title: str
    hint: str
    set_one: str = ""
    columns: Mapping[str, str]
    made: Callable[[Session, PersonRow, Gateway], Table]
    may_write: Callable[[PersonRow], bool]
    after: Callable[[Gateway, PersonRow, Sequence[Change]], int] = field(default=_nothing)
    row: bool = False

    def table(self, session: Session, request: Request) -> Table:
        return self.made(session, signed_in(request).person, gateway_of(request))


def _judge_rates(gateway: Gateway, person: PersonRow, _changes: Sequence[Change]) -> int:
    return judge_again.judge_waiting(gateway, person.realm, judge_again.asks_for_rate)


def _judge_budgets(gateway: Gateway, person: PersonRow, changes: Sequence[Change]) -> int:
    numbers = {change.key[0] for change in changes}
    with gateway.database.read() as session:
        query = select(CustomerRow.id).where(CustomerRow.realm == person.realm, col(CustomerRow.number).in_(numbers))
        ids = session.exec(query).all()
    waits = judge_again.asks_for_budget
    return sum(judge_again.judge_waiting(gateway, person.realm, waits, customer_id) for customer_id in ids)


def _staff(session: Session, person: PersonRow, _gateway: Gateway) -> Staff:
    return Staff(person.realm, people.of_realm(session, person.realm), customers_of(session, person), person)


RATES: Final = Kind(
    name="rates",
    page="/admin/rates",
    files="/admin/rates/import",
    title=msgid("Exchange rates"),
    hint=msgid(
        "A CSV file with the columns base, target, day, factor and source. An empty factor takes the rate away; what "
        "the file does not name stays. First you see what would change."
    ),
    set_one=msgid("Set a rate"),
    columns={
        "base": msgid("One unit of"),
        "target": msgid("In currency"),
        "day": msgid("Day"),
        "factor": msgid("Rate"),
        "source": msgid("Published by"),
    },
    made=lambda _session, person, gateway: Rates(person.realm, gateway.clock.now().date()),
    may_write=lambda person: person.customers is None and _authors(person),
    after=_judge_rates,
    row=True,
)
BUDGETS: Final = Kind(
    name="budgets",
    page="/admin/budgets",
    files="/admin/budgets/import",
    title=msgid("Budgets"),
    hint=msgid(
        "A CSV file with the columns customer (its number), cost_center, period, amount and currency. An empty amount "
        "takes the budget away; what the file does not name stays. First you see what would change."
    ),
    set_one=msgid("Set a budget"),
    columns={
        "customer": msgid("Customer"),
        "cost_center": msgid("Cost centre"),
        "period": msgid("Period"),
        "amount": msgid("Amount"),
        "currency": msgid("Currency"),
    },
    made=lambda session, person, _gateway: Budgets(customers_of(session, person)),
    may_write=_authors,
    after=_judge_budgets,
    row=True,
)
LIMITS: Final = Kind(
    name="limits",
    page="/admin/people",
    files="/admin/people/limits",
    title=msgid("Approval limits from a file"),
    hint=msgid(
        "A CSV file with the columns login, currency and amount. An empty amount takes the limit away; what the file "
        "does not name stays. First you see what would change."
    ),
    columns={"login": msgid("Signs in as"), "currency": msgid("Currency"), "amount": msgid("Amount")},
    made=lambda session, person, _gateway: Limits(kept_by(session, person)),
    may_write=_admins,
)
STAFF: Final = Kind(
    name="people",
    page="/admin/people",
    files="/admin/people/file",
    title=msgid("People and groups from a file"),
    hint=msgid(
        "A CSV file with the column login and any of name, email, roles, customers, manager, groups and active. "
        "Several in one cell are divided by |. Whom and what the file does not name stays; somebody new has no "
        "password yet. First you see what would change."
    ),
    columns={
        "login": msgid("Signs in as"),
        "name": msgid("Name"),
        "email": msgid("Mail"),
        "roles": msgid("Roles"),
        "customers": msgid("Customers"),
        "manager": msgid("Manager"),
        "groups": msgid("Groups"),
        "active": msgid("Active"),
    },
    made=_staff,
    may_write=_admins,
)

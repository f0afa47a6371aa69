"""People as a table: `login`, `name`, `email`, `roles`, `customers`, `manager`, `groups`, `active`.

Several in one cell are divided by `|`. `customers` are numbers, or `all`; `active` is `yes` or `no`. A column that the
file leaves out stays, so that `login` and `groups` alone are a file of groups. Somebody new has no password: they sign
in with one that an administrator gives them, or by the company's sign-in."""

from collections.abc import Sequence

from sqlmodel import Session

from app.flows import keep_person, keep_profile
from app.flows.keep_profile import LONGEST_NAME, MOST
from app.flows.tables.csv_lines import Line
from app.flows.tables.table import Cells, Given
from app.gateway import Gateway
from app.languages import msgid
from app.mail_address import is_address
from app.storage import approver_profiles, people
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow, Role

ALL = "all"


class Staff:
    columns: Cells = ("login", "name", "email", "roles", "customers", "manager", "groups", "active")
    keys: int = 1
    needed: Cells = ("login",)
    numbers: Cells = ()

    def __init__(
        self, realm: str, everybody: Sequence[PersonRow], customers: Sequence[CustomerRow], keeper: PersonRow | None
    ) -> None:
        """The table is of those among `everybody` whom the keeper has a say over, of all without a keeper;
        `customers` are those that may be named."""
        self.realm = realm
        self.keeper = keeper
        self.logins = {person.id: person.login for person in everybody}
        self.others = {one.login for one in everybody if keeper and not keep_person.may_keep(keeper, one)}
        self.people = {person.login: person for person in everybody if person.login not in self.others}
        self.customers = {customer.number: customer.id for customer in customers}
        self.added: set[str] = set()

    def kept(self, session: Session) -> dict[Cells, Cells]:
        profiles = approver_profiles.profiles(session, self.realm)
        numbers = {customer_id: number for number, customer_id in self.customers.items()}
        found: dict[Cells, Cells] = {}
        for login, person in self.people.items():
            profile = profiles.get(person.id)
            served = person.customers
            found[(login,)] = (
                person.name,
                person.email or "",
                "|".join(role.value for role in Role if role in person.roles),
                ALL if served is None else "|".join(sorted(numbers.get(one, one) for one in served)),
                self.logins.get(profile.manager_id or "", "") if profile else "",
                "|".join(profile.groups) if profile else "",
                "yes" if person.active else "no",
            )
        return found

    def read(self, line: Line) -> tuple[Cells, Given] | None:
        login = people.folded(line.text("login"))
        is_new = login not in self.people
        if not 0 < len(login) <= keep_person.LONGEST_LOGIN:
            line.fault("login", msgid("a login has 1 to 100 characters"))
        if login in self.others:
            line.fault("login", msgid("this is the login of somebody over whom you have no say"))
        said = {column: line.cells.get(column) for column in self.columns[1:]}
        if is_new:
            said = {column: cell or ("yes" if column == "active" else "") for column, cell in said.items()}
        given = tuple(None if cell is None else _READ[column](self, line, login, cell) for column, cell in said.items())
        if not line.good:
            return None
        self.added.add(login)
        return (login,), given

    def _name(self, line: Line, _login: str, cell: str) -> str:
        if not 0 < len(cell) <= keep_person.LONGEST_NAME:
            line.fault("name", msgid("a name has 1 to 200 characters"))
        return cell

    def _email(self, line: Line, _login: str, cell: str) -> str:
        address = people.folded(cell)
        if address and not is_address(address):
            line.fault("email", msgid("is no mail address"))
        return address

    def _roles(self, line: Line, _login: str, cell: str) -> str:
        named = _several(cell)
        if not named or not set(named) <= set(Role):
            line.fault("roles", msgid("are at least one of these: %(roles)s"), roles=", ".join(Role))
        return "|".join(role.value for role in Role if role in named)

    def _customers(self, line: Line, _login: str, cell: str) -> str:
        named = _several(cell)
        if named == [ALL]:
            if self.keeper is not None and self.keeper.customers is not None:
                line.fault("customers", msgid("name customers that you work for yourself"))
            return ALL
        if not named:
            line.fault("customers", msgid("are numbers of customers, or: all"))
        unknown = [number for number in named if number not in self.customers]
        if unknown:
            line.fault("customers", msgid("there is no customer of this number: %(number)s"), number=unknown[0])
        return "|".join(sorted(named))

    def _manager(self, line: Line, login: str, cell: str) -> str:
        manager = people.folded(cell)
        if manager and manager == login:
            line.fault("manager", msgid("nobody is their own manager"))
        elif manager and manager not in {*self.people, *self.added}:
            line.fault("manager", msgid("there is nobody with this login"))
        return manager

    def _groups(self, line: Line, _login: str, cell: str) -> str:
        named = _several(cell)
        if len(named) > MOST or any(len(group) > LONGEST_NAME for group in named):
            line.fault("groups", msgid("are at most 100, with names of at most 100 characters"))
        return "|".join(named)

    def _active(self, line: Line, _login: str, cell: str) -> str:
        if cell.casefold() not in ("yes", "no"):
            line.fault("active", msgid("is yes or no"))
        return cell.casefold()

    def keep(
        self, tx: Session, gateway: Gateway, key: Cells, values: Cells | None, *, actor: str, channel: str
    ) -> None:
        assert values is not None
        name, email, roles, customers, manager, groups, active = values
        by = {"actor": actor, "channel": channel}
        person = self.people.get(key[0])
        served = None if customers == ALL else [self.customers.get(one, one) for one in customers.split("|")]
        if person is None:
            wanted = keep_person.Wanted(login=key[0], name=name, email=email, roles=roles.split("|"), customers=served)
            person = keep_person.add(tx, gateway, wanted, realm=self.realm, **by)
            self.people[person.login] = person
            self.logins[person.id] = person.login
        if (name, email) != (person.name, person.email or ""):
            keep_person.set_contact(tx, gateway, person, name=name, email=email, **by)
        if set(roles.split("|")) != set(person.roles):
            keep_person.set_roles(tx, gateway, person, roles.split("|"), **by)
        if (served is None) != (person.customers is None) or set(served or ()) != set(person.customers or ()):
            keep_person.set_customers(tx, gateway, person, served, **by)
        profile = approver_profiles.profile(tx, self.realm, person.id)
        if manager != self.logins.get(profile.manager_id or "", ""):
            above = people.by_login(tx, self.realm, manager) if manager else None
            keep_profile.set_manager(tx, gateway, person, above, **by)
        if groups != "|".join(profile.groups):
            keep_profile.set_groups(tx, gateway, person, _several(groups), **by)
        if person.active != (active == "yes"):
            keep_person.switch(tx, gateway, person, active=active == "yes", **by)
        if self.keeper is not None:
            keep_person.refuse_more(self.keeper, person)


_READ = {
    "name": Staff._name,
    "email": Staff._email,
    "roles": Staff._roles,
    "customers": Staff._customers,
    "manager": Staff._manager,
    "groups": Staff._groups,
    "active": Staff._active,
}


def _several(cell: str) -> list[str]:
    return sorted({one.strip() for one in cell.split("|") if one.strip()})

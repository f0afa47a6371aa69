"""What the forms of a person's page change, each by its name in the URL."""

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Final

from sqlmodel import Session

from app.errors import No, Refusal
from app.flows import keep_person, keep_profile, password_links
from app.gateway import Gateway
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow
from app.web.forms import Form
from app.web.people import absences
from app.web.people.absences import Act, By
from schemas.money import Money


def _account(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    given = {name: form.text(name) for name in ("name", "email", "language")}
    keep_person.set_contact(tx, gateway, person, **given, **by)


def _roles(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    """Roles and customers stand in one form: together they are what somebody may do."""
    if set(form.all("role")) != set(person.roles):
        keep_person.set_roles(tx, gateway, person, form.all("role"), **by)
    customers = form.all("customer") or None
    if set(customers or ()) != set(person.customers or ()):
        keep_person.set_customers(tx, gateway, person, customers, **by)


def _active(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    keep_person.switch(tx, gateway, person, active=form.text("active") == "yes", **by)


def _link(tx: Session, gateway: Gateway, person: PersonRow, _: Form, by: By) -> None:
    password_links.send(tx, gateway, person, **by)


def _limit(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    currency, amount = form.text("currency").upper(), form.text("amount")
    if not amount:
        keep_profile.drop_limit(tx, gateway, person, currency, **by)
    else:
        keep_profile.set_limit(tx, gateway, person, _money(amount, currency), **by)


def _money(amount: str, currency: str) -> Money:
    """Raises Refusal."""
    try:
        return Money(amount=Decimal(amount), currency=currency)
    except InvalidOperation:
        raise Refusal(No.UNACCEPTABLE, "Write the amount as 5000.00.") from None
    except ValueError as error:
        raise Refusal(No.UNACCEPTABLE, f"{error}.") from None


def _manager(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    keep_profile.set_manager(tx, gateway, person, absences.colleague(tx, person, form.text("manager")), **by)


def _groups(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    groups = [group for group in form.text("groups").splitlines() if group.strip()]
    keep_profile.set_groups(tx, gateway, person, groups, **by)


def _hours(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    try:
        weekdays = [int(day) for day in form.all("weekday")]
        begins, ends = (time.fromisoformat(form.text(name)) for name in ("begins", "ends"))
        holidays = [date.fromisoformat(day) for day in form.text("holidays").split()]
    except ValueError:
        raise Refusal(No.UNACCEPTABLE, "Write times as 09:00 and days as 2026-12-25.") from None
    keep_profile.set_hours(
        tx,
        gateway,
        person,
        zone=form.text("zone"),
        weekdays=weekdays,
        begins=begins,
        ends=ends,
        holidays=holidays,
        **by,
    )


def _owner(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    customer = _customer(tx, person, form)
    keep_profile.set_owner(tx, gateway, person, customer, form.text("kind"), form.text("code"), **by)


def _disown(tx: Session, gateway: Gateway, person: PersonRow, form: Form, by: By) -> None:
    customer = _customer(tx, person, form)
    keep_profile.drop_owner(tx, gateway, person, customer, form.text("kind"), form.text("code"), **by)


def _customer(tx: Session, person: PersonRow, form: Form) -> CustomerRow:
    customer = tx.get(CustomerRow, form.text("customer"))
    if customer is None or customer.realm != person.realm or not person.serves(customer.id):
        raise Refusal(No.UNKNOWN_REFERENCE, "This person does not work for such a customer.")
    return customer


ACTS: Final[Mapping[str, Act]] = {
    "account": _account,
    "roles": _roles,
    "active": _active,
    "link": _link,
    "limit": _limit,
    "manager": _manager,
    "groups": _groups,
    "hours": _hours,
    "absence": absences.add,
    "back": absences.end,
    "owner": _owner,
    "disown": _disown,
}

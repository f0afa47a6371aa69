"""`crossdock person ...`: what the approval rules must know of a person."""

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

import typer
from rich.table import Table
from sqlmodel import Session

from app import process
from app.approval.flow import OWNERS
from app.cli import tables
from app.cli.customers import of_number
from app.cli.options import Data, console, settings_from, stop
from app.cli.people import BY, change_person, of_login
from app.flows import keep_profile
from app.gateway import Gateway
from app.storage import approver_profiles, people
from app.storage.base import LIVE
from app.storage.people import PersonRow
from schemas.money import Money

Login = Annotated[str, typer.Argument(help="What they sign in with.", show_default=False)]
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def add_to(person: typer.Typer) -> None:
    for command in (limit, manager, groups, hours, absence, back, owner, profile, tables.limits, tables.file):
        person.command()(command)


def limit(
    login: Login,
    amount: Annotated[str, typer.Argument(help="Without tax, such as 5000.00; `none` takes the authority away.")],
    currency: Annotated[str, typer.Argument(help="Such as EUR.")],
    data: Data = None,
) -> None:
    """Set what a person may approve, one amount a currency; without one they have no authority in it."""
    if amount == "none":
        change_person(data, login, lambda tx, gateway, row: keep_profile.drop_limit(tx, gateway, row, currency, **BY))
        return
    try:
        money = Money(amount=Decimal(amount), currency=currency)
    except (InvalidOperation, ValueError) as error:
        reason = str(error) if isinstance(error, ValueError) else "is no number such as 5000.00"
        raise typer.BadParameter(reason, param_hint="AMOUNT CURRENCY") from None
    change_person(data, login, lambda tx, gateway, row: keep_profile.set_limit(tx, gateway, row, money, **BY))


def manager(
    login: Login,
    above: Annotated[str, typer.Argument(metavar="MANAGER", help="The manager's login; `none` for nobody.")],
    data: Data = None,
) -> None:
    """Say who is a person's manager."""

    def change(tx: Session, gateway: Gateway, row: PersonRow) -> None:
        found = None if above == "none" else of_login(tx, above)
        keep_profile.set_manager(tx, gateway, row, found, **BY)

    change_person(data, login, change)


def groups(
    login: Login,
    group: Annotated[list[str] | None, typer.Argument(help="All groups of the person.")] = None,
    data: Data = None,
) -> None:
    """Set the groups that a person belongs to."""
    change_person(data, login, lambda tx, gateway, row: keep_profile.set_groups(tx, gateway, row, group or (), **BY))


def hours(
    login: Login,
    zone: Annotated[str | None, typer.Option(help="Time zone, such as Europe/Berlin.")] = None,
    days: Annotated[str | None, typer.Option(help="Working days, such as mon,tue,wed,thu,fri.")] = None,
    begins: Annotated[str | None, typer.Option("--from", help="Such as 09:00.")] = None,
    ends: Annotated[str | None, typer.Option("--until", help="Such as 17:00.")] = None,
    holiday: Annotated[list[str] | None, typer.Option(help="All days without work, such as 2026-12-25.")] = None,
    data: Data = None,
) -> None:
    """Set when a person works; what is not given stays. Due times and reminders count these hours only."""
    try:
        weekdays = [DAYS.index(day.strip().casefold()) for day in days.split(",")] if days else None
        begin, end = (time.fromisoformat(given) if given else None for given in (begins, ends))
        holidays = [date.fromisoformat(day) for day in holiday] if holiday is not None else None
    except ValueError:
        raise typer.BadParameter("days are mon to sun, times 09:00, holidays 2026-12-25") from None
    change_person(
        data,
        login,
        lambda tx, gateway, row: keep_profile.set_hours(
            tx, gateway, row, zone=zone, weekdays=weekdays, begins=begin, ends=end, holidays=holidays, **BY
        ),
    )


def absence(
    login: Login,
    begins: Annotated[str, typer.Option("--from", help="Day or time of the person's own clock: 2026-12-21T12:00.")],
    ends: Annotated[str, typer.Option("--until", help="Until before this day or time.")],
    delegate: Annotated[str | None, typer.Option(help="The login of who decides in their place.")] = None,
    data: Data = None,
) -> None:
    """Say when a person is away and who stands in; open tasks change hands when it begins."""
    try:
        first, last = datetime.fromisoformat(begins), datetime.fromisoformat(ends)
    except ValueError:
        raise typer.BadParameter("write 2026-12-21 or 2026-12-21T12:00", param_hint="--from, --until") from None

    def change(tx: Session, gateway: Gateway, row: PersonRow) -> None:
        stands_in = of_login(tx, delegate) if delegate else None
        keep_profile.add_absence(tx, gateway, row, first, last, stands_in, **BY)

    change_person(data, login, change)


def back(login: Login, data: Data = None) -> None:
    """End every absence of a person, also those to come; their tasks come back at once."""

    def change(tx: Session, gateway: Gateway, row: PersonRow) -> None:
        for away in approver_profiles.absences_of(tx, row.id, gateway.clock.now()):
            keep_profile.end_absence(tx, gateway, row, away.id, **BY)

    change_person(data, login, change)


def owner(
    login: Login,
    customer: Annotated[str, typer.Option(help="The customer's number.")],
    cost_center: Annotated[str | None, typer.Option(help="Answers for this cost centre.")] = None,
    ship_to: Annotated[str | None, typer.Option(help="Answers for this ship-to code.")] = None,
    data: Data = None,
) -> None:
    """Say that a person answers for a customer, or for one of its cost centres or ship-tos."""
    if cost_center and ship_to:
        raise typer.BadParameter("name a cost centre or a ship-to, not both")
    kind, code = OWNERS[0] if cost_center else OWNERS[1] if ship_to else OWNERS[2], cost_center or ship_to or ""

    def change(tx: Session, gateway: Gateway, row: PersonRow) -> None:
        found = of_number(tx, customer)
        if found is None:
            stop(f"there is no customer {customer!r}")
        keep_profile.set_owner(tx, gateway, row, found, kind, code, **BY)

    change_person(data, login, change)


def profile(login: Login, data: Data = None) -> None:
    """Show what the rules know of a person."""
    with process.opened(settings_from(data)) as gateway, gateway.database.read() as session:
        row = of_login(session, login)
        kept = approver_profiles.profile(session, LIVE, row.id)
        limits = [one for one in approver_profiles.limits(session, LIVE) if one.person_id == row.id]
        away = approver_profiles.absences_of(session, row.id, gateway.clock.now())
        names = people.named(session, LIVE, [kept.manager_id, *(one.delegate_id for one in away)])
    table = Table("what", "value")
    table.add_row("limits", ", ".join(f"{one.amount:f} {one.currency}" for one in limits) or "none: no authority")
    table.add_row("manager", names.get(kept.manager_id or "", ""))
    table.add_row("groups", ", ".join(kept.groups))
    days = ", ".join(DAYS[day] for day in kept.weekdays)
    table.add_row("hours", f"{days} {kept.begins} to {kept.ends} {kept.zone}")
    for one in away:
        table.add_row("away", f"{one.begins} until {one.ends} {names.get(one.delegate_id or '', '')}".rstrip())
    console().print(table)

"""`crossdock person`: who may sign in, and as what."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Final

import typer
from rich.table import Table
from sqlmodel import Session, select

from app.cli.customers import of_number
from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.errors import Refusal
from app.flows import keep_person, password_links, second_factor
from app.gateway import Gateway
from app.languages import LANGUAGES, offered
from app.mail_address import is_address
from app.storage import passwords, people
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow, Role

person = typer.Typer(help="People: who may sign in, and as what.", no_args_is_help=True, rich_markup_mode=None)

BY: Final = {"actor": "system", "channel": "command"}

Login = Annotated[str, typer.Argument(help="What they sign in with.", show_default=False)]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of making one.")
]

Customers = Annotated[
    list[str] | None, typer.Option(help="Number of a customer they work for, again for each more; else for all.")
]


Language = Annotated[str | None, typer.Option(help=f"Of their mails and pages: {', '.join(LANGUAGES)}.")]


@person.command("list")
def list_(data: Data = None) -> None:
    """Everybody."""
    table = Table("login", "name", "email", "roles", "customers", "active")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        numbers = {row.id: row.number for row in session.exec(select(CustomerRow).where(CustomerRow.realm == LIVE))}
        for row in session.exec(select(PersonRow).where(PersonRow.realm == LIVE).order_by(PersonRow.login)):
            customers_ = "all" if row.customers is None else ", ".join(numbers.get(one, one) for one in row.customers)
            roles_, active = ", ".join(row.roles), "yes" if row.active else "no"
            table.add_row(row.login, row.name, row.email or "", roles_, customers_, active)
    console().print(table)


@person.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option(help="As others see it.")],
    role: Annotated[list[Role], typer.Option(help="What they may do.")],
    email: Annotated[
        str | None, typer.Option(help="By it a requester is known, who must not approve the own order.")
    ] = None,
    customer: Customers = None,
    language: Language = None,
    invite: Annotated[bool, typer.Option(help="Send a link by mail, by which they choose their password.")] = False,
    password_stdin: FromStdin = False,
    data: Data = None,
) -> None:
    """Add a person with a password that is shown once, or with --invite by a link that a mail brings."""
    if invite and password_stdin:
        raise typer.BadParameter("who is invited chooses the password", param_hint="--password-stdin")
    _is_spoken(language)
    password, hashed = _password(password_stdin)
    wanted = keep_person.Wanted(login=login, name=name, email=email, roles=role, language=language, hashed=hashed)

    def work(tx: Session, gateway: Gateway) -> None:
        bound = replace(wanted, customers=_ids(tx, customer) if customer else None)
        made = keep_person.add(tx, gateway, bound, realm=LIVE, **BY)
        if invite:
            password_links.send(tx, gateway, made, **BY)

    _keep(data, work)
    if not invite:
        _tell(password, password_stdin)


@person.command("set")
def set_(
    login: Login,
    email: Annotated[str | None, typer.Option(help="Where they are written to; an empty one takes it away.")] = None,
    language: Language = None,
    data: Data = None,
) -> None:
    """Change where and in which language a person is written to."""
    if email and not is_address(people.folded(email)):
        raise typer.BadParameter("this is no mail address", param_hint="--email")
    _is_spoken(language)

    change_person(
        data,
        login,
        lambda tx, gateway, row: keep_person.set_contact(tx, gateway, row, email=email, language=language, **BY),
    )


def _is_spoken(language: str | None) -> None:
    if language is not None and offered(language) is None:
        raise typer.BadParameter(f"mails speak {', '.join(LANGUAGES)}", param_hint="--language")


@person.command()
def invite(login: Login, data: Data = None) -> None:
    """Send a person a link by mail, by which they choose a password: once, within seven days."""
    change_person(data, login, lambda tx, gateway, row: password_links.send(tx, gateway, row, **BY))


@person.command()
def password(login: Login, password_stdin: FromStdin = False, data: Data = None) -> None:
    """Give a person a new password and end every session of theirs."""
    new, hashed = _password(password_stdin)
    change_person(data, login, lambda tx, gateway, row: keep_person.set_password(tx, gateway, row, hashed, **BY))
    _tell(new, password_stdin)


@person.command()
def roles(
    login: Login,
    role: Annotated[list[Role], typer.Option(help="What they may do from now on, in place of before.")],
    data: Data = None,
) -> None:
    """Give a person other roles and end every session of theirs."""
    change_person(data, login, lambda tx, gateway, row: keep_person.set_roles(tx, gateway, row, role, **BY))


@person.command()
def customers(
    login: Login,
    customer: Customers = None,
    all_: Annotated[bool, typer.Option("--all", help="All customers, those to come included.")] = False,
    data: Data = None,
) -> None:
    """Let a person work for these customers alone: they see no others, and write the approval rules of no others."""
    if bool(customer) is all_:
        raise typer.BadParameter("name customers, or say --all", param_hint="--customer")
    change_person(
        data,
        login,
        lambda tx, gateway, row: keep_person.set_customers(
            tx, gateway, row, _ids(tx, customer) if customer else None, **BY
        ),
    )


def _ids(tx: Session, numbers: list[str]) -> list[str]:
    found = {number: of_number(tx, number) for number in numbers}
    missing = [number for number, row in found.items() if row is None]
    if missing:
        stop(f"there is no customer {missing[0]!r}")
    return [row.id for row in found.values() if row is not None]


@person.command()
def reset_second_factor(
    login: Login,
    reason: Annotated[str, typer.Option(help="Why, for the record: the device is lost, ...")],
    data: Data = None,
) -> None:
    """Take the second factor of a lost device away and end every session of the person."""
    change_person(data, login, lambda tx, gateway, row: second_factor.reset(tx, gateway, row, reason=reason, **BY))


@person.command()
def disable(login: Login, data: Data = None) -> None:
    """Let a person in no more and end every session of theirs; what they decided stays."""
    change_person(data, login, lambda tx, gateway, row: keep_person.switch(tx, gateway, row, active=False, **BY))


@person.command()
def enable(login: Login, data: Data = None) -> None:
    """Let a person in again."""
    change_person(data, login, lambda tx, gateway, row: keep_person.switch(tx, gateway, row, active=True, **BY))


def change_person(data: Data, login: str, change: Callable[[Session, Gateway, PersonRow], object]) -> None:
    """In one transaction with its entry in the audit record."""
    _keep(data, lambda tx, gateway: change(tx, gateway, of_login(tx, login)))


def _keep(data: Data, change: Callable[[Session, Gateway], object]) -> None:
    with opened(settings_from(data)) as gateway:
        try:
            gateway.database.write(lambda tx: change(tx, gateway))
        except Refusal as refusal:
            stop(refusal.reason)


def of_login(session: Session, login: str) -> PersonRow:
    row = people.by_login(session, LIVE, login)
    if row is None:
        stop(f"there is no person {login!r}")
    return row


def _password(from_stdin: bool) -> tuple[str, str]:
    """The password and its hash."""
    given = sys.stdin.readline().rstrip("\r\n") if from_stdin else passwords.made()
    try:
        return given, passwords.hashed(given)
    except ValueError as error:
        stop(str(error))


def _tell(given: str, from_stdin: bool) -> None:
    if not from_stdin:
        console().print(f"password: {given} (shown this once)", markup=False)

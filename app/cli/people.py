"""`crossdock person`: who may sign in, and as what."""

import sys
from collections.abc import Callable
from typing import Annotated, Final

import typer
from rich.table import Table
from sqlmodel import Session, select

from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.errors import Refusal
from app.flows import keep_person, second_factor
from app.gateway import Gateway
from app.languages import LANGUAGES, offered
from app.mail_address import is_address
from app.storage import passwords, people
from app.storage.base import LIVE
from app.storage.people import PersonRow, Role

person = typer.Typer(help="People: who may sign in, and as what.", no_args_is_help=True, rich_markup_mode=None)

BY: Final = {"actor": "system", "channel": "command"}

Login = Annotated[str, typer.Argument(help="What they sign in with.", show_default=False)]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of making one.")
]


@person.command("list")
def list_(data: Data = None) -> None:
    """Everybody."""
    table = Table("login", "name", "email", "roles", "active")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        for row in session.exec(select(PersonRow).where(PersonRow.realm == LIVE).order_by(PersonRow.login)):
            table.add_row(row.login, row.name, row.email or "", ", ".join(row.roles), "yes" if row.active else "no")
    console().print(table)


@person.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option(help="As others see it.")],
    role: Annotated[list[Role], typer.Option(help="What they may do.")],
    email: Annotated[
        str | None, typer.Option(help="By it a requester is known, who must not approve the own order.")
    ] = None,
    password_stdin: FromStdin = False,
    data: Data = None,
) -> None:
    """Add a person with a password that is shown once."""
    password, hashed = _password(password_stdin)
    wanted = keep_person.Wanted(login=login, name=name, email=email, roles=role, hashed=hashed)
    _keep(data, lambda tx, gateway: keep_person.add(tx, gateway, wanted, realm=LIVE, **BY))
    _tell(password, password_stdin)


@person.command("set")
def set_(
    login: Login,
    email: Annotated[str | None, typer.Option(help="Where they are written to; an empty one takes it away.")] = None,
    language: Annotated[str | None, typer.Option(help=f"Of their mails and pages: {', '.join(LANGUAGES)}.")] = None,
    data: Data = None,
) -> None:
    """Change where and in which language a person is written to."""
    if email and not is_address(people.folded(email)):
        raise typer.BadParameter("this is no mail address", param_hint="--email")
    if language is not None and offered(language) is None:
        raise typer.BadParameter(f"mails speak {', '.join(LANGUAGES)}", param_hint="--language")

    change_person(
        data,
        login,
        lambda tx, gateway, row: keep_person.set_contact(tx, gateway, row, email=email, language=language, **BY),
    )


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

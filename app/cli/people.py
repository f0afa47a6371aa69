"""`crossdock person`: who may sign in, and as what."""

import sys
from typing import Annotated

import typer
from rich.table import Table
from sqlmodel import Session, select

from app.cli.audited import record
from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.errors import Refusal
from app.flows import second_factor
from app.languages import LANGUAGES, offered
from app.mail_address import is_address
from app.storage import passwords, people
from app.storage.base import LIVE
from app.storage.people import PersonRow, Role

person = typer.Typer(help="People: who may sign in, and as what.", no_args_is_help=True, rich_markup_mode=None)

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
    folded = people.folded(login)
    if not folded or len(folded) > 100:
        raise typer.BadParameter("a login has 1 to 100 characters", param_hint="LOGIN")
    password, hashed = _password(password_stdin)

    with opened(settings_from(data)) as gateway:

        def write(session: Session) -> None:
            if people.by_login(session, LIVE, login) is not None:
                stop(f"there is a person {folded} already")
            session.add(
                PersonRow(
                    realm=LIVE,
                    login=folded,
                    name=name,
                    email=people.folded(email) if email else None,
                    password=hashed,
                    roles=[one.value for one in role],
                    created_at=gateway.clock.now(),
                )
            )

        gateway.database.write(write)
        record(gateway, "person_added", login=folded, roles=[one.value for one in role])
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

    def write(session: Session) -> None:
        row = of_login(session, login)
        if email is not None:
            row.email = people.folded(email) or None
        if language is not None:
            row.language = offered(language)
        session.add(row)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(write)
        record(gateway, "person_changed", login=people.folded(login))


@person.command()
def password(login: Login, password_stdin: FromStdin = False, data: Data = None) -> None:
    """Give a person a new password and end every session of theirs."""
    new, hashed = _password(password_stdin)

    def write(session: Session) -> None:
        row = of_login(session, login)
        row.password = hashed
        session.add(row)
        people.end_sessions(session, row.id)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(write)
        record(gateway, "password_changed", login=people.folded(login))
    _tell(new, password_stdin)


@person.command()
def roles(
    login: Login,
    role: Annotated[list[Role], typer.Option(help="What they may do from now on, in place of before.")],
    data: Data = None,
) -> None:
    """Give a person other roles and end every session of theirs."""
    wanted = [one.value for one in role]

    def write(session: Session) -> None:
        row = of_login(session, login)
        row.roles = wanted
        session.add(row)
        people.end_sessions(session, row.id)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(write)
        record(gateway, "person_roles", login=people.folded(login), roles=wanted)


@person.command()
def reset_second_factor(
    login: Login,
    reason: Annotated[str, typer.Option(help="Why, for the record: the device is lost, ...")],
    data: Data = None,
) -> None:
    """Take the second factor of a lost device away and end every session of the person."""
    with opened(settings_from(data)) as gateway:

        def write(session: Session) -> None:
            row = of_login(session, login)
            second_factor.reset(session, gateway, row, actor="system", channel="command", reason=reason)

        try:
            gateway.database.write(write)
        except Refusal as refusal:
            stop(refusal.reason)


@person.command()
def disable(login: Login, data: Data = None) -> None:
    """Let a person in no more and end every session of theirs; what they decided stays."""
    _switch(login, data, active=False)


@person.command()
def enable(login: Login, data: Data = None) -> None:
    """Let a person in again."""
    _switch(login, data, active=True)


def _switch(login: str, data: Data, *, active: bool) -> None:
    def write(session: Session) -> None:
        row = of_login(session, login)
        row.active = active
        session.add(row)
        people.end_sessions(session, row.id)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(write)
        record(gateway, "person_enabled" if active else "person_disabled", login=people.folded(login))


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

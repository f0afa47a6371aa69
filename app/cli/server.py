"""The parts of a production set-up, one by one: `init` once, then `serve`; and what `check-config` says of them."""

import resource
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError
from sqlmodel import Session, select

from app import main
from app.cli.options import Data, Host, Port, console, settings_from, stop
from app.cli.site import opened, refuse_taken, refuse_unready
from app.gateway import connection_budget, migrate, problems_of
from app.process import configure_logs
from app.seal import make_key_file, new_key_id
from app.settings import Settings
from app.storage import passwords
from app.storage.base import LIVE
from app.storage.database import Database
from app.storage.people import PersonRow, Role
from app.storage.seal_keys import register_key, registered
from app.transports.http.connections import Patience, patient


def init(data: Data = None) -> None:
    """Make or update the database, the sealing keys and the first administrator. Can be repeated."""
    settings = settings_from(data)
    prepare(settings)
    password = _first_administrator(settings)
    if password:
        console().print(f"administrator: admin, password: {password} (shown this once)", markup=False)
    console().print(f"ready: {_shown(settings)}", markup=False)


def serve(
    data: Data = None,
    host: Host = None,
    port: Port = None,
    embedded: Annotated[
        bool | None,
        typer.Option(
            "--embedded/--web-only",
            help="Work in this process too, or leave it to `crossdock worker`. [default: embedded]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run the server."""
    settings = settings_from(data, host=host, port=port, embedded=embedded)
    refuse_unready(settings)
    run_server(settings)


def check_config(data: Data = None) -> None:
    """Look at the settings, the keys and the database, and say what is wrong; change nothing."""
    settings = settings_from(data)
    problems = problems_of(settings)
    for problem in problems:
        console().print(f"- {problem}", markup=False)
    if problems:
        raise typer.Exit(1)
    if budget := connection_budget(settings):
        console().print(budget, markup=False)
    console().print("no problem found")


def prepare(settings: Settings) -> None:
    """Directory, tables and key file; each is left alone where it is already. A database that was sealed with other
    keys gets none of these: its own are wanted, and a second set beside them would keep it from being served."""
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        stop(f"the data folder cannot be made: {settings.data}: {error.strerror}")
    try:
        migrate(settings.url_of_database)
    except (ValueError, ArgumentError) as error:
        stop(f"CROSSDOCK_DATABASE_URL: {error}")
    except OperationalError as error:
        stop(f"the database does not answer: {error.orig}")
    if settings.keys is None:
        _make_keys(settings)
    with opened(settings) as gateway:
        gateway.database.write(lambda session: register_key(session, gateway.keys, gateway.clock.now()))


def _make_keys(settings: Settings) -> None:
    database = Database(settings.url_of_database, pool=1)
    try:
        with database.read() as session:
            held = registered(session)
    finally:
        database.stop()
    path = settings.path_of_keys
    if path.exists():
        return
    if held:
        stop(f"{path} does not exist, and this database is sealed with {', '.join(held)}: put its key file back")
    try:
        # Another `init` at the same moment may be the one that makes it.
        with suppress(FileExistsError):
            make_key_file(path, new_key_id())
    except OSError as error:
        stop(f"the key file cannot be made: {path}: {error.strerror}")


def _first_administrator(settings: Settings) -> str | None:
    """The password of the administrator that was made, None when there are people already."""
    password = passwords.made()
    hashed = passwords.hashed(password)

    with opened(settings) as gateway:
        person = PersonRow(
            realm=LIVE,
            login="admin",
            name="Administrator",
            password=hashed,
            roles=[Role.ADMIN.value],
            created_at=gateway.clock.now(),
        )

        def write(session: Session) -> bool:
            if session.exec(select(PersonRow.id).limit(1)).first() is not None:
                return False
            session.add(person)
            return True

        # Another `init` at the same moment may be the one that makes it.
        with suppress(IntegrityError):
            return password if gateway.database.write(write) else None
        return None


def run_server(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; requests that run are finished first."""
    if settings.embedded:
        refuse_taken(settings)
    configure_logs(settings)
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again once it has stopped; by then what is left to do must still be done.
        signal.signal(signal_, signal.SIG_IGN)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    with _listening(settings) as address:
        config = uvicorn.Config(
            main.build(settings),
            http=patient(Patience(connections=settings.connections)),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)
        server.run(sockets=[address])
    if not server.started:
        raise typer.Exit(1)


def _listening(settings: Settings) -> socket.socket:
    """At the address of the settings, or the command ends with a sentence."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        stop(f"port {settings.port} of {settings.host} cannot be used: {error.strerror or error}")


def _shown(settings: Settings) -> Path | str:
    return "the database of CROSSDOCK_DATABASE_URL" if settings.database_url else settings.data

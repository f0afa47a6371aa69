"""`crossdock key`: what the ERP and integrators call the API with."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.table import Table
from sqlmodel import Session, select

from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.errors import Refusal
from app.flows import api_keys as flow
from app.gateway import Gateway
from app.storage import api_keys
from app.storage.api_keys import ApiKeyRow, Scope
from app.storage.base import LIVE
from app.storage.customers import CustomerRow

T = TypeVar("T")

key = typer.Typer(help="Keys of the API.", no_args_is_help=True, rich_markup_mode=None)


@key.command("list")
def list_(data: Data = None) -> None:
    """All keys; none shows its secret."""
    table = Table("key", "name", "may", "customers", "valid until", "last used", "state")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        now = gateway.clock.now()
        numbers = {row.id: row.number for row in session.exec(select(CustomerRow).where(CustomerRow.realm == LIVE))}
        for row in api_keys.of_realm(session, LIVE):
            table.add_row(
                row.id,
                row.name,
                ", ".join(row.scopes),
                "all" if row.customers is None else ", ".join(numbers.get(id_, "?") for id_ in row.customers),
                row.expires_at.isoformat(timespec="minutes") if row.expires_at else "",
                row.used_at.isoformat(timespec="minutes") if row.used_at else "",
                "valid" if row.live(now) else "revoked" if row.revoked_at else "expired",
            )
    console().print(table)


@key.command()
def create(
    name: Annotated[str, typer.Argument(help="The system that calls with it.", show_default=False)],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do. [default: as the live key of this name]")
    ] = None,
    customer: Annotated[
        list[str] | None,
        typer.Option(help="The number of a customer that it reaches. [default: as the live key of this name, or all]"),
    ] = None,
    days: Annotated[int, typer.Option(help="How long it lives; 0: until it is revoked.")] = flow.DAYS,
    data: Data = None,
) -> None:
    """Make a key and show it once. A name may have two live ones, so that the second can take over from the first."""

    with opened(settings_from(data)) as gateway:

        def work(session: Session) -> str:
            wanted = flow.Wanted(
                name=name,
                scopes=scope or None,
                customers=[_customer(session, number) for number in customer] if customer else None,
                days=days or None,
            )
            return flow.issue(session, gateway, wanted, realm=LIVE, actor="system", channel="command")[1]

        made = _done(gateway, work)
    console().print(f"key: {made} (shown this once)", markup=False)


def _customer(session: Session, number: str) -> str:
    found = session.exec(select(CustomerRow.id).where(CustomerRow.realm == LIVE, CustomerRow.number == number)).first()
    return found or stop(f"there is no customer {number!r}")


@key.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The eight characters that `list` shows.", show_default=False)],
    data: Data = None,
) -> None:
    """End a key at once."""
    with opened(settings_from(data)) as gateway:

        def work(session: Session) -> ApiKeyRow:
            return flow.revoke(session, gateway, key_id, realm=LIVE, actor="system", channel="command")

        _done(gateway, work)


def _done(gateway: Gateway, work: Callable[[Session], T]) -> T:
    try:
        return gateway.database.write(work)
    except Refusal as refusal:
        stop(refusal.reason)

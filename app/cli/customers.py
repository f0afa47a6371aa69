"""`crossdock customer`: whom we sell to, in which currency and at which prices."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlmodel import Session, select

from app import main
from app.cli.options import Data, console, settings_from, stop
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from schemas.money import CURRENCIES

customer = typer.Typer(help="Customers: whom we sell to.", no_args_is_help=True, rich_markup_mode=None)

Number = Annotated[str, typer.Argument(help="The customer's number in the ERP.", show_default=False)]


@customer.command("list")
def list_(data: Data = None) -> None:
    """All customers."""
    table = Table("number", "name", "currency", "language", "price list", "active")
    with main.opened(settings_from(data)) as gateway, gateway.database.read() as session:
        for row in session.exec(select(CustomerRow).where(CustomerRow.realm == LIVE).order_by(CustomerRow.number)):
            active = "yes" if row.active else "no"
            table.add_row(row.number, row.name, row.currency, row.language, row.price_list or "", active)
    console().print(table)


@customer.command()
def add(
    number: Number,
    name: Annotated[str, typer.Option(help="Its name.")],
    currency: Annotated[str, typer.Option(help="ISO 4217: what it orders and pays in.")],
    price_list: Annotated[str | None, typer.Option(help="The price list whose prices it gets.")] = None,
    language: Annotated[str, typer.Option(help="Of documents without one of their own.")] = "en",
    data: Data = None,
) -> None:
    """Add a customer."""
    if currency not in CURRENCIES:
        raise typer.BadParameter(f"{currency} is no ISO 4217 currency", param_hint="--currency")

    with main.opened(settings_from(data)) as gateway:
        row = CustomerRow(
            realm=LIVE,
            number=number,
            name=name,
            currency=currency,
            language=language,
            price_list=price_list,
            created_at=gateway.clock.now(),
        )

        def write(session: Session) -> None:
            if _found(session, number) is not None:
                stop(f"there is a customer {number} already")
            session.add(row)

        gateway.database.write(write)


@customer.command("set")
def set_(
    number: Number,
    section: Annotated[str, typer.Argument(help="`orders`, `erp`, ...", show_default=False)],
    value: Annotated[str, typer.Argument(help="A JSON object: all settings of the section.", show_default=False)],
    data: Data = None,
) -> None:
    """Change a customer's terms."""
    try:
        terms: Any = json.loads(value)
    except ValueError as error:
        raise typer.BadParameter(f"is no JSON: {error}", param_hint="VALUE") from error

    def write(session: Session) -> None:
        row = _found(session, number)
        if row is None:
            stop(f"there is no customer {number}")
        row.settings = {**row.settings, section: terms}
        session.add(row)

    with main.opened(settings_from(data)) as gateway:
        gateway.database.write(write)


def _found(session: Session, number: str) -> CustomerRow | None:
    return session.exec(select(CustomerRow).where(CustomerRow.realm == LIVE, CustomerRow.number == number)).first()

"""`crossdock customer`: whom we sell to, in which currency and at which prices."""

from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from sqlmodel import Session, select

from app.cli.audited import record
from app.cli.options import Data, console, json_or_text, settings_from, stop
from app.cli.site import opened
from app.partners.agreement import SECTION, OrderTerms
from app.storage.base import LIVE
from app.storage.customers import CustomerAddressRow, CustomerRow
from schemas.base import to_json
from schemas.money import CURRENCIES
from schemas.party import Address

SECTIONS: dict[str, Any] = {SECTION: OrderTerms, "erp": str}
"""What a customer's settings are, by their name."""

customer = typer.Typer(help="Customers: whom we sell to.", no_args_is_help=True, rich_markup_mode=None)

Number = Annotated[str, typer.Argument(help="The customer's number in the ERP.", show_default=False)]


@customer.command("list")
def list_(data: Data = None) -> None:
    """All customers."""
    table = Table("number", "name", "currency", "language", "price list", "active")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
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

    with opened(settings_from(data)) as gateway:
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
            if of_number(session, number) is not None:
                stop(f"there is a customer {number} already")
            session.add(row)

        gateway.database.write(write)
        record(gateway, "customer_added", customer=number)


@customer.command("set")
def set_(
    number: Number,
    section: Annotated[str, typer.Argument(help=", ".join(SECTIONS), show_default=False)],
    value: Annotated[str, typer.Argument(help="JSON, or a plain text: all of the section.", show_default=False)],
    data: Data = None,
) -> None:
    """Change a customer's terms: `orders` (tolerances, words for units and items) or `erp` (where orders go)."""
    if section not in SECTIONS:
        raise typer.BadParameter(f"there is no section {section}", param_hint="SECTION")
    terms = json_or_text(value)
    try:
        msgspec.convert(terms, SECTIONS[section], str_keys=True)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error), param_hint="VALUE") from error

    def write(session: Session) -> None:
        row = of_number(session, number)
        if row is None:
            stop(f"there is no customer {number}")
        row.settings = {**row.settings, section: terms}
        session.add(row)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(write)
        record(gateway, "customer_changed", customer=number, section=section, value=terms)


@customer.command("ship-to")
def ship_to(
    number: Number,
    code: Annotated[str, typer.Argument(help="The customer's own key of the place (addressID).", show_default=False)],
    name: Annotated[str, typer.Option(help="Its name.")],
    city: Annotated[str, typer.Option()],
    country: Annotated[str, typer.Option(help="ISO 3166-1, two letters.")],
    street: Annotated[list[str] | None, typer.Option()] = None,
    postal_code: Annotated[str | None, typer.Option()] = None,
    region: Annotated[str | None, typer.Option()] = None,
    data: Data = None,
) -> None:
    """Add or change a place that a customer's orders may be shipped to."""
    place = Address(
        id=code,
        name=name,
        street=tuple(street or ()),
        city=city,
        postal_code=postal_code,
        region=region,
        country=country.upper(),
    )

    def write(session: Session) -> None:
        owner = of_number(session, number)
        if owner is None:
            stop(f"there is no customer {number}")
        query = select(CustomerAddressRow).where(
            CustomerAddressRow.customer_id == owner.id, CustomerAddressRow.code == code
        )
        row = session.exec(query).first() or CustomerAddressRow(
            realm=owner.realm, customer_id=owner.id, code=code, name=name
        )
        row.name, row.address = name, msgspec.json.decode(to_json(place))
        session.add(row)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(write)
        record(gateway, "customer_changed", customer=number, ship_to=code)


def of_number(session: Session, number: str) -> CustomerRow | None:
    return session.exec(select(CustomerRow).where(CustomerRow.realm == LIVE, CustomerRow.number == number)).first()

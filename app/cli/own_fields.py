"""`crossdock customer field`, `fields` and `drop-field`: what a customer's documents carry for its rules."""

from typing import Annotated, Final

import typer
from rich.table import Table
from sqlmodel import Session

from app.approval.operators import Type
from app.cli.customers import Number
from app.cli.figures import customer_of
from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.errors import Refusal
from app.flows import own_fields

BY: Final = {"actor": "system", "channel": "command"}

Name = Annotated[str, typer.Argument(help="As rules name it behind `extra.`, such as project.", show_default=False)]


def field(
    number: Number,
    name: Name,
    type_: Annotated[str, typer.Option("--type", help=f"{', '.join(Type)}.")],
    label: Annotated[str, typer.Option(help="What people call it.")],
    extrinsic: Annotated[str, typer.Option(help="The name of the cXML Extrinsic that says it.")],
    line: Annotated[bool, typer.Option("--line", help="It stands in the lines: rules name it `line.extra.`.")] = False,
    currency: Annotated[str | None, typer.Option(help="Of a field of money.", show_default=False)] = None,
    data: Data = None,
) -> None:
    """Declare a field of the customer's own, or change the one of this name."""
    given = {"name": name, "type": type_, "label": label.strip(), "extension": extrinsic.strip(), "of_line": line}
    with opened(settings_from(data)) as gateway:

        def work(tx: Session) -> None:
            customer = customer_of(tx, number)
            own_fields.declare(tx, gateway, customer.id, {**given, "currency": currency}, **BY)

        try:
            gateway.database.write(work)
        except Refusal as refusal:
            stop(refusal.reason)
        with gateway.database.read() as session:
            customer = customer_of(session, number)
        if judged := own_fields.judge_waiting(gateway, customer, name):
            console().print(f"{judged} held orders were judged again")


def fields(number: Number, data: Data = None) -> None:
    """List the fields of a customer's own, and the rules that ask about them."""
    table = Table("field", "label", "type", "Extrinsic", "asked about by")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        customer = customer_of(session, number)
        for one in own_fields.of_customer(session, customer.id):
            kind = f"{one.type}, {one.currency}" if one.currency else one.type.value
            table.add_row(
                one.key, one.label, kind, one.extension, ", ".join(own_fields.used_by(session, customer, one.key))
            )
    console().print(table)


def drop_field(number: Number, name: Name, data: Data = None) -> None:
    """Retire a field of the customer's own, which no active rules may ask about any more."""
    with opened(settings_from(data)) as gateway:
        try:
            gateway.database.write(lambda tx: own_fields.retire(tx, gateway, customer_of(tx, number).id, name, **BY))
        except Refusal as refusal:
            stop(refusal.reason)

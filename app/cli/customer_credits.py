"""`crossdock customer credit`: what a customer may still owe us, which approval rules compare with."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

import typer
from sqlmodel import Session

from app.cli.customers import Number
from app.cli.figures import customer_of
from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.flows import judge_again, keep_figures
from app.gateway import Gateway
from app.storage.base import LIVE
from app.storage.customer_credits import CreditRow
from schemas.money import Money

BY: Final = {"actor": "system", "channel": "command"}


def credit(
    number: Number,
    amount: Annotated[str | None, typer.Argument(help="What is left now, such as 5000.00.", show_default=False)] = None,
    currency: Annotated[str | None, typer.Argument(help="Such as EUR.", show_default=False)] = None,
    data: Data = None,
) -> None:
    """Set what credit is left to a customer now, as the ERP has it; without an amount, tell what was set.

    Orders that come from now on are taken off until it is set again."""
    if amount is not None and currency is None:
        raise typer.BadParameter("say in which currency", param_hint="CURRENCY")
    left = _money(amount, currency) if amount is not None and currency is not None else None
    with opened(settings_from(data)) as gateway:
        if left is None:
            _tell(gateway, number)
            return

        def work(tx: Session) -> str:
            customer = customer_of(tx, number)
            keep_figures.keep_credit(tx, gateway, customer, left, **BY)
            return customer.id

        customer_id = gateway.database.write(work)
        if judged := judge_again.judge_waiting(gateway, LIVE, judge_again.asks_for_credit, customer_id):
            console().print(f"{judged} held orders were judged again")


def _money(amount: str, currency: str) -> Money:
    try:
        return Money(amount=Decimal(amount.strip()), currency=currency.strip().upper())
    except InvalidOperation:
        raise typer.BadParameter(f"{amount!r} is no number such as 1234.56", param_hint="AMOUNT") from None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="AMOUNT CURRENCY") from None


def _tell(gateway: Gateway, number: str) -> None:
    with gateway.database.read() as session:
        row = session.get(CreditRow, customer_of(session, number).id)
    if row is None:
        stop(f"no credit is kept for customer {number}")
    console().print(f"{row.amount:f} {row.currency} on {row.set_at:%Y-%m-%d %H:%M} UTC")

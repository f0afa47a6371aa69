"""`crossdock rates` and `crossdock customer budget`: figures that approval rules compare with, one by one or as CSV."""

from functools import partial
from typing import Annotated

import typer
from rich.table import Table
from sqlmodel import Session

from app.cli import tables
from app.cli.customers import Number, of_number
from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.cli.tables import DryRun, File, Import, Look
from app.flows import judge_again
from app.flows.tables.budgets import Budgets
from app.flows.tables.rates import Rates
from app.gateway import Gateway
from app.storage.base import LIVE
from app.storage.customers import CustomerRow

rates_of_exchange = typer.Typer(
    help="Exchange rates that approval rules use.", no_args_is_help=True, rich_markup_mode=None
)


@rates_of_exchange.command("set")
def set_rate(
    base: Annotated[str, typer.Argument(help="One unit of this currency, such as USD,", show_default=False)],
    target: Annotated[str, typer.Argument(help="in this one, such as EUR,", show_default=False)],
    factor: Annotated[
        str, typer.Argument(help="is so much, such as 0.9215; an empty text takes it away.", show_default=False)
    ],
    source: Annotated[str, typer.Option(help="Who published it.")],
    day: Annotated[str | None, typer.Option(help="For which day. [default: today]", show_default=False)] = None,
    data: Data = None,
) -> None:
    """Set the rate of a day. A rule uses that of its day or the last one before it, at most seven days old."""
    given = {"base": base, "target": target, "day": day or "", "factor": factor.strip(), "source": source.strip()}
    _keep_rates(data, tables.of_row(given, "BASE TARGET FACTOR"), dry_run=False)


@rates_of_exchange.command("import")
def import_rates(file: File, data: Data = None, dry_run: DryRun = False) -> None:
    """Read rates from a CSV file: base, target, day, factor, source. All or none; an empty factor takes one away."""
    _keep_rates(data, tables.from_file(file), dry_run=dry_run)


@rates_of_exchange.command("list")
def list_rates(data: Data = None) -> None:
    """All rates, the newest of a pair first."""
    table = Table("one", "is", "in", "day", "source")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        for (base, target, day), (factor, source) in _rates(gateway, session).kept(session).items():
            table.add_row(base, factor, target, day, source)
    console().print(table)


def _rates(gateway: Gateway, _session: Session) -> Rates:
    return Rates(LIVE, gateway.clock.now().date())


def _keep_rates(data: Data, look: Look, *, dry_run: bool) -> None:
    with opened(settings_from(data)) as gateway:
        if tables.keep(gateway, partial(_rates, gateway), look, dry_run=dry_run):
            _tell_judged(judge_again.judge_waiting(gateway, LIVE, judge_again.asks_for_rate))


def budget(
    number: Number,
    cost_center: Annotated[str, typer.Argument(help="As orders name it.", show_default=False)],
    period: Annotated[str, typer.Argument(help="A month (2026-11) or a year (2026).", show_default=False)],
    amount: Annotated[str, typer.Argument(help="Such as 20000.00; an empty text takes it away.", show_default=False)],
    currency: Annotated[str, typer.Argument(help="Such as EUR.", show_default=False)],
    data: Data = None,
) -> None:
    """Set what a cost centre may spend. A month's budget goes before the year's."""
    given = {"cost_center": cost_center.strip(), "period": period.strip(), "amount": amount.strip()}
    row = tables.of_row({**given, "currency": currency.strip()}, "COST_CENTER PERIOD AMOUNT CURRENCY")
    _keep_budgets(data, number, row, dry_run=False)


def budgets(number: Number, import_: Import = None, data: Data = None, dry_run: DryRun = False) -> None:
    """List a customer's budgets, or read them from a CSV file: cost_center, period, amount, currency."""
    if import_ is not None:
        _keep_budgets(data, number, tables.from_file(import_), dry_run=dry_run)
        return
    table = Table("cost centre", "period", "budget")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        for (_, cost_center, period), (amount, currency) in _budgets(number, session).kept(session).items():
            table.add_row(cost_center, period, f"{amount} {currency}")
    console().print(table)


def _budgets(number: str, session: Session) -> Budgets:
    return Budgets([customer_of(session, number)])


def _keep_budgets(data: Data, number: str, look: Look, *, dry_run: bool) -> None:
    with opened(settings_from(data)) as gateway:
        if tables.keep(gateway, partial(_budgets, number), look, dry_run=dry_run):
            with gateway.database.read() as session:
                customer_id = customer_of(session, number).id
            _tell_judged(judge_again.judge_waiting(gateway, LIVE, judge_again.asks_for_budget, customer_id))


def customer_of(session: Session, number: str) -> CustomerRow:
    found = of_number(session, number)
    return found if found is not None else stop(f"there is no customer {number}")


def _tell_judged(orders: int) -> None:
    if orders:
        console().print(f"{orders} held orders were judged again")

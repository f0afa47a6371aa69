"""`crossdock rates` and `crossdock customer budget`: figures that approval rules compare with, one by one or as CSV."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from rich.table import Table
from sqlmodel import Session

from app.approval.rates import Rate
from app.cli.customers import of_number
from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.flows import judge_again, keep_figures
from app.flows.keep_figures import Budget
from app.gateway import Gateway
from app.storage import budgets as stored_budgets
from app.storage import rates as stored_rates
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from schemas.money import CURRENCIES, Money

T = TypeVar("T")

rates_of_exchange = typer.Typer(
    help="Exchange rates that approval rules use.", no_args_is_help=True, rich_markup_mode=None
)

BY: Final = {"actor": "system", "channel": "command"}
MOST_FAULTS: Final = 50
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]
File = Annotated[Path, typer.Argument(help="A CSV file with a header.", show_default=False, dir_okay=False)]
Number = Annotated[str, typer.Argument(help="The customer's number in the ERP.", show_default=False)]


class NotRun(Exception):
    """Undoes a transaction that was only tried."""


@rates_of_exchange.command("set")
def set_rate(
    base: Annotated[str, typer.Argument(help="One unit of this currency, such as USD,", show_default=False)],
    target: Annotated[str, typer.Argument(help="in this one, such as EUR,", show_default=False)],
    factor: Annotated[str, typer.Argument(help="is so much, such as 0.9215.", show_default=False)],
    source: Annotated[str, typer.Option(help="Who published it.")],
    day: Annotated[str | None, typer.Option(help="For which day. [default: today]", show_default=False)] = None,
    data: Data = None,
) -> None:
    """Set the rate of a day. A rule uses that of its day or the last one before it, at most seven days old."""
    given = {"base": base, "target": target, "factor": factor, "source": source}
    try:
        rate = _rate({**given, "day": day or ""})
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="BASE TARGET FACTOR") from None
    _keep_rates(data, [rate], dry_run=False)


@rates_of_exchange.command("import")
def import_rates(file: File, data: Data = None, dry_run: DryRun = False) -> None:
    """Read rates from a CSV file: base, target, factor, day, source. All or none."""
    _keep_rates(data, _read(file, ("base", "target", "factor", "day", "source"), _rate), dry_run=dry_run)


@rates_of_exchange.command("list")
def list_rates(data: Data = None) -> None:
    """All rates, the newest of a pair first."""
    table = Table("one", "is", "in", "day", "source")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        for row in stored_rates.all_of(session, LIVE):
            table.add_row(row.base, f"{row.factor:f}", row.target, row.day.isoformat(), row.source)
    console().print(table)


def _keep_rates(data: Data, rates: list[Rate], *, dry_run: bool) -> None:
    with opened(settings_from(data)) as gateway:
        changed = _tried(gateway, lambda tx: keep_figures.keep_rates(tx, gateway, LIVE, rates, **BY), dry_run=dry_run)
        _tell(changed, dry_run=dry_run)
        if changed and not dry_run:
            _tell_judged(judge_again.judge_waiting(gateway, LIVE, judge_again.asks_for_rate))


def _rate(row: Mapping[str, str]) -> Rate:
    base, target = row["base"].strip().upper(), row["target"].strip().upper()
    for currency in (base, target):
        if currency not in CURRENCIES:
            raise ValueError(f"{currency!r} is no ISO 4217 currency")
    if base == target:
        raise ValueError("a rate is between two currencies")
    day, source = row["day"].strip(), row["source"].strip()
    if not source:
        raise ValueError("say who published the rate")
    return Rate(
        base=base,
        target=target,
        factor=_number(row["factor"]),
        day=date.fromisoformat(day) if day else datetime.now(UTC).date(),
        source=source[:100],
    )


def budget(
    number: Number,
    cost_center: Annotated[str, typer.Argument(help="As orders name it.", show_default=False)],
    period: Annotated[str, typer.Argument(help="A month (2026-11) or a year (2026).", show_default=False)],
    amount: Annotated[str, typer.Argument(help="Such as 20000.00.", show_default=False)],
    currency: Annotated[str, typer.Argument(help="Such as EUR.", show_default=False)],
    data: Data = None,
) -> None:
    """Set what a cost centre may spend. A month's budget goes before the year's."""
    given = {"cost_center": cost_center, "period": period, "amount": amount, "currency": currency}
    try:
        found = _budget(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="PERIOD AMOUNT CURRENCY") from None
    _keep_budgets(data, number, [found], dry_run=False)


def budgets(
    number: Number,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import", help="A CSV file: cost_center, period, amount, currency. All or none.", dir_okay=False
        ),
    ] = None,
    data: Data = None,
    dry_run: DryRun = False,
) -> None:
    """List a customer's budgets, or read them from a CSV file."""
    if import_ is not None:
        found = _read(import_, ("cost_center", "period", "amount", "currency"), _budget)
        _keep_budgets(data, number, found, dry_run=dry_run)
        return
    table = Table("cost centre", "period", "budget")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        for row in stored_budgets.of_customer(session, _customer(session, number).id):
            table.add_row(row.cost_center, row.period, f"{row.amount:f} {row.currency}")
    console().print(table)


def _keep_budgets(data: Data, number: str, found: list[Budget], *, dry_run: bool) -> None:
    with opened(settings_from(data)) as gateway:

        def work(tx: Session) -> int:
            return keep_figures.keep_budgets(tx, gateway, _customer(tx, number), found, **BY)

        changed = _tried(gateway, work, dry_run=dry_run)
        _tell(changed, dry_run=dry_run)
        if changed and not dry_run:
            with gateway.database.read() as session:
                customer_id = _customer(session, number).id
            _tell_judged(judge_again.judge_waiting(gateway, LIVE, judge_again.asks_for_budget, customer_id))


def _customer(session: Session, number: str) -> CustomerRow:
    found = of_number(session, number)
    return found if found is not None else stop(f"there is no customer {number}")


def _budget(row: Mapping[str, str]) -> Budget:
    cost_center, period = row["cost_center"].strip(), row["period"].strip()
    if not 0 < len(cost_center) <= 100:
        raise ValueError("a cost centre has 1 to 100 characters")
    if not keep_figures.is_period(period):
        raise ValueError(f"{period!r} is no month (2026-11) or year (2026)")
    return Budget(cost_center, period, Money(amount=_number(row["amount"]), currency=row["currency"].strip().upper()))


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number such as 1234.56") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is no number such as 1234.56")
    return number


def _read(file: Path, columns: tuple[str, ...], read: Callable[[Mapping[str, str]], T]) -> list[T]:
    """Every row; stops with all faults at once."""
    faults: list[str] = []
    found = []
    for line, row in _rows(file, columns):
        try:
            found.append(read(row))
        except ValueError as error:
            faults.append(f"{file.name}, line {line}: {error}")
    if faults:
        more = len(faults) - MOST_FAULTS
        stop(*faults[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else []))
    return found


def _rows(file: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read {file}: {error}", param_hint="FILE") from None
    rows = csv.DictReader(text.splitlines())
    missing = [name for name in columns if name not in (rows.fieldnames or ())]
    if missing:
        stop(f"{file.name}: the header lacks {', '.join(missing)}")
    for row in rows:
        yield rows.line_num, {name: row[name] or "" for name in columns}


def _tried(gateway: Gateway, work: Callable[[Session], int], *, dry_run: bool) -> int:
    changed = 0

    def once(tx: Session) -> None:
        nonlocal changed
        changed = work(tx)
        if dry_run:
            raise NotRun

    with suppress(NotRun):
        gateway.database.write(once)
    return changed


def _tell(changed: int, *, dry_run: bool) -> None:
    console().print(f"{changed} would change" if dry_run else f"{changed} changed")


def _tell_judged(orders: int) -> None:
    if orders:
        console().print(f"{orders} held orders were judged again")

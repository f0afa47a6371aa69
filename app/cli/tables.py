"""Tables that people keep in spreadsheets, out to standard output and in from a file, with a dry run."""

import csv
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table as Shown
from sqlmodel import Session, select

from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.errors import Refusal
from app.flows.tables import table as tables
from app.flows.tables.limits import Limits
from app.flows.tables.staff import Staff
from app.flows.tables.table import Change, Plan, Table
from app.gateway import Gateway
from app.storage import people
from app.storage.base import LIVE
from app.storage.customers import CustomerRow

BY: Final = {"actor": "system", "channel": "command"}
MOST_FAULTS: Final = 50

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")]
File = Annotated[Path, typer.Argument(help="A CSV file with a header.", show_default=False, dir_okay=False)]
Import = Annotated[
    Path | None, typer.Option("--import", help="A CSV file of that kind; all of it is taken, or nothing.")
]
Look = Callable[[Session, Table], Plan]


def limits_table(session: Session) -> Limits:
    return Limits(people.of_realm(session, LIVE))


def staff_table(session: Session) -> Staff:
    customers = session.exec(select(CustomerRow).where(CustomerRow.realm == LIVE)).all()
    return Staff(LIVE, people.of_realm(session, LIVE), customers, None)


def limits(import_: Import = None, data: Data = None, dry_run: DryRun = False) -> None:
    """Write all approval limits as CSV (login, currency, amount), or read them in; an empty amount takes one away."""
    _out_or_in(data, limits_table, import_, dry_run=dry_run)


def file(import_: Import = None, data: Data = None, dry_run: DryRun = False) -> None:
    """Write everybody as CSV (login, name, email, roles, customers, manager, groups, active), or read them in."""
    _out_or_in(data, staff_table, import_, dry_run=dry_run)


def _out_or_in(data: Data, made: Callable[[Session], Table], import_: Path | None, *, dry_run: bool) -> None:
    with opened(settings_from(data)) as gateway:
        if import_ is not None:
            keep(gateway, made, from_file(import_), dry_run=dry_run)
            return
        with gateway.database.read() as session:
            table = made(session)
            writer = csv.writer(sys.stdout)
            writer.writerow(table.columns)
            writer.writerows((*key, *values) for key, values in table.kept(session).items())


def from_file(path: Path) -> Look:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {path}: {error}", param_hint="FILE") from None
    return lambda session, table: tables.plan_of_file(session, table, body)


def of_row(cells: dict[str, str], hint: str) -> Look:
    """What somebody typed as arguments. Ends the command where something is wrong with it."""

    def look(session: Session, table: Table) -> Plan:
        plan = tables.plan_of_row(session, table, cells)
        if plan.wrong:
            raise typer.BadParameter("; ".join(map(str, plan.wrong)), param_hint=hint)
        return plan

    return look


def keep(gateway: Gateway, made: Callable[[Session], Table], look: Look, *, dry_run: bool) -> tuple[Change, ...]:
    """Says what changes, or would; nothing does where something is wrong. What was changed."""
    plan, table = _looked(gateway, made, look)
    if plan.wrong:
        more = len(plan.wrong) - MOST_FAULTS
        stop(*map(str, plan.wrong[:MOST_FAULTS]), *([f"and {more} more"] if more > 0 else []))
    if dry_run:
        _show(table, plan.changes)
        console().print(f"{len(plan.changes)} would change")
        return ()

    def work(tx: Session) -> tuple[Change, ...]:
        table = made(tx)
        changes = look(tx, table).changes
        tables.apply(tx, gateway, table, changes, **BY)
        return changes

    try:
        changed = gateway.database.write(work)
    except Refusal as refusal:
        stop(refusal.reason)
    console().print(f"{len(changed)} changed")
    return changed


def _looked(gateway: Gateway, made: Callable[[Session], Table], look: Look) -> tuple[Plan, Table]:
    with gateway.database.read() as session:
        table = made(session)
        return look(session, table), table


def _show(table: Table, changes: Iterable[Change]) -> None:
    shown = Shown(*table.columns[: table.keys], "column", "before", "after")
    for change in changes:
        for column, before, after in change.cells(table):
            shown.add_row(*change.key, column, before or "", after or "")
    if shown.row_count:
        console().print(shown)

"""`crossdock work`: what waits, who works, what is stuck; and lanes that a person holds back."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.flows.work_overview import NoSuchLane, Overview, hold_back, overview
from app.storage.base import LIVE
from app.work import Lane

work = typer.Typer(help="Queues, workers and lanes.", invoke_without_command=True, rich_markup_mode=None)

LaneName = Annotated[str, typer.Argument(help="As `crossdock work` shows it.")]


@work.callback()
def show(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    data: Data = None,
) -> None:
    """What waits, who works, what is stuck and what has come to a stop."""
    if context.invoked_subcommand is not None:
        return
    with opened(settings_from(data)) as gateway:
        found = overview(gateway, LIVE)
        page = f"{gateway.settings.url}/operations"
    if as_json:
        typer.echo(msgspec.json.encode(asdict(found)).decode())
        return
    for table in _tables(found):
        console().print(table)
    console().print(f"charts, and what needs a person now: {page}", markup=False, soft_wrap=True)


def _tables(found: Overview) -> list[Table]:
    queues = Table("queue", "waiting", "later", "running")
    for queue in found.queues:
        _row(queues, queue.queue, queue.waiting, queue.later, queue.running)
    processes = Table("process", "works", "since", "last seen", "")
    for process in found.processes:
        seen = f"{int((found.at - process.seen_at).total_seconds())} s ago"
        _row(
            processes,
            process.id,
            "yes" if process.works else "no",
            process.began_at,
            seen,
            "gone" if process.silent else "",
        )
    lanes = Table("lane", "customer", "open", "due", "stuck", "ended", "oldest", "")
    for lane in found.lanes:
        _row(lanes, lane.lane, lane.customer, lane.open, lane.due, lane.stuck, lane.ended, lane.oldest_at, lane.stop)
    answers = Table("answers to buyers", "due", "stuck", "ended")
    _row(answers, found.answers.open, found.answers.due, found.answers.stuck, found.answers.ended)
    letters = Table("mails", "due", "stuck", "ended")
    _row(letters, found.mails.open, found.mails.due, found.mails.stuck, found.mails.ended)
    return [queues, processes, lanes, answers, letters]


def _row(table: Table, *cells: Any) -> None:
    table.add_row(*(_shown(cell) for cell in cells))


def _shown(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    return "" if cell in (None, "") else str(cell)


@work.command()
def pause(lane: LaneName, data: Data = None) -> None:
    """Send nothing of a lane until it is resumed. What is being sent now is finished."""
    _hold_back(lane, "pause", data)


@work.command()
def drain(lane: LaneName, data: Data = None) -> None:
    """Send what is in the lane now, and nothing that comes after, until it is resumed."""
    _hold_back(lane, "drain", data)


@work.command()
def resume(lane: LaneName, data: Data = None) -> None:
    """Let a lane go on."""
    _hold_back(lane, "resume", data)


def _hold_back(lane: str, act: str, data: Data) -> None:
    with opened(settings_from(data)) as gateway:
        wanted = Lane(realm=LIVE, lane=lane)
        try:
            gateway.database.write(lambda tx: hold_back(tx, gateway, wanted, act, actor="system", channel="command"))
        except NoSuchLane:
            stop(f"there is no lane {lane}; `crossdock work` lists them")
    console().print(f"{lane}: {act}", markup=False)

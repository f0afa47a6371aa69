"""`crossdock replay`: what had come to a stop is tried again."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from app.cli.audited import record
from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.flows.replay import Selection, unknown
from app.flows.replay import replay as replay_selected
from app.storage.base import LIVE
from app.storage.deliveries import STOPPED, State

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def replay(
    orders: Annotated[
        list[str] | None, typer.Argument(help="Buyers' order numbers; none: every order.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every order, where none is named.")] = False,
    since: Annotated[
        datetime | None, typer.Option(help="Stopped at this time (UTC) or later.", formats=_FORMATS)
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="Stopped before this time (UTC).", formats=_FORMATS)] = None,
    state: Annotated[list[State] | None, typer.Option(help="Only deliveries in this state.")] = None,
    data: Data = None,
) -> None:
    """Try again deliveries and answers that had come to a stop. Each begins with a look-up, so nothing is doubled; a
    running server or worker does the work."""
    if not orders and not everything and since is None and until is None:
        raise typer.BadParameter("name orders, a time, or --all", param_hint="ORDERS")
    if strange := [one for one in state or () if one not in STOPPED]:
        raise typer.BadParameter(f"{strange[0]} deliveries are not at a stop", param_hint="--state")
    wanted = Selection(realm=LIVE, orders=orders or (), since=_utc(since), until=_utc(until), states=state or ())
    with opened(settings_from(data)) as gateway:
        with gateway.database.read() as session:
            missing = unknown(session, wanted)
        if missing:
            stop(*(f"there is no order {number}" for number in missing))
        done = replay_selected(gateway, wanted)
        record(gateway, "replayed", orders=list(orders or ()), deliveries=done.deliveries, answers=done.answers)
    console().print(f"{done.deliveries} deliveries and {done.answers} answers are on their way again")


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None

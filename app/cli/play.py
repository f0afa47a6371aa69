"""`crossdock play`: a virtual buyer goes through whole purchases and tells what it does."""

from typing import Annotated

import httpx
import typer

from app.cli.options import Data, console, settings_from, stop
from app.sandbox import access
from app.sandbox.journeys import JOURNEYS
from app.sandbox.shopper import Stuck
from app.sandbox.transcript import StepFailed, Transcript


def play(
    journeys: Annotated[
        list[str] | None, typer.Argument(help=f"{', '.join(JOURNEYS)}; none: all of them.", show_default=False)
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Where the server is. [default: what `demo` wrote below the data folder]", show_default=False
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Go through whole purchases on a running demo. Exit status 0 only when each step did what it should."""
    if unknown := [name for name in journeys or () if name not in JOURNEYS]:
        raise typer.BadParameter(f"there is no journey {unknown[0]}", param_hint="JOURNEY")
    folder = settings_from(data).data
    found = access.load(folder)
    if found is None:
        stop(f"there is no {access.FILE_NAME} in {folder}: start `crossdock demo`, or name its folder with --data")
    if url is not None:
        found = found.reached_at(url.rstrip("/"))
    out = console()
    transcript = Transcript(out)
    try:
        for name in journeys or JOURNEYS:
            out.print(f"\n[bold]Journey {name}[/bold] on {found.base_url}")
            JOURNEYS[name](transcript, found)
    except StepFailed as failed:
        stop(f"\nstopped: {failed}")
    except (Stuck, LookupError) as stuck:
        stop(f"\nstopped at step {transcript.steps}: {stuck}")
    except httpx.HTTPError as error:
        stop(f"\nstopped at step {transcript.steps}: {type(error).__name__} {error}")
    out.print(f"\n[green]{transcript.steps} steps, {transcript.checks} checks, all as they should be[/green]")

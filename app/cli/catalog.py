"""`crossdock catalog`: items, shelves and prices as CSV files."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from app.catalog.export import export_files
from app.catalog.load import import_in_pieces
from app.cli.audited import record
from app.cli.options import Data, console, settings_from, stop
from app.cli.progress import bar
from app.cli.site import opened
from app.storage.base import LIVE
from app.storage.intake_writer import Busy, Unwritten
from schemas.faults import Rejected

MOST_FAULTS = 50
"""More are counted, not listed: a wrong column is wrong in every line."""

catalog = typer.Typer(help="Items, shelves and prices as CSV files.", no_args_is_help=True, rich_markup_mode=None)


@catalog.command("import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV files: categories, items, prices, told apart by their header.", show_default=False),
    ],
    data: Data = None,
) -> None:
    """Add what is new and replace what is named; nothing, if anything is wrong. What the files do not name stays.

    Servers go on meanwhile: each item changes as a whole, with its texts and prices. An import that was interrupted is
    finished by running it again."""
    try:
        read = {file.name: file.read_bytes() for file in files}
    except OSError as error:
        raise typer.BadParameter(f"cannot read {error.filename}: {error.strerror}", param_hint="FILES") from error
    if len(read) != len(files):
        raise typer.BadParameter("two of the files have the same name", param_hint="FILES")
    reached = (0, 0)
    with opened(settings_from(data)) as gateway:
        try:
            with bar("import", "items") as shown:

                def told(done: int, total: int) -> None:
                    nonlocal reached
                    reached = (done, total)
                    shown(done, total)

                done = import_in_pieces(gateway.database, LIVE, read, gateway.clock.now(), told)
        except Rejected as rejected:
            more = len(rejected.faults) - MOST_FAULTS
            stop(*map(str, rejected.faults[:MOST_FAULTS]), *([f"and {more} more"] if more > 0 else []))
        except (Busy, Unwritten, DBAPIError, KeyboardInterrupt) as error:
            stop(
                f"interrupted after {reached[0]} of {reached[1]} items ({type(error).__name__}): those are in the "
                "catalog, each as a whole; run the same command again to finish"
            )
        record(gateway, "catalog_imported", files=sorted(read), items=done.new_items + done.changed_items)
    console().print(
        f"{done.categories} categories, {done.new_items} new items, {done.changed_items} changed, {done.prices} prices"
    )


@catalog.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Where to write the three files.", file_okay=False)],
    data: Data = None,
) -> None:
    """Write the whole catalog as the three files that `import` takes back."""
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        files = export_files(session, LIVE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        stop(str(error))
    console().print(f"{', '.join(files)} written to {folder}", markup=False)

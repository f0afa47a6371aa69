"""`crossdock partner strangers`: what came from senders that nobody here knows, and so never got into the ledger.

A new partner whose identity was mistyped, on either side, is found here."""

from typing import Annotated

import typer
from rich.table import Table
from sqlmodel import col, select

from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.storage.base import LIVE
from app.storage.exchanges import QuarantineRow
from app.storage.ledger import quarantined_body
from app.web.exchanges.shown import show

NEWEST = 50


def strangers(
    document: Annotated[
        str | None, typer.Argument(help="The id of one document, to see it, without secrets.", show_default=False)
    ] = None,
    data: Data = None,
) -> None:
    """What came from unknown senders, the newest first: whom they say they are, from where, and why it stopped here."""
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        query = select(QuarantineRow).where(QuarantineRow.realm == LIVE).order_by(col(QuarantineRow.id).desc())
        if document is not None:
            row = session.exec(query.where(QuarantineRow.id == document)).first()
            if row is None:
                stop(f"there is no document {document}")
            shown = show(quarantined_body(session, gateway.keys, row.id), row.media_type, row.protocol, ())
            if shown is None:
                stop("it cannot be told what of this document is secret")
            typer.echo("".join(map(_visible, shown.text)))
            if shown.cut or row.kept < row.size:
                typer.echo(f"(its {row.size} bytes are not shown whole)", err=True)
            return
        table = Table("id", "came", "from", "says it is", "bytes", "why")
        for row in session.exec(query.limit(NEWEST)):
            claims = "\n".join(f"{claim['scheme']}/{claim['value']}" for claim in row.claimed)
            cells = (row.id, f"{row.at:%Y-%m-%d %H:%M:%S}", row.remote or "", claims, str(row.size), row.reason)
            table.add_row(*("".join(map(_visible, cell)) for cell in cells))
    console().print(table, markup=False)


def _visible(character: str) -> str:
    """What a stranger sent must not steer a terminal."""
    return character if character.isprintable() or character in "\n\t" else repr(character)[1:-1]

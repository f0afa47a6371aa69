"""`crossdock erp`: the systems that orders go to."""

import base64
import json
import secrets as random
import sys
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table
from sqlmodel import Session, select

from app.bridge.adapter import SetUp
from app.bridge.registry import ADAPTERS, DEFAULT, keep_erp, keep_secret
from app.bridge.rest_json.adapter import SIGNING
from app.cli.audited import record
from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.gateway import Gateway
from app.seal import Secret
from app.storage.base import LIVE
from app.storage.erps import ErpRow

erp = typer.Typer(help="ERPs: the systems that orders go to.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help=f"`{DEFAULT}` is that of customers who name none.", show_default=False)]
FromStdin = Annotated[
    bool, typer.Option("--secret-stdin", help="Read the secret (whsec_...) from standard input instead of making one.")
]


@erp.command("list")
def list_(data: Data = None) -> None:
    """All ERPs, with how far their adapter has been proved."""
    table = Table("name", "adapter", "label", "settings", "active")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        for row in session.exec(select(ErpRow).where(ErpRow.realm == LIVE).order_by(ErpRow.name)):
            label = ADAPTERS[row.adapter].label if row.adapter in ADAPTERS else "unknown"
            table.add_row(row.name, row.adapter, label, json.dumps(row.settings), "yes" if row.active else "no")
    console().print(table)


@erp.command("set")
def set_(
    name: Name,
    settings: Annotated[str, typer.Argument(help='A JSON object, such as {"url": "https://..."}', show_default=False)],
    adapter: Annotated[str, typer.Option(help=", ".join(ADAPTERS))] = "rest_json",
    secret_stdin: FromStdin = False,
    data: Data = None,
) -> None:
    """Add an ERP with a secret, or change the settings of one."""
    if adapter not in ADAPTERS:
        raise typer.BadParameter(f"there is no adapter {adapter}", param_hint="--adapter")
    try:
        given = json.loads(settings)
    except ValueError as error:
        raise typer.BadParameter(f"is no JSON: {error}", param_hint="SETTINGS") from error
    made = _secret(secret_stdin)

    def write(gateway: Gateway, session: Session) -> bool:
        new = _found(session, name) is None
        now = gateway.clock.now()
        row = keep_erp(session, realm=LIVE, name=name, adapter=adapter, settings=given, now=now)
        if new or secret_stdin:
            keep_secret(session, gateway.keys, row, SIGNING, made, now=now)
        return new

    with opened(settings_from(data)) as gateway:
        private = gateway.settings.erp_private_networks
        try:
            ADAPTERS[adapter].build(SetUp(LIVE, given, {SIGNING: (made,)}, gateway.clock, private)).close()
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="SETTINGS") from error
        new = gateway.database.write(lambda session: write(gateway, session))
        record(gateway, "erp_added" if new else "erp_changed", erp=name, adapter=adapter, settings=given)
    if new and not secret_stdin:
        console().print(f"secret: {made.reveal()} (shown this once)", markup=False)


@erp.command()
def secret(
    name: Name,
    overlap_days: Annotated[int, typer.Option(help="How long the ones before stay valid.", min=0)] = 14,
    secret_stdin: FromStdin = False,
    data: Data = None,
) -> None:
    """Give an ERP a new secret; each request is signed by both until the overlap ends."""
    made = _secret(secret_stdin)

    def write(gateway: Gateway, session: Session) -> None:
        row = _found(session, name)
        if row is None:
            stop(f"there is no ERP {name!r}")
        now = gateway.clock.now()
        until = now + timedelta(days=overlap_days)
        keep_secret(session, gateway.keys, row, SIGNING, made, now=now, overlap_until=until)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(lambda session: write(gateway, session))
        record(gateway, "erp_secret_added", erp=name, overlap_days=overlap_days)
    if not secret_stdin:
        console().print(f"secret: {made.reveal()} (shown this once)", markup=False)


def _found(session: Session, name: str) -> ErpRow | None:
    return session.exec(select(ErpRow).where(ErpRow.realm == LIVE, ErpRow.name == name)).first()


def _secret(from_stdin: bool) -> Secret:
    if not from_stdin:
        return Secret(f"whsec_{base64.b64encode(random.token_bytes(32)).decode()}")
    text = sys.stdin.readline().strip()
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        stop("a secret is `whsec_` and the Base64 of 24 to 64 bytes")
    return Secret(text)

"""`crossdock oidc`: the OpenID Connect provider whose accounts sign in here."""

import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer
from sqlmodel import Session

from app.cli.audited import record
from app.cli.options import Data, console, settings_from, stop
from app.cli.site import opened
from app.clients.oidc import available
from app.seal import Secret
from app.storage import oidc as storage
from app.storage.base import LIVE
from app.storage.oidc import OidcProviderRow
from app.storage.people import Role

oidc = typer.Typer(help="Signing in by OpenID Connect.", no_args_is_help=True, rich_markup_mode=None)


@oidc.command("set")
def set_(
    issuer: Annotated[str, typer.Argument(help="The provider's issuer, exactly as it says it.", show_default=False)],
    client_id: Annotated[str, typer.Option(help="What it calls us.")],
    default_role: Annotated[
        Role | None, typer.Option(help="What somebody may do who is not known here. [default: they are not let in]")
    ] = None,
    private_network: Annotated[
        bool, typer.Option("--private-network", help="It may lie in a private network, and be spoken to over http.")
    ] = False,
    data: Data = None,
) -> None:
    """Name the provider, in place of any before. The client secret is read from standard input."""
    if not available():
        stop("this needs `pip install crossdock[oidc]`")
    schemes = ("https", "http") if private_network else ("https",)
    parts = urlsplit(issuer)
    if parts.scheme not in schemes or not parts.netloc or parts.query or parts.fragment or len(issuer) > 500:
        raise typer.BadParameter("an issuer is an https address without query", param_hint="ISSUER")
    secret = Secret(sys.stdin.readline().strip())
    if not secret.reveal() or not 0 < len(client_id) <= 200:
        stop("a client id, and a client secret on standard input, are needed")
    with opened(settings_from(data)) as gateway:

        def write(session: Session) -> None:
            _forget(session)
            session.add(
                OidcProviderRow(
                    realm=LIVE,
                    issuer=issuer,
                    client_id=client_id,
                    sealed=storage.sealed(gateway.keys, LIVE, secret),
                    default_role=default_role,
                    private=private_network,
                    created_at=gateway.clock.now(),
                )
            )

        gateway.database.write(write)
        record(gateway, "oidc_set", issuer=issuer, client_id=client_id, default_role=default_role)
        console().print(f"redirect URI for the provider: {gateway.settings.url}/oidc/callback", markup=False)


def _forget(session: Session) -> bool:
    row = session.get(OidcProviderRow, LIVE)
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


@oidc.command()
def show(data: Data = None) -> None:
    """The provider, without its secret."""
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        row = session.get(OidcProviderRow, LIVE)
    if row is None:
        stop("no provider is set")
    said = f"{row.issuer} as {row.client_id}; not known here: {row.default_role or 'not let in'}"
    console().print(said + ("; may lie in a private network" if row.private else ""), markup=False)


@oidc.command()
def remove(data: Data = None) -> None:
    """Nobody signs in by the provider any more; sessions that began by it go on until they end."""
    with opened(settings_from(data)) as gateway:
        if not gateway.database.write(_forget):
            stop("no provider is set")
        record(gateway, "oidc_removed")

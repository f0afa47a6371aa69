"""`crossdock partner`: who may talk to us, by which names, and what they prove themselves with.

Secrets are shown once, when they are made, and never again: neither `show` nor `export` holds one."""

import json
import secrets as random
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.cli.audited import record
from app.cli.options import Data, console, json_or_text, settings_from, stop
from app.cli.site import opened
from app.gateway import Gateway
from app.partners import shop, traffic
from app.partners.profile import add_partner
from app.partners.return_urls import fault_of_host, fault_of_origin
from app.partners.secrets import Purpose, keep_secret
from app.partners.shop import ShopSettings
from app.partners.traffic import TrafficSettings, posts_per_minute
from app.seal import Secret
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.partners import PartnerIdentityRow, PartnerRow, PartnerSecretRow, Role
from protocols.cxml.settings import CxmlSettings
from schemas.party import Identifier

SETTINGS: dict[str, type[msgspec.Struct]] = {
    "cxml": CxmlSettings,
    shop.NAME: ShopSettings,
    traffic.NAME: TrafficSettings,
}
"""What is agreed with a partner: by protocol, and beside the protocols."""

partner = typer.Typer(help="Connections: who may talk to us.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The connection's name.", show_default=False)]
SecretInput = Annotated[
    bool, typer.Option("--secret-stdin", help="Read the secret from standard input instead of making one.")
]
ReturnHosts = Annotated[
    list[str] | None, typer.Option(help="Where carts may be returned: host, host:port or *.domain.")
]
FrameOrigins = Annotated[list[str] | None, typer.Option(help="An origin that may show the shop in a frame.")]
PurposeOption = Annotated[Purpose, typer.Option(help="What the secret is for.")]


@partner.command("list")
def list_(data: Data = None) -> None:
    """All connections, with their names and customers."""
    table = Table("connection", "active", "sender", "buys for", "we are")
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        for row in session.exec(select(PartnerRow).where(PartnerRow.realm == LIVE).order_by(PartnerRow.name)):
            names = {role: "\n".join(_shown(session, row, role)) for role in Role}
            table.add_row(row.name, "yes" if row.active else "no", names[Role.SENDER], names[Role.FROM], names[Role.TO])
    console().print(table)


@partner.command()
def show(name: Name, data: Data = None) -> None:
    """Everything about a connection except its secrets, of which only the dates are told."""
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        _print(_told(session, gateway, _partner(session, name)))


@partner.command()
def export(data: Data = None) -> None:
    """All connections as JSON, without secrets."""
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        rows = session.exec(select(PartnerRow).where(PartnerRow.realm == LIVE).order_by(PartnerRow.name))
        _print([_told(session, gateway, row) for row in rows])


@partner.command()
def add(
    name: Name,
    sender: Annotated[list[str], typer.Option(help="A name it authenticates with.", metavar="DOMAIN/IDENTITY")],
    from_: Annotated[
        list[str],
        typer.Option("--from", help="A name it buys for, and for whom.", metavar="DOMAIN/IDENTITY=CUSTOMER-NUMBER"),
    ],
    to: Annotated[list[str], typer.Option(help="A name of ours that it writes to.", metavar="DOMAIN/IDENTITY")],
    return_host: ReturnHosts = None,
    frame_origin: FrameOrigins = None,
    secret_stdin: SecretInput = False,
    data: Data = None,
) -> None:
    """Add a connection with its names and a shared secret."""
    senders = [_identifier(text, "--sender") for text in sender]
    our_names = [_identifier(text, "--to") for text in to]
    buys_for = [(_identifier(text.rpartition("=")[0], "--from"), text.rpartition("=")[2]) for text in from_]
    _judge(return_host, fault_of_host, "--return-host")
    _judge(frame_origin, fault_of_origin, "--frame-origin")
    secret, made = _secret(secret_stdin)

    def write(gateway: Gateway, session: Session) -> None:
        row = add_partner(
            session,
            realm=LIVE,
            name=name,
            now=gateway.clock.now(),
            senders=senders,
            buys_for=[(identifier, _customer(session, number)) for identifier, number in buys_for],
            our_names=our_names,
        )
        row.return_hosts, row.frame_origins = list(return_host or ()), list(frame_origin or ())
        keep_secret(session, gateway.keys, row, Purpose.CXML_INBOUND, secret, now=gateway.clock.now())
        session.flush()

    with opened(settings_from(data)) as gateway:
        try:
            gateway.database.write(lambda session: write(gateway, session))
        except IntegrityError:
            stop("there is a connection of that name, or one with one of these senders, already")
        record(gateway, "partner_added", partner=name)
    _tell(secret, made)


def _judge(entries: list[str] | None, fault: Callable[[str], str | None], option: str) -> None:
    for entry in entries or ():
        if wrong := fault(entry):
            raise typer.BadParameter(f"{entry!r} {wrong}", param_hint=option)


@partner.command()
def secret(
    name: Name,
    purpose: PurposeOption = Purpose.CXML_INBOUND,
    overlap_days: Annotated[int, typer.Option(help="How long the ones before stay valid.", min=0)] = 14,
    secret_stdin: SecretInput = False,
    data: Data = None,
) -> None:
    """Give a connection a new secret; the ones before it end after the overlap."""
    new, made = _secret(secret_stdin)

    def write(gateway: Gateway, session: Session) -> None:
        now = gateway.clock.now()
        until = now + timedelta(days=overlap_days)
        keep_secret(session, gateway.keys, _partner(session, name), purpose, new, now=now, overlap_until=until)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(lambda session: write(gateway, session))
        record(gateway, "partner_secret_added", partner=name, purpose=purpose.value, overlap_days=overlap_days)
    _tell(new, made)


@partner.command("set")
def set_(
    name: Name,
    setting: Annotated[
        str,
        typer.Argument(help="cxml.version, traffic.posts_per_minute, ...", show_default=False),
    ],
    value: Annotated[
        str | None, typer.Argument(help="JSON, or a plain text; absent: back to the default", show_default=False)
    ] = None,
    data: Data = None,
) -> None:
    """Change what is agreed with a connection."""
    protocol, _, key = setting.partition(".")
    if protocol not in SETTINGS or key not in SETTINGS[protocol].__struct_fields__:
        known = (f"{protocol}.{key}" for protocol, kind in SETTINGS.items() for key in kind.__struct_fields__)
        raise typer.BadParameter(f"there is no such setting; there are: {', '.join(known)}", param_hint="SETTING")

    def write(session: Session) -> None:
        row = _partner(session, name)
        agreed = {**row.settings.get(protocol, {})}
        agreed.pop(key, None)
        if value is not None:
            agreed[key] = json_or_text(value)
        try:
            msgspec.convert(agreed, SETTINGS[protocol])
        except msgspec.ValidationError as error:
            raise typer.BadParameter(str(error), param_hint="VALUE") from error
        row.settings = {**row.settings, protocol: agreed}
        session.add(row)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(write)
        record(gateway, "partner_changed", partner=name, setting=setting, value=value)


@partner.command()
def hosts(name: Name, return_host: ReturnHosts = None, frame_origin: FrameOrigins = None, data: Data = None) -> None:
    """Say anew where carts may be returned and who may frame the shop; what is not named is taken back."""
    _judge(return_host, fault_of_host, "--return-host")
    _judge(frame_origin, fault_of_origin, "--frame-origin")

    def write(session: Session) -> None:
        row = _partner(session, name)
        row.return_hosts, row.frame_origins = list(return_host or ()), list(frame_origin or ())
        session.add(row)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(write)
        record(gateway, "partner_changed", partner=name, return_hosts=return_host, frame_origins=frame_origin)


@partner.command()
def disable(name: Name, data: Data = None) -> None:
    """Let a connection in no more; everything it sent stays."""
    _switch(name, data, active=False)


@partner.command()
def enable(name: Name, data: Data = None) -> None:
    """Let a connection in again."""
    _switch(name, data, active=True)


def _switch(name: str, data: Data, *, active: bool) -> None:
    def write(session: Session) -> None:
        row = _partner(session, name)
        row.active = active
        session.add(row)

    with opened(settings_from(data)) as gateway:
        gateway.database.write(write)
        record(gateway, "partner_enabled" if active else "partner_disabled", partner=name)


def _identifier(text: str, option: str) -> Identifier:
    domain, slash, identity = text.partition("/")
    if not slash or not identity.strip():
        raise typer.BadParameter(f"{text!r} is not of the form DOMAIN/IDENTITY", param_hint=option)
    return Identifier(scheme=domain.strip(), value=identity.strip())


def _partner(session: Session, name: str) -> PartnerRow:
    row = session.exec(select(PartnerRow).where(PartnerRow.realm == LIVE, PartnerRow.name == name)).first()
    if row is None:
        stop(f"there is no connection {name!r}")
    return row


def _customer(session: Session, number: str) -> CustomerRow:
    row = session.exec(select(CustomerRow).where(CustomerRow.realm == LIVE, CustomerRow.number == number)).first()
    if row is None:
        stop(f"there is no customer {number!r}")
    return row


def _secret(from_stdin: bool) -> tuple[Secret, bool]:
    """The secret, and whether it was made here."""
    if not from_stdin:
        return Secret(random.token_urlsafe(24)), True
    text = sys.stdin.readline().rstrip("\r\n")
    if not text:
        stop("standard input holds no secret")
    return Secret(text), False


def _tell(secret: Secret, made: bool) -> None:
    if made:
        console().print(f"secret: {secret.reveal()} (shown this once)", markup=False)


def _print(value: Any) -> None:
    console().print(json.dumps(value, indent=2, ensure_ascii=False), markup=False)


def _identities(session: Session, row: PartnerRow, role: Role) -> list[tuple[PartnerIdentityRow, CustomerRow | None]]:
    found = session.exec(
        select(PartnerIdentityRow, CustomerRow)
        .join(CustomerRow, col(CustomerRow.id) == PartnerIdentityRow.customer_id, isouter=True)
        .where(PartnerIdentityRow.partner_id == row.id, PartnerIdentityRow.role == role)
        .order_by(PartnerIdentityRow.id)
    )
    return [(identity, customer) for identity, customer in found]


def _shown(session: Session, row: PartnerRow, role: Role) -> list[str]:
    return [
        f"{identity.domain} {identity.identity}" + (f" = {customer.number} {customer.name}" if customer else "")
        for identity, customer in _identities(session, row, role)
    ]


def _told(session: Session, gateway: Gateway, row: PartnerRow) -> dict[str, Any]:
    held = session.exec(
        select(PartnerSecretRow).where(PartnerSecretRow.partner_id == row.id).order_by(PartnerSecretRow.id)
    )
    return {
        "name": row.name,
        "active": row.active,
        **{
            role.value: [
                {"domain": identity.domain, "identity": identity.identity}
                | ({"customer": customer.number} if customer else {})
                for identity, customer in _identities(session, row, role)
            ]
            for role in Role
        },
        "return_hosts": row.return_hosts,
        "frame_origins": row.frame_origins,
        "settings": row.settings,
        "posts_per_minute": posts_per_minute(row, gateway.settings.posts_per_minute),
        "secrets": [
            {
                "purpose": secret.purpose,
                "valid_from": secret.valid_from.isoformat(),
                "valid_until": secret.valid_until.isoformat() if secret.valid_until else None,
            }
            for secret in held
        ],
    }

"""`crossdock evidence`: what is kept of documents and orders, how long, whether it is sound, and how it goes."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlmodel import Session, col, or_, select

from app.cli.audited import record
from app.cli.options import Data, console, settings_from, stop
from app.cli.progress import bar
from app.cli.site import opened
from app.flows import erase_data
from app.flows.export_evidence import export_evidence
from app.gateway import Gateway
from app.storage import audit
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from app.storage.erasure import StillOpen
from app.storage.erasures import RetentionRuleRow
from app.storage.evidence_file import examine
from app.storage.integrity import verify
from app.storage.orders import OrderRow
from app.storage.partners import PartnerRow

evidence = typer.Typer(
    help="What is kept: check, export, erase, and for how long.", no_args_is_help=True, rich_markup_mode=None
)
retention = typer.Typer(help="How long the bytes of documents are kept.", no_args_is_help=True, rich_markup_mode=None)
evidence.add_typer(retention, name="retention")

Order = Annotated[str, typer.Argument(metavar="ORDER", help="The buyer's order number, or our id.", show_default=False)]
Partner = Annotated[str | None, typer.Option(help="Only this connection. [default: all]", show_default=False)]
Kind = Annotated[str | None, typer.Option(help="Only documents of this kind, such as PunchOutSetupRequest.")]


@evidence.command("verify")
def verify_(
    zip_: Annotated[
        Path | None, typer.Option("--zip", help="Check an exported file instead; needs no database.", dir_okay=False)
    ] = None,
    head_: Annotated[
        list[str] | None,
        typer.Option(
            "--head", help="What `evidence head` or a night's log said once: is it still so?", show_default=False
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Open and hash every body and walk the audit record. Exit status 1 when anything is missing or damaged."""
    if zip_ is not None:
        _verify_file(zip_)
        return
    with opened(settings_from(data)) as gateway:
        with bar("verify", "bodies") as done:
            checked = verify(gateway.database, gateway.keys, done)
        with gateway.database.read() as session:
            gone = [kept for kept in head_ or () if not audit.holds(session, kept.strip())]
    for place, problem in checked.problems:
        console().print(f"{place}: {problem}", markup=False)
    unnamed = checked.missing + checked.damaged - len(checked.problems)
    if unnamed:
        console().print(f"and {unnamed} more")
    if checked.audit_broken_at is not None:
        console().print(f"the audit record is broken at entry {checked.audit_broken_at}")
    told = (checked.intact, checked.erased, checked.missing, checked.damaged)
    console().print("{} intact, {} erased, {} missing, {} damaged".format(*told))
    for kept in gone:
        console().print(f"the audit record does not have the entry {kept} any more", markup=False, soft_wrap=True)
    if gone or not checked.sound:
        raise typer.Exit(1)


@evidence.command()
def head(data: Data = None) -> None:
    """Print number and hash of the newest entry of the audit record. Keep it elsewhere: `verify --head` holds the
    record against it, also when its end was cut off."""
    with opened(settings_from(data)) as gateway, gateway.database.read() as session:
        console().print(audit.head(session), markup=False, soft_wrap=True)


def _verify_file(path: Path) -> None:
    try:
        found = examine(path)
    except OSError as error:
        stop(str(error))
    for problem in found.problems:
        console().print(problem, markup=False)
    if found.problems or found.manifest is None:
        stop(f"{path} is not what it was when it was made")
    console().print(
        f"order {found.manifest.order_number}: {len(found.manifest.members)} files as of "
        f"{found.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, all as listed",
        markup=False,
    )


@evidence.command()
def export(
    order: Order,
    out: Annotated[Path, typer.Option(help="The ZIP to write.", dir_okay=False, show_default=False)],
    raw: Annotated[bool, typer.Option("--raw", help="Also the bytes as they were, secrets included.")] = False,
    data: Data = None,
) -> None:
    """Write everything about one order to a ZIP: documents, decisions, attempts, answers. The audit record says so."""
    with opened(settings_from(data)) as gateway:
        row = _order(gateway, order)
        try:
            with open(out, "x+b", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                manifest = export_evidence(gateway, row.id, file, raw=raw, actor="system", channel="command")
        except OSError as error:
            stop(str(error))
    console().print(f"{len(manifest.members)} files about order {row.number}: {out}", markup=False)


@evidence.command()
def erase(
    reason: Annotated[str, typer.Option(help="Who asked for it, when and why; kept on record.", show_default=False)],
    order: Annotated[str | None, typer.Option(help="Everything about this order.", show_default=False)] = None,
    person: Annotated[
        str | None, typer.Option(help="Everything that names this e-mail address.", show_default=False)
    ] = None,
    data: Data = None,
) -> None:
    """Erase one order's or one person's data for good. Hashes, states, items and money stay. Not for what is open.

    Backups that were taken before keep what they hold."""
    if (order is None) == (person is None) or not reason.strip():
        raise typer.BadParameter("name either an order or a person, and a reason")
    with opened(settings_from(data)) as gateway:
        if order is not None:
            try:
                erased = erase_data.order_data(gateway, _order(gateway, order).id, reason=reason)
            except StillOpen as error:
                stop(str(error))
        else:
            assert person is not None
            if "@" not in person.strip("@"):
                raise typer.BadParameter("a person is named by an e-mail address", param_hint="--person")
            with bar("search", "bodies") as done:
                erased = erase_data.person_data(gateway, LIVE, person, reason=reason, done=done)
        gateway.database.forget_freed_pages()
    console().print(
        f"erased: {erased.bodies} bodies, {erased.orders} orders, {erased.visits} visits, {erased.accounts} accounts"
    )
    if erased.open:
        stop(f"not at their end yet, and left as they are: {', '.join(erased.open)}")


def _order(gateway: Gateway, named: str) -> OrderRow:
    with gateway.database.read() as session:
        found = session.exec(
            select(OrderRow, CustomerRow.number)
            .join(CustomerRow)
            .where(OrderRow.realm == LIVE, or_(OrderRow.id == named, OrderRow.number == named))
            .order_by(col(OrderRow.id))
        ).all()
    if not found:
        stop(f"there is no order {named}")
    if len(found) > 1:
        stop(
            f"several customers have an order {named}; name one by its id:",
            *(f"  {row.id}  {number}" for row, number in found),
        )
    return found[0][0]


@retention.command("list")
def list_(data: Data = None) -> None:
    """All rules; the one that says most wins."""
    table = Table("connection", "kind", "days")
    settings = settings_from(data)
    with opened(settings) as gateway, gateway.database.read() as session:
        names = dict(session.exec(select(PartnerRow.id, PartnerRow.name)).all())
        for rule in session.exec(select(RetentionRuleRow).where(RetentionRuleRow.realm == LIVE)):
            table.add_row(names.get(rule.partner_id or "", "all"), rule.kind or "every kind", str(rule.days))
    table.add_row("all", "every kind, without a rule", str(settings.retention_days))
    console().print(table)


@retention.command("set")
def set_(
    days: Annotated[int, typer.Argument(help="How many days.", min=1, max=36_500, show_default=False)],
    partner: Partner = None,
    kind: Kind = None,
    data: Data = None,
) -> None:
    """Keep documents for so many days, not fewer than CROSSDOCK_DUPLICATE_DAYS."""
    settings = settings_from(data)
    if days < settings.duplicate_days:
        stop(f"documents are needed for {settings.duplicate_days} days, to answer those that are sent again")
    with opened(settings) as gateway:

        def write(session: Session) -> None:
            partner_id = _partner_id(session, partner)
            rule = _rule(session, partner_id, kind) or RetentionRuleRow(
                realm=LIVE, partner_id=partner_id, kind=kind, days=days, created_at=gateway.clock.now()
            )
            rule.days = days
            session.add(rule)

        gateway.database.write(write)
        record(gateway, "retention_set", partner=partner, kind=kind, days=days)


@retention.command()
def remove(partner: Partner = None, kind: Kind = None, data: Data = None) -> None:
    """Take a rule back."""
    with opened(settings_from(data)) as gateway:

        def write(session: Session) -> bool:
            rule = _rule(session, _partner_id(session, partner), kind)
            if rule is not None:
                session.delete(rule)
            return rule is not None

        if not gateway.database.write(write):
            stop("there is no such rule")
        record(gateway, "retention_removed", partner=partner, kind=kind)


def _rule(session: Session, partner_id: str | None, kind: str | None) -> RetentionRuleRow | None:
    return session.exec(
        select(RetentionRuleRow).where(
            RetentionRuleRow.realm == LIVE, RetentionRuleRow.partner_id == partner_id, RetentionRuleRow.kind == kind
        )
    ).first()


def _partner_id(session: Session, name: str | None) -> str | None:
    if name is None:
        return None
    found = session.exec(select(PartnerRow.id).where(PartnerRow.realm == LIVE, PartnerRow.name == name)).first()
    if found is None:
        stop(f"there is no connection {name}")
    return found

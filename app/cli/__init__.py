"""The `crossdock` command."""

import sys
from collections.abc import Callable
from typing import Final

import typer

from app.cli import documents

DOCUMENT_COMMANDS: dict[str, Callable[..., None]] = {"read": documents.read, "convert": documents.convert}
"""What judges a file needs the protocols only, and answers at once: the server's libraries take half a second to
import."""
WORKER: Final = "worker"
"""Likewise without the web pages, of which a worker has none."""


def main() -> None:
    commands(sys.argv[1] if sys.argv[1:] else None)()


def commands(called: str | None = None) -> typer.Typer:
    """All of them; of one that is called alone and does without the server, what it needs."""
    app = typer.Typer(
        name="crossdock",
        help="A B2B punchout and EDI gateway: buyers' documents in, ERP orders out, answers in the buyer's protocol.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    if called == WORKER:
        _add_worker(app)
    elif called not in DOCUMENT_COMMANDS:
        _add_worker(app)
        _add_server(app)
    for name, command in DOCUMENT_COMMANDS.items():
        app.command(name)(command)
    return app


def _add_worker(app: typer.Typer) -> None:
    from app.cli import worker

    app.command(WORKER)(worker.worker)


def _add_server(app: typer.Typer) -> None:
    from app.cli import (
        approvers,
        backups,
        catalog,
        customer_credits,
        customers,
        demo,
        erps,
        evidence,
        figures,
        keys,
        oidc,
        own_fields,
        partners,
        people,
        play,
        replay,
        seals,
        server,
        strangers,
        work,
    )

    app.command("demo")(demo.demo)
    app.command("demo-erp", hidden=True)(demo.demo_erp)
    app.command("init")(server.init)
    app.command("serve")(server.serve)
    app.command("check-config")(server.check_config)
    app.command("backup")(backups.backup)
    app.command("restore")(backups.restore)
    app.command("play")(play.play)
    app.command("replay")(replay.replay)
    app.add_typer(catalog.catalog, name="catalog")
    partners.partner.command("strangers")(strangers.strangers)
    app.add_typer(partners.partner, name="partner")
    app.add_typer(erps.erp, name="erp")
    approvers.add_to(people.person)
    app.add_typer(people.person, name="person")
    app.add_typer(keys.key, name="key")
    app.add_typer(oidc.oidc, name="oidc")
    for command in (
        figures.budget,
        figures.budgets,
        customer_credits.credit,
        own_fields.field,
        own_fields.fields,
        own_fields.drop_field,
    ):
        customers.customer.command()(command)
    app.add_typer(customers.customer, name="customer")
    app.add_typer(figures.rates_of_exchange, name="rates")
    app.add_typer(work.work, name="work")
    app.add_typer(seals.seal, name="seal")
    app.add_typer(evidence.evidence, name="evidence")

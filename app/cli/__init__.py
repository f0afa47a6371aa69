"""The `crossdock` command.

Commands that judge a file import only the protocols, so that they answer at once; the server and its libraries are
imported inside the commands that run or change a server.
"""

import typer

from app.cli import documents, server

app = typer.Typer(
    name="crossdock",
    help="A B2B punchout and EDI gateway: procurement documents in, ERP orders out, answers in the buyer's protocol.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init")(server.init)
app.command("serve")(server.serve)
app.command("worker")(server.worker)
app.command("check-config")(server.check_config)
app.command("read")(documents.read)
app.command("convert")(documents.convert)


def main() -> None:
    app()

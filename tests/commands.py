"""`crossdock` run in this process, for tests of what a command says and does; a process of its own is in console.py."""

from dataclasses import dataclass

from typer.testing import CliRunner

from app.cli import commands


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


def run(*arguments: object) -> Said:
    """Exceptions that no command should let out are raised."""
    found = CliRunner().invoke(commands(), [str(argument) for argument in arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Said(found.exit_code, found.stdout, found.stderr)

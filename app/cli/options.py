"""What the commands share: the options that name the data, and settings or a sentence that says what is wrong."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from app.settings import Settings

USAGE = 2

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Where files live. [default: CROSSDOCK_DATA or ./crossdock-data]", show_default=False),
]
Host = Annotated[
    str | None, typer.Option(help="Address to listen at. [default: CROSSDOCK_HOST or 127.0.0.1]", show_default=False)
]
Port = Annotated[
    int | None, typer.Option(help="[default: CROSSDOCK_PORT or 8000]", show_default=False, min=1, max=65_534)
]


def console() -> Console:
    """For people; scripts get what they need on standard output from the commands that promise it."""
    return Console(highlight=False, soft_wrap=True)


def settings_from(data: Path | None, **given: Any) -> Settings:
    """The settings of the environment, with what the command line says over them."""
    over = {name: value for name, value in {"data": data, **given}.items() if value is not None}
    try:
        return Settings(**over)
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"CROSSDOCK_{name}: {problem['msg']}", err=True)
        raise typer.Exit(USAGE) from error


def json_or_text(value: str) -> Any:
    """What a value on the command line means: JSON, or else the text itself."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def stop(*sentences: str, status: int = 1) -> NoReturn:
    """Ends the command with a reason for people."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    sys.stderr.flush()
    raise typer.Exit(status)

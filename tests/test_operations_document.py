"""docs/operations.md: every command in it can be given as it stands; every setting and file that it names exists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli import commands
from app.settings import Settings

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SETTING = re.compile(r"CROSSDOCK_[A-Z_]+")


def given() -> list[str]:
    """The commands in blocks, and those in the text that carry arguments."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return [*lines, *re.findall(r"`(crossdock [^`]+)`", DOCUMENT)]


def parse(line: str) -> None:
    """As the console script would, without doing it. Raises what it would say."""
    words = shlex.split(line, comments=True)
    while words and SETTING.match(words[0]):
        words.pop(0)
    assert words.pop(0) == "crossdock"
    command: Any = get_command(commands())
    context = None
    while hasattr(command, "commands") and (words or not command.invoke_without_command):
        context = command.make_context(command.name or "crossdock", [], parent=context, resilient_parsing=True)
        name = words.pop(0)
        assert name in command.commands, f"there is no command {name}"
        command = command.commands[name]
    command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize("line", given())
def test_a_command_can_be_given_as_it_stands(line: str) -> None:
    parse(line)


@pytest.mark.parametrize("line", ["crossdock backups x.zip", "crossdock backup", "crossdock backup x.zip --when now"])
def test_a_command_that_cannot_is_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r".+"):
        parse(line)


def test_every_setting_that_it_names_exists() -> None:
    there = {f"CROSSDOCK_{name.upper()}" for name in Settings.model_fields}
    assert set(SETTING.findall(DOCUMENT)) - there == set()


def test_the_files_that_it_names_are_there() -> None:
    named = [target.partition("#")[0] for target in re.findall(r"\]\((?!http)([^)]+)\)", DOCUMENT)]
    assert [name for name in named if not (ROOT / "docs" / name).exists()] == []
    assert [name for name in re.findall(r"`(tests/[\w./]+)`", DOCUMENT) if not (ROOT / name).exists()] == []

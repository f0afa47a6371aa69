"""The README promises what there is: commands, settings, protocols, connectors."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.bridge.registry import ADAPTERS
from app.cli import commands
from app.settings import Settings
from protocols.registry import PROTOCOLS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows_below(heading: str) -> list[list[str]]:
    """The cells of the table that follows a header row which begins with this cell."""
    lines = README.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


def shown(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default)


def test_the_settings_table_is_the_settings() -> None:
    there = {f"CROSSDOCK_{name.upper()}": shown(field.default) for name, field in Settings.model_fields.items()}
    told = {variable: default for variable, default, _ in rows_below("variable")}
    assert told == there


def test_the_protocols_are_those_of_the_registry() -> None:
    assert [(title, name) for title, name, _ in rows_below("protocol")] == [(p.title, p.name) for p in PROTOCOLS]


def test_the_connectors_are_those_of_the_registry_with_their_labels() -> None:
    told = {name: label for name, label, _ in rows_below("connector")}
    assert told == {name: str(known.label) for name, known in ADAPTERS.items()}


def test_the_commands_are_those_there_are() -> None:
    told = {name for names, _ in rows_below("command") for name in re.findall(r"[a-z-]+", names)}
    group: Any = get_command(commands())
    assert told == {name for name, command in group.commands.items() if not command.hidden}


@pytest.mark.parametrize("folder", [".venv", ".venv-test"])
def test_each_of_the_two_commands_is_one_line(folder: str) -> None:
    lines = [line for line in README.splitlines() if line.startswith(f"python3 -m venv {folder} && ")]
    assert len(lines) == 1
    assert "pip install" in lines[0]


def test_every_benchmark_is_named() -> None:
    there = {f"python {path.relative_to(ROOT)}" for path in (ROOT / "tests" / "benchmarks").glob("bench_*.py")}
    assert {command for command, _ in rows_below("benchmark")} == there


def test_the_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "grep -m1 '^python3 -m venv .venv-test && ' README.md" in script


def test_the_files_it_names_are_there() -> None:
    named = re.findall(r"`((?:app|protocols|schemas|fixtures|tests|\.ci)/[\w./]*)`", README)
    named += re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []

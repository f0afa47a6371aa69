"""The table of kill points is whole."""

import ast
from pathlib import Path

from kill_points import DELIVERY, INTAKE, MAIL, REPLY, ROTATION

import app


def named_in(path: Path) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "kill_point"]
    return [ast.literal_eval(call.args[0]) for call in named]


def test_every_point_in_the_code_is_one_that_tests_kill_at() -> None:
    (root,) = app.__path__
    found = [name for path in Path(root).rglob("*.py") for name in named_in(path)]
    assert sorted(found) == sorted([*INTAKE, *DELIVERY, *REPLY, *MAIL, *ROTATION])

"""Numbers in the boxes of a draft: a definition holds `5000.00`, its author reads and types what their language writes.

What can be read in two ways is read as the language does (`5.000` is five thousand in Spanish); the page that follows
each press shows it, in its box and in the sentence above. What is no number stays as it was typed."""

from collections.abc import Callable
from typing import Any, Final

from app.approval.operators import Type
from app.formats import Formats
from app.web.admin.flow_editor.draft_form import KINDS, Box
from app.web.admin.flow_editor.rows import ConditionRow

NUMBERS: Final = (Type.MONEY, Type.DECIMAL, Type.INTEGER)
_ALWAYS: Final = ("amount", "percent")
_COMPARED: Final = ("value", "high")


def shown(boxes: Box, formats: Formats) -> Box:
    """Of a definition, for the page."""
    return {name: _turned(part, formats.written, name) for name, part in boxes.items()}


def typed(boxes: Box, formats: Formats) -> Box:
    """Of the page, for a definition."""
    return {name: _turned(part, formats.typed, name) for name, part in boxes.items()}


def _turned(node: Any, turn: Callable[[str], str], name: str = "", *, compared: bool = False) -> Any:
    """`compared`: it stands in a box that compares numbers."""
    if isinstance(node, list):
        return [_turned(part, turn) for part in node]
    if isinstance(node, dict):
        compares = _compares_numbers(node)
        return {name: _turned(part, turn, name, compared=compares) for name, part in node.items()}
    if isinstance(node, str) and (name in _ALWAYS or (compared and name in _COMPARED)):
        return "\n".join(map(turn, node.split("\n")))
    return node


def _compares_numbers(box: Box) -> bool:
    return box.get("kind") in KINDS and ConditionRow("", "", box, True).type in NUMBERS

"""Numbers in the boxes of a draft: a definition holds `5000.00`, its author reads and types what their language writes.

What can be read in two ways is read as the language does (`5.000` is five thousand in Spanish); the page that follows
each press shows it, in its box and in the sentence above. What is no number stays as it was typed."""

from collections.abc import Callable
from typing import Any, Final

from app.approval.fields import FIELDS, Catalogue
from app.approval.operators import Type
from app.formats import Formats
from app.web.admin.flow_editor.draft_form import KINDS, Box
from app.web.admin.flow_editor.rows import ConditionRow

NUMBERS: Final = (Type.MONEY, Type.DECIMAL, Type.INTEGER)
_ALWAYS: Final = ("amount", "percent")
_COMPARED: Final = ("value", "high")


def shown(boxes: Box, formats: Formats, fields: Catalogue = FIELDS) -> Box:
    """Of a definition, for the page. `fields`: what it may ask about."""
    return _Turner(formats.written, fields).box(boxes)


def typed(boxes: Box, formats: Formats, fields: Catalogue = FIELDS) -> Box:
    """Of the page, for a definition."""
    return _Turner(formats.typed, fields).box(boxes)


class _Turner:
    def __init__(self, turn: Callable[[str], str], fields: Catalogue) -> None:
        self.turn = turn
        self.fields = fields

    def box(self, box: Box) -> Box:
        numeric = (*_ALWAYS, *_COMPARED) if self._compares_numbers(box) else _ALWAYS
        return {name: self._part(part, is_number=name in numeric) for name, part in box.items()}

    def _part(self, part: Any, *, is_number: bool) -> Any:
        if isinstance(part, dict):
            return self.box(part)
        if isinstance(part, list):
            return [self._part(one, is_number=False) for one in part]
        return "\n".join(map(self.turn, part.split("\n"))) if is_number and isinstance(part, str) else part

    def _compares_numbers(self, box: Box) -> bool:
        row = ConditionRow("", "", box, True, fields=self.fields)
        return box.get("kind") in KINDS and row.type in NUMBERS

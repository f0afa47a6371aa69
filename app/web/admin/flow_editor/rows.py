"""The boxes of a draft as the page shows them: the choices that each offers, and the faults that belong beside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from markupsafe import Markup

from app.approval.definition import FLOW_KEYS, STEP_KEYS
from app.approval.fields import FIELDS, Catalogue, Field
from app.approval.operators import LISTS, NUMERIC, WITHOUT_VALUE, Operator, Type
from app.web.admin.flow_editor.draft_form import COUNTED, GROUPS, INNER, KINDS, OF_LINES, RULES, Box
from schemas.faults import Fault

_OF_STEP: Final = tuple(key for key in STEP_KEYS if key != "watchers")
_OF_FLOW: Final = tuple(key for key in FLOW_KEYS if key not in (*RULES, "stages"))
"""What is one box; of the others there may be several."""


@dataclass
class ConditionRow:
    """
    name     of the box in the form; `at` its place in the definition, as faults name it.
    in_line  whether it may ask about a line.
    place    among its neighbours, of whom there are `of`; one that stands alone cannot be moved.
    fields   what it may ask about.
    """

    name: str
    at: str
    box: Box
    in_line: bool
    place: int = 0
    of: int = 1
    fields: Catalogue = field(default_factory=lambda: FIELDS)
    parts: list["ConditionRow"] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return str(self.box.get("kind") or "")

    @cached_property
    def field(self) -> Field | None:
        return self.fields.get(self.box.get("field", ""))

    @property
    def type(self) -> Type | None:
        """Of what is compared."""
        if self.kind in COUNTED:
            return Type.MONEY if self.kind == "sum_lines" else Type.INTEGER
        return self.field.type if self.field else None

    @property
    def operators(self) -> Sequence[Operator]:
        if self.kind in COUNTED:
            return NUMERIC
        return self.field.operators if self.field else ()

    @property
    def operator(self) -> Operator | None:
        chosen = self.box.get("op")
        return next((op for op in self.operators if op == chosen), next(iter(self.operators), None))

    @property
    def wants(self) -> str:
        """What is to be filled in: `nothing`, `field`, `range`, `list` or `value`."""
        if self.operator is None or self.operator in WITHOUT_VALUE:
            return "nothing"
        if self.operator is Operator.BETWEEN:
            return "range"
        if self.operator in LISTS:
            return "list"
        return "field" if self.comparable and self.box.get("with") == "field" else "value"

    @property
    def comparable(self) -> list[Field]:
        """Other fields that it may be compared with instead of a value."""
        if self.field is None or self.kind != "leaf" or self.operator in (*WITHOUT_VALUE, *LISTS, Operator.BETWEEN):
            return []
        return [
            other
            for other in self.fields.values()
            if other.type is self.field.type and other is not self.field and (self.in_line or not other.of_line)
        ]

    @property
    def example(self) -> str:
        if self.kind in COUNTED:
            return "3" if self.kind == "count_lines" else "5000.00"
        return self.field.example if self.field else ""

    @property
    def root(self) -> bool:
        return not self.name.rpartition(".")[0].endswith(".of")

    @property
    def kinds(self) -> list[str]:
        """What kinds of group it may be."""
        return [kind for kind in (*GROUPS, *INNER, *COUNTED) if not self.in_line or kind not in OF_LINES]

    @property
    def addable(self) -> list[str]:
        within = self.in_line or self.kind in OF_LINES
        return [kind for kind in KINDS if not within or kind not in OF_LINES]

    @property
    def offered(self) -> dict[str, list[Field]]:
        """The fields by the area that they belong to."""
        areas: dict[str, list[Field]] = {}
        for one in FIELDS.values():
            if self._fits(one):
                areas.setdefault(one.key.partition(".")[0], []).append(one)
        return areas

    @property
    def own(self) -> list[Field]:
        """The fields of the customer's own beside them."""
        return [one for one in self.fields.values() if one.own and self._fits(one)]

    def _fits(self, one: Field) -> bool:
        summable = one.of_line and one.type is Type.MONEY
        return (self.in_line or not one.of_line) and (self.kind != "sum_lines" or summable)


def condition_row(
    box: Any,
    name: str,
    at: str,
    *,
    in_line: bool = False,
    place: int = 0,
    of: int = 1,
    fields: Catalogue = FIELDS,
) -> ConditionRow:
    row = ConditionRow(name, at, box if isinstance(box, dict) else {}, in_line, place, of, fields)
    boxes = row.box.get("of") or []
    within = in_line or row.kind in OF_LINES
    inner = f"{at}.{row.kind}.where" if row.kind in COUNTED else f"{at}.{row.kind}"
    alone = len(boxes) == 1 and (row.kind in INNER or row.kind in COUNTED)
    listed = f"{inner}.all" if row.kind in INNER or row.kind in COUNTED else inner
    for number, part in enumerate(boxes):
        place_of = inner if alone else f"{listed}[{number}]"
        row.parts.append(
            condition_row(
                part, f"{name}.of.{number}", place_of, in_line=within, place=number, of=len(boxes), fields=fields
            )
        )
    return row


def _all(row: ConditionRow) -> Iterator[ConditionRow]:
    yield row
    for part in row.parts:
        yield from _all(part)


class Sheet:
    """All of a draft, ready to be shown.

    problems  what belongs beside a box, by its name; what belongs nowhere stands in the summary alone.
    jump      the name of the box in which the reader goes on."""

    def __init__(self, boxes: Box, faults: Iterable[Fault], jump: str = "", fields: Catalogue = FIELDS) -> None:
        self.boxes = boxes
        self.fields = fields
        self.jump = jump
        self.faults = tuple(faults)
        self._names = {at: at for at in _OF_FLOW}
        self.match = self._condition(boxes["match"], "match", "match")
        self.rules = {
            kind: [self._condition(rule["when"], *self._rule(kind, i)) for i, rule in enumerate(boxes[kind])]
            for kind in RULES
        }
        self.conditions = {
            (i, j): self._step(step, i, j)
            for i, stage in enumerate(boxes["stages"])
            for j, step in enumerate(stage["steps"])
        }
        for i in range(len(boxes["stages"])):
            self._names[f"stages[{i}]"] = f"stages.{i}"
        self.problems: dict[str, list[Fault]] = {}
        for fault in self.faults:
            self.problems.setdefault(self.name_of(fault.at), []).append(fault)

    def _rule(self, kind: str, number: int) -> tuple[str, str]:
        at, name = f"{kind}[{number}]", f"{kind}.{number}"
        for part in ("", ".key", ".text"):
            self._names[at + part] = name + part
        return f"{name}.when", f"{at}.when"

    def _step(self, step: Box, stage: int, number: int) -> ConditionRow:
        at, name = f"stages[{stage}].steps[{number}]", f"stages.{stage}.steps.{number}"
        self._names[at] = name
        for part in _OF_STEP:
            self._names[f"{at}.{part}"] = f"{name}.{part}"
        for watcher in range(len(step.get("watchers") or [])):
            self._names[f"{at}.watchers[{watcher}]"] = f"{name}.watchers.{watcher}"
        return self._condition(step["condition"], f"{name}.condition", f"{at}.condition")

    def _condition(self, box: Any, name: str, at: str) -> ConditionRow:
        row = condition_row(box, name, at, fields=self.fields)
        self._names.update({one.at: one.name for one in _all(row)})
        return row

    def name_of(self, at: str) -> str:
        """Of the box that holds the place, or the next one around it; "" when there is none."""
        while at and at not in self._names:
            at = at[: max(at.rfind("."), at.rfind("["), 0)]
        return self._names.get(at, "")

    def described(self, name: str) -> Markup:
        """Attributes of a control that something is wrong with."""
        said = Markup(' aria-invalid="true" aria-describedby="{}-why"')
        return said.format(name) if name in self.problems else Markup()

    def focused(self, name: str) -> Markup:
        return Markup(" autofocus") if name == self.jump else Markup()

    def wrong_below(self, step: str) -> bool:
        """Whether something is wrong with what a step says besides who is asked, when, and how many."""
        shown = [f"{step}.{part}" for part in ("key", "name", "approver", "condition", "quorum")]
        return any(
            name.startswith(f"{step}.") and not any(name.startswith(one) for one in shown)
            for name, faults in self.problems.items()
            if faults
        )


def unusual(step: Mapping[str, Any]) -> bool:
    """Whether a step says more than who is asked, when, and how many."""
    default: dict[str, Any] = {"reject": "first", "on_timeout": "notify"}
    plain = ("due_hours", "remind_hours", "allow_self", "reject", "on_timeout")
    return (
        any(step[name] != default.get(name, "") for name in plain)
        or bool(step["min_limit"]["kind"] or step["escalate_to"]["by"] or step["self_limit"]["amount"])
        or bool(step["may_edit"] or step["watchers"])
    )

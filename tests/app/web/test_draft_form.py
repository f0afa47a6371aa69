"""A definition goes through a form and comes back as it was; whatever is posted becomes some definition."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from app.approval import definition as definitions
from app.approval.fields import FIELDS, Field
from app.approval.flow import EDITABLE, OWNERS, By
from app.approval.operators import LISTS, NUMERIC, WITHOUT_VALUE, Operator, Type
from app.formats import formats
from app.web.admin.flow_editor import draft_form, numbers

# What a line of a form can hold: browsers send no control characters from it.
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(str.strip)
NUMBERS = st.decimals(-10_000, 10_000, places=2).map(lambda number: f"{number:f}")
CURRENCIES = st.sampled_from(["EUR", "USD", "JPY"])
MONEY = st.fixed_dictionaries({"amount": NUMBERS, "currency": CURRENCIES})
VALUES = {
    Type.MONEY: NUMBERS,
    Type.DECIMAL: NUMBERS,
    Type.INTEGER: st.integers(-10_000, 10_000).map(str),
    Type.DATE: st.dates().map(lambda day: day.isoformat()),
    Type.TEXT: TEXTS,
    Type.CODE: TEXTS,
}
OF_ORDER = [field for field in FIELDS.values() if not field.of_line]
LINE_MONEY = [field.key for field in FIELDS.values() if field.of_line and field.type is Type.MONEY]


@st.composite
def wanted(draw: st.DrawFn, type_: Type, operator: Operator) -> dict[str, Any]:
    values = VALUES[type_]
    currency = {"currency": draw(CURRENCIES)} if type_ is Type.MONEY else {}
    if operator is Operator.BETWEEN:
        key = str if type_ is Type.DATE else float
        return {"value": sorted(draw(st.tuples(values, values)), key=key), **currency}
    if operator in LISTS:
        return {"value": draw(st.lists(values, min_size=1, max_size=3))}
    return {"value": draw(values), **currency}


@st.composite
def leaves(draw: st.DrawFn, of: list[Field]) -> dict[str, Any]:
    field = draw(st.sampled_from(of))
    operator = draw(st.sampled_from(field.operators))
    leaf = {"field": field.key, "op": operator.value}
    if operator in WITHOUT_VALUE:
        return leaf
    alike = [other.key for other in of if other.type is field.type]
    if operator is not Operator.BETWEEN and operator not in LISTS and draw(st.booleans()):
        return {**leaf, "other_field": draw(st.sampled_from(alike))}
    return {**leaf, **draw(wanted(field.type, operator))}


@st.composite
def conditions(draw: st.DrawFn, depth: int = 1, *, in_line: bool = False) -> dict[str, Any]:
    of = list(FIELDS.values()) if in_line else OF_ORDER
    kinds = ["leaf"] if depth >= 5 else ["leaf", "leaf", "all", "any", "not"]
    kinds += [] if in_line or depth >= 5 else ["any_line", "every_line", "count_lines", "sum_lines"]
    kind = draw(st.sampled_from(kinds))
    inner = conditions(depth + 1, in_line=in_line or kind.endswith(("_line", "_lines")))
    if kind == "leaf":
        return draw(leaves(of))
    if kind in ("all", "any"):
        return {kind: draw(st.lists(inner, min_size=1, max_size=3))}
    if kind in ("not", "any_line", "every_line"):
        return {kind: draw(inner)}
    operator = draw(st.sampled_from(NUMERIC))
    counted = {"where": draw(inner), "op": operator.value}
    if kind == "count_lines":
        return {kind: {**counted, **draw(wanted(Type.INTEGER, operator))}}
    return {kind: {**counted, "field": draw(st.sampled_from(LINE_MONEY)), **draw(wanted(Type.MONEY, operator))}}


APPROVERS = st.one_of(
    st.builds(lambda by, name: {by.value: name}, st.sampled_from([By.USER, By.GROUP, By.ROLE]), TEXTS),
    st.sampled_from([{"field": owner} for owner in OWNERS]),
    st.sampled_from([{"manager_of": "requester"}, {"hierarchy": "requester"}]),
)


@st.composite
def steps(draw: st.DrawFn, key: str) -> dict[str, Any]:
    due = draw(st.none() | st.integers(2, 2_000))
    timeout = draw(st.sampled_from(["notify", "escalate", "reject"] if due else ["notify"]))
    allow_self = draw(st.booleans())
    step = {"key": key, "name": draw(TEXTS), "approver": draw(APPROVERS), "on_timeout": timeout}
    named = set(step["approver"]) <= {"group", "role"}
    optional = {
        "condition": conditions(),
        "quorum": st.sampled_from(["any", "all", *([2, 30] if named else [1])]),
        "reject": st.sampled_from(["first", "unreachable"]),
        "min_limit": st.just("total") | MONEY,
        "may_edit": st.permutations(EDITABLE).flatmap(lambda names: st.integers(0, 6).map(lambda n: names[:n])),
        "watchers": st.lists(APPROVERS, max_size=2),
    }
    for name, strategy in optional.items():
        if draw(st.booleans()):
            step[name] = draw(strategy)
    if due:
        step |= {"due_hours": due} | ({"remind_hours": due - 1} if draw(st.booleans()) else {})
    if timeout == "escalate":
        step["escalate_to"] = draw(APPROVERS)
    if allow_self:
        step |= {"allow_self": True} | ({"self_limit": draw(MONEY)} if draw(st.booleans()) else {})
    return step


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    data: dict[str, Any] = {
        "when_nobody_is_asked": "hold",
        "final_approver": draw(APPROVERS),
        "stages": [
            {"steps": [draw(steps(f"{stage}.{step}")) for step in range(draw(st.integers(1, 2)))]}
            for stage in range(draw(st.integers(0, 2)))
        ],
        "merge_consecutive": draw(st.booleans()),
        "later_date": draw(st.sampled_from(["none", "notify", "new_run"])),
    }
    if draw(st.booleans()):
        due = draw(st.none() | st.integers(1, 2_000))
        data["send_back"] = {"due_hours": due, "on_timeout": draw(st.sampled_from(["notify", "reject"]))} if due else {}
    for name in ("block", "warn", "auto_approve"):
        rules = range(draw(st.integers(0, 1)))
        data[name] = [{"key": f"r{i}", "text": draw(TEXTS), "when": draw(conditions())} for i in rules]
    if draw(st.booleans()):
        data["link_limit"] = draw(MONEY)
    if draw(st.booleans()):
        data["match"] = draw(conditions())
    if draw(st.booleans()):
        data["tolerance"] = {"percent": str(draw(st.integers(0, 100))), "amount": draw(MONEY)}
    return data


@given(flows())
def test_a_definition_comes_back_from_the_form_as_it_was(data: dict[str, Any]) -> None:
    read = definitions.read(json.dumps(data))
    canonical = json.loads(definitions.to_json(read))
    spanish = formats("es")
    sent = list(draft_form.fields(numbers.shown(draft_form.boxes(canonical), spanish)))
    back = draft_form.definition(numbers.typed(draft_form.posted(sent), spanish))
    assert definitions.to_json(definitions.read(json.dumps(back))) == definitions.to_json(read)


ROOTS = st.sampled_from(["match", "block", "warn", "stages", "tolerance", "final_approver", "do"])


def test_the_form_knows_every_key_of_a_definition() -> None:
    assert set(draft_form.boxes({})) == set(definitions.FLOW_KEYS)
    assert set(draft_form.step_box({})) - {"several"} == set(definitions.STEP_KEYS)


PARTS = st.sampled_from(
    ["0", "1", "7", "steps", "condition", "when", "of", "kind", "field", "op", "value", "high", "with", "other", "by"]
)
VALUES_SENT = st.sampled_from(["", "leaf", "all", "not", "sum_lines", "order.total_net", ">", "between", "2", "yes"])


@example([("stages.0.kind", "stage"), ("block.3.key", ""), ("match.kind", "all")])
@given(
    st.lists(
        st.tuples(
            st.tuples(ROOTS, st.lists(PARTS, max_size=8)).map(lambda name: ".".join([name[0], *name[1]])),
            VALUES_SENT | TEXTS,
        ),
        max_size=30,
    )
)
def test_whatever_is_posted_becomes_a_definition_that_the_form_keeps(sent: list[tuple[str, str]]) -> None:
    data = draft_form.definition(draft_form.posted(sent))
    again = draft_form.definition(draft_form.posted(draft_form.fields(draft_form.boxes(data))))
    assert again == data


def test_a_name_of_a_thousand_parts_is_passed_over() -> None:
    assert draft_form.posted([(".".join(["of"] * 1_000), "x"), ("a" * 301, "x")]) == {}


def test_another_field_takes_an_operator_that_it_knows() -> None:
    box = {"kind": "leaf", "field": "order.currency", "op": ">", "value": "5", "currency": "EUR"}
    assert draft_form.condition(box) == {"field": "order.currency", "op": "=", "value": "5"}

"""Rules in sentences, finished or not; what a button does to a draft; what distinguishes two definitions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.admin.flow_editor import draft_form
from app.web.admin.flow_editor.differences import Difference, differences
from app.web.admin.flow_editor.phrases import Phrases
from app.web.admin.flow_editor.presses import press

NET = {"field": "order.total_net", "op": ">", "value": "5000.00", "currency": "EUR"}
IT = {"any_line": {"field": "line.unspsc", "op": "starts_with", "value": "43"}}
CARD = {"field": "order.payment_card", "op": "is_true"}


def said(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (NET, "order total without tax is more than EUR 5,000.00"),
        (
            {"all": [NET, IT]},
            "order total without tax is more than EUR 5,000.00 and at least one line has this: "
            "UNSPSC class begins with 43",
        ),
        (
            {"all": [CARD, {"any": [CARD, CARD]}]},
            "it is so: paid by purchasing card and (it is so: paid by "
            "purchasing card or it is so: paid by purchasing card)",
        ),
        ({"not": CARD}, "it is not so: paid by purchasing card"),
        ({"not": NET}, "order total without tax is at most EUR 5,000.00"),
        ({"not": IT}, "it is not so that at least one line has this: UNSPSC class begins with 43"),
        (
            {"count_lines": {"where": CARD, "op": "between", "value": [2, 9]}},
            "number of lines (it is so: paid by purchasing card) is between 2 and 9",
        ),
        (
            {"sum_lines": {"where": CARD, "field": "line.net", "op": "<", "value": "9", "currency": "JPY"}},
            "sum of line total (it is so: paid by purchasing card) is less than JPY 9",
        ),
        (
            {"field": "order.line_count", "op": ">", "other_field": "order.sku_count"},
            "number of lines is more than number of different items",
        ),
        ({"field": "order.currency", "op": "in", "value": ["EUR", "USD"]}, "currency is one of EUR, USD"),
        (
            {"field": "order.requested_date", "op": "<", "value": "2026-12-24"},
            "earliest delivery date asked for is before Dec 24, 2026",
        ),
        ({"field": "", "op": "", "value": ""}, "… …"),
        ({**NET, "value": "lots"}, "order total without tax is more than lots"),
        ({"all": []}, "…"),
        ({"not": None}, "it is not so that …"),
        (None, "…"),
        ({"field": "order.totl", "op": "=", "value": ""}, "order.totl is …"),
    ],
)
def test_a_condition_is_said(condition: Any, sentence: str) -> None:
    assert said(Phrases("en", {}).when(condition)) == sentence


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (
            {"approver": {"role": "approver"}, "quorum": "all"},
            "Asked for every order: everybody with the role Approver. All of them must say yes.",
        ),
        (
            {"approver": {"user": "Paula"}, "condition": CARD, "quorum": 1},
            "Asked: Paula Roth, when it is so: paid by purchasing card.",
        ),
        (
            {"approver": {"group": "finance"}, "quorum": 2},
            "Asked for every order: the group finance. 2 of them must say yes.",
        ),
        ({"approver": {"field": "cost_center.owner"}}, "Asked for every order: owner of the cost centre."),
        ({"approver": {"user": ""}}, "Asked for every order: …."),
        ({}, "Asked for every order: …."),
    ],
)
def test_a_step_is_said(step: dict[str, Any], sentence: str) -> None:
    assert Phrases("en", {"paula": "Paula Roth"}).step(step) == sentence


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("es", "Un pedido se rechaza cuando moneda es uno de EUR, USD."),
        ("pt", "Um pedido é recusado quando moeda é um de EUR, USD."),
    ],
)
def test_a_rule_is_said_in_the_authors_language(language: str, sentence: str) -> None:
    condition = {"field": "order.currency", "op": "in", "value": ["EUR", "USD"]}
    assert Phrases(language, {}).rule("block", {"when": condition}) == sentence


OF_MATCH = ["match", "match.of.0", "match.of.1", "match.of.0.of.0"]
OF_STAGES = ["stages", "stages.0", "stages.1", "stages.0.steps.0", "stages.0.steps.1", "stages.0.steps.0.condition"]
PLACES = ["", "kind", "-1", "block", "block.0", "block.0.when", *OF_MATCH, *OF_STAGES]
BUTTONS = st.builds(
    "{}:{}".format,
    st.sampled_from(["add", "remove", "up", "down", "add_rule", "add_step", "add_stage", "add_watcher", "nonsense"]),
    st.sampled_from(PLACES),
)
KINDS = st.sampled_from([*draft_form.KINDS, "nonsense"])


@given(st.lists(st.tuples(BUTTONS, KINDS), max_size=25))
def test_whatever_is_pressed_leaves_a_draft_that_the_form_keeps(pressed: list[tuple[str, str]]) -> None:
    data: dict[str, Any] = {"stages": []}
    for button, kind in pressed:
        boxes = draft_form.posted(
            [*draft_form.fields(draft_form.boxes(data)), (f"{button.partition(':')[2]}.new", kind)]
        )
        press(boxes, button)
        data = draft_form.definition(boxes)
        again = draft_form.definition(draft_form.posted(draft_form.fields(draft_form.boxes(data))))
        assert again == data


VALUES = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "when", "steps"]), inner),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_there_are_differences_exactly_when_two_definitions_differ(before: Any, after: Any) -> None:
    assert bool(list(differences(before, after))) is (before != after)


def test_rules_are_known_by_their_keys_wherever_they_stand() -> None:
    one, two = {"key": "a", "text": "A", "when": NET}, {"key": "b", "text": "B", "when": CARD}
    before = {"block": [one, two]}
    after = {"block": [{**two, "text": "C"}, {**one, "when": CARD}]}
    assert list(differences(before, after)) == [
        Difference("block[a].when", NET, CARD),
        Difference("block[b].text", "B", "C"),
        Difference("block", ["a", "b"], ["b", "a"]),
    ]
    assert list(differences({"block": [one]}, {"block": []})) == [Difference("block[a]", one, None)]

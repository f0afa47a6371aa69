"""What is found about a flow before it is published, all at once."""

import json
from typing import Any

import pytest
from approval_orders import money
from approval_people import away, person

from app.approval.checks import check, shadowed
from app.approval.condition_reader import ConditionReader
from app.approval.conditions import Condition
from app.approval.contradictions import always, never
from app.approval.definition import read
from app.approval.flow import Flow
from app.approval.people import Directory
from schemas.faults import Findings

PEOPLE = Directory(
    [
        person("ana", money("500"), groups=frozenset({"pair", "one"}), roles=frozenset({"approver"})),
        person("bob", money("900", "USD"), groups=frozenset({"pair"}), roles=frozenset({"approver"})),
        person("gone", active=False, groups=frozenset({"empty"})),
    ]
)


def flow(*steps: dict[str, Any], **more: Any) -> Flow:
    full = [{"key": f"s{i}", "name": "S", "due_hours": 8, **step} for i, step in enumerate(steps)]
    return read(json.dumps({"stages": [{"steps": [step]} for step in full], **more}))


def found(of: Flow, people: Directory = PEOPLE) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    findings = check(of, people, ["EUR", "USD"])
    return [(f.code, f.at) for f in findings.faults], [(f.code, f.at) for f in findings.findings]


def test_a_sound_flow_has_nothing_to_be_said_about_it() -> None:
    assert found(flow({"approver": {"group": "pair"}})) == ([], [])


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ({"approver": {"user": "nobody"}}, ("flow.nobody_there", "approver")),
        ({"approver": {"user": "gone"}}, ("flow.nobody_there", "approver")),
        ({"approver": {"group": "empty"}}, ("flow.nobody_there", "approver")),
        ({"approver": {"role": "board"}}, ("flow.nobody_there", "approver")),
        (
            {"approver": {"group": "pair"}, "escalate_to": {"group": "empty"}},
            ("flow.nobody_there", "escalate_to"),
        ),
        ({"approver": {"group": "pair"}, "watchers": [{"user": "x"}]}, ("flow.nobody_there", "watchers[0]")),
        ({"approver": {"group": "pair"}, "quorum": 3}, ("flow.quorum_too_high", "quorum")),
        (
            {"approver": {"group": "pair"}, "min_limit": {"amount": "501", "currency": "EUR"}},
            ("flow.limit_too_high", "min_limit"),
        ),
        ({"approver": {"user": "ana"}, "min_limit": "total"}, ("flow.nobody_has_limit", "min_limit")),
    ],
    ids=["unknown", "inactive", "empty group", "empty role", "escalation", "watcher", "n of m", "minimum", "total"],
)
def test_a_step_that_could_not_be_decided_is_a_fault(step: dict[str, Any], fault: tuple[str, str]) -> None:
    code, place = fault
    assert found(flow(step))[0] == [(code, f"stages[0].steps[0].{place}")]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"approver": {"group": "one"}}, "flow.nobody_besides_requester"),
        ({"approver": {"group": "pair"}, "quorum": 2}, "flow.nobody_besides_requester"),
        ({"approver": {"user": "ana"}, "may_edit": ["comment"]}, "flow.nobody_besides_editor"),
        ({"approver": {"group": "pair"}, "quorum": "all", "may_edit": ["comment"]}, "flow.nobody_besides_editor"),
        ({"approver": {"group": "pair"}, "due_hours": None}, "flow.never_due"),
        ({"approver": {"group": "pair"}, "allow_self": True}, "flow.allows_self"),
        ({"approver": {"group": "pair"}, "min_limit": "total"}, "people.no_limit"),
    ],
    ids=["one member", "exactly the quorum", "one editor", "an editor of all", "never due", "self", "no limit"],
)
def test_what_is_doubtful_is_said_and_forbids_nothing(step: dict[str, Any], code: str) -> None:
    if step.get("due_hours", 0) is None:
        of = read(json.dumps({"stages": [{"steps": [{"key": "k", "name": "S", "approver": step["approver"]}]}]}))
    else:
        of = flow(step)
    faults, findings = found(of)
    assert faults == []
    assert code in [one for one, _ in findings]


@pytest.mark.parametrize(("number", "expected"), [(5, ""), (6, "finding"), (30, "finding"), (31, "fault")])
def test_many_approvers_are_advised_against_and_too_many_refused(number: int, expected: str) -> None:
    crowd = Directory(person(f"p{i}", groups=frozenset({"crowd"})) for i in range(number))
    faults, findings = found(flow({"approver": {"group": "crowd"}}), crowd)
    assert faults == ([("flow.too_many_approvers", "stages")] if expected == "fault" else [])
    assert findings == ([("flow.many_approvers", "stages")] if expected == "finding" else [])


def test_delegates_in_a_circle_are_named() -> None:
    days = ("2026-11-23T00:00", "2026-11-24T00:00")
    circle = Directory(
        [
            person("a", groups=frozenset({"g"}), absences=away(*days, "b")),
            person("b", groups=frozenset({"g"}), absences=away(*days, "a")),
            person("c", groups=frozenset({"g"}), absences=away("2026-12-23T00:00", "2026-12-24T00:00", "a")),
        ]
    )
    _, findings = found(flow({"approver": {"group": "g"}}), circle)
    assert findings == [("people.delegate_loop", "people")] * 2


def test_all_faults_come_at_once() -> None:
    never_yes = {"all": [total(">", "5"), total("<", "5")]}
    of = flow({"approver": {"user": "x"}, "condition": never_yes}, {"approver": {"role": "y"}}, match=never_yes)
    assert found(of)[0] == [
        ("rule.contradiction", "match"),
        ("rule.contradiction", "stages[0].steps[0].condition"),
        ("flow.nobody_there", "stages[0].steps[0].approver"),
        ("flow.nobody_there", "stages[1].steps[0].approver"),
    ]


def test_flows_behind_one_that_fits_every_order_are_never_reached() -> None:
    narrow, wide = flow({"approver": {"role": "r"}}, match=total(">", "5")), flow({"approver": {"role": "r"}})
    assert shadowed([("a", narrow), ("b", wide), ("c", narrow)]) == ("c",)
    assert shadowed([("a", narrow), ("b", wide)]) == ()


# Conditions that cannot change their mind


def total(op: str, value: object, currency: str = "EUR") -> dict[str, Any]:
    return {"field": "order.total_net", "op": op, "value": value, "currency": currency}


def code(op: str, value: object) -> dict[str, Any]:
    return {"field": "order.currency", "op": op, "value": value}


def condition(data: dict[str, Any]) -> Condition:
    read_condition = ConditionReader(Findings()).read(data, "match")
    assert read_condition is not None
    return read_condition


@pytest.mark.parametrize(
    ("parts", "impossible"),
    [
        ([total(">", "5"), total("<", "5")], True),
        ([total(">=", "5"), total("<=", "5")], False),
        ([total(">", "5"), total("<=", "5")], True),
        ([total(">", "4"), total("<", "5")], False),
        ([total(">", "5"), total("<", "5", "USD")], False),
        ([total("between", ["1", "2"]), total(">", "2")], True),
        ([total("between", ["1", "2"]), total(">=", "2")], False),
        ([total("=", "3"), total("!=", "3.00")], True),
        ([code("=", "EUR"), code("=", " eur")], False),
        ([code("in", ["EUR", "USD"]), code("not_in", ["USD"])], False),
        ([code("in", ["EUR", "USD"]), code("not_in", ["usd", "eur"])], True),
        ([{"any": [{"all": [total(">", "5"), total("<", "5")]}]}], True),
        ([{"not": {"any": [total(">", "5"), total("<=", "5")]}}], True),
    ],
)
def test_a_contradiction_is_found(parts: list[dict[str, Any]], impossible: bool) -> None:
    assert never(condition({"all": parts})) is impossible


@pytest.mark.parametrize(
    ("parts", "certain"),
    [
        ([total(">", "5"), total("<=", "5")], True),
        ([total(">", "5"), total("<", "5")], False),
        ([code("=", "EUR"), code("!=", "eur")], True),
        ([{"not": {"all": [total(">", "5"), total("<", "5")]}}], True),
    ],
)
def test_a_tautology_is_found(parts: list[dict[str, Any]], certain: bool) -> None:
    assert always(condition({"any": parts})) is certain

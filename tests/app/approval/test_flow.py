"""Definitions of flows: read strictly, judged towards the side with more people."""

import json
from typing import Any

import pytest
from approval_orders import line, order, subject

from app.approval.definition import checksum, read, to_json
from app.approval.flow import Ruling, required, required_at, verdict
from schemas.faults import Rejected

DEFINITION: dict[str, Any] = {
    "match": {"field": "order.currency", "op": "in", "value": ["EUR"]},
    "block": [
        {
            "key": "weapons",
            "text": "We do not sell these to this customer",
            "when": {"any_line": {"field": "line.unspsc", "op": "starts_with", "value": "46"}},
        }
    ],
    "auto_approve": [
        {
            "key": "small",
            "text": "Small orders",
            "when": {"field": "order.total_net", "op": "<=", "value": "100.00", "currency": "EUR"},
        }
    ],
    "stages": [
        {
            "steps": [
                {"key": "lead", "name": "Purchasing lead", "approver": {"role": "approver"}},
                {
                    "key": "finance",
                    "name": "Finance",
                    "approver": {"user": "fin"},
                    "condition": {"field": "order.total_net", "op": ">", "value": "5000.00", "currency": "EUR"},
                },
            ]
        },
        {
            "steps": [
                {"key": "board", "name": "Board", "approver": {"role": "board"}, "quorum": 2, "reject": "unreachable"}
            ]
        },
    ],
    "when_nobody_is_asked": "hold",
}


def read_changed(**changes: object) -> Any:
    return read(json.dumps({**DEFINITION, **changes}))


def faults_of(definition: str | bytes) -> list[tuple[str, str]]:
    with pytest.raises(Rejected) as refused:
        read(definition)
    return [(fault.code, fault.at) for fault in refused.value.faults]


def test_a_flow_survives_the_round_trip_with_its_checksum() -> None:
    flow = read(json.dumps(DEFINITION))
    again = read(to_json(flow))
    assert again == flow
    assert checksum(again) == checksum(flow)
    reordered = read(json.dumps(dict(reversed(DEFINITION.items()))))
    assert checksum(reordered) == checksum(flow)
    assert checksum(read_changed(when_nobody_is_asked="approve")) != checksum(flow)


def test_all_faults_of_a_definition_come_at_once() -> None:
    broken = {
        "mach": {},
        "block": [{"key": "a", "text": "", "when": {"field": "order.totl", "op": "="}}],
        "stages": [
            {"steps": []},
            {
                "steps": [
                    {"key": "x", "name": "X", "approver": {"user": "u"}, "quorum": 2},
                    {"key": "x", "name": "X", "approver": {"grp": "g"}, "reject": "never", "quorum": "most"},
                ]
            },
        ],
        "when_nobody_is_asked": "shrug",
    }
    assert faults_of(json.dumps(broken)) == [
        ("rule.unknown_key", "definition.mach"),
        ("flow.text_missing", "block[0].text"),
        ("rule.unknown_field", "block[0].when"),
        ("flow.empty_stage", "stages[0].steps"),
        ("flow.bad_value", "stages[1].steps[0].quorum"),
        ("flow.key_twice", "stages[1].steps[1].key"),
        ("flow.no_approver", "stages[1].steps[1].approver"),
        ("flow.bad_value", "stages[1].steps[1].reject"),
        ("flow.bad_value", "stages[1].steps[1].quorum"),
        ("flow.bad_value", "when_nobody_is_asked"),
    ]


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        (b"\xff", "flow.not_json"),
        ("{", "flow.not_json"),
        ("[" * 60_000, "flow.not_json"),
        ('{"stages": [], "stages": []}', "flow.not_json"),
        ("[]", "flow.not_an_object"),
        ("{}", "flow.empty"),
        (" " * (64 * 1024 + 1), "flow.too_big"),
    ],
    ids=["not utf-8", "cut off", "deep", "key twice", "a list", "approves everything", "64 kB and one"],
)
def test_what_is_no_definition_is_refused(definition: str | bytes, code: str) -> None:
    assert faults_of(definition)[0][0] == code


def test_a_number_with_a_fraction_is_refused() -> None:
    definition = '{"match": {"field": "line.quantity", "op": ">", "value": 1.5}, "when_nobody_is_asked": "hold"}'
    assert ("rule.line_field_outside", "match") in faults_of(definition)
    in_line = definition.replace('"match": {', '"match": {"any_line": {', 1).replace("1.5}", "1.5}}")
    assert faults_of(in_line) == [("rule.bad_value", "match.any_line.value")]


def test_31_steps_are_refused() -> None:
    steps = [{"key": f"s{i}", "name": "S", "approver": {"role": "approver"}} for i in range(31)]
    assert faults_of(json.dumps({"stages": [{"steps": steps}]})) == [("flow.too_many_steps", "stages")]


@pytest.mark.parametrize(
    ("changes", "ruling"),
    [
        ({}, Ruling.AUTO_APPROVED),
        ({"auto_approve": []}, Ruling.ASK),
        ({"match": {"field": "order.currency", "op": "=", "value": "USD"}}, Ruling.NOT_THIS_FLOW),
        ({"match": {"field": "order.bill_to.id", "op": "!=", "value": "9"}}, Ruling.CANNOT_TELL),
        (
            {
                "auto_approve": [
                    {"key": "k", "text": "t", "when": {"field": "order.bill_to.id", "op": "=", "value": "9"}}
                ]
            },
            Ruling.ASK,
        ),
        (
            {"block": [{"key": "k", "text": "t", "when": {"field": "order.bill_to.id", "op": "=", "value": "9"}}]},
            Ruling.CANNOT_TELL,
        ),
    ],
    ids=["auto", "asks", "other currency", "match unknown", "auto unknown", "block unknown"],
)
def test_an_unknown_answer_never_helps_an_order_along(changes: dict[str, Any], ruling: Ruling) -> None:
    classified = subject(order(line(unspsc="44121904")))
    assert verdict(read_changed(**changes), classified).ruling is ruling


def test_a_block_rule_that_cannot_be_answered_holds_the_order() -> None:
    found = verdict(read_changed(), subject())
    assert (found.ruling, found.reasons[0].field) == (Ruling.CANNOT_TELL, "line.unspsc")


def test_a_forbidden_order_is_blocked_even_when_it_is_small() -> None:
    found = verdict(read_changed(), subject(order(line(unspsc="46101500"))))
    assert found.ruling is Ruling.BLOCKED
    assert found.rule is not None
    assert found.rule.key == "weapons"
    assert [reason.lines for reason in found.reasons] == [(1,)]


def test_a_definite_block_wins_over_an_unknown_one() -> None:
    unknown = {"key": "u", "text": "t", "when": {"field": "order.bill_to.id", "op": "=", "value": "9"}}
    flow = read_changed(block=[unknown, *DEFINITION["block"]])
    assert verdict(flow, subject(order(line(unspsc="46101500")))).ruling is Ruling.BLOCKED


def test_a_step_is_required_when_its_condition_is_yes_or_unknown() -> None:
    flow = read_changed()
    first = flow.stages[0]
    assert [step.key for step, _ in required(first, subject())] == ["lead"]
    big = subject(order(line(quantity="1000")))
    assert [step.key for step, _ in required(first, big)] == ["lead", "finance"]
    unpriced = subject(order(line(price=None)))
    assert [step.key for step, _ in required(first, unpriced)] == ["lead", "finance"]


WHOLE: dict[str, Any] = {
    **DEFINITION,
    "warn": [{"key": "big", "text": "A big one", "when": {"field": "order.line_count", "op": ">", "value": 0}}],
    "stages": [
        {
            "steps": [
                {
                    "key": "all",
                    "name": "Everything",
                    "approver": {"group": "buyers"},
                    "quorum": "all",
                    "reject": "unreachable",
                    "min_limit": {"amount": "500.00", "currency": "EUR"},
                    "due_hours": 8,
                    "remind_hours": 4,
                    "on_timeout": "escalate",
                    "escalate_to": {"manager_of": "requester"},
                    "may_edit": ["quantity", "requested_date"],
                    "allow_self": True,
                    "self_limit": {"amount": "50", "currency": "EUR"},
                    "watchers": [{"field": "cost_center.owner"}, {"role": "auditor"}],
                },
                {"key": "chain", "name": "Managers", "approver": {"hierarchy": "requester"}, "min_limit": "total"},
            ]
        }
    ],
    "merge_consecutive": True,
    "final_approver": {"user": "cfo"},
    "tolerance": {"percent": "2.5", "amount": {"amount": "20", "currency": "EUR"}},
    "later_date": "new_run",
    "link_limit": {"amount": "250.00", "currency": "EUR"},
    "send_back": {"due_hours": 40, "on_timeout": "reject"},
}


def test_every_setting_survives_the_round_trip() -> None:
    flow = read(json.dumps(WHOLE))
    assert read(to_json(flow)) == flow
    assert json.loads(to_json(flow))["stages"][0]["steps"][0] == WHOLE["stages"][0]["steps"][0]
    assert flow.needs == {"order.currency", "line.unspsc", "order.total_net", "order.line_count"}


def test_settings_that_were_not_there_do_not_change_a_checksum() -> None:
    kept = {"match", "block", "auto_approve", "stages", "when_nobody_is_asked"}
    text = to_json(read(json.dumps(DEFINITION)))
    assert json.loads(text).keys() == kept
    assert {key for stage in json.loads(text)["stages"] for step in stage["steps"] for key in step} == {
        "key",
        "name",
        "approver",
        "quorum",
        "reject",
        "condition",
    }


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"on_timeout": "approve"}, ("flow.bad_value", "on_timeout")),
        ({"escalate_to": None}, ("flow.no_approver", "escalate_to")),
        ({"due_hours": 0}, ("flow.bad_value", "due_hours")),
        ({"due_hours": True}, ("flow.bad_value", "due_hours")),
        ({"remind_hours": 8}, ("flow.bad_value", "remind_hours")),
        ({"min_limit": {"amount": "5"}}, ("flow.bad_value", "min_limit")),
        ({"min_limit": {"amount": 5.5, "currency": "EUR"}}, ("flow.bad_value", "min_limit")),
        ({"allow_self": False}, ("flow.bad_value", "self_limit")),
        ({"allow_self": "yes"}, ("flow.bad_value", "allow_self")),
        ({"may_edit": ["price"]}, ("flow.bad_value", "may_edit[0]")),
        ({"watchers": [{"field": "ship_to.ownr"}]}, ("flow.no_approver", "watchers[0]")),
        ({"approver": {"manager_of": "me"}}, ("flow.no_approver", "approver")),
        ({"approver": {"user": "a", "role": "b"}}, ("flow.no_approver", "approver")),
        ({"quorum": 31}, ("flow.bad_value", "quorum")),
        ({"escalate": 1}, ("rule.unknown_key", "escalate")),
    ],
)
def test_a_wrong_setting_of_a_step_is_refused_at_its_place(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    step = {**WHOLE["stages"][0]["steps"][0], **changes}
    faults = faults_of(json.dumps({**WHOLE, "stages": [{"steps": [step]}]}))
    assert (fault[0], f"stages[0].steps[0].{fault[1]}") in faults


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"final_approver": {"hierarchy": "boss"}}, ("flow.no_approver", "final_approver")),
        ({"tolerance": {"percent": "-1"}}, ("flow.bad_value", "tolerance.percent")),
        ({"tolerance": {"percent": 2.5}}, ("flow.bad_value", "tolerance.percent")),
        ({"tolerance": {"percent": "1", "amount": "5"}}, ("flow.bad_value", "tolerance.amount")),
        ({"later_date": "never"}, ("flow.bad_value", "later_date")),
        ({"link_limit": "250.00"}, ("flow.bad_value", "link_limit")),
        ({"send_back": True}, ("flow.not_an_object", "send_back")),
        ({"send_back": {"days": 3}}, ("rule.unknown_key", "send_back.days")),
        ({"send_back": {"due_hours": 0}}, ("flow.bad_value", "send_back.due_hours")),
        ({"send_back": {"due_hours": 8, "on_timeout": "approve"}}, ("flow.bad_value", "send_back.on_timeout")),
        ({"send_back": {"on_timeout": "reject"}}, ("flow.due_hours_missing", "send_back.due_hours")),
        ({"merge_consecutive": 1}, ("flow.bad_value", "merge_consecutive")),
    ],
)
def test_a_wrong_setting_of_a_flow_is_refused_at_its_place(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert fault in faults_of(json.dumps({**WHOLE, **changes}))


def test_a_hierarchy_needs_somebody_at_its_end() -> None:
    without = {key: value for key, value in WHOLE.items() if key != "final_approver"}
    assert faults_of(json.dumps(without)) == [("flow.final_approver_missing", "final_approver")]


def test_a_warning_is_told_and_stops_nothing() -> None:
    found = verdict(read(json.dumps({**WHOLE, "auto_approve": [], "block": []})), subject())
    assert (found.ruling, [warned.rule.key for warned in found.warnings]) == (Ruling.ASK, ["big"])


def test_a_step_of_a_closed_stage_that_became_necessary_joins_the_stage_that_opens() -> None:
    flow = read(json.dumps(DEFINITION))
    small, big = subject(order(line(price="20.00"))), subject(order(line(price="900.00")))
    first = [step.key for step, _ in required_at(flow, 0, (), small)]
    assert first == ["lead"]
    assert [step.key for step, _ in required_at(flow, 1, first, small)] == ["board"]
    assert [step.key for step, _ in required_at(flow, 1, first, big)] == ["finance", "board"]

"""What rules would make of an order: its whole way, and whom it would meet on it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from approval_orders import line, money, order, subject
from approval_people import person

from app.approval.asking import Case
from app.approval.definition import read
from app.approval.people import Directory
from app.approval.simulation import Judged, Named, Outcome, Past, StepAsked, judge, totals, waits_of
from schemas.order import Order

PEOPLE = Directory(
    [
        person("lead", groups=frozenset({"leads"})),
        person("deputy", groups=frozenset({"leads"})),
        person("boss", money("5000")),
    ]
)


def above(amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"field": "order.total_net", "op": ">", "value": amount, "currency": currency}


def step(key: str, approver: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"key": key, "name": key.title(), "approver": approver, "due_hours": 8, **more}


def named(definition: dict[str, Any], key: str = "rules") -> Named:
    return Named(key, key.title(), read(json.dumps(definition)))


LEADS = {"group": "leads"}
TWO_STAGES = {
    "stages": [
        {"steps": [step("lead", LEADS, condition=above("100.00"))]},
        {"steps": [step("boss", {"user": "boss"}, condition=above("1000.00"))]},
    ]
}


def tried(*definitions: dict[str, Any], of: Order | None = None, held: bool = True, case: Case | None = None) -> Judged:
    rules = [named(definition, f"r{i}") for i, definition in enumerate(definitions)]
    past = Past(subject=subject(of), case=case or Case(), directory=PEOPLE, held_without_flow=held)
    return judge(rules, past, waits_of({}, None))


def bought(amount: str) -> Order:
    return order(line(quantity="1", price=amount))


@pytest.mark.parametrize(
    ("amount", "outcome", "people"),
    [
        ("100.00", Outcome.PASSES, []),
        ("100.01", Outcome.ASKED, [("lead", "deputy")]),
        ("1000.01", Outcome.ASKED, [("lead", "deputy"), ("boss",)]),
    ],
)
def test_each_stage_is_opened_in_turn(amount: str, outcome: Outcome, people: list[tuple[str, ...]]) -> None:
    judged = tried(TWO_STAGES, of=bought(amount))
    assert judged.outcome is outcome
    assert [one.people for stage in judged.stages for one in stage] == people


def test_what_a_rule_decides_names_the_rule_and_its_reasons() -> None:
    block = [{"key": "b", "text": "Not that much", "when": above("50.00")}]
    judged = tried({**TWO_STAGES, "block": block})
    assert (judged.outcome, judged.rule, judged.why) == (Outcome.BLOCKED, "Not that much", "blocked")
    assert [reason["field"] for reason in judged.reasons] == ["order.total_net"]


def test_rules_that_do_not_fit_leave_the_order_to_the_next() -> None:
    dollars = {**TWO_STAGES, "match": {"field": "order.currency", "op": "=", "value": "USD"}}
    assert tried(dollars, TWO_STAGES).flow == "R1"
    assert tried(dollars).outcome is Outcome.HELD
    assert tried(dollars, held=False).outcome is Outcome.PASSES


def test_nobody_left_to_ask_holds_the_order() -> None:
    judged = tried(TWO_STAGES, of=bought("2000"), case=Case(requesters=("boss",)))
    assert (judged.outcome, judged.why) == (Outcome.HELD, "nobody_there")


def test_what_is_not_known_is_named_and_never_lets_an_order_pass() -> None:
    dear = above("1000.00", "USD")
    judged = tried({"stages": [{"steps": [step("boss", {"user": "boss"}, condition=dear)]}]}, of=bought("1"))
    assert (judged.outcome, judged.unknown) == (Outcome.ASKED, ("order.total_net",))
    held = tried({**TWO_STAGES, "match": dear})
    assert (held.outcome, held.why, held.unknown) == (Outcome.HELD, "cannot_tell", ("order.total_net",))
    passes = [{"key": "s", "text": "Small", "when": {**dear, "op": "<="}}]
    assert tried({**TWO_STAGES, "auto_approve": passes}, of=bought("101")).unknown == ("order.total_net",)


def test_hours_are_the_longest_of_each_stage_and_none_where_one_is_not_known() -> None:
    def asked(*hours: float | None) -> tuple[StepAsked, ...]:
        return tuple(StepAsked(str(i), "S", ("a",), 1, hour) for i, hour in enumerate(hours))

    assert Judged(Outcome.ASKED, "asked", stages=(asked(2.0, 3.5), asked(1.0))).hours == 4.5
    assert Judged(Outcome.ASKED, "asked", stages=(asked(2.0), (), asked(None))).hours is None
    assert Judged(Outcome.PASSES, "auto_approved").hours == 0


def test_a_step_takes_as_long_as_it_took_before_else_as_all_did_else_as_its_rules_say() -> None:
    of = named(TWO_STAGES)
    (lead,) = of.flow.stages[0]
    hour = timedelta(hours=1)
    assert waits_of({("rules", "lead"): hour}, 2 * hour)("rules", lead) == hour
    assert waits_of({("other", "lead"): hour}, 2 * hour)("rules", lead) == 2 * hour
    assert waits_of({}, None)("rules", lead) == 8 * hour


def test_the_people_of_a_quorum_are_counted_by_how_many_must_say_yes() -> None:
    both = {"stages": [{"steps": [step("lead", LEADS, quorum="all")]}]}
    counted = totals([tried(both), tried(TWO_STAGES, of=bought("1")), tried()])
    assert (counted.orders, counted.asked, counted.passes, counted.held) == (3, 1, 1, 1)
    assert (counted.stopped, counted.decisions, counted.hours) == (2, 2, 8.0)


def test_a_yes_that_counts_for_the_next_stage_lets_the_order_through() -> None:
    twice = {"merge_consecutive": True, "stages": [{"steps": [step("a", LEADS)]}, {"steps": [step("b", LEADS)]}]}
    assert tried(twice).outcome is Outcome.ASKED


def test_only_what_comes_of_it_is_a_difference() -> None:
    renamed = {"stages": [{"steps": [step("lead", LEADS, due_hours=4)]}]}
    assert tried(TWO_STAGES, of=bought("101")).effect == tried(renamed, of=bought("101")).effect
    other = {"stages": [{"steps": [step("lead", {"user": "boss"})]}]}
    assert tried(TWO_STAGES, of=bought("101")).effect != tried(other, of=bought("101")).effect

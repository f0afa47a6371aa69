"""Publishing rules: one version is active, old ones stay, and what is faulty, in itself or here, changes nothing."""

from decimal import Decimal
from typing import Any

import pytest
from order_desk import SMALL_ORDERS_PASS, Desk, set_up, two_stages
from sqlmodel import Session, select

from app.gateway import Gateway
from app.storage.approvals import FlowVersionRow
from app.storage.approver_profiles import ApprovalLimitRow, ApproverProfileRow
from app.storage.audit import AuditRow
from app.storage.base import LIVE
from app.storage.customers import CustomerRow
from schemas.faults import Rejected


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    made.person("paula", "approver")
    made.person("boss", "approver")
    return made


def versions(desk: Desk) -> list[tuple[int, str]]:
    with desk.gateway.database.read() as session:
        rows = session.exec(select(FlowVersionRow).order_by(FlowVersionRow.number))
        return [(row.number, row.state) for row in rows]


def asking(approver: dict[str, str], **more: Any) -> dict[str, Any]:
    step = {"key": "s", "name": "S", "due_hours": 8, "approver": approver, **more}
    return {"stages": [{"steps": [step]}]}


def published(desk: Desk, definition: dict[str, Any], **where: Any) -> list[tuple[str, str]]:
    """What is advised, by code and place."""
    return [(finding.code, finding.at) for finding in desk.rules(definition, **where).findings]


def refused(desk: Desk, definition: dict[str, Any], **where: Any) -> list[str]:
    """What forbids it, as text."""
    with pytest.raises(Rejected) as faults:
        desk.rules(definition, **where)
    return [f"{fault.at}: {fault.message}" for fault in faults.value.faults]


def join(desk: Desk, login: str, group: str) -> None:
    row = ApproverProfileRow(person_id=desk.people[login].id, realm=LIVE, groups=[group])
    desk.write(lambda tx: tx.add(row))


def limit(desk: Desk, login: str, amount: str, currency: str = "EUR") -> None:
    row = ApprovalLimitRow(person_id=desk.people[login].id, realm=LIVE, amount=Decimal(amount), currency=currency)
    desk.write(lambda tx: tx.add(row))


def other_customer(desk: Desk, currency: str = "EUR") -> CustomerRow:
    row = CustomerRow(realm=LIVE, number="20020", name="Other", currency=currency, created_at=desk.gateway.clock.now())
    desk.write(lambda tx: tx.add(row))
    return row


def test_the_newest_version_is_active_and_the_one_before_retired(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS)
    desk.rules(two_stages())
    assert versions(desk) == [(1, "retired"), (2, "active")]


def test_the_active_definition_is_not_published_again(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS)
    desk.rules(dict(reversed(SMALL_ORDERS_PASS.items())))
    assert versions(desk) == [(1, "active")]


def test_a_faulty_definition_changes_nothing(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS)
    refused(desk, {"stages": [{"steps": []}]})
    assert versions(desk) == [(1, "active")]


def test_publishing_is_in_the_record(desk: Desk) -> None:
    desk.rules(SMALL_ORDERS_PASS)
    with desk.gateway.database.read() as session:
        (entry,) = session.exec(select(AuditRow)).all()
    assert (entry.event, entry.data["version"]) == ("flow_published", 1)


def test_all_that_forbids_to_publish_is_told_at_once_with_its_place(desk: Desk) -> None:
    join(desk, "paula", "finance")
    first = {"key": "a", "name": "A", "approver": {"group": "legal"}}
    second = {"key": "b", "name": "B", "approver": {"group": "finance"}, "quorum": 2}
    below = {"field": "order.total_net", "op": "<", "value": "1.00", "currency": "EUR"}
    above = {"field": "order.total_net", "op": ">", "value": "2.00", "currency": "EUR"}
    found = refused(desk, {"match": {"all": [below, above]}, "stages": [{"steps": [first]}, {"steps": [second]}]})
    assert found == [
        "match: can never be fulfilled",
        "stages[0].steps[0].approver: no active member of the group 'legal'",
        "stages[1].steps[0].quorum: 2 must say yes, and there are 1",
    ]
    assert versions(desk) == []


def test_somebody_who_was_switched_off_is_nobody(desk: Desk) -> None:
    def leave(tx: Session) -> None:
        row = tx.merge(desk.people["boss"])
        row.active = False

    desk.write(leave)
    assert refused(desk, asking({"user": "boss"})) == ["stages[0].steps[0].approver: no active person 'boss'"]


def test_a_limit_must_be_in_the_currency_of_the_customer(desk: Desk) -> None:
    limit(desk, "boss", "5000", "USD")
    steps = asking({"user": "boss"}, min_limit="total")
    assert "nobody of them has an approval limit in EUR" in refused(desk, steps, customer_id=desk.customer.id)[0]
    limit(desk, "boss", "5000")
    assert published(desk, steps, customer_id=desk.customer.id) == []


def test_rules_for_all_are_held_against_each_customer_they_may_meet(desk: Desk) -> None:
    other = other_customer(desk)
    desk.person("theirs", customers=[desk.customer.id])
    (fault,) = refused(desk, asking({"user": "theirs"}))
    assert fault == "stages[0].steps[0].approver: no active person 'theirs' (for customer 20020)"
    desk.rules(asking({"user": "boss"}), key="own", customer_id=other.id)
    assert published(desk, asking({"user": "theirs"})) == []


def test_rules_that_stand_behind_more_special_ones_for_every_customer_are_never_reached(desk: Desk) -> None:
    other = other_customer(desk)
    desk.settings(group="automotive")
    asking_boss = asking({"user": "boss"}, escalate_to={"user": "paula"})
    assert published(desk, asking_boss, key="group", customer_group="Automotive") == []
    assert published(desk, asking_boss) == []
    desk.rules(asking_boss, key="other", customer_id=other.id)
    assert ("flow.shadowed", "match") in published(desk, {**asking_boss, "merge_consecutive": True})


def test_a_group_without_customers_is_told_with_the_one_that_is_meant(desk: Desk) -> None:
    desk.settings(group="automotive")
    (finding,) = desk.rules(asking({"user": "boss"}), key="group", customer_group="automotiv").findings
    assert (finding.code, finding.found) == ("flow.nobody_in_group", "automotiv")
    assert "did you mean 'automotive'?" in finding.message


def test_what_is_doubtful_is_told_and_published(desk: Desk) -> None:
    step = {"key": "s", "name": "S", "approver": {"user": "boss"}, "allow_self": True}
    assert published(desk, {"stages": [{"steps": [step]}]}) == [
        ("flow.never_due", "stages[0].steps[0].due_hours"),
        ("flow.allows_self", "stages[0].steps[0].allow_self"),
    ]
    assert versions(desk) == [(1, "active")]


def test_rules_behind_such_as_fit_every_order_are_never_reached(desk: Desk) -> None:
    narrow = {**asking({"user": "boss"}), "match": {"field": "order.currency", "op": "=", "value": "EUR"}}
    assert published(desk, narrow, key="b") == []
    assert published(desk, asking({"user": "boss"}), key="a") == [("flow.shadows", "match")]
    assert published(desk, {**narrow, "when_nobody_is_asked": "hold"}, key="b") == [("flow.shadowed", "match")]
    assert published(desk, narrow, key="c", customer_id=desk.customer.id) == []


@pytest.mark.parametrize(("people", "found"), [(5, None), (6, "flow.many_approvers"), (31, "flow.too_many_approvers")])
def test_more_than_a_few_people_are_advised_against_and_a_crowd_refused(
    desk: Desk, people: int, found: str | None
) -> None:
    for number in range(people):
        desk.person(f"p{number}")
        join(desk, f"p{number}", "crowd")
    try:
        told = [finding.code for finding in desk.rules(asking({"group": "crowd"})).findings]
    except Rejected as rejected:
        told = [fault.code for fault in rejected.faults]
    assert told == ([found] if found else [])

"""A change that arrives while people are asked, or after they have said yes: carried over, or asked anew."""

from typing import Any

import pytest
from approval_orders import line, money, order
from approval_rules import stages, user
from order_desk import Desk, set_up
from sqlmodel import col, select

from app.gateway import Gateway
from app.storage.approval_notices import NoticeKind, NoticeRow
from app.storage.approvals import RunRow
from app.storage.orders import OrderState
from schemas.order import Comment, Order, OrderTotals

RULES = stages([user("ann")], [user("boss")], tolerance={"percent": "5"})


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    for login in ("ann", "boss"):
        made.person(login, "approver")
    made.rules(RULES)
    return made


def ordered(quantity: str = "100", **more: Any) -> Order:
    total = OrderTotals(total=money(f"{int(quantity) * 995 / 100:.2f}"))
    return order(line(quantity=quantity), totals=total, **more)


def runs_of(desk: Desk) -> list[RunRow]:
    with desk.gateway.database.read() as session:
        return list(session.exec(select(RunRow).order_by(col(RunRow.id))))


@pytest.mark.parametrize(("quantity", "count"), [("105", 1), ("106", 2), ("90", 1)])
def test_within_the_tolerance_the_run_goes_on(desk: Desk, quantity: str, count: int) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    desk.update(ordered(quantity), version=2)
    assert len(runs_of(desk)) == count
    assert desk.asked() == (["boss"] if count == 1 else ["ann"])
    assert desk.run().order_hash == desk.revision().hash


def test_small_raises_add_up(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    for version, (quantity, count) in enumerate((("102", 1), ("104", 1), ("106", 2)), 2):
        desk.update(ordered(quantity), version=version)
        assert len(runs_of(desk)) == count


def test_what_was_approved_when_it_was_small_is_asked_about_when_it_grows_back(desk: Desk) -> None:
    large = {"field": "order.total_net", "op": ">", "value": "500.00", "currency": "EUR"}
    lead, boss = RULES["stages"]
    boss = {"steps": [{**boss["steps"][0], "condition": large}]}
    desk.rules({**RULES, "stages": [lead, boss]})
    desk.send(ordered("100"), version=1)
    desk.update(ordered("10"), version=2)
    desk.decide("ann", approve=True)
    assert (desk.order().state, len(runs_of(desk))) == (OrderState.APPROVED, 1)
    desk.update(ordered("100"), version=3)
    assert (desk.order().state, len(runs_of(desk))) == (OrderState.AWAITING_APPROVAL, 2)
    desk.decide("ann", approve=True)
    assert desk.asked() == ["boss"]


def test_the_last_yes_sends_the_revision_that_was_carried_over(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    desk.update(ordered("105"), version=2)
    desk.decide("boss", approve=True)
    assert (desk.order().state, desk.deliveries()) == (OrderState.APPROVED, [("create", 2)])
    assert (desk.run().revision, desk.run().carried_revision) == (1, 2)


def test_what_was_carried_over_is_told_and_recorded_with_its_differences(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.update(ordered("105"), version=2)
    assert "carried_over" in desk.events()
    with desk.gateway.database.read() as session:
        query = select(NoticeRow.person_id).where(NoticeRow.kind == NoticeKind.CHANGED)
        assert list(session.exec(query)) == [desk.people["ann"].id]


def test_a_decision_on_what_was_before_a_small_change_is_looked_at_again(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    before = desk.run().order_hash
    desk.update(ordered("105"), version=2)
    assert desk.run().order_hash != before


def test_a_comment_asks_nobody_again(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    desk.update(ordered(comments=(Comment(text="by the back door"),)), version=2)
    assert (len(runs_of(desk)), desk.asked()) == (1, ["boss"])


def test_a_line_split_in_two_with_the_same_total_asks_anew(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    halves = order(line(quantity="50"), line(2, quantity="50"), totals=OrderTotals(total=money("995.00")))
    desk.update(halves, version=2)
    assert [run.state for run in runs_of(desk)] == ["superseded", "open"]
    explained = desk.run().explanation
    assert explained["before"] == runs_of(desk)[0].id
    assert ("line", 2) in {(found["at"], found["line"]) for found in explained["differences"]}


def test_another_place_after_the_first_yes_asks_anew(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    desk.update(ordered(ship_to=None), version=2)
    assert (runs_of(desk)[0].state, desk.order().state) == ("superseded", OrderState.HELD)


def test_a_change_between_the_last_yes_and_the_sending_is_not_sent_unseen(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    desk.decide("boss", approve=True)
    assert desk.waiting() == [("create", 1)]
    desk.update(ordered("200"), version=2)
    assert (desk.order().state, desk.waiting()) == (OrderState.AWAITING_APPROVAL, [])
    desk.decide("ann", approve=True)
    desk.decide("boss", approve=True)
    assert desk.waiting() == [("create", 2)]


def test_a_small_change_between_the_last_yes_and_the_sending_goes_in_its_place(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    desk.decide("boss", approve=True)
    desk.update(ordered("101"), version=2)
    assert (desk.order().state, desk.waiting(), len(runs_of(desk))) == (OrderState.APPROVED, [("create", 2)], 1)


def test_the_same_change_twice_changes_nothing_more(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.update(ordered("200"), version=2)
    first = [(run.id, run.state) for run in runs_of(desk)]
    desk.update(ordered("200"), version=2)
    assert [(run.id, run.state) for run in runs_of(desk)] == first


def test_a_change_that_other_rules_ask_about_is_not_carried_over(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    desk.rules(stages([user("boss")]), key="own", customer_id=desk.customer.id)
    desk.update(ordered("99"), version=2)
    assert [run.state for run in runs_of(desk)] == ["superseded", "open"]


def test_a_change_does_not_wake_an_ended_run(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=False)
    desk.update(ordered("99"), version=2)
    assert [run.state for run in runs_of(desk)] == ["rejected", "open"]
    assert desk.asked() == ["ann"]

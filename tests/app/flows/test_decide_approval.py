"""A person's yes or no: theirs alone, once, on what they saw."""

import threading
from datetime import timedelta

import pytest
from approval_orders import line, money, order
from order_desk import SMALL_ORDERS_PASS, Desk, set_up, two_stages
from sqlmodel import Session

from app.clock import SetClock
from app.errors import No, Refusal
from app.flows import decide_approval
from app.flows.decide_approval import DecidedAlready, Decision, ReasonCode, Said
from app.gateway import Gateway
from app.storage import approvals
from app.storage.approvals import RunTaskRow
from app.storage.orders import OrderState
from schemas.order import Order, OrderTotals


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    for login in ("ann", "bob", "boss"):
        made.person(login, "approver")
    made.person("root", "admin")
    made.rules({**SMALL_ORDERS_PASS, "auto_approve": []})
    return made


def test_one_yes_of_many_is_enough_and_ends_the_other_tasks(desk: Desk) -> None:
    desk.send()
    assert desk.asked() == ["ann", "bob", "boss"]
    desk.decide("bob", approve=True)
    assert desk.order().state == OrderState.APPROVED
    assert (desk.asked(state="approved"), desk.asked(state="skipped")) == (["bob"], ["ann", "boss"])
    assert desk.deliveries() == [("create", 1)]
    assert desk.events() == ["order_taken", "stage_opened", "approved"]


def test_the_promise_stays_until_the_outcome_is_known(desk: Desk) -> None:
    desk.send()
    desk.decide("bob", approve=True)
    assert desk.order().promised


def test_a_no_rejects_the_order_with_its_reason(desk: Desk) -> None:
    desk.send()
    desk.decide("ann", approve=False, text="  not in the budget  ")
    task = desk.task("ann")
    assert desk.order().state == OrderState.REJECTED
    assert (task.reason_code, task.reason) == ("price", "not in the budget")
    assert desk.deliveries() == []


def test_the_second_stage_is_asked_only_after_the_first(desk: Desk) -> None:
    desk.rules(two_stages(quorum="all"))
    desk.send()
    assert desk.asked() == ["ann", "bob", "boss"]
    for login in ("ann", "bob", "boss"):
        desk.decide(login, approve=True)
    assert desk.asked() == ["boss"]
    assert desk.order().state == OrderState.AWAITING_APPROVAL
    desk.decide("boss", approve=True)
    assert desk.order().state == OrderState.APPROVED


def test_a_person_who_left_before_the_second_stage_holds_the_order(desk: Desk) -> None:
    desk.rules(two_stages())
    desk.send()
    desk.write(lambda tx: setattr(tx.merge(desk.people["boss"]), "active", False))
    desk.decide("ann", approve=True)
    assert (desk.order().state, desk.codes()) == (OrderState.HELD, [("approval.nobody", None)])


@pytest.mark.parametrize(("code", "text"), [(None, "why"), (ReasonCode.PRICE, "  ")])
def test_a_no_without_a_reason_is_refused(desk: Desk, code: ReasonCode | None, text: str) -> None:
    desk.send()
    decision = Decision(said=Said.REJECT, order_hash=desk.run().order_hash, code=code, text=text)
    task = desk.task("ann")
    with pytest.raises(Refusal, match="say why"):
        desk.write(lambda tx: decide_approval.decide(tx, desk.gateway, desk.people["ann"], task.id, decision, "page"))
    assert desk.order().state == OrderState.AWAITING_APPROVAL


@pytest.mark.parametrize("login", ["bob", "root"])
def test_nobody_decides_for_another_nor_learns_that_the_task_exists(desk: Desk, login: str) -> None:
    desk.send()
    for task in (desk.task("ann").id, "no-such-task"):
        with pytest.raises(Refusal) as refused:
            desk.decide(login, approve=True, task=task)
        assert (refused.value.no, refused.value.reason) == (No.UNKNOWN_REFERENCE, "no such task")


def test_a_decision_is_taken_once(desk: Desk) -> None:
    desk.send()
    desk.decide("ann", approve=True)
    with pytest.raises(DecidedAlready) as already:
        desk.decide("ann", approve=False)
    assert (already.value.state, already.value.by) == ("approved", desk.people["ann"].id)


def test_who_comes_second_learns_who_was_faster(desk: Desk) -> None:
    desk.send()
    desk.decide("ann", approve=True)
    with pytest.raises(DecidedAlready) as already:
        desk.decide("bob", approve=True)
    assert (already.value.state, already.value.by) == ("skipped", desk.people["ann"].id)
    assert desk.deliveries() == [("create", 1)]


def test_an_order_that_changed_after_the_page_was_opened_is_looked_at_again(desk: Desk) -> None:
    desk.send(version=1)
    seen = Decision(said=Said.APPROVE, order_hash=desk.run().order_hash)
    changed: Order = order(line(quantity="11"), totals=OrderTotals(total=money("109.45")))
    desk.update(changed, version=2)
    task = desk.task("ann")
    with pytest.raises(Refusal, match="changed after you opened"):
        desk.write(lambda tx: decide_approval.decide(tx, desk.gateway, desk.people["ann"], task.id, seen, "page"))


def test_the_other_database_writer_is_met_by_the_conditional_update(desk: Desk) -> None:
    """Two people press at the same moment: one order, one delivery."""
    desk.send()
    outcomes: list[str] = []

    def press(login: str) -> None:
        try:
            desk.decide(login, approve=True)
            outcomes.append("decided")
        except DecidedAlready:
            outcomes.append("too late")

    threads = [threading.Thread(target=press, args=(login,)) for login in ("ann", "bob", "boss")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["decided", "too late", "too late"]
    assert desk.deliveries() == [("create", 1)]


def test_a_row_that_was_closed_underneath_is_not_written_over(desk: Desk) -> None:
    desk.send()
    task = desk.task("ann")

    def work(tx: Session) -> bool:
        row = tx.get_one(RunTaskRow, task.id)
        row.state = "approved"
        tx.flush()
        return approvals.decided(tx, row, state="rejected", reason="too dear")

    assert not desk.write(work)
    assert (desk.task("ann").state, desk.task("ann").reason) == ("approved", None)


def test_silence_decides_nothing(desk: Desk, clock: SetClock) -> None:
    desk.send()
    clock.move(timedelta(days=400))
    assert desk.order().state == OrderState.AWAITING_APPROVAL


def override(desk: Desk, login: str, *, approve: bool, reason: str = "plant stands still") -> None:
    person, order_id = desk.people[login], desk.order().id
    desk.write(
        lambda tx: decide_approval.override(
            tx, desk.gateway, person, order_id, approve=approve, reason=reason, channel="page"
        )
    )


@pytest.mark.parametrize(("approve", "state"), [(True, OrderState.APPROVED), (False, OrderState.REJECTED)])
def test_an_administrator_decides_in_place_of_others_and_it_shows(desk: Desk, approve: bool, state: OrderState) -> None:
    desk.send()
    override(desk, "root", approve=approve)
    assert desk.order().state == state
    assert desk.asked() == []
    assert desk.run().explanation["why"] == "overridden"
    assert desk.events() == ["order_taken", "stage_opened", "overridden"]


@pytest.mark.parametrize(("login", "reason"), [("ann", "because"), ("root", " ")])
def test_an_override_needs_the_right_and_a_reason(desk: Desk, login: str, reason: str) -> None:
    desk.send()
    with pytest.raises(Refusal):
        override(desk, login, approve=True, reason=reason)
    assert desk.order().state == OrderState.AWAITING_APPROVAL


def test_what_was_decided_is_not_overridden(desk: Desk) -> None:
    desk.send()
    desk.decide("ann", approve=False)
    with pytest.raises(Refusal) as refused:
        override(desk, "root", approve=True)
    assert refused.value.no is No.CONFLICT

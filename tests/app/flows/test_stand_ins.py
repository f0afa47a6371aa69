"""Who is away, who stands in, and who is gone for good."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from approval_orders import money
from approval_rules import stages, step, user
from conftest import AT
from order_desk import Desk, set_up
from sqlmodel import col, select

from app.alarms import ALARMS
from app.clock import SetClock
from app.errors import Refusal
from app.flows import keep_person, keep_profile, stand_in
from app.flows.cases import Choice
from app.flows.decide_approval import DecidedAlready
from app.gateway import Gateway
from app.jobs import sweep
from app.storage.audit import AuditRow
from app.storage.customers import CustomerRow
from app.storage.orders import OrderState
from app.storage.people import PersonRow

TOMORROW = datetime(2026, 3, 3)  # noqa: DTZ001 - local times of a person have no zone
NEXT_WEEK = datetime(2026, 3, 9)  # noqa: DTZ001


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    for login in ("ann", "bob", "boss"):
        made.person(login, "approver")
    made.rules(stages([user("ann")]))
    return made


def away(desk: Desk, login: str, delegate: str | None, begins: datetime = TOMORROW, ends: datetime = NEXT_WEEK) -> str:
    stands_in = desk.people[delegate] if delegate else None
    absence = desk.write(
        lambda tx: keep_profile.add_absence(
            tx, desk.gateway, desk.people[login], begins, ends, stands_in, actor="system", channel="command"
        )
    )
    return absence.id


def disable(desk: Desk, login: str) -> None:
    desk.write(lambda tx: setattr(tx.get_one(PersonRow, desk.people[login].id), "active", False))


def test_an_absence_that_begins_passes_an_open_task_on(desk: Desk, clock: SetClock) -> None:
    desk.send()
    away(desk, "ann", "bob")
    sweep.sweep(desk.gateway, clock.now())
    assert desk.task("ann").delegate_id is None
    clock.move(timedelta(days=1))
    sweep.sweep(desk.gateway, clock.now())
    assert desk.task("ann").delegate_id == desk.people["bob"].id


def test_who_stands_in_decides_and_both_names_are_recorded(desk: Desk, clock: SetClock) -> None:
    desk.send()
    away(desk, "ann", "bob")
    clock.move(timedelta(days=1))
    desk.decide("bob", approve=True, task=desk.task("ann").id)
    task, bob, ann = desk.task("ann"), desk.people["bob"].id, desk.people["ann"].id
    assert (task.state, task.decided_by, task.acting_for) == ("approved", bob, ann)
    with desk.gateway.database.read() as session:
        entry = session.exec(select(AuditRow).where(AuditRow.event == "approved")).one()
    assert (entry.actor, entry.acting_for) == (f"person:{bob}", ann)
    assert desk.order().state == OrderState.APPROVED


def test_the_one_who_is_away_may_still_decide_and_the_first_wins(desk: Desk, clock: SetClock) -> None:
    desk.send()
    away(desk, "ann", "bob")
    clock.move(timedelta(days=1))
    desk.decide("ann", approve=True)
    with pytest.raises(DecidedAlready) as already:
        desk.decide("bob", approve=False, task=desk.task("ann").id)
    assert already.value.by == desk.people["ann"].id


def test_an_absence_that_ended_before_the_decision_gives_the_task_back(desk: Desk, clock: SetClock) -> None:
    desk.send()
    away(desk, "ann", "bob")
    clock.move(timedelta(days=1))
    sweep.sweep(desk.gateway, clock.now())
    clock.move(timedelta(days=7))
    with pytest.raises(Refusal, match="no such task"):
        desk.decide("bob", approve=True, task=desk.task("ann").id)
    sweep.sweep(desk.gateway, clock.now())
    assert desk.task("ann").delegate_id is None


def test_who_is_back_early_has_the_task_at_once(desk: Desk, clock: SetClock) -> None:
    desk.send()
    absence = away(desk, "ann", "bob")
    clock.move(timedelta(days=1))
    sweep.sweep(desk.gateway, clock.now())
    ann = desk.people["ann"]
    desk.write(lambda tx: keep_profile.end_absence(tx, desk.gateway, ann, absence, actor="system", channel="command"))
    assert desk.task("ann").delegate_id is None


def test_an_absence_at_the_time_of_asking_counts_from_the_beginning(desk: Desk) -> None:
    away(desk, "ann", "bob", begins=TOMORROW - timedelta(days=1))
    desk.send()
    assert desk.task("ann").delegate_id == desk.people["bob"].id


def rules_of_all(**more: Any) -> dict[str, Any]:
    everybody = {"key": "all", "name": "All", "approver": {"group": "board"}, "quorum": "all", **more}
    return stages([everybody])


def in_the_board(desk: Desk, *logins: str) -> None:
    for login in logins:
        desk.write(
            lambda tx, login=login: keep_profile.set_groups(  # type: ignore[misc]
                tx, desk.gateway, desk.people[login], ["board"], actor="system", channel="command"
            )
        )


def test_when_one_of_all_leaves_another_is_asked(desk: Desk) -> None:
    in_the_board(desk, "ann", "bob")
    desk.rules(rules_of_all(escalate_to={"user": "boss"}))
    desk.send()
    desk.decide("ann", approve=True)
    disable(desk, "bob")
    sweep.sweep(desk.gateway, AT)
    assert (desk.asked(), desk.asked(state="cancelled")) == (["boss"], ["bob"])
    desk.decide("boss", approve=True)
    assert desk.order().state == OrderState.APPROVED


def test_when_one_of_all_leaves_and_nobody_follows_the_order_is_held(desk: Desk) -> None:
    in_the_board(desk, "ann", "bob")
    desk.rules(rules_of_all())
    desk.send()
    disable(desk, "bob")
    sweep.sweep(desk.gateway, AT)
    assert (desk.order().state, desk.codes()) == (OrderState.HELD, [("approval.nobody", None)])
    sweep.sweep(desk.gateway, AT)
    assert desk.codes() == [("approval.nobody", None)]


def test_a_changed_group_does_not_move_running_tasks(desk: Desk) -> None:
    in_the_board(desk, "ann")
    desk.rules(rules_of_all())
    desk.send()
    in_the_board(desk, "boss")
    assert desk.asked() == ["ann"]
    desk.send(id="PO-2")
    assert sorted(desk.asked("PO-2")) == ["ann", "boss"]


def test_who_stands_in_and_leaves_lets_the_task_go_back(desk: Desk, clock: SetClock) -> None:
    desk.send()
    away(desk, "ann", "bob")
    clock.move(timedelta(days=1))
    sweep.sweep(desk.gateway, clock.now())
    disable(desk, "bob")
    desk.write(lambda tx: stand_in.left(tx, desk.gateway, desk.people["bob"].id, clock.now()))
    assert (desk.task("ann").delegate_id, desk.asked()) == (None, ["ann"])


def test_the_requesters_manager_whose_limit_covers_the_order_is_asked(desk: Desk) -> None:
    desk.person("req", "auditor", email="ana@example.com")

    def chart(tx: Any) -> None:
        said = {"actor": "system", "channel": "command"}
        people, gateway = desk.people, desk.gateway
        for below, above in (("req", "ann"), ("ann", "bob"), ("bob", "boss")):
            keep_profile.set_manager(tx, gateway, people[below], people[above], **said)
        for login, amount in (("ann", "50"), ("bob", "500"), ("boss", "5000")):
            keep_profile.set_limit(tx, gateway, people[login], money(amount), **said)

    desk.write(chart)
    climbs = step("up", {"hierarchy": "requester"})
    desk.rules(stages([climbs], final_approver={"user": "boss"}))
    desk.send()
    assert desk.asked() == ["bob"]


def test_the_owner_of_a_place_is_asked(desk: Desk) -> None:
    desk.write(
        lambda tx: keep_profile.set_owner(
            tx,
            desk.gateway,
            desk.people["bob"],
            desk.customer,
            "ship_to.owner",
            "0001",
            actor="system",
            channel="command",
        )
    )
    desk.rules(stages([step("place", {"field": "ship_to.owner"})]))
    desk.send()
    assert desk.asked() == ["bob"]


def entries(desk: Desk, event: str) -> list[AuditRow]:
    with desk.gateway.database.read() as session:
        return list(session.exec(select(AuditRow).where(AuditRow.event == event).order_by(col(AuditRow.sequence))))


def test_what_changes_in_a_profile_is_recorded(desk: Desk) -> None:
    away(desk, "ann", "bob")
    (entry,) = entries(desk, "absence_added")
    assert (entry.data["person"], entry.data["delegate"]) == (desk.people["ann"].id, desk.people["bob"].id)


@pytest.mark.parametrize(
    ("begins", "ends", "delegate", "says"),
    [
        (NEXT_WEEK, TOMORROW, "bob", "begins before it ends"),
        (TOMORROW, NEXT_WEEK, "ann", "nobody stands in for themselves"),
        (TOMORROW - timedelta(days=9), TOMORROW - timedelta(days=8), None, "over already"),
        (NEXT_WEEK - timedelta(days=1), NEXT_WEEK + timedelta(days=1), None, "away already"),
    ],
)
def test_an_absence_that_cannot_be_is_refused(
    desk: Desk, begins: datetime, ends: datetime, delegate: str | None, says: str
) -> None:
    if says == "away already":
        away(desk, "ann", None)
    with pytest.raises(Refusal, match=says):
        away(desk, "ann", delegate, begins, ends)


def test_who_is_no_approver_any_more_is_asked_no_more(desk: Desk) -> None:
    in_the_board(desk, "ann", "bob")
    desk.person("admin", "admin")
    desk.rules(rules_of_all(escalate_to={"user": "boss"}))
    desk.send()
    bob = desk.people["bob"].id
    desk.write(
        lambda tx: keep_person.set_roles(
            tx, desk.gateway, tx.get_one(PersonRow, bob), ["auditor"], actor="system", channel="command"
        )
    )
    assert (sorted(desk.asked()), desk.asked(state="cancelled")) == (["ann", "boss"], ["bob"])


@pytest.mark.parametrize("keeps", [True, False])
def test_who_loses_a_customer_is_asked_no_more_about_its_orders(desk: Desk, *, keeps: bool) -> None:
    in_the_board(desk, "ann", "bob")
    desk.person("admin", "admin")
    desk.rules(rules_of_all())
    desk.send()
    other = CustomerRow(realm="live", number="2", name="Other", currency="EUR", created_at=AT)
    desk.write(lambda tx: tx.add(other))
    customers, bob = [desk.customer.id if keeps else other.id], desk.people["bob"].id
    ALARMS.take()
    desk.write(
        lambda tx: keep_person.set_customers(
            tx, desk.gateway, tx.get_one(PersonRow, bob), customers, actor="system", channel="command"
        )
    )
    assert desk.order().state == (OrderState.AWAITING_APPROVAL if keeps else OrderState.HELD)
    assert ("approval.stuck" in [alarm.what for alarm in ALARMS.take()]) is not keeps


def test_an_order_that_was_held_as_nobody_was_left_goes_on_where_it_stood(desk: Desk) -> None:
    in_the_board(desk, "ann", "bob")
    olga = desk.person("olga", "operator")
    desk.rules(rules_of_all())
    desk.send()
    desk.decide("ann", approve=True)
    run = desk.run().id
    disable(desk, "bob")
    sweep.sweep(desk.gateway, AT)
    assert desk.codes() == [("approval.nobody", None)]
    in_the_board(desk, "ann", "boss")
    desk.settle("olga", (0, Choice.CHECK_AGAIN, "", ""))
    assert (desk.run().id, desk.asked(), desk.asked(state="approved")) == (run, ["boss"], ["ann"])
    assert (desk.order().state, desk.codes()) == (OrderState.AWAITING_APPROVAL, [])
    assert "reopened" in desk.events()
    desk.decide("boss", approve=True)
    assert desk.order().state == OrderState.APPROVED
    assert olga.id not in desk.run().excluded


def test_under_other_rules_it_begins_anew(desk: Desk) -> None:
    in_the_board(desk, "ann", "bob")
    desk.person("olga", "operator")
    desk.rules(rules_of_all())
    desk.send()
    run = desk.run().id
    disable(desk, "bob")
    sweep.sweep(desk.gateway, AT)
    desk.rules(stages([user("boss")]))
    desk.settle("olga", (0, Choice.CHECK_AGAIN, "", ""))
    assert desk.run().id != run
    assert desk.asked() == ["boss"]

"""Handing a task on, asking about an order, and taking an order back."""

import pytest
from approval_orders import money
from approval_rules import stages, user
from order_desk import Desk, set_up
from sqlmodel import Session, col, select

from app.errors import No, Refusal
from app.flows import keep_profile, move_task
from app.flows.decide_approval import DecidedAlready
from app.gateway import Gateway
from app.storage.approval_notices import NoticeKind, NoticeRow
from app.storage.approvals import RunTaskRow
from app.storage.orders import OrderState


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    for login in ("ann", "bob", "boss"):
        made.person(login, "approver")
    made.person("req", "approver", email="ana@example.com")
    made.rules(stages([user("ann", due_hours=8)], [user("boss")]))
    return made


def hand_on(desk: Desk, to: str, by: str = "ann") -> None:
    task, giver, taker = desk.task("ann").id, desk.people[by], desk.people[to].id
    desk.write(lambda tx: move_task.hand_on(tx, desk.gateway, giver, task, taker, "on leave", "page"))


def told(desk: Desk) -> list[tuple[str, str, str | None]]:
    logins = {person.id: login for login, person in desk.people.items()}
    with desk.gateway.database.read() as session:
        rows = session.exec(select(NoticeRow).order_by(col(NoticeRow.id)))
        return [(row.kind, logins[row.person_id], row.text) for row in rows]


def test_a_task_that_is_handed_on_is_the_others_for_good(desk: Desk) -> None:
    desk.send()
    due = desk.task("ann").due_at
    hand_on(desk, "bob")
    assert (desk.asked(), desk.asked(state="handed_on"), desk.task("bob").due_at) == (["bob"], ["ann"], due)
    with pytest.raises(DecidedAlready) as already:
        desk.decide("ann", approve=True)
    assert already.value.state == "handed_on"
    desk.decide("bob", approve=True)
    assert desk.asked() == ["boss"]


@pytest.mark.parametrize("to", ["req", "ann"])
def test_a_task_is_not_handed_to_who_may_not_decide_it(desk: Desk, to: str) -> None:
    desk.send()
    with pytest.raises(Refusal, match="choose another"):
        hand_on(desk, to)


def test_nobody_hands_on_what_is_not_theirs(desk: Desk) -> None:
    desk.send()
    with pytest.raises(Refusal, match="no such task"):
        hand_on(desk, "boss", by="bob")


def test_a_task_with_a_limit_goes_to_who_has_the_authority(desk: Desk) -> None:
    def limits(tx: Session) -> None:
        for login in ("ann", "boss"):
            limit, person = money("1000"), desk.people[login]
            keep_profile.set_limit(tx, desk.gateway, person, limit, actor="system", channel="command")

    desk.write(limits)
    desk.rules(stages([user("ann", min_limit={"amount": "500.00", "currency": "EUR"})]))
    desk.send()
    task, ann = desk.task("ann").id, desk.people["ann"]
    at = desk.gateway.clock.now()
    takers = desk.write(lambda tx: move_task.colleagues(tx, ann, tx.get_one(RunTaskRow, task), at).takers)
    assert [person.login for person in takers] == ["boss"]


def test_a_question_and_its_answer_leave_the_task_where_it_is(desk: Desk) -> None:
    desk.send()
    task, ann, req = desk.task("ann").id, desk.people["ann"], desk.people["req"]
    desk.write(lambda tx: move_task.ask(tx, desk.gateway, ann, task, req.id, " why so many? ", "page"))
    desk.write(lambda tx: move_task.answer(tx, desk.gateway, req, task, "for the whole plant", "page"))
    assert desk.asked() == ["ann"]
    assert told(desk)[1:] == [
        (NoticeKind.QUESTION, "req", "why so many?"),
        (NoticeKind.ANSWER, "ann", "for the whole plant"),
    ]
    assert desk.events()[-2:] == ["questioned", "answered"]


def test_who_was_not_asked_answers_nothing(desk: Desk) -> None:
    desk.send()
    task, bob = desk.task("ann").id, desk.people["bob"]
    with pytest.raises(Refusal) as refused:
        desk.write(lambda tx: move_task.answer(tx, desk.gateway, bob, task, "I know", "page"))
    assert refused.value.no is No.UNKNOWN_REFERENCE


def withdraw(desk: Desk, login: str, reason: str = "ordered twice") -> None:
    person, order_id = desk.people[login], desk.order().id
    desk.write(lambda tx: move_task.withdraw(tx, desk.gateway, person, order_id, reason, "page"))


def test_the_requester_takes_an_order_back(desk: Desk) -> None:
    desk.send()
    withdraw(desk, "req")
    assert (desk.order().state, desk.run().state, desk.asked()) == (OrderState.REJECTED, "withdrawn", [])
    assert desk.asked(state="cancelled") == ["ann"]


def test_nobody_else_takes_it_back(desk: Desk) -> None:
    desk.send()
    with pytest.raises(Refusal, match="no such order"):
        withdraw(desk, "bob")


def test_taking_back_needs_a_reason(desk: Desk) -> None:
    desk.send()
    with pytest.raises(Refusal, match="say why"):
        withdraw(desk, "req", " ")


def test_what_was_refused_is_not_taken_back(desk: Desk) -> None:
    desk.send()
    desk.decide("ann", approve=False)
    with pytest.raises(Refusal) as refused:
        withdraw(desk, "req")
    assert refused.value.no is No.CONFLICT

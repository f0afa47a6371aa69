"""An order that an approver sends back: the buyer is asked for a change, and until it comes nobody decides."""

from datetime import timedelta

import pytest
from approval_orders import line, money, order
from approval_rules import stages, user
from conftest import AT
from order_desk import Desk, set_up
from sqlmodel import col, select

from app.errors import No, Refusal
from app.flows import decide_approval, move_task
from app.flows.decide_approval import DecidedAlready
from app.gateway import Gateway
from app.jobs import timers
from app.storage import orders
from app.storage.approval_notices import NoticeRow
from app.storage.approvals import RunRow
from app.storage.dispatches import DispatchRow
from app.storage.orders import OrderState
from app.work import TaskId
from schemas.base import from_json
from schemas.order import Order, OrderTotals
from schemas.order_reply import StatusUpdate

DUE = AT + timedelta(hours=3)
"""AT is a Monday morning in UTC."""


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    for login in ("ann", "boss"):
        made.person(login, "approver")
    made.person("root", "admin")
    made.rules(stages([user("ann")], [user("boss")], send_back={"due_hours": 3}))
    return made


def ordered(quantity: str = "100") -> Order:
    return order(line(quantity=quantity), totals=OrderTotals(total=money(f"{int(quantity) * 995 / 100:.2f}")))


def answers(desk: Desk) -> list[StatusUpdate]:
    with desk.gateway.database.read() as session:
        rows = session.exec(select(DispatchRow).order_by(col(DispatchRow.sequence)))
        return [from_json(row.document, StatusUpdate) for row in rows]


def told(desk: Desk) -> list[tuple[str, str, str | None]]:
    logins = {person.id: login for login, person in desk.people.items()}
    with desk.gateway.database.read() as session:
        rows = session.exec(select(NoticeRow).order_by(col(NoticeRow.id)))
        return [(row.kind, logins[row.person_id], row.text) for row in rows]


def test_the_buyer_is_asked_for_a_change_and_the_outcome_stays_owed(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.send_back("ann", "50 will do")
    row, (asked,) = desk.order(), answers(desk)
    assert (row.state, row.promised, desk.run().state) == (OrderState.SENT_BACK, True, "sent_back")
    assert (asked.code, asked.document_id) == (201, row.document_id)
    assert "50 will do" in (asked.reason or "")
    assert "update" in (asked.reason or "")
    assert (desk.asked(), desk.waiting(), "sent_back" in desk.events()) == ([], [], True)
    assert (desk.task("ann").reason_code, desk.task("ann").reason) == ("price", "50 will do")


def test_rules_that_do_not_say_so_let_nobody_send_back(desk: Desk) -> None:
    desk.rules(stages([user("ann")]))
    desk.send(ordered())
    with pytest.raises(Refusal, match="do not let approvers") as refused:
        desk.send_back("ann")
    assert (refused.value.no, desk.asked()) == (No.UNACCEPTABLE, ["ann"])


def test_sending_back_needs_a_reason(desk: Desk) -> None:
    desk.send(ordered())
    with pytest.raises(Refusal, match="say why"):
        desk.send_back("ann", "  ")
    assert desk.asked() == ["ann"]


def test_the_change_begins_a_new_round_with_the_differences_however_small_it_is(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.decide("ann", approve=True)
    desk.send_back("boss")
    desk.update(ordered("90"), version=2)
    with desk.gateway.database.read() as session:
        assert list(session.exec(select(RunRow.state).order_by(col(RunRow.id)))) == ["superseded", "open"]
    assert (desk.order().state, desk.asked()) == (OrderState.AWAITING_APPROVAL, ["ann"])
    assert {"at": "quantity", "line": 1, "before": "100", "after": "90"} in desk.run().explanation["differences"]
    desk.decide("ann", approve=True)
    desk.decide("boss", approve=True)
    assert desk.waiting() == [("create", 2)]


def test_a_cancellation_ends_it(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.send_back("ann")
    desk.cancel(version=2)
    assert (desk.order().state, desk.run().state) == (OrderState.CANCELLED, "withdrawn")


def test_the_same_document_again_changes_nothing(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    desk.send_back("ann")
    desk.update(ordered(), version=1)
    assert (desk.order().state, len(answers(desk))) == (OrderState.SENT_BACK, 1)


def test_nobody_else_decides_while_it_waits(desk: Desk) -> None:
    desk.send(ordered())
    desk.send_back("ann")
    with pytest.raises(DecidedAlready) as already:
        desk.decide("ann", approve=True)
    assert (already.value.state, already.value.by) == ("sent_back", desk.people["ann"].id)


def test_an_administrator_decides_in_place_of_all(desk: Desk) -> None:
    desk.send(ordered())
    desk.send_back("ann")
    root, order_id = desk.people["root"], desk.order().id
    desk.write(
        lambda tx: decide_approval.override(
            tx, desk.gateway, root, order_id, approve=True, reason="agreed by telephone", channel="page"
        )
    )
    assert (desk.order().state, desk.waiting()) == (OrderState.APPROVED, [("create", 1)])


def test_the_requester_takes_it_back(desk: Desk) -> None:
    ana = desk.person("ana", "auditor", email="ana@example.com")
    desk.send(ordered())
    desk.send_back("ann", "50 will do")
    assert ("sent_back", "ana", "50 will do") in told(desk)
    desk.write(lambda tx: move_task.withdraw(tx, desk.gateway, ana, desk.order().id, "no longer needed", "page"))
    assert (desk.order().state, desk.run().state) == (OrderState.REJECTED, "withdrawn")


def ring(desk: Desk) -> None:
    task = desk.task("ann")
    timers.ring(desk.gateway, TaskId(realm=task.realm, task_id=task.id), DUE)


def test_whoever_sent_it_back_is_told_once_when_no_change_comes(desk: Desk) -> None:
    desk.send(ordered())
    desk.send_back("ann")
    assert (desk.task("ann").due_at, desk.task("ann").wake_at) == (DUE, DUE)
    ring(desk)
    ring(desk)
    assert [kind for kind, _, _ in told(desk)].count("unchanged") == 1
    assert (desk.order().state, desk.task("ann").wake_at, len(answers(desk))) == (OrderState.SENT_BACK, None, 1)


def test_when_the_rules_say_so_the_order_is_rejected_then(desk: Desk) -> None:
    desk.rules(stages([user("ann")], send_back={"due_hours": 3, "on_timeout": "reject"}))
    desk.send(ordered())
    desk.send_back("ann")
    ring(desk)
    assert (desk.order().state, desk.run().state) == (OrderState.REJECTED, "rejected")
    assert [(answer.code, answer.reason) for answer in answers(desk)][1:] == [
        (400, "the order was sent back for a change, and none came in time")
    ]


def test_a_change_takes_the_timer_back(desk: Desk) -> None:
    desk.send(ordered(), version=1)
    first = desk.send_back("ann")
    task = desk.task("ann")
    desk.update(ordered("50"), version=2)
    timers.ring(desk.gateway, TaskId(realm=first.realm, task_id=task.id), DUE)
    assert (desk.order().state, desk.asked()) == (OrderState.AWAITING_APPROVAL, ["ann"])


def test_nobody_is_blamed_for_an_outcome_that_the_buyer_has_to_bring_about(desk: Desk) -> None:
    desk.send(ordered())
    late = AT + timedelta(days=30)
    with desk.gateway.database.read() as session:
        assert [row.number for row in orders.promised_before(session, late, 10)] == ["PO-1"]
    desk.send_back("ann")
    with desk.gateway.database.read() as session:
        assert orders.promised_before(session, late, 10) == []

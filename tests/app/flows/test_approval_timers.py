"""Reminders and due times: they come when they should, once, and silence never approves."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from approval_rules import stages, user
from conftest import AT, RecordedWork
from order_desk import Desk, set_up
from sqlmodel import Session, col, select

from app.clock import SetClock
from app.gateway import Gateway
from app.jobs import sweep, timers
from app.storage.approval_notices import NoticeKind, NoticeRow
from app.storage.approvals import RunTaskRow
from app.storage.orders import OrderState
from app.work import APPROVAL_TIMER, TaskId

REMINDED = AT + timedelta(hours=2)
DUE = AT + timedelta(hours=4)
"""AT is a Monday morning in UTC."""


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    for login in ("ann", "deputy"):
        made.person(login, "approver")
    made.rules(stages([ann()]))
    return made


def ann(**more: Any) -> dict[str, Any]:
    return user("ann", remind_hours=2, due_hours=4, **more)


def timers_set(work_queue: RecordedWork) -> list[tuple[str, datetime | None, str]]:
    return [
        (argument.task_id, at, work_id)
        for name, argument, at, work_id in work_queue.items
        if name == APPROVAL_TIMER.name and isinstance(argument, TaskId)
    ]


def ring(desk: Desk, now: datetime, login: str = "ann") -> None:
    task = desk.task(login)
    timers.ring(desk.gateway, TaskId(realm=task.realm, task_id=task.id), now)


def told(desk: Desk) -> list[tuple[str, str]]:
    logins = {person.id: login for login, person in desk.people.items()}
    with desk.gateway.database.read() as session:
        rows = session.exec(select(NoticeRow).order_by(col(NoticeRow.id)))
        return [(row.kind, logins[row.person_id]) for row in rows]


def test_a_task_that_opens_is_told_and_has_its_timer(desk: Desk, work_queue: RecordedWork) -> None:
    desk.send()
    task = desk.task("ann")
    assert (task.remind_at, task.due_at, task.wake_at) == (REMINDED, DUE, REMINDED)
    assert [(of, at) for of, at, _ in timers_set(work_queue)] == [(task.id, REMINDED)]
    assert told(desk) == [(NoticeKind.ASKED, "ann")]


def test_the_reminder_sets_the_due_time(desk: Desk, work_queue: RecordedWork) -> None:
    desk.send()
    ring(desk, REMINDED)
    assert desk.task("ann").wake_at == DUE
    assert [at for _, at, _ in timers_set(work_queue)] == [REMINDED, DUE]
    assert told(desk)[1:] == [(NoticeKind.REMINDED, "ann")]


def test_reminding_twice_is_one_reminder(desk: Desk) -> None:
    desk.send()
    ring(desk, REMINDED)
    ring(desk, REMINDED)
    assert told(desk)[1:] == [(NoticeKind.REMINDED, "ann")]
    assert desk.events().count("reminded") == 1


def test_a_timer_that_rings_too_early_does_nothing(desk: Desk) -> None:
    desk.send()
    ring(desk, REMINDED - timedelta(seconds=1))
    assert (told(desk), desk.task("ann").wake_at) == ([(NoticeKind.ASKED, "ann")], REMINDED)


def test_one_late_ring_reminds_and_is_overdue(desk: Desk) -> None:
    desk.send()
    ring(desk, DUE)
    assert told(desk)[1:] == [(NoticeKind.REMINDED, "ann"), (NoticeKind.OVERDUE, "ann")]
    assert (desk.task("ann").wake_at, desk.order().state) == (None, OrderState.AWAITING_APPROVAL)


def test_deciding_takes_the_timer_back(desk: Desk, work_queue: RecordedWork) -> None:
    desk.send()
    (_, _, work_id), *_ = timers_set(work_queue)
    desk.decide("ann", approve=True)
    assert (work_queue.cancelled, desk.task("ann").wake_at) == ([work_id], None)


def test_escalation_after_the_decision_asks_nobody(desk: Desk) -> None:
    desk.rules(stages([ann(on_timeout="escalate", escalate_to={"user": "deputy"})]))
    desk.send()
    desk.decide("ann", approve=True)
    ring(desk, DUE)
    assert (desk.asked(), desk.asked(state="approved")) == ([], ["ann"])


def test_escalation_asks_another_besides_once(desk: Desk) -> None:
    desk.rules(stages([ann(on_timeout="escalate", escalate_to={"user": "deputy"})]))
    desk.send()
    ring(desk, DUE)
    ring(desk, DUE + timedelta(days=1))
    assert sorted(desk.asked()) == ["ann", "deputy"]
    assert (NoticeKind.ASKED, "deputy") in told(desk)
    desk.decide("deputy", approve=True)
    assert (desk.order().state, desk.asked(state="skipped")) == (OrderState.APPROVED, ["ann"])


def test_time_that_is_up_rejects_where_the_rules_say_so(desk: Desk) -> None:
    desk.rules(stages([ann(on_timeout="reject")]))
    desk.send()
    ring(desk, DUE)
    task = desk.task("ann")
    assert (desk.order().state, task.state, task.decided_by) == (OrderState.REJECTED, "rejected", None)
    assert desk.deliveries() == []


def test_silence_never_approves(desk: Desk) -> None:
    desk.send()
    for days in range(1, 30):
        ring(desk, DUE + timedelta(days=days))
    assert desk.order().state == OrderState.AWAITING_APPROVAL


def test_a_timer_that_was_lost_is_found_by_its_row(desk: Desk, work_queue: RecordedWork, clock: SetClock) -> None:
    desk.send()
    work_queue.items.clear()
    clock.move(timedelta(hours=3))
    sweep.sweep(desk.gateway, clock.now(), of="one")
    ((task_id, at, _),) = timers_set(work_queue)
    assert (task_id, at) == (desk.task("ann").id, None)
    timers.run(desk.gateway, TaskId(realm="live", task_id=task_id))
    assert told(desk)[1:] == [(NoticeKind.REMINDED, "ann")]
    work_queue.items.clear()
    sweep.sweep(desk.gateway, clock.now(), of="two")
    assert timers_set(work_queue) == []


def test_a_timer_of_a_task_that_an_older_release_closed_is_let_go(desk: Desk) -> None:
    desk.send()
    task = desk.task("ann")

    def older(tx: Session) -> None:
        tx.get_one(RunTaskRow, task.id).state = "approved"

    desk.write(older)
    ring(desk, DUE)
    assert (desk.task("ann").wake_at, told(desk)) == (None, [(NoticeKind.ASKED, "ann")])


def test_a_timer_of_a_task_that_is_gone_does_nothing(desk: Desk) -> None:
    timers.ring(desk.gateway, TaskId(realm="live", task_id="gone"), DUE)

"""Runs as their rows keep them: whole, moved by one at a time, and told so that they can be told again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from approval_orders import line, money, order
from approval_rules import APPROVERS, stages, step, user
from order_desk import Desk, set_up
from sqlalchemy import update
from sqlmodel import Session, col, select

from app.approval import moves
from app.approval import run as runs
from app.approval.steps import Run
from app.errors import No, Refusal
from app.flows import run_rows
from app.flows.ask_approval import EVENTS
from app.flows.decide_approval import DecidedAlready, override
from app.gateway import Gateway
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.audit import AuditRow, first_broken
from app.storage.database import Database
from app.storage.orders import OrderState
from schemas.order import Order, OrderTotals


@pytest.fixture
def desk(gateway: Gateway) -> Desk:
    made = set_up(gateway)
    for login in ("ann", "bob", "boss"):
        made.person(login, "approver")
    made.person("root", "admin")
    made.rules(stages([step("lead", APPROVERS, quorum=2, reject="unreachable")], [user("boss")], send_back={}))
    return made


def ordered(quantity: str = "10", price: str = "9.95") -> Order:
    total = OrderTotals(total=money(f"{float(quantity) * float(price):.2f}"))
    return order(line(quantity=quantity, price=price), totals=total)


def run_of(desk: Desk) -> Run:
    return desk.write(lambda tx: run_rows.read(tx, tx.get_one(RunRow, desk.run().id)))


def test_a_decision_says_who_when_by_which_way_and_on_what(desk: Desk) -> None:
    desk.send()
    desk.decide("ann", approve=True)
    task = desk.task("ann")
    assert (task.decided_by, task.acting_for, task.channel) == (desk.people["ann"].id, None, "page")
    assert (task.order_hash, task.decided_at) == (desk.run().order_hash, desk.gateway.clock.now())


def entries(desk: Desk) -> list[AuditRow]:
    with desk.gateway.database.read() as session:
        query = select(AuditRow).where(AuditRow.run_id == desk.run().id).order_by(col(AuditRow.sequence))
        return list(session.exec(query))


def replayed(desk: Desk) -> Run:
    """The newest run out of nothing but the audit record."""
    run: Run | None = None
    for entry in entries(desk):
        if "event" not in entry.data:
            continue
        event = msgspec.convert(entry.data["event"], moves.Event)
        assert EVENTS[type(event).__name__] == entry.event
        if run is None:
            begun = entry.data["begun"]
            run, _ = runs.begin(**{**begun, "excluded": frozenset(begun["excluded"])})
        run, _ = runs.advance(run, event, entry.at)
    assert run is not None
    return run


def in_one_order(run: Run) -> Run:
    """Tasks of the same moment have no order."""
    by_id: Callable[[Any], str] = lambda task: str(task.id)  # noqa: E731
    opened = tuple(
        tuple(msgspec.structs.replace(one, tasks=tuple(sorted(one.tasks, key=by_id))) for one in steps)
        for steps in run.opened
    )
    return msgspec.structs.replace(run, opened=opened)


def approve_all(desk: Desk) -> None:
    for login in ("ann", "bob", "boss"):
        desk.decide(login, approve=True)


def refuse_twice(desk: Desk) -> None:
    desk.decide("ann", approve=False)
    desk.decide("bob", approve=False)


def carry_on(desk: Desk) -> None:
    desk.decide("ann", approve=True)
    desk.update(ordered("9"), version=2)


@pytest.mark.parametrize(
    "happens", [approve_all, refuse_twice, carry_on, lambda desk: desk.send_back("ann"), lambda desk: desk.cancel()]
)
def test_the_record_applied_again_gives_the_same_run(desk: Desk, happens: Callable[[Desk], None]) -> None:
    desk.send(ordered(), version=1)
    happens(desk)
    assert in_one_order(replayed(desk)) == in_one_order(run_of(desk))
    with desk.gateway.database.read() as session:
        assert first_broken(session) is None


def test_a_run_that_somebody_moved_meanwhile_is_not_written_over(desk: Desk) -> None:
    desk.send()

    def work(tx: Session) -> None:
        row = tx.get_one(RunRow, desk.run().id)
        tx.connection().execute(update(RunRow).where(col(RunRow.id) == row.id).values(version=row.version + 1))
        order_row = desk.order()
        run_rows.write(tx, order_row, row, run_rows.read(tx, row), desk.gateway.clock.now())

    with pytest.raises(Refusal, match="same moment") as refused:
        desk.write(work)
    assert refused.value.no is No.CONFLICT


def make_older(desk: Desk) -> None:
    """The run as an older release wrote it: less in the steps, and none of the columns that came later."""

    def work(tx: Session) -> None:
        row = tx.get_one(RunRow, desk.run().id)
        few = ("key", "name", "quorum", "rejects", "reasons")
        row.opened = [[{name: step[name] for name in few} for step in steps] for steps in row.opened]
        row.requesters, row.carried_revision, row.overridden_by, row.version = None, None, None, 1
        for task in tx.exec(select(RunTaskRow).where(RunTaskRow.run_id == row.id)):
            task.decided_by = task.acting_for = task.channel = task.order_hash = None

    desk.write(work)


def test_a_run_of_an_older_release_goes_on(desk: Desk) -> None:
    desk.send()
    desk.decide("ann", approve=True)
    make_older(desk)
    desk.decide("bob", approve=True)
    assert desk.asked() == ["boss"]
    make_older(desk)
    desk.decide("boss", approve=True)
    assert desk.order().state == OrderState.APPROVED
    assert desk.deliveries() == [("create", 1)]


def test_who_decided_under_an_older_release_does_not_count_twice(desk: Desk) -> None:
    desk.send()
    desk.decide("ann", approve=True)
    make_older(desk)
    with pytest.raises(DecidedAlready) as already:
        desk.decide("ann", approve=True)
    assert (already.value.state, already.value.by) == ("approved", desk.people["ann"].id)


def test_a_run_ends_with_the_rules_it_began_with(desk: Desk) -> None:
    desk.send()
    desk.rules(stages([user("root")]))
    approve_all(desk)
    assert desk.order().state == OrderState.APPROVED


def test_an_order_begun_after_publishing_goes_by_the_new_rules(desk: Desk) -> None:
    desk.send()
    desk.rules(stages([user("boss")]))
    desk.send(id="PO-2")
    assert desk.asked("PO-2") == ["boss"]
    assert sorted(desk.asked("PO-1")) == ["ann", "bob", "boss"]


@contextmanager
def second_server(gateway: Gateway) -> Iterator[Gateway]:
    database = Database(gateway.settings.url_of_database, pool=4)
    database.start()
    try:
        yield replace(gateway, database=database)
    finally:
        database.stop()


def test_two_servers_take_one_decision(desk: Desk) -> None:
    desk.rules(stages([step("lead", APPROVERS)]))
    outcomes: list[str] = []
    with second_server(desk.gateway) as other:
        there = replace(desk, gateway=other)
        for number in ("PO-1", "PO-2", "PO-3"):
            desk.send(id=number)
            together = threading.Barrier(2)

            def press(where: Desk, login: str, number: str = number, together: threading.Barrier = together) -> None:
                together.wait(20)
                try:
                    where.decide(login, approve=login == "ann", number=number)
                    outcomes.append("decided")
                except DecidedAlready:
                    outcomes.append("too late")

            threads = [threading.Thread(target=press, args=who) for who in ((desk, "ann"), (there, "bob"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
    assert sorted(outcomes) == ["decided"] * 3 + ["too late"] * 3
    for number in ("PO-1", "PO-2", "PO-3"):
        assert len(desk.asked(number, state="approved")) + len(desk.asked(number, state="rejected")) == 1
        assert desk.asked(number) == []


def test_a_cancelled_order_leaves_no_open_task_and_its_history_stays(desk: Desk) -> None:
    desk.send(version=1)
    desk.decide("ann", approve=True)
    desk.cancel(version=2)
    assert desk.order().state == OrderState.CANCELLED
    assert desk.asked() == []
    assert desk.asked(state="approved") == ["ann"]
    assert (desk.run().state, desk.events()) == (
        "withdrawn",
        ["order_taken", "stage_opened", "approved", "withdrawn", "order_cancelled"],
    )


def test_an_order_that_is_held_for_want_of_people_is_cancelled_too(desk: Desk) -> None:
    desk.outdated_rules(stages([user("nobody")]))
    desk.send(version=1)
    assert desk.order().state == OrderState.HELD
    desk.cancel(version=2)
    assert (desk.order().state, desk.run().state, desk.codes()) == (OrderState.CANCELLED, "withdrawn", [])


def test_an_override_names_its_administrator_in_the_run(desk: Desk) -> None:
    desk.send()
    root, order_id = desk.people["root"], desk.order().id
    desk.write(
        lambda tx: override(tx, desk.gateway, root, order_id, approve=True, reason="plant stands still", channel="page")
    )
    assert desk.run().overridden_by == root.id
    assert in_one_order(replayed(desk)) == in_one_order(run_of(desk))

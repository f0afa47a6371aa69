from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog
from lanes import Lanes, MemoryErp, is_down, lanes_on, refuses, reply_is_lost
from sqlmodel import Session, select
from structlog.testing import capture_logs

from app.clock import SetClock
from app.flows import forward_order, reply, take_delivery
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.jobs import registry, sweep
from app.storage import deliveries
from app.storage.deliveries import DeliveryRow, State
from app.storage.orders import OrderRow
from app.work import ALL, SEND_DISPATCH, WAKE_LANE

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp()


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, erp: MemoryErp) -> Lanes:
    return lanes_on(gateway, clock, {"main": erp})


def woken(lanes: Lanes) -> list[str]:
    """The lanes that the sweep wakes now."""
    before = len(lanes.gateway.engine.arguments(WAKE_LANE))  # type: ignore[attr-defined]  # the test's queue
    sweep.sweep(lanes.gateway, lanes.clock.now())
    return [item.lane for item in lanes.gateway.engine.arguments(WAKE_LANE)[before:]]  # type: ignore[attr-defined]


def test_every_kind_of_work_has_its_handler(gateway: Gateway) -> None:
    handled = [handler.kind for handler in registry.handlers(gateway)]
    assert sorted(kind.name for kind in handled) == sorted(kind.name for kind in ALL)
    assert {schedule.kind for schedule in registry.SCHEDULES} <= set(ALL)


def test_lost_work_items_are_put_back(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    for n in range(3):
        lanes.approved(lanes.customer(f"C-{n}"), f"PO-{n}")
    lanes.approved(lanes.lanes()[0].lane.partition(":")[0], "PO-3")
    lanes.gateway.engine.items.clear()  # type: ignore[attr-defined]  # the test's queue
    assert woken(lanes) == []
    clock.move(MINUTE)
    assert sorted(woken(lanes)) == sorted(lane.lane for lane in lanes.lanes())
    for lane in lanes.lanes():
        lane_job.run(lanes.gateway, lane)
    assert sorted(erp.numbers) == ["PO-0", "PO-1", "PO-2", "PO-3"]
    clock.move(MINUTE)
    assert woken(lanes) == []


def test_a_lane_whose_wake_was_lost_is_found_though_orders_keep_coming(lanes: Lanes, clock: SetClock) -> None:
    customer = lanes.customer()
    for n in range(6):
        lanes.approved(customer, f"PO-{n}")
        clock.move(10 * SECOND)
    assert len(woken(lanes)) == 1


def test_a_row_that_waits_for_its_time_is_left_alone(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    erp.script = [reply_is_lost]
    erp.blind = True
    lanes.approved(lanes.customer())
    lanes.work()
    clock.move(10 * SECOND)
    lanes.work()
    clock.move(SECOND)
    assert woken(lanes) == []
    clock.move(MINUTE)
    assert len(woken(lanes)) == 1


def test_a_lane_is_found_by_its_head_whatever_those_behind_it_wait_for(
    lanes: Lanes, erp: MemoryErp, clock: SetClock
) -> None:
    """A replayed order stands before one that is put off for an hour."""
    erp.script = [refuses, is_down]
    customer = lanes.customer()
    refused, behind = lanes.approved(customer, "PO-1"), lanes.approved(customer, "PO-2")
    lanes.work()

    def again_while_the_next_one_waits(tx: Session) -> None:
        (first,), (second,) = deliveries.of_order(tx, refused), deliveries.of_order(tx, behind)
        second.due_at = clock.now() + HOUR
        forward_order.again(tx, lanes.gateway, first)

    lanes.gateway.database.write(again_while_the_next_one_waits)
    clock.move(MINUTE)
    assert len(woken(lanes)) == 1


def test_a_lane_whose_head_waits_is_left_alone_whatever_stands_behind_it(
    lanes: Lanes, erp: MemoryErp, clock: SetClock
) -> None:
    erp.script = [is_down]
    customer = lanes.customer()
    for number in ("PO-1", "PO-2"):
        lanes.approved(customer, number)
    lanes.work()

    def put_off(tx: Session) -> None:
        (head,) = [row for row in tx.exec(select(DeliveryRow)) if row.due_at is not None]
        head.due_at = clock.now() + HOUR

    lanes.gateway.database.write(put_off)
    clock.move(MINUTE)
    assert woken(lanes) == []


def test_a_lease_that_ran_out_is_due(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    order_id = lanes.approved(lanes.customer())
    (lane,) = lanes.lanes()
    lanes.gateway.database.write(lambda tx: take_delivery.prepare(tx, lanes.gateway, [lane]))
    clock.move(MINUTE)
    assert woken(lanes) == []
    clock.move(MINUTE)
    assert woken(lanes) == [lane.lane]
    lane_job.run(lanes.gateway, lane)
    assert lanes.delivery(order_id).state == State.UNCERTAIN


def test_rounds_while_the_engine_stands_still_do_not_pile_up(lanes: Lanes, clock: SetClock) -> None:
    lanes.approved(lanes.customer())
    clock.move(MINUTE)
    for _ in range(3):
        woken(lanes)
        clock.move(5 * SECOND)
    ids = [work_id for *_, work_id in lanes.gateway.engine.items if work_id.startswith("sweep:")]  # type: ignore[attr-defined]
    assert len(ids) == 3
    assert len(set(ids)) == 1


def test_unsent_answers_are_put_back(lanes: Lanes, clock: SetClock) -> None:
    order_id = lanes.approved(lanes.customer(), promised=True)

    def owe(tx: Session) -> None:
        reply.owe_status(tx, lanes.gateway, tx.get_one(OrderRow, order_id), 200, "OK", None)

    lanes.gateway.database.write(owe)
    lanes.gateway.engine.items.clear()  # type: ignore[attr-defined]  # the test's queue
    clock.move(MINUTE)
    sweep.sweep(lanes.gateway, clock.now())
    assert len(lanes.gateway.engine.arguments(SEND_DISPATCH)) == 1  # type: ignore[attr-defined]  # the test's queue


def test_what_the_worker_had_in_hand_when_it_ended_is_uncertain(lanes: Lanes, erp: MemoryErp) -> None:
    order_id = lanes.approved(lanes.customer())
    (lane,) = lanes.lanes()
    lanes.gateway.database.write(lambda tx: take_delivery.prepare(tx, lanes.gateway, [lane]))
    assert sweep.recover(lanes.gateway) == 1
    assert lanes.delivery(order_id).state == State.UNCERTAIN
    assert sweep.recover(lanes.gateway) == 0
    lanes.work_for(2 * MINUTE)
    assert erp.numbers == ["PO-9"]


def test_a_worker_that_starts_calls_every_lane_that_is_due(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    erp.script = [is_down]
    for n in range(3):
        lanes.approved(lanes.customer(f"C-{n}"), f"PO-{n}")
    waiting, one, two = lanes.lanes()
    lane_job.run(lanes.gateway, waiting)
    lanes.gateway.engine.items.clear()  # type: ignore[attr-defined]  # the test's queue
    assert sweep.recover(lanes.gateway) == 0
    assert lanes.gateway.engine.arguments(WAKE_LANE) == [one, two]  # type: ignore[attr-defined]


def test_another_workers_rows_are_not_recovered(lanes: Lanes) -> None:
    order_id = lanes.approved(lanes.customer())
    (lane,) = lanes.lanes()
    lanes.gateway.database.write(lambda tx: take_delivery.prepare(tx, lanes.gateway, [lane]))

    def others(tx: Session) -> None:
        deliveries.of_order(tx, order_id)[0].worker = "worker-2"

    lanes.gateway.database.write(others)
    assert sweep.recover(lanes.gateway) == 0
    assert lanes.delivery(order_id).state == State.SENDING


# What people are told


def alerts(act: Callable[[], object]) -> list[str]:
    structlog.reset_defaults()
    with capture_logs() as logs:
        act()
    return [entry["what"] for entry in logs if entry["event"] == "alert"]


def swept(lanes: Lanes) -> list[str]:
    return alerts(lambda: sweep.sweep(lanes.gateway, lanes.clock.now()))


def test_a_late_delivery_is_told_once_and_those_behind_it_are_not(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [is_down] * 100
    customer = lanes.customer()
    for n in range(3):
        lanes.approved(customer, f"PO-{n}")
    lanes.work_for(14 * MINUTE)
    assert swept(lanes) == []
    lanes.work_for(2 * MINUTE)
    assert swept(lanes) == ["delivery.late"]
    assert swept(lanes) == []


def test_an_overdue_promise_is_told_once(lanes: Lanes, clock: SetClock) -> None:
    lanes.approved(lanes.customer(), promised=True, test=False)
    lanes.work()
    lanes.approved(lanes.customer("C-2"), "PO-2", promised=True, state="awaiting_approval")
    clock.move(23 * HOUR)
    assert "reply.overdue" not in swept(lanes)
    clock.move(2 * HOUR)
    assert swept(lanes).count("reply.overdue") == 1
    assert "reply.overdue" not in swept(lanes)


def test_every_end_without_acceptance_raises_an_alert(lanes: Lanes, erp: MemoryErp) -> None:
    erp.script = [refuses]
    lanes.approved(lanes.customer())
    assert alerts(lanes.work) == ["delivery.rejected"]

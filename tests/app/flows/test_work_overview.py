"""What people see of the work, and what they do to a lane."""

import pytest
from lanes import Lanes, MemoryErp, lanes_on, refuses

from app.clock import SetClock
from app.flows.work_overview import NoSuchLane, hold_back, overview
from app.gateway import Gateway
from app.storage import processes
from app.storage.base import LIVE
from app.storage.deliveries import State
from app.work import Lane


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp()


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, erp: MemoryErp) -> Lanes:
    return lanes_on(gateway, clock, {"main": erp})


def act(lanes: Lanes, what: str, lane: Lane) -> None:
    lanes.gateway.database.write(lambda tx: hold_back(tx, lanes.gateway, lane, what, actor="system", channel="command"))


def stop_of(lanes: Lanes) -> str | None:
    (load,) = overview(lanes.gateway, LIVE).lanes
    return load.stop


def test_a_paused_lane_sends_nothing_until_it_is_resumed(lanes: Lanes, erp: MemoryErp) -> None:
    order_id = lanes.approved(lanes.customer())
    (lane,) = lanes.lanes()
    act(lanes, "pause", lane)
    lanes.work()
    assert (erp.numbers, lanes.delivery(order_id).state, stop_of(lanes)) == ([], State.PENDING, "paused")
    act(lanes, "resume", lane)
    lanes.work()
    assert erp.numbers == ["PO-9"]
    assert overview(lanes.gateway, LIVE).lanes == ()


def test_a_draining_lane_sends_what_it_held_and_nothing_that_came_after(lanes: Lanes, erp: MemoryErp) -> None:
    customer = lanes.customer()
    lanes.approved(customer, "PO-1")
    (lane,) = lanes.lanes()
    act(lanes, "drain", lane)
    lanes.approved(customer, "PO-2")
    lanes.work()
    assert (erp.numbers, stop_of(lanes)) == (["PO-1"], "draining")
    act(lanes, "resume", lane)
    lanes.work()
    assert erp.numbers == ["PO-1", "PO-2"]


def test_another_lane_goes_on_beside_a_paused_one(lanes: Lanes, erp: MemoryErp) -> None:
    lanes.approved(lanes.customer("C-1"), "PO-1")
    (lane,) = lanes.lanes()
    act(lanes, "pause", lane)
    lanes.approved(lanes.customer("C-2"), "PO-2")
    lanes.work()
    assert erp.numbers == ["PO-2"]


def test_an_empty_lane_that_is_paused_is_still_shown(lanes: Lanes) -> None:
    lanes.approved(lanes.customer())
    (lane,) = lanes.lanes()
    lanes.work()
    act(lanes, "pause", lane)
    assert stop_of(lanes) == "paused"


def test_there_is_no_stopping_a_lane_that_is_not_there(lanes: Lanes) -> None:
    with pytest.raises(NoSuchLane):
        act(lanes, "pause", Lane(realm=LIVE, lane="nobody:main"))


def test_open_due_and_ended_orders_are_counted_by_lane(lanes: Lanes, erp: MemoryErp, clock: SetClock) -> None:
    erp.script = [refuses]
    customer = lanes.customer()
    lanes.approved(customer, "PO-1")
    lanes.approved(customer, "PO-2")
    (load,) = overview(lanes.gateway, LIVE).lanes
    assert (load.open, load.due, load.stuck, load.ended) == (2, 2, 0, 0)
    assert load.oldest_at == clock.now()
    assert overview(lanes.gateway, "sandbox").lanes == ()


def test_a_process_that_was_not_seen_for_a_minute_is_gone(gateway: Gateway, clock: SetClock) -> None:
    gateway.database.write(lambda tx: processes.began(tx, "worker-1", clock.now(), works=True))
    assert [(found.id, found.works, found.silent) for found in overview(gateway, LIVE).processes] == [
        ("worker-1", True, False)
    ]
    clock.move(processes.SILENT * 2)
    assert [found.silent for found in overview(gateway, LIVE).processes] == [True]
    gateway.database.write(lambda tx: processes.seen(tx, "worker-1", clock.now()))
    (found,) = overview(gateway, LIVE).processes
    assert (found.works, found.silent) == (True, False)

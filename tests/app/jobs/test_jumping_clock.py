"""A wall clock that is set wrong while a request is at the ERP does not double the order."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from lanes import Lanes, MemoryErp, lanes_on

from app.bridge.adapter import Delivery, Outcome, Uncertain
from app.clock import SetClock
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.jobs import sweep
from app.storage.claims import Claims
from app.storage.deliveries import State
from app.storage.worker_ids import WorkerId

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class AtTheErp:
    """The first request stays there until it is told to go on; then it is done."""

    def __init__(self, readable: bool) -> None:
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self._readable = readable

    def __call__(self, erp: MemoryErp, sent: Delivery) -> Outcome:
        self.arrived.set()
        assert self.go_on.wait(30)
        outcome = erp.keep(sent)
        return outcome if self._readable else Uncertain("the reply was lost")


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp()


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, erp: MemoryErp) -> Lanes:
    return lanes_on(gateway, clock, {"main": erp})


@contextmanager
def request_at_the_erp(lanes: Lanes, erp: MemoryErp, *, readable: bool) -> Iterator[None]:
    """While the block runs; when it ends the ERP has done it."""
    there = AtTheErp(readable)
    erp.script = [there]
    (lane,) = lanes.lanes()
    job = threading.Thread(target=lane_job.run, args=(lanes.gateway, lane))
    job.start()
    assert there.arrived.wait(30)
    try:
        yield
    finally:
        there.go_on.set()
        job.join(30)


def another_worker(lanes: Lanes) -> Lanes:
    settings = lanes.gateway.settings.model_copy(update={"worker_id": "worker-2"})
    return replace(lanes, gateway=replace(lanes.gateway, settings=settings, claims=Claims()))


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize("looks", ["the same worker", "another worker", "another worker, the first being alive"])
def test_the_order_arrives_once(
    looks: str, readable: bool, lanes: Lanes, erp: MemoryErp, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = lanes.approved(lanes.customer())
    looking = lanes if looks == "the same worker" else another_worker(lanes)
    (lane,) = lanes.lanes()
    living = WorkerId(lanes.gateway.database, "worker-1", lambda _: None)
    if looks.endswith("alive"):
        living.__enter__()
    try:
        with request_at_the_erp(lanes, erp, readable=readable):
            for jump in (2 * HOUR, 2 * HOUR, -4 * HOUR, 6 * HOUR):
                clock.jump(jump)
                sweep.sweep(looking.gateway, clock.now())
                lane_job.run(looking.gateway, lane)
                clock.move(10 * SECOND)
        clock.jump(-6 * HOUR)
        lanes.work_for(8 * HOUR)
    finally:
        living.__exit__(None, None, None)
    assert erp.numbers == ["PO-9"]
    assert lanes.delivery(order_id).state == State.ACCEPTED


@pytest.mark.parametrize("seen_by", ["the same worker", "another worker"])
def test_a_lost_reply_settles_in_real_time_though_the_clock_was_set_back(
    seen_by: str, lanes: Lanes, erp: MemoryErp, clock: SetClock
) -> None:
    """The ERP is still at work on the request whose answer is lost, and has nothing to show before it is done."""
    lanes.approved(lanes.customer())
    looking = lanes if seen_by == "the same worker" else another_worker(lanes)
    (lane,) = lanes.lanes()
    sent: list[Delivery] = []

    def takes_time(_erp: MemoryErp, delivery: Delivery) -> Outcome:
        sent.append(delivery)
        clock.jump(-2 * HOUR)
        return Uncertain("no answer in time")

    erp.script = [takes_time]
    clock.jump(2 * HOUR)
    lane_job.run(lanes.gateway, lane)
    for _ in range(5):
        clock.jump(HOUR)
        clock.move(SECOND)
        lane_job.run(looking.gateway, lane)
    assert len(sent) == 1
    assert erp.looked >= 2
    erp.keep(sent[0])
    lanes.work_for(8 * HOUR)
    assert erp.numbers == ["PO-9"]


@pytest.mark.parametrize("alive", [True, False])
def test_a_row_is_taken_over_when_its_lease_is_really_over(
    alive: bool, lanes: Lanes, erp: MemoryErp, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once when its worker is gone; one that lives but stands still is watched first."""
    order_id = lanes.approved(lanes.customer())
    other = another_worker(lanes)
    (lane,) = lanes.lanes()
    living = WorkerId(lanes.gateway.database, "worker-1", lambda _: None)
    if alive:
        living.__enter__()
    try:
        with request_at_the_erp(lanes, erp, readable=True):
            sweep.sweep(other.gateway, clock.now())
            clock.move(80 * SECOND)
            lane_job.run(other.gateway, lane)
            assert lanes.delivery(order_id).state == State.SENDING
            clock.move(11 * SECOND)
            lane_job.run(other.gateway, lane)
            assert lanes.delivery(order_id).state == State.UNCERTAIN
    finally:
        living.__exit__(None, None, None)
    lanes.work_for(HOUR)
    assert erp.numbers == ["PO-9"]

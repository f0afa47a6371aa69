"""The network to the ERP is cut, clocks jump, one customer is slow, two workers want one lane."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import long_form
import pytest
from demo_erps import RunningErp, adapter, demo_erp
from fault_proxy import Fault, FaultProxy
from fault_report import FaultReport
from lanes import Lanes, MemoryErp, lanes_on
from stub_server import Request

from app.bridge.adapter import Delivery, Outcome
from app.clock import SetClock, SystemClock
from app.engine import Engine
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.jobs import registry, sweep
from app.storage.deliveries import State

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

LONG = pytest.param(long_form.orders(10_000), 50, marks=pytest.mark.long)


def kind_of(gateway: Gateway) -> str:
    return "SQLite" if gateway.database.sqlite else "PostgreSQL"


def placed(lanes: Lanes, orders: int, customers: int) -> dict[str, list[str]]:
    ids = [lanes.customer(f"C-{n}") for n in range(customers)]
    made: dict[str, list[str]] = {customer: [] for customer in ids}
    for n in range(orders):
        lanes.approved(ids[n % customers], f"PO-{n:05}")
        made[ids[n % customers]].append(f"PO-{n:05}")
    return made


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningErp]:
    with demo_erp(tmp_path) as running:
        yield running


def test_a_network_that_is_cut_again_and_again(
    gateway: Gateway, clock: SetClock, running: RunningErp, tmp_path: Path, faults: FaultReport
) -> None:
    """For as long as ten requests everything is lost, before the ERP has it or after; then the network is back."""
    seen = 0

    def cut(_: Request) -> Fault:
        nonlocal seen
        seen += 1
        if seen // 10 % 3:
            return Fault.PASS
        return Fault.DROP_AFTER_REQUEST if seen % 2 else Fault.RESET_BEFORE_FORWARD

    with FaultProxy(running.port, cut) as proxy, adapter(proxy.url, tmp_path) as erp:
        lanes = lanes_on(gateway, clock, {"main": erp})
        made = placed(lanes, orders=40, customers=8)
        lanes.work_for(12 * HOUR)
    arrived = [kept["reference"] for kept in reversed(running.received()["orders"])]
    assert {row.state for row in lanes.deliveries()} == {State.ACCEPTED}
    faults.judge("network to the ERP cut", kind_of(gateway), made, arrived)


@pytest.mark.parametrize("jump", [HOUR, 30 * DAY, -HOUR], ids=["an hour on", "a month on", "an hour back"])
def test_the_clock_jumps_while_an_order_is_at_the_erp(
    jump: timedelta, gateway: Gateway, clock: SetClock, faults: FaultReport
) -> None:
    """Another worker sees a lease that ran out, or a row touched in the future, while the call is still under way."""

    def jumps(erp: MemoryErp, sent: Delivery) -> Outcome:
        clock.move(jump)
        sweep.sweep(lanes.gateway, clock.now())
        lanes.work()
        return erp.keep(sent)

    def works(erp: MemoryErp, sent: Delivery) -> Outcome:
        return erp.keep(sent)

    erp = MemoryErp(script=[works, works, jumps])
    lanes = lanes_on(gateway, clock, {"main": erp})
    made = placed(lanes, orders=20, customers=4)
    lanes.work_for(abs(jump) + 3 * HOUR)
    faults.judge(f"clock jumps by {jump.total_seconds() / 3600:+.0f} h", kind_of(gateway), made, erp.numbers)


@pytest.mark.parametrize(("orders", "customers"), [(100, 1), LONG], ids=["short", "long"])
def test_two_workers_with_one_lane(
    orders: int, customers: int, gateway: Gateway, faults: FaultReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_job, "TURN", 0.0)
    clock = SetClock(SystemClock().now())
    chance = random.Random(orders)
    erp = MemoryErp()
    lanes = lanes_on(gateway, clock, {"main": erp})
    made = placed(lanes, orders, customers)
    other = replace(lanes.gateway, settings=gateway.settings.model_copy(update={"worker_id": "worker-2"}))
    all_lanes = lanes.lanes()

    def works(worker: Gateway) -> None:
        until = time.monotonic() + orders
        while len(erp.numbers) < orders and time.monotonic() < until:
            for lane in chance.sample(all_lanes, len(all_lanes)):
                lane_job.run(worker, lane)
                time.sleep(0.001)

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(works, (lanes.gateway, other)))
    assert {row.worker for row in lanes.deliveries()} == {"worker-1", "worker-2"}
    faults.judge("two workers with one lane", kind_of(gateway), made, erp.numbers)


def test_a_slow_customer_delays_no_other(gateway: Gateway, faults: FaultReport) -> None:
    """Under the real engine. The ERP takes a second for each order of one customer."""

    def slow_for_one(erp: MemoryErp, sent: Delivery) -> Outcome:
        if sent.customer == "C-0":
            time.sleep(1)
        return erp.keep(sent)

    erp, clock = MemoryErp(script=[slow_for_one] * 100), SystemClock()
    engine = Engine(gateway.database, poll=0.05)
    lanes = Lanes(replace(gateway, engine=engine, clock=clock, erps={"main": erp}), clock, {"main": erp})  # type: ignore[arg-type]  # time runs
    made = placed(lanes, orders=40, customers=10)
    engine.start(registry.handlers(lanes.gateway))
    until = time.monotonic() + 30
    while len(erp.numbers) < 40:
        assert time.monotonic() < until, "not drained"
        time.sleep(0.02)
    engine.stop(drain=2)
    (slow,) = [numbers for numbers in made.values() if "PO-00000" in numbers]
    assert set(erp.numbers[-2:]) <= set(slow), "the others waited for the slow one"
    faults.judge("one slow customer", kind_of(gateway), made, erp.numbers)

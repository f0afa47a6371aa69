"""The fault proxy before the demo ERP, which does not notice doubles: as many orders there as here, in their order."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from bridge_orders import line, order
from demo_erps import RunningErp, adapter, demo_erp
from fault_proxy import Fault, FaultProxy
from lanes import Lanes, MemoryErp, lanes_on
from stub_server import Request

from app.bridge.adapter import Delivery, Outcome, Retry, Uncertain
from app.clock import SetClock
from app.gateway import Gateway
from app.jobs import lane as lane_job
from app.storage.deliveries import State

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningErp]:
    with demo_erp(tmp_path) as running:
        yield running


class Network:
    """Lanes whose way to the demo ERP leads through the proxy."""

    def __init__(self, lanes: Lanes, running: RunningErp, proxy: FaultProxy) -> None:
        self.lanes = lanes
        self.running = running
        self.proxy = proxy

    def numbers(self) -> list[str]:
        """In the order of arrival, oldest first."""
        return [kept["reference"] for kept in reversed(self.running.received()["orders"])]


@pytest.fixture
def network(
    gateway: Gateway, clock: SetClock, running: RunningErp, tmp_path: Path
) -> Iterator[Callable[[Callable[[Request], Fault]], Network]]:
    closing: list[Callable[[], None]] = []

    def make(choose: Callable[[Request], Fault]) -> Network:
        proxy = FaultProxy(running.port, choose)
        proxy.__enter__()
        closing.append(lambda: proxy.__exit__(None, None, None))
        through = adapter(proxy.url, tmp_path, total=0.4)
        erp = through.__enter__()
        closing.append(lambda: through.__exit__(None, None, None) and None)
        return Network(lanes_on(gateway, clock, {"main": erp}), running, proxy)

    yield make
    for close in reversed(closing):
        close()


def faults(*script: Fault) -> Callable[[Request], Fault]:
    left = list(script)
    return lambda _: left.pop(0) if left else Fault.PASS


def test_a_naive_sender_would_make_three(running: RunningErp, tmp_path: Path) -> None:
    """What this is all about: the ERP takes whatever is sent to it."""
    lost_thrice = faults(*[Fault.DROP_AFTER_REQUEST] * 3)
    with FaultProxy(running.port, lost_thrice) as proxy, adapter(proxy.url, tmp_path, total=0.4) as erp:
        sent = Delivery(
            id="1", kind="create", reference="PO-9", revision=1, customer="C", order=order(), correlation_id="c"
        )
        outcomes = [type(erp.submit(sent)) for _ in range(3)]
    assert outcomes == [Uncertain] * 3
    assert len(running.received()["orders"]) == 3


@pytest.mark.parametrize("lost", [1, 3, 6])
def test_lost_answers_make_one_order(network: Callable[..., Network], lost: int) -> None:
    world = network(faults(*[Fault.DROP_AFTER_REQUEST] * lost))
    order_id = world.lanes.approved(world.lanes.customer())
    world.lanes.work_for(HOUR)
    assert world.numbers() == ["PO-9"]
    assert world.lanes.delivery(order_id).state == State.ACCEPTED


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.TWICE])
def test_each_fault_of_an_order_and_of_its_look_ups(network: Callable[..., Network], fault: Fault) -> None:
    world = network(faults(fault, fault))
    order_id = world.lanes.approved(world.lanes.customer())
    world.lanes.work_for(HOUR)
    assert world.numbers() == ["PO-9"]
    assert world.lanes.delivery(order_id).state == State.ACCEPTED


def test_a_network_that_repeats_requests_needs_an_erp_that_keeps_the_key(network: Callable[..., Network]) -> None:
    world = network(faults(Fault.TWICE))
    world.running.told(idempotent=True)
    world.lanes.approved(world.lanes.customer())
    world.lanes.work_for(MINUTE)
    assert world.numbers() == ["PO-9"]


def test_forty_orders_through_a_network_that_fails_often(network: Callable[..., Network]) -> None:
    chance = random.Random(20260302)
    ill = [fault for fault in Fault if fault not in (Fault.PASS, Fault.TWICE, Fault.SLOW)]
    world = network(lambda _: chance.choice(ill) if chance.random() < 0.4 else Fault.PASS)
    customers = [world.lanes.customer(f"C-{n}") for n in range(8)]
    placed = [f"PO-{n:02}" for n in range(40)]
    order_ids = [world.lanes.approved(customers[n % 8], number) for n, number in enumerate(placed)]
    world.lanes.work_for(24 * HOUR)
    arrived = Counter(world.numbers())
    assert max(arrived.values()) == 1
    for number, order_id in zip(placed, order_ids, strict=True):
        # Three uncertain attempts in a row are a person's; the ERP has not got those.
        state = world.lanes.delivery(order_id).state
        assert (state, arrived[number]) in {(State.ACCEPTED, 1), (State.HELD, 0)}
    assert sum(arrived.values()) >= 36
    for customer in range(8):
        mine = [number for number in world.numbers() if number in placed[customer::8]]
        assert mine == sorted(mine)


def test_create_change_and_cancel_keep_their_order_through_faults(network: Callable[..., Network]) -> None:
    chance = random.Random(7)
    ill = [Fault.DROP_AFTER_REQUEST, Fault.STATUS_502, Fault.RESET_BEFORE_FORWARD]
    world = network(lambda _: chance.choice(ill) if chance.random() < 0.3 else Fault.PASS)
    order_id = world.lanes.approved(world.lanes.customer(), "PO-1")
    world.lanes.work_for(HOUR)
    for revision in range(2, 6):
        world.lanes.revised(order_id, order("PO-1", line(1, "BOLT-M8", str(revision), "0.05")))
        world.lanes.work_for(HOUR)
    world.lanes.revised(order_id, order("PO-1"), "cancel")
    world.lanes.work_for(HOUR)
    (kept,) = world.running.received()["orders"]
    assert (kept["state"], kept["revision"]) == ("cancelled", 5)
    revisions = [event["revision"] for event in world.running.received()["events"]]
    assert revisions == sorted(revisions)


def test_two_workers_and_shuffled_work_items_keep_the_order_of_a_lane(gateway: Gateway, clock: SetClock) -> None:
    chance = random.Random(5)

    def moody(erp: MemoryErp, sent: Delivery) -> Outcome:
        if chance.random() < 0.3:
            return Retry("busy", after=timedelta(0))
        return erp.keep(sent)

    erp = MemoryErp(script=[moody] * 1_000)
    lanes = lanes_on(gateway, clock, {"main": erp})
    customers = [lanes.customer(f"C-{n}") for n in range(3)]
    for n in range(60):
        lanes.approved(customers[n % 3], f"PO-{n % 3}-{n:02}")
    items = lanes.lanes() * 70
    chance.shuffle(items)
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda lane: lane_job.run(lanes.gateway, lane), items))
    assert Counter(erp.numbers) == Counter(f"PO-{n % 3}-{n:02}" for n in range(60))
    for customer in range(3):
        mine = [number for number in erp.numbers if number.startswith(f"PO-{customer}-")]
        assert mine == sorted(mine)

"""kill -9 of a worker, on both databases: each order is at the ERP once, in its lane's order."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from console import environment
from demo_erps import RunningErp, demo_erp
from fault_report import FaultReport
from kill_points import DELIVERY
from lanes import lanes_on

from app.clock import SetClock, SystemClock
from app.gateway import Gateway

DRAINING = Path(__file__).with_name("draining.py")
TESTS = DRAINING.parents[1]


@dataclass
class World:
    gateway: Gateway
    running: RunningErp

    def place(self, orders: int, lanes: int) -> dict[str, list[str]]:
        made = lanes_on(self.gateway, SetClock(SystemClock().now()), {})
        customers = [made.customer(f"C-{n}") for n in range(lanes)]
        placed: dict[str, list[str]] = {customer: [] for customer in customers}
        for n in range(orders):
            made.approved(customers[n % lanes], f"PO-{n:05}")
            placed[customers[n % lanes]].append(f"PO-{n:05}")
        return placed

    def worker(self, worker_id: str = "worker-1", kill_at: str = "") -> "subprocess.Popen[bytes]":
        url = self.gateway.database.url.render_as_string(hide_password=False)
        path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
        return subprocess.Popen(
            [sys.executable, DRAINING, url, self.running.url, self.running.data, worker_id],
            env=environment({"CROSSDOCK_KILL_AT": kill_at, "PYTHONPATH": path}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def arrived(self) -> list[str]:
        return [kept["reference"] for kept in reversed(self.running.received()["orders"])]


@pytest.fixture
def world(gateway: Gateway, tmp_path: Path) -> Iterator[World]:
    with demo_erp(tmp_path) as running:
        yield World(gateway, running)


def kind_of(gateway: Gateway) -> str:
    return "SQLite" if gateway.database.sqlite else "PostgreSQL"


@pytest.mark.parametrize("point", DELIVERY)
def test_a_worker_killed_at_the_point_leaves_each_order_once(point: str, world: World, faults: FaultReport) -> None:
    placed = world.place(orders=6, lanes=2)
    killed = world.worker(kill_at=point)
    assert killed.wait(60) == -signal.SIGKILL
    assert world.worker().wait(60) == 0
    faults.judge(f"kill -9 at {point}", kind_of(world.gateway), placed, world.arrived())


@pytest.mark.parametrize(
    ("orders", "lanes", "rounds", "longest"),
    [(60, 4, 1, 0.2), pytest.param(10_000, 50, 20, 10.0, marks=pytest.mark.long)],
)
def test_two_workers_killed_at_any_moment_leave_each_order_once(
    orders: int, lanes: int, rounds: int, longest: float, world: World, faults: FaultReport
) -> None:
    """The moment is drawn; whoever was killed starts again under its id."""
    chance = random.Random(orders)
    placed = world.place(orders, lanes)
    kills = 0
    for _ in range(rounds):
        before = len(world.arrived())
        pair = [world.worker("worker-1"), world.worker("worker-2")]
        until = time.monotonic() + 60
        while len(world.arrived()) == before < orders:
            assert time.monotonic() < until, "nothing arrives"
            time.sleep(0.02)
        time.sleep(chance.uniform(0, longest))
        for one in pair:
            one.kill()
        kills += [one.wait(10) for one in pair].count(-signal.SIGKILL)
    pair = [world.worker("worker-1"), world.worker("worker-2")]
    assert [one.wait(900) for one in pair] == [0, 0]
    assert kills
    faults.judge(f"two workers, {kills} kills at any moment", kind_of(world.gateway), placed, world.arrived())

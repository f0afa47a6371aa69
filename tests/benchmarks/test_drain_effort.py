"""What draining a lane costs, in statements and in memory: seconds depend on the machine, these do not."""

import gc
import logging
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from lanes import Lanes, MemoryErp, lanes_on
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.bridge.adapter import Accepted, Delivery, Outcome
from app.clock import SetClock
from app.gateway import Gateway
from app.jobs import lane as lane_job


class Forgetful(MemoryErp):
    """Takes every order and remembers none, so that only the gateway's memory is measured."""

    def submit(self, delivery: Delivery) -> Outcome:
        return Accepted("E1", "SO-1")


@pytest.fixture
def backlog(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Lanes:
    """A lane is drained in one turn."""
    monkeypatch.setattr(lane_job, "TURN", 600.0)
    return lanes_on(gateway, clock, {"main": Forgetful()})


@contextmanager
def statements() -> Iterator[list[str]]:
    """Everything that is executed, by whatever connection."""
    seen: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def filled(lanes: Lanes, customer: str, orders: int) -> None:
    customer_id = lanes.customer(customer)
    for number in range(orders):
        lanes.approved(customer_id, f"{customer}-{number}")


def test_an_order_costs_the_same_however_many_wait_behind_it(backlog: Lanes) -> None:
    filled(backlog, "C-1", 20)
    filled(backlog, "C-2", 100)
    first, second = backlog.lanes()
    with statements() as few:
        assert lane_job.run(backlog.gateway, first) == 20
    with statements() as many:
        assert lane_job.run(backlog.gateway, second) == 100
    # What begins and ends a turn is spread over more orders.
    assert len(many) / 100 <= len(few) / 20


def test_memory_stays_while_a_lane_drains(backlog: Lanes) -> None:
    for customer in ("C-1", "C-2", "C-3"):
        filled(backlog, customer, 100)
    *first, last = backlog.lanes()
    # pytest keeps every record that is logged.
    logging.disable(logging.CRITICAL)
    tracemalloc.start()
    try:
        for lane in first:
            lane_job.run(backlog.gateway, lane)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        lane_job.run(backlog.gateway, last)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)
    # An order of two lines is some 2 kB as JSON and several as objects: kept ones would be several times this.
    # Tables of libraries that grow in steps take some 30 kB once.
    grown = after - before
    assert grown < 100 * 1_000

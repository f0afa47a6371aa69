"""The jobs under the real engine: what is committed is sent, and what the engine forgets the sweep finds."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from lanes import Lanes, MemoryErp, reply_is_lost
from sqlalchemy import text

from app.bridge.adapter import Delivery, Outcome, Retry
from app.clock import SystemClock
from app.engine import Engine
from app.gateway import Gateway
from app.jobs import registry, sweep
from app.storage.database import Database
from app.storage.deliveries import State


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    engine = Engine(database, poll=0.05)
    yield engine
    engine.stop(drain=2)


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp()


@pytest.fixture
def lanes(gateway: Gateway, engine: Engine, erp: MemoryErp) -> Lanes:
    clock = SystemClock()
    known = {"main": erp}
    return Lanes(replace(gateway, engine=engine, clock=clock, erps=known), clock, known)  # type: ignore[arg-type]  # time runs


def until(done: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_what_is_committed_is_sent(lanes: Lanes, engine: Engine, erp: MemoryErp) -> None:
    engine.start(registry.handlers(lanes.gateway))
    customers = [lanes.customer(f"C-{n}") for n in range(3)]
    order_ids = [lanes.approved(customers[n % 3], f"PO-{n}") for n in range(9)]
    until(lambda: all(lanes.delivery(order_id).state == State.ACCEPTED for order_id in order_ids))
    assert sorted(erp.numbers) == [f"PO-{n}" for n in range(9)]


def test_look_ups_and_retries_come_by_themselves(lanes: Lanes, engine: Engine, erp: MemoryErp) -> None:
    def busy(erp: MemoryErp, sent: Delivery) -> Outcome:
        return Retry("busy", after=timedelta(seconds=0.3))

    erp.script = [busy, reply_is_lost]
    engine.start(registry.handlers(lanes.gateway))
    order_id = lanes.approved(lanes.customer())
    until(lambda: lanes.delivery(order_id).state == State.ACCEPTED)
    assert erp.numbers == ["PO-9"]
    assert lanes.delivery(order_id).attempts == 2


def test_what_the_engine_has_forgotten_the_sweep_puts_back(
    lanes: Lanes, engine: Engine, erp: MemoryErp, database: Database
) -> None:
    order_ids = [lanes.approved(lanes.customer(f"C-{n}"), f"PO-{n}") for n in range(3)]
    table = "workflow_status" if database.sqlite else "dbos.workflow_status"
    with database.engine.begin() as connection:
        assert connection.execute(text(f"DELETE FROM {table}")).rowcount == 3
    engine.start(registry.handlers(lanes.gateway))
    assert sweep.sweep(lanes.gateway, lanes.clock.now() + timedelta(minutes=1)) == 3
    until(lambda: all(lanes.delivery(order_id).state == State.ACCEPTED for order_id in order_ids))
    assert sorted(erp.numbers) == ["PO-0", "PO-1", "PO-2"]

"""A server restored from a backup orders nothing twice, whatever was done after the backup was taken."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from bridge_orders import line, order
from conftest import RecordedWork
from databases import Templates
from lanes import Lanes, MemoryErp, is_down, lanes_on, reply_is_lost

from app.clock import SetClock
from app.gateway import Gateway
from app.jobs.sweep import sweep
from app.storage.backup import archive
from app.storage.backup.restore import restore
from app.storage.backup.take import take
from app.storage.database import Database
from app.storage.deliveries import State
from app.storage.seal_keys import register_key
from app.work import WAKE_LANE

MINUTE = timedelta(minutes=1)


@pytest.fixture
def erp() -> MemoryErp:
    return MemoryErp()


@pytest.fixture
def lanes(gateway: Gateway, clock: SetClock, erp: MemoryErp) -> Lanes:
    gateway.database.write(lambda session: register_key(session, gateway.keys, clock.now()))
    return lanes_on(gateway, clock, {"main": erp})


@pytest.fixture
def empty(other_templates: Templates, database: Database, tmp_path: Path) -> Iterator[Database]:
    """An empty database on another machine."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with other_templates.migrated_url("sqlite" if database.sqlite else "postgres", folder) as url:
        database = Database(url, pool=3)
        database.start()
        yield database
        database.stop()


def restored(lanes: Lanes, file: Path, empty: Database) -> Lanes:
    """The same customers and ERP, served from what the backup holds."""
    with archive.opened(file) as reader:
        reader.check()
        restore(empty, reader, lanes.gateway.keys, at=lanes.clock.now())
    return lanes_on(replace(lanes.gateway, database=empty, engine=RecordedWork()), lanes.clock, lanes.erps)


def states(lanes: Lanes) -> list[str]:
    return [row.state for row in lanes.deliveries()]


def test_what_was_delivered_after_the_backup_is_found_and_what_was_not_is_sent(
    lanes: Lanes, erp: MemoryErp, empty: Database, tmp_path: Path
) -> None:
    customers = [lanes.customer(f"C-{n}") for n in range(4)]
    lanes.approved(customers[0], "PO-done-before")
    lanes.work()
    lanes.approved(customers[1], "PO-done-after")
    lanes.approved(customers[2], "PO-reply-lost-after")
    lanes.approved(customers[3], "PO-not-done")
    take(lanes.gateway.database, tmp_path / "b.zip", at=lanes.clock.now())
    erp.script = [lambda erp, sent: erp.keep(sent), reply_is_lost, is_down]
    lanes.work()
    assert sorted(erp.numbers) == ["PO-done-after", "PO-done-before", "PO-reply-lost-after"]

    anew = restored(lanes, tmp_path / "b.zip", empty)
    assert states(anew) == [State.ACCEPTED, *[State.UNCERTAIN] * 3]
    anew.work_for(2 * MINUTE)
    assert sorted(erp.numbers) == ["PO-done-after", "PO-done-before", "PO-not-done", "PO-reply-lost-after"]
    assert states(anew) == [State.ACCEPTED] * 4


def test_an_order_that_the_buyer_sends_again_because_the_backup_forgot_it_is_found(
    lanes: Lanes, erp: MemoryErp, empty: Database, tmp_path: Path
) -> None:
    customer = lanes.customer()
    take(lanes.gateway.database, tmp_path / "b.zip", at=lanes.clock.now())
    lanes.approved(customer, "PO-forgotten")
    lanes.work()

    anew = restored(lanes, tmp_path / "b.zip", empty)
    anew.clock.move(timedelta(days=2))
    again = anew.approved(customer, "PO-forgotten")
    first = anew.approved(customer, "PO-new")
    anew.work()
    assert erp.numbers == ["PO-forgotten", "PO-new"]
    assert {anew.delivery(order_id).state for order_id in (again, first)} == {State.ACCEPTED}


def test_a_change_made_after_the_backup_is_brought_to_the_erp_again_and_not_added_to_it(
    lanes: Lanes, erp: MemoryErp, empty: Database, tmp_path: Path
) -> None:
    order_id = lanes.approved(lanes.customer(), "PO-1")
    lanes.work()
    lanes.revised(order_id, order("PO-1", line(1, "BOLT-M8", "500", "0.05")))
    take(lanes.gateway.database, tmp_path / "b.zip", at=lanes.clock.now())
    lanes.work()

    anew = restored(lanes, tmp_path / "b.zip", empty)
    anew.work_for(2 * MINUTE)
    assert [kept.order.lines[0].quantity.amount for kept in erp.kept] == [500]
    assert states(anew) == [State.ACCEPTED] * 2


def test_long_after_a_restore_orders_go_out_without_a_look_up(
    lanes: Lanes, erp: MemoryErp, empty: Database, tmp_path: Path
) -> None:
    customer = lanes.customer()
    take(lanes.gateway.database, tmp_path / "b.zip", at=lanes.clock.now())
    anew = restored(lanes, tmp_path / "b.zip", empty)
    anew.clock.move(timedelta(days=lanes.gateway.settings.duplicate_days))
    anew.approved(customer, "PO-1")
    anew.work()
    assert (erp.numbers, erp.looked) == (["PO-1"], 0)


def test_the_sweep_finds_the_restored_work_whose_items_were_in_no_backup(
    lanes: Lanes, empty: Database, tmp_path: Path
) -> None:
    lanes.approved(lanes.customer())
    take(lanes.gateway.database, tmp_path / "b.zip", at=lanes.clock.now())
    anew = restored(lanes, tmp_path / "b.zip", empty)
    engine = anew.gateway.engine
    assert isinstance(engine, RecordedWork)
    assert engine.arguments(WAKE_LANE) == []
    anew.clock.move(MINUTE)
    assert sweep(anew.gateway, anew.clock.now()) == 1
    assert engine.arguments(WAKE_LANE) == anew.lanes()

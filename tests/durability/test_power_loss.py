"""What was acknowledged is there when the power comes back; and the harness would notice if it were not."""

import secrets
import shutil
import sqlite3
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import console
import httpx
import long_form
import pytest
from databases import Templates
from demo_orders import order_bytes
from fault_report import FaultReport
from power import SOURCE, Machine
from preloaded import library

from app.sandbox import access as access_file
from app.sandbox.access import DemoAccess
from app.sandbox.buyer import VirtualBuyer
from app.sandbox.erp import ErpView

COMMITTING = Path(__file__).with_name("committing.py")
ACKNOWLEDGED = 3_000
"""Rows before the power fails: enough that SQLite has written the log back into the database several times."""


@pytest.fixture(scope="module")
def unsynced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return library(SOURCE, tmp_path_factory.mktemp("library"))


def lost(unsynced: Path, templates: Templates, folder: Path, synchronous: str, *, lies: bool = False) -> int:
    """How many of the acknowledged rows are gone after a power failure."""
    data = folder / "data"
    data.mkdir()
    with templates.migrated_url("sqlite", data) as url:
        machine = Machine(unsynced, data, lies=lies)
        process = machine.start([sys.executable, COMMITTING, url, synchronous])
        assert process.stdout
        acknowledged = {process.stdout.readline().decode().strip() for _ in range(ACKNOWLEDGED)}
        disk = machine.power_fails()
    assert "" not in acknowledged, "the process ended by itself"
    with closing(sqlite3.connect(disk / "crossdock.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = {row_id for (row_id,) in connection.execute("SELECT id FROM cd_processes")}
    return len(acknowledged - found)


def test_nothing_acknowledged_is_lost(unsynced: Path, templates: Templates, tmp_path: Path) -> None:
    assert lost(unsynced, templates, tmp_path, "FULL") == 0


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_with_less_than_full_synchronous_rows_are_lost(
    synchronous: str, unsynced: Path, templates: Templates, tmp_path: Path
) -> None:
    assert lost(unsynced, templates, tmp_path, synchronous) > 0


def test_a_disk_that_lies_about_syncing_is_noticed(unsynced: Path, templates: Templates, tmp_path: Path) -> None:
    assert lost(unsynced, templates, tmp_path, "FULL", lies=True) == ACKNOWLEDGED


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a demo that was started once and stopped."""
    data = tmp_path_factory.mktemp("loaded") / "data"
    with console.demo(data) as started:
        assert started.stop() == 0
    return data


FORGETFUL = """
import app.storage.database as database
database.PRAGMAS = (*database.PRAGMAS, "synchronous=OFF")
from app.cli import main
main()
"""
"""The server, but for SQLite's synchronous=FULL."""


def acknowledged(machine: Machine, command: Sequence[str | Path], *, orders: int) -> set[str]:
    """The numbers of orders that the server took before its power failed, many of them at the same time."""
    port = console.two_free_ports()
    machine.start([*command, "serve", "--data", machine.data, "--port", str(port)], console.environment())
    access = load(machine.data).reached_at(f"http://127.0.0.1:{port}").cxml
    wait_until_ready(f"http://127.0.0.1:{port}/readyz")

    def send(count: int) -> list[str]:
        buyer, taken = VirtualBuyer(access), []
        for _ in range(count):
            number = f"POWER-{secrets.token_hex(4)}"
            reply = buyer.post(order_bytes(buyer, number))
            assert reply.cxml is not None
            assert reply.code == 200
            taken.append(number)
        buyer.close()
        return taken

    with ThreadPoolExecutor(4) as pool:
        return {number for taken in pool.map(send, [orders // 4] * 4) for number in taken}


def load(data: Path) -> DemoAccess:
    found = access_file.load(data)
    assert found is not None
    return found


def wait_until_ready(url: str) -> None:
    until = time.monotonic() + console.START_SECONDS
    while time.monotonic() < until:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server did not become ready")


@pytest.mark.parametrize("orders", [40, pytest.param(long_form.orders(2_000), marks=pytest.mark.long)])
def test_an_order_that_was_answered_is_in_the_erp_after_the_power_came_back(
    orders: int, unsynced: Path, loaded: Path, tmp_path: Path, faults: FaultReport
) -> None:
    machine = Machine(unsynced, Path(shutil.copytree(loaded, tmp_path / "data")))
    numbers = acknowledged(machine, [console.SCRIPT], orders=orders)
    disk = machine.power_fails()
    with console.demo(disk) as again:
        erp = ErpView(again.access.erp_url)
        missing = [number for number in numbers if erp.wait_for(number) is None]
        assert missing == [], "acknowledged and lost"
        assert erp.doubles() == 0
        arrived = [number for number in numbers for _ in erp.orders(number)]
        faults.judge("power fails", "SQLite", {"": sorted(numbers)}, sorted(arrived))


def test_a_server_without_synchronous_full_loses_orders(unsynced: Path, loaded: Path, tmp_path: Path) -> None:
    machine = Machine(unsynced, Path(shutil.copytree(loaded, tmp_path / "data")))
    numbers = acknowledged(machine, [sys.executable, "-c", FORGETFUL], orders=40)
    disk = machine.power_fails()
    with closing(sqlite3.connect(disk / "crossdock.db")) as connection:
        found = {number for (number,) in connection.execute("SELECT number FROM cd_orders")}
    assert numbers - found, "the harness would not have noticed a loss"

"""What was acknowledged is there when the power comes back; and the harness would notice if it were not."""

import sqlite3
import sys
from pathlib import Path

import pytest
from databases import Templates
from power import Machine, library

COMMITTING = Path(__file__).with_name("committing.py")
ACKNOWLEDGED = 3_000
"""Rows before the power fails: enough that SQLite has written the log back into the database several times."""


@pytest.fixture(scope="module")
def unsynced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return library(tmp_path_factory.mktemp("library"))


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
    with sqlite3.connect(disk / "crossdock.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = {row_id for (row_id,) in connection.execute("SELECT id FROM cd_processes")}
    connection.close()
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

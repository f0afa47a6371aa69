"""The database is stopped and started, held by another, or out of disk, while orders come in and go out: senders are
asked to come back, in their protocol, the processes live on, and what was acknowledged is at the ERP once."""

import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import long_form
import pytest
from databases import Templates
from fault_report import FaultReport
from fault_site import Site, a_site, load, until
from postgres_cluster import Cluster, cluster

LONG = pytest.param(long_form.orders(10_000), 20, 0.0, marks=pytest.mark.long)
PACE = 0.5


@pytest.fixture
def sqlite_site(templates: Templates, tmp_path: Path) -> Iterator[Site]:
    with templates.own_url("sqlite", tmp_path) as url, a_site("SQLite", url, tmp_path) as made:
        yield made


@pytest.mark.parametrize(("orders", "stops", "pace"), [(24, 2, PACE), LONG], ids=["short", "long"])
def test_a_postgres_server_is_stopped_and_started(
    orders: int, stops: int, pace: float, tmp_path: Path, faults: FaultReport
) -> None:
    """With `pg_ctl stop -m immediate`, as if it had crashed."""
    with cluster() as server, a_site("PostgreSQL", server.url, tmp_path) as site:
        running = [site.web(), site.worker()]
        with load(site, orders, "STOP", pace=pace) as buyers:
            for stop in range(stops):
                until(lambda: buyers.count > orders * stop // stops, "orders are acknowledged")  # noqa: B023 - awaited here
                server.stop()
                before = buyers.put_off
                until(lambda: buyers.put_off > before, "somebody is asked to come back")  # noqa: B023 - awaited here
                server.start()
            acknowledged = buyers.finish()
            buyers.again()
        site.until_drained()
        site.judge(faults, f"database stopped and started, {stops} times", acknowledged)
        for one in running:
            one.ends()


@pytest.mark.parametrize("seconds", [3, pytest.param(45, marks=pytest.mark.long)])
def test_an_sqlite_file_is_held_by_another_process(seconds: int, sqlite_site: Site, faults: FaultReport) -> None:
    """A database in a file cannot be stopped; it can be locked, for less or more than we wait for it."""
    running = [sqlite_site.web(), sqlite_site.worker()]
    with load(sqlite_site, 24, "HELD", pace=PACE) as buyers:
        until(lambda: buyers.count > 4, "orders are acknowledged")
        with closing(sqlite3.connect(sqlite_site.data.parent / "crossdock.db", timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            other.rollback()
        acknowledged = buyers.finish()
        buyers.again()
    sqlite_site.until_drained()
    sqlite_site.judge(faults, f"database held by another for {seconds} s", acknowledged)
    for one in running:
        one.ends()


def test_the_disk_below_an_sqlite_file_is_full(sqlite_site: Site, faults: FaultReport) -> None:
    """By a limit on the size of files, which a write meets as it does a full disk."""
    running = [sqlite_site.web(), sqlite_site.worker()]
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    with load(sqlite_site, 24, "FULL", pace=PACE) as buyers:
        until(lambda: buyers.count > 4, "orders are acknowledged")
        for one in running:
            resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        until(lambda: buyers.put_off > 8, "somebody is asked to come back")
        for one in running:
            resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, unlimited)
        acknowledged = buyers.finish()
        buyers.again()
    sqlite_site.until_drained()
    sqlite_site.judge(faults, "disk full", acknowledged)
    for one in running:
        one.ends()


def test_the_disk_below_a_postgres_server_is_full(tmp_path: Path, faults: FaultReport) -> None:
    """The server may give up over it; then it is started again when there is room."""
    with cluster(megabytes=160) as server, a_site("PostgreSQL", server.url, tmp_path) as site:
        running = [site.web(), site.worker()]
        with load(site, 24, "FULL", pace=PACE) as buyers:
            until(lambda: buyers.count > 4, "orders are acknowledged")
            with no_room(server):
                until(lambda: buyers.put_off > 8, "somebody is asked to come back")
            until(lambda: revived(server) and buyers.count == 24, "all are acknowledged")
            acknowledged = buyers.finish()
            buyers.again()
        site.until_drained()
        site.judge(faults, "disk full", acknowledged)
        for one in running:
            one.ends()


@contextmanager
def no_room(server: Cluster) -> Iterator[None]:
    """Not a byte is left on the server's disk."""
    ballast = server.folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"0" * 512)
    try:
        yield
    finally:
        ballast.unlink()


def revived(server: Cluster) -> bool:
    if not server.runs:
        server.start()
    return True

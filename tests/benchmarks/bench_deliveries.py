"""Deliveries a second through lanes, engine, database and adapter, against a bare httpx loop with the same concurrency
to the same stub ERP, which is a process of its own and answers at once.

    python tests/benchmarks/bench_deliveries.py [--orders 600]

Aim: at least 0.2 of the bare loop with 200 lanes. With CROSSDOCK_TEST_POSTGRES set, PostgreSQL is measured too.
"""

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

import httpx
from benchmarks.stage import kinds
from benchmarks.stub_erp import stub_erp
from benchmarks.verdicts import verdict
from bridge_orders import delivery, order
from databases import KINDS, Templates
from demo_erps import adapter
from lanes import Lanes
from sqlmodel import col, func, select

from app import logs
from app.bridge.rest_json import mapping
from app.clock import SystemClock
from app.engine import Engine
from app.gateway import Gateway
from app.jobs import registry
from app.seal import KeyRing
from app.settings import Settings
from app.storage.database import Database
from app.storage.deliveries import DeliveryRow

AIM = 0.2
MANY = 200
"""Lanes with which the aim holds."""


def bare(url: str, orders: int, concurrency: int) -> float:
    """Requests a second by httpx alone, in threads as the lanes are."""
    body = mapping.event(delivery(order()), "crossdock/bench")
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    with httpx.Client(limits=limits, trust_env=False) as client, ThreadPoolExecutor(concurrency) as threads:

        def post(_: int) -> int:
            return client.post(f"{url}/orders", content=body).status_code

        list(threads.map(post, range(concurrency)))
        began = time.perf_counter()
        assert set(threads.map(post, range(orders))) == {201}
        return orders / (time.perf_counter() - began)


def through_lanes(database: Database, folder: Path, url: str, orders: int, lanes: int) -> float:
    """Deliveries a second from a full backlog to the last acceptance, the engine's work included."""
    database.start()
    clock = SystemClock()
    engine = Engine(database, threads=lanes, poll=0.05)
    with adapter(url, folder, total=10, at_once=lanes) as erp:
        settings = Settings(data=folder, database_url=database.url.render_as_string(hide_password=False))
        gateway = Gateway(
            settings=settings, clock=clock, database=database, engine=engine, keys=KeyRing.made("bench"), erps={}
        )
        world = Lanes(replace(gateway, erps={"main": erp}), clock, {"main": erp})  # type: ignore[arg-type]  # time runs
        customers = [world.customer(f"C-{n}") for n in range(lanes)]
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda n: world.approved(customers[n % lanes], f"PO-{n}"), range(orders)))
        engine.start(registry.handlers(world.gateway))
        began = time.perf_counter()
        while _open(database):
            time.sleep(0.01)
        took = time.perf_counter() - began
    engine.stop(drain=10)
    database.stop()
    return orders / took


def _open(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(func.count()).where(col(DeliveryRow.open).is_(True))).one()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--orders", type=int, default=600)
    arguments.add_argument("--kind", choices=KINDS)
    arguments.add_argument("--lanes", type=int)
    given = arguments.parse_args()
    logs.configure(form="json", level="error")
    home = Path(tempfile.mkdtemp(prefix="crossdock-bench-"))
    templates = Templates(home)
    ratios: dict[str, float] = {}
    try:
        with stub_erp() as erp:
            for lanes in (given.lanes,) if given.lanes else (1, 4, MANY):
                loop = bare(erp.url, given.orders, lanes)
                print(f"{lanes:4} lanes   bare httpx {loop:7.0f}/s", end="")
                for kind in (given.kind,) if given.kind else kinds():
                    folder = Path(tempfile.mkdtemp(dir=home))
                    with templates.migrated_url(kind, folder) as database_url:
                        rate = through_lanes(Database(database_url, pool=10), folder, erp.url, given.orders, lanes)
                    print(f"   {kind} {rate:6.0f}/s = {rate / loop:5.3f}", end="", flush=True)
                    if lanes == MANY:
                        ratios[f"{kind}: deliveries through {lanes} lanes / bare httpx"] = rate / loop
                print()
        for what, ratio in ratios.items():
            verdict(what, ratio, least=AIM)
    finally:
        templates.close()
        shutil.rmtree(home)


if __name__ == "__main__":
    main()

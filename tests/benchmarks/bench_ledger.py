"""What a large ledger costs whoever asks it: pages, search, one order's evidence, the check, a purge, new keys.

    PYTHONPATH=.:tests python tests/benchmarks/bench_ledger.py [--exchanges 300000] [--postgres]

Exchanges are inserted directly, half of them answers; every tenth request belongs to an order with a delivery and
entries of the record. Each question is measured twice: at a tenth of the size and at all of it. What is asked often
must not take longer in the large ledger (printed as a ratio); what reads everything is printed as rows a second."""

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from buyers import ACME, set_up
from conftest import AT, RecordedWork
from databases import postgres_database
from ledger_traffic import order_of, place
from sqlalchemy import insert
from sqlmodel import select

from app.clock import SetClock
from app.flows import work_overview
from app.flows.export_evidence import export_evidence
from app.gateway import Gateway, migrate
from app.jobs import purge, sweep
from app.seal import KeyRing
from app.settings import Settings
from app.storage import ledger, rotation
from app.storage.base import LIVE, new_id
from app.storage.database import Database
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow
from app.storage.integrity import verify
from app.storage.orders import OrderRow
from app.storage.people import PersonRow
from app.web.exchanges.handlers import _listed as exchanges_listed
from app.web.orders.order_list import OrderFilter
from app.web.orders.order_list import listed as orders_listed

BODY = hashlib.sha512(b"order").digest() * 40
SOMEBODY = PersonRow(realm=LIVE, login="x", name="x", roles=[], created_at=AT)
FILTER = {"q": "", "direction": "", "state": "", "partner": "", "before": ""}
BATCH = 1_000


class Filled:
    def __init__(self, url: str, folder: Path) -> None:
        self.database = Database(url, pool=8)
        self.database.start()
        self.clock = SetClock(AT)
        self.gateway = Gateway(
            settings=Settings(data=folder, base_url="https://crossdock.example", log_level="error"),
            clock=self.clock,
            database=self.database,
            engine=RecordedWork(),
            keys=KeyRing.made("first"),
            erps={},
        )
        self.buyer = set_up(self.gateway, ACME)
        self.size = 0

    def grow(self, to: int) -> None:
        """Up to so many exchanges and a twentieth as many orders."""
        while self.size < to:
            rows = [self._exchange(n) for n in range(self.size, self.size + BATCH)]
            bodies = [self._body(row["id"]) for row in rows]
            orders = [self._order(row) for row in rows[::20]]
            with self.database.engine.begin() as connection:
                connection.execute(insert(ExchangeRow), rows)
                connection.execute(insert(ExchangeBodyRow), bodies)
                connection.execute(insert(OrderRow), orders)
            self.size += BATCH
        if not self.database.sqlite:
            with self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("ANALYZE")

    def _exchange(self, number: int) -> dict[str, Any]:
        row_id = new_id()
        return {
            "id": row_id,
            "realm": LIVE,
            "direction": "out" if number % 2 else "in",
            "partner_id": self.buyer.partner_id,
            "customer_id": self.buyer.customer_id,
            "transport": "http",
            "protocol": "cxml",
            "kind": None if number % 2 else "OrderRequest",
            "control_id": f"{number}.{row_id}@buyer.example",
            "state": "answer" if number % 2 else "accepted",
            "test": False,
            "faults": [],
            "correlation_id": row_id,
            "answers": row_id if number % 2 else None,
            "at": AT - timedelta(days=30),
            "size": len(BODY),
            "sha256": hashlib.sha256(BODY).hexdigest(),
        }

    def _body(self, row_id: str) -> dict[str, Any]:
        sealed = ledger.seal_exchange(self.gateway.keys, row_id, BODY)
        return {"exchange_id": row_id, "sealed_key": sealed.key, "sealed_body": sealed.body}

    def _order(self, exchange: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": new_id(),
            "realm": LIVE,
            "partner_id": self.buyer.partner_id,
            "customer_id": self.buyer.customer_id,
            "number": f"B-{exchange['control_id'][:40]}",
            "state": "accepted",
            "revision": 1,
            "protocol": "cxml",
            "exchange_id": exchange["id"],
            "correlation_id": exchange["correlation_id"],
            "answer_to": {},
            "promised": False,
            "test": False,
            "currency": "EUR",
            "received_at": AT,
            "changed_at": AT,
        }


def often(filled: Filled) -> dict[str, Callable[[], object]]:
    gateway, database = filled.gateway, filled.database

    def reading(work: Callable[[Any], object]) -> Callable[[], object]:
        def ask() -> None:
            with database.read() as session:
                work(session)

        return ask

    with database.read() as session:
        order_id = session.exec(select(OrderRow.id).where(OrderRow.number == "PO-1")).one()
    return {
        "page of exchanges": reading(lambda s: exchanges_listed(s, SOMEBODY, FILTER)),
        "exchange by its id": reading(lambda s: exchanges_listed(s, SOMEBODY, {**FILTER, "q": "PO-1@buyer"})),
        "page of orders": reading(lambda s: orders_listed(s, SOMEBODY, OrderFilter())),
        "evidence of an order": lambda: export_evidence(
            gateway, order_id, BytesIO(), raw=False, actor="system", channel="command"
        ),
        "sweep": lambda: sweep.sweep(gateway, gateway.clock.now()),
        "page of the work": lambda: work_overview.overview(gateway, LIVE),
    }


def search(filled: Filled) -> Callable[[], object]:
    def ask() -> None:
        with filled.database.read() as session:
            orders_listed(session, SOMEBODY, OrderFilter(text="no such order"))

    return ask


def least(work: Callable[[], object], rounds: int = 5) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def rate(rows: int, work: Callable[[], object]) -> str:
    began = time.perf_counter()
    work()
    return f"{rows / (time.perf_counter() - began):10,.0f}/s"


def measure(name: str, url: str, folder: Path, most: int) -> None:
    migrate(url)
    filled = Filled(url, folder)
    place(filled.gateway, filled.buyer, order_of("PO-1"))
    filled.grow(most // 10)
    small = {what: least(work) for what, work in often(filled).items()} | {"search": least(search(filled))}
    filled.grow(most)
    for what, work in often(filled).items():
        large = least(work)
        print(f"{name}: {what:<22} {large * 1000:9.1f} ms   {large / small[what]:5.1f} of a tenth's")
    large = least(search(filled))
    times = large / small["search"]
    print(f"{name}: {'order by part of number':<22} {large * 1000:8.1f} ms   {times:5.1f} of a tenth's")
    print(f"{name}: check of bodies       {rate(most, lambda: verify(filled.database, filled.gateway.keys))}")
    second = KeyRing.made("second")
    both = KeyRing({**filled.gateway.keys.keys, **second.keys}, second.current)
    print(f"{name}: new keys              {rate(most, lambda: rotation.rotate(filled.database, both))}")
    filled.clock.at = AT + timedelta(days=390)
    purge.SHARE = 10.0
    began, erased = time.perf_counter(), purge.purge(replace(filled.gateway, keys=both))
    print(f"{name}: purge                 {erased / (time.perf_counter() - began):10,.0f}/s, a pause behind each batch")
    filled.database.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--exchanges", type=int, default=300_000)
    parser.add_argument("--postgres", action="store_true", help="also where CROSSDOCK_TEST_POSTGRES points")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        measure("SQLite", f"sqlite:///{folder / 'bench.db'}", folder, chosen.exchanges)
        if chosen.postgres and os.environ.get("CROSSDOCK_TEST_POSTGRES"):
            measure("PostgreSQL", stack.enter_context(postgres_database()), folder, chosen.exchanges)


if __name__ == "__main__":
    main()

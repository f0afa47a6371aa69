"""The desk with many open cases: a page of its inbox in each order and by each filter, the counts by cause, and the
figures of 90 days. Ratios to one full scan of the open cases.

    python tests/benchmarks/bench_desk.py [--cases 100000]

One case an order, of 40 customers and 8 kinds, a hundredth of them of the partner and the assignee that are asked for.
With CROSSDOCK_TEST_POSTGRES set, PostgreSQL is measured too.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

import figures_traffic as traffic
from conftest import RecordedWork
from databases import KINDS, Templates
from sqlalchemy import text
from sqlmodel import Session
from stage import kinds
from usage import took

from app import logs
from app.clock import SystemClock
from app.flows.touchless import touchless
from app.gateway import Gateway
from app.seal import KeyRing
from app.settings import Settings
from app.storage.base import LIVE, new_id
from app.storage.database import Database
from app.storage.hourly import Scope
from app.storage.orders import HoldRow, OrderRow
from app.storage.people import PersonRow
from app.web.desk import case_list
from app.web.desk.case_list import CaseFilter, Sort

CODES = (
    "unit.unknown", "item.unknown", "price.off", "total.off",
    "ship_to.unknown", "approval.no_flow", "erp.rejected", "quantity.off_step",
)  # fmt: skip


def fill(gateway: Gateway, cases: int, somebody: PersonRow) -> list[traffic.Trade]:
    trades = traffic.traders(gateway, 40)
    now = gateway.clock.now()
    # Few orders of the last one: whoever asks for these reads past all the others.
    rare = trades[-1]
    orders = [
        traffic.order(
            rare if number % 100 == 99 else trades[number % 39],
            now - timedelta(seconds=cases - number),
            f"D-{number}",
            "held",
        )
        for number in range(cases)
    ]

    def holds() -> Iterator[dict[str, Any]]:
        for number, one in enumerate(orders):
            yield {
                "id": new_id(),
                "realm": LIVE,
                "order_id": one["id"],
                "customer_id": one["customer_id"],
                "revision": 1,
                "code": CODES[number % len(CODES)],
                "line": 1,
                "message": "differs",
                "expected": "C62",
                "found": f"word {number % 500}",
                "data": {"word": f"word {number % 500}"},
                "state": "open",
                "kept": False,
                "opened_at": one["received_at"],
                "due_at": one["received_at"] + timedelta(hours=8 + number % 30),
                "assignee_id": somebody.id if number % 100 == 50 else None,
            }

    traffic.put(gateway, OrderRow, orders)
    traffic.put(gateway, HoldRow, holds())
    return trades


def measure(kind: str, templates: Templates, cases: int) -> None:
    with tempfile.TemporaryDirectory() as folder, templates.migrated_url(kind, Path(folder)) as url:
        database = Database(url, pool=8)
        database.start()
        settings = Settings(data=Path(folder), database_url=url, base_url="https://crossdock.example")
        keys = KeyRing.made("bench")
        gateway = Gateway(settings=settings, clock=SystemClock(), database=database, engine=RecordedWork(), keys=keys)
        now = gateway.clock.now()
        somebody = PersonRow(realm=LIVE, login="olga", name="Olga", roles=["operator"], created_at=now)
        trades = fill(gateway, cases, somebody)
        bound = PersonRow(realm=LIVE, login="otto", name="Otto", roles=["operator"], created_at=now)
        bound.customers = [trade.customer for trade in trades[-3:]]
        if kind == "postgres":
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("ANALYZE"))

        def read(work: Callable[[Session], object]) -> float:
            def once() -> None:
                with database.read() as session:
                    work(session)

            return took(once)

        scan = text("SELECT count(*), max(found), min(expected) FROM cd_holds WHERE state || '' = 'open'")
        full = read(lambda session: session.execute(scan).all())
        print(f"{kind}: {cases} open cases; one look at all of them {full * 1000:.0f} ms")
        later = f"~{new_id()[:13]}"
        pages: dict[str, tuple[PersonRow, CaseFilter]] = {
            "oldest first": (somebody, CaseFilter()),
            "a later page": (somebody, CaseFilter(sort=Sort.NEWEST, after=later)),
            "due next": (somebody, CaseFilter(sort=Sort.DUE)),
            "overdue": (somebody, CaseFilter(overdue=True)),
            "a kind of cause": (somebody, CaseFilter(cause="unit")),
            "one customer": (somebody, CaseFilter(customer=trades[-1].customer)),
            "a rare partner": (somebody, CaseFilter(partner=trades[-1].partner)),
            "mine": (somebody, CaseFilter(whose="mine")),
            "nobody's": (somebody, CaseFilter(whose="nobody")),
            "a text that is nowhere": (somebody, CaseFilter(text="no such word")),
            "of three customers": (bound, CaseFilter()),
        }
        for name, (person, chosen) in pages.items():
            one = read(lambda s, person=person, chosen=chosen: case_list.listed(s, person, chosen, now))  # type: ignore[misc]
            print(f"  {name:24} {one * 1000:7.1f} ms, {one / full:5.2f} of a look at all of them")
        for name, work in (
            ("counts by cause", lambda session: case_list.by_cause(session, somebody)),
            ("how many are overdue", lambda s: case_list.counted(s, somebody, CaseFilter(overdue=True), now)),
            ("figures of 90 days", lambda session: touchless(session, LIVE, Scope(), now)),
        ):
            one = read(work)
            print(f"  {name:24} {one * 1000:7.1f} ms, {one / full:5.2f} of a look at all of them")
        database.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    given = parser.parse_args()
    logs.configure(form="json", level="error")
    with tempfile.TemporaryDirectory() as folder:
        templates = Templates(Path(folder))
        for kind in kinds():
            assert kind in KINDS
            measure(kind, templates, given.cases)
        templates.close()


if __name__ == "__main__":
    main()

"""The operators' page over a month of business: how long one view takes, as the figures are and counted anew from the
rows, and how long a worker takes to count the month. Ratios to one full scan of the exchanges' time index.

    python tests/benchmarks/bench_operations.py [--documents 150000]

Each document is two exchanges, every second one an order with its delivery and attempt. With CROSSDOCK_TEST_POSTGRES
set, PostgreSQL is measured too.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

import figures_traffic as traffic
from conftest import RecordedWork
from databases import KINDS, Templates
from sqlalchemy import text
from stage import kinds
from usage import took

from app import logs
from app.clock import SystemClock
from app.flows.attention import needs, open_lanes
from app.flows.figures import described, figures, known_partners, totals_of_partners
from app.gateway import Gateway
from app.jobs import count_hours
from app.seal import KeyRing
from app.settings import Settings
from app.storage.base import LIVE
from app.storage.database import Database
from app.storage.hourly import Scope, hour_of

SPANS = {"24h": 24, "7d": 168, "30d": 720}


def view(gateway: Gateway, hours: int, partner: str | None) -> None:
    """Everything that a view reads."""
    now = gateway.clock.now()
    until = hour_of(now)
    scope = Scope(partner=partner)
    with gateway.database.read() as session:
        known = known_partners(session, LIVE, None)
        found = figures(session, LIVE, until - hours + 1, until, scope)
        totals = totals_of_partners(session, LIVE, found, scope)
        described(session, LIVE, found, scope, known[:100], totals, width=24)
        open_lanes(session, LIVE, now)
        needs(session, gateway, LIVE, None)


def measure(kind: str, templates: Templates, documents: int, partners: int) -> None:
    with tempfile.TemporaryDirectory() as folder, templates.migrated_url(kind, Path(folder)) as url:
        database = Database(url, pool=4)
        database.start()
        settings = Settings(data=Path(folder), database_url=url, base_url="https://crossdock.example")
        keys = KeyRing.made("bench")
        gateway = Gateway(settings=settings, clock=SystemClock(), database=database, engine=RecordedWork(), keys=keys)
        trades = traffic.month(gateway, documents, partners=partners)
        if kind == "postgres":
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("ANALYZE"))
        begun = time.perf_counter()
        hours = count_hours.count(gateway, gateway.clock.now())
        counting = time.perf_counter() - begun

        def scan() -> None:
            with database.read() as session:
                session.execute(text("SELECT count(*), max(at), min(state) FROM cd_exchanges WHERE direction = 'in'"))

        full = took(scan)
        print(f"{kind}: {documents} documents, {partners} partners; one look at all exchanges {full * 1000:.0f} ms")
        print(f"  counting: {hours} hours in {counting:.1f} s, {counting / max(1, hours) * 1000:.1f} ms each")
        for name, span in SPANS.items():
            for whose, partner in (("all", None), ("one partner", trades[0].partner)):
                one = took(lambda span=span, partner=partner: view(gateway, span, partner))  # type: ignore[misc]
                print(f"  {name:>4} {whose:12} {one * 1000:7.0f} ms, {one / full:5.2f} of a look at all exchanges")
        database.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=150_000)
    parser.add_argument("--partners", type=int, default=100)
    given = parser.parse_args()
    logs.configure(form="json", level="error")
    with tempfile.TemporaryDirectory() as folder:
        templates = Templates(Path(folder))
        for kind in kinds():
            assert kind in KINDS
            measure(kind, templates, given.documents, given.partners)
        templates.close()


if __name__ == "__main__":
    main()

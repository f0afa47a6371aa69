"""Ledger inserts a second through the group-commit writer, against the same rows by raw grouped inserts.

    python tests/benchmarks/bench_intake_writer.py [--seconds 3]

prints both for SQLite, and for PostgreSQL where CROSSDOCK_TEST_POSTGRES names a server. Aim: at least 0.35 of raw. The
writer does what the product does: pieces from many waiters, whose rows are written together, each answered after the
COMMIT. Raw is the bare driver with prepared values, one COMMIT for each group of the size that the writer comes to, and
nothing else.
"""

import argparse
import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from benchmarks.references import Group, grouped_on_postgres, grouped_on_sqlite
from benchmarks.verdicts import verdict
from databases import postgres_database

from app.gateway import migrate
from app.seal import KeyRing, SealedBody
from app.storage import ledger
from app.storage.base import new_id
from app.storage.database import Database

BODY = hashlib.sha512(b"order").digest() * 80
"""About 5 kB that do not compress: a sealed order of ten lines."""

KEY = BODY[:100]
WAITERS = 64


def exchange() -> dict[str, Any]:
    row_id = new_id()
    return {
        "id": row_id,
        "realm": "live",
        "direction": "in",
        "transport": "http",
        "protocol": "cxml",
        "kind": "OrderRequest",
        "control_id": row_id,
        "state": "received",
        "test": False,
        "media_type": "text/xml",
        "faults": [],
        "correlation_id": row_id,
        "at": datetime.now(UTC),
        "size": len(BODY),
        "sha256": "0" * 64,
    }


def statements() -> Group:
    row = exchange()
    names = ", ".join(row)
    values = [*({**row, "faults": "[]", "at": row["at"].isoformat()}).values()]
    return (
        (f"INSERT INTO cd_exchanges ({names}) VALUES ({', '.join('?' * len(row))})", values),
        (
            "INSERT INTO cd_exchange_bodies (exchange_id, sealed_key, sealed_body) VALUES (?, ?, ?)",
            (row["id"], KEY, BODY),
        ),
    )


def raw(write: Callable[[Group], None], seconds: float, group: int) -> float:
    """Rows a second when each group is one transaction."""
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        write([statement for _ in range(group) for statement in statements()])
        done += group
    return done / (time.perf_counter() - began)


def through_the_writer(database: Database, seconds: float, keys: KeyRing | None) -> float:
    """Rows a second with WAITERS that each wait for their row to be durable before they write the next; `keys` seal
    each body anew."""

    async def main() -> float:
        done = 0
        began = time.perf_counter()

        async def waiter() -> None:
            nonlocal done
            while time.perf_counter() - began < seconds:
                values = exchange()
                sealed = ledger.seal_exchange(keys, values["id"], BODY) if keys else SealedBody(KEY, BODY)
                await database.awrite(lambda tx: ledger.put_exchange(tx, values, sealed), batched=True)  # noqa: B023
                done += 1

        await asyncio.gather(*(waiter() for _ in range(WAITERS)))
        return done / (time.perf_counter() - began)

    return asyncio.run(main())


def measure(name: str, url: str, write: Callable[[Group], None], seconds: float) -> None:
    database = Database(url)
    database.start()
    rates: dict[str, list[float]] = {"raw": [], "writer": [], "writer and sealing": []}
    for _ in range(3):
        rates["raw"].append(raw(write, seconds / 3, WAITERS))
        rates["writer"].append(through_the_writer(database, seconds / 3, None))
        rates["writer and sealing"].append(through_the_writer(database, seconds / 3, KeyRing.made("bench")))
    alone = raw(write, seconds / 3, 1)
    database.stop()
    best = {what: max(measured) for what, measured in rates.items()}
    print(f"{name}: raw, grouped by {WAITERS}  {best['raw']:10,.0f}/s   (one by one {alone:,.0f}/s)")
    for what in ("writer", "writer and sealing"):
        print(f"{name}: {what:<20} {best[what]:10,.0f}/s   {best[what] / best['raw']:.2f} of raw")
    verdict(f"{name}: ledger rows through the writer / raw", best["writer"] / best["raw"], least=0.35)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/bench.db"
        migrate(f"sqlite:///{path}")
        with grouped_on_sqlite(path) as write:
            measure("SQLite", f"sqlite:///{path}", write, seconds)
    if os.environ.get("CROSSDOCK_TEST_POSTGRES"):
        with postgres_database() as url:
            migrate(url)
            with grouped_on_postgres(url) as write:
                measure("PostgreSQL", url, write, seconds)


if __name__ == "__main__":
    main()

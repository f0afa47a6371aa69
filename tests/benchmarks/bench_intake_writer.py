"""Ledger inserts a second through the group-commit writer, against the same rows by raw grouped inserts.

Run: PYTHONPATH=tests python tests/benchmarks/bench_intake_writer.py [--seconds 3]

The reference is what the machine gives: the bare driver, prepared values, one COMMIT for each group of the writer's
usual size, no savepoints, no threads. The writer does what the product does: pieces from many waiters, each in a
savepoint, each answered after the COMMIT.
"""

import argparse
import asyncio
import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from databases import postgres_database

from app.gateway import migrate
from app.seal import KeyRing
from app.storage import ledger
from app.storage.base import new_id
from app.storage.database import Database

BODY = hashlib.sha512(b"order").digest() * 80
"""About 5 kB that do not compress: a sealed order of ten lines."""

GROUP = 64
WAITERS = 64
COLUMNS = (
    "id, realm, direction, transport, protocol, kind, control_id, state, test, media_type, faults, correlation_id, at, "
    "size, sha256"
)


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


def raw(insert: Callable[[list[dict[str, Any]]], None], seconds: float, group: int) -> float:
    """Rows a second when each group is one transaction."""
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        insert([exchange() for _ in range(group)])
        done += group
    return done / (time.perf_counter() - began)


@contextmanager
def raw_sqlite(path: str) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    places = ", ".join("?" * len(COLUMNS.split(",")))

    def insert(rows: list[dict[str, Any]]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for row in rows:
            values = [*row.values()]
            values[10], values[12] = "[]", row["at"].isoformat()
            connection.execute(f"INSERT INTO cd_exchanges ({COLUMNS}) VALUES ({places})", values)
            connection.execute(
                "INSERT INTO cd_exchange_bodies (exchange_id, sealed_key, sealed_body) VALUES (?, ?, ?)",
                (row["id"], BODY[:100], BODY),
            )
        connection.execute("COMMIT")

    yield insert
    connection.close()


@contextmanager
def raw_postgres(url: str) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    places = ", ".join(["%s"] * len(COLUMNS.split(",")))
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:

        def insert(rows: list[dict[str, Any]]) -> None:
            with connection.transaction():
                for row in rows:
                    values = [*row.values()]
                    values[10] = "[]"
                    connection.execute(f"INSERT INTO cd_exchanges ({COLUMNS}) VALUES ({places})", values)
                    connection.execute(
                        "INSERT INTO cd_exchange_bodies (exchange_id, sealed_key, sealed_body) VALUES (%s, %s, %s)",
                        (row["id"], BODY[:100], BODY),
                    )

        yield insert


def through_the_writer(database: Database, seconds: float, *, seal: bool) -> float:
    """Rows a second with WAITERS that each wait for their row to be durable before they write the next."""
    keys = KeyRing.made("bench")
    fixed = ledger.seal_exchange(keys, "x", BODY)

    async def main() -> float:
        done = 0
        began = time.perf_counter()

        async def waiter() -> None:
            nonlocal done
            while time.perf_counter() - began < seconds:
                values = exchange()
                sealed = ledger.seal_exchange(keys, values["id"], BODY) if seal else fixed
                await database.awrite(
                    lambda session, values=values, sealed=sealed: ledger.put_exchange(session, values, sealed)  # type: ignore[misc]
                )
                done += 1

        await asyncio.gather(*(waiter() for _ in range(WAITERS)))
        return done / (time.perf_counter() - began)

    return asyncio.run(main())


def measure(name: str, url: str, insert: Callable[[list[dict[str, Any]]], None], seconds: float) -> None:
    database = Database(url)
    database.start()
    grouped = raw(insert, seconds, GROUP)
    single = raw(insert, seconds / 3, 1)
    bare = through_the_writer(database, seconds, seal=False)
    sealed = through_the_writer(database, seconds, seal=True)
    again = raw(insert, seconds, GROUP)
    database.stop()
    reference = (grouped + again) / 2
    print(f"{name}: raw grouped {reference:,.0f}/s (one by one {single:,.0f}/s)")
    print(f"{name}: writer {bare:,.0f}/s = {bare / reference:.2f} of raw")
    print(f"{name}: writer and sealing {sealed:,.0f}/s = {sealed / reference:.2f} of raw")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        migrate(url)
        with raw_sqlite(f"{folder}/bench.db") as insert:
            measure("SQLite", url, insert, seconds)
    if os.environ.get("CROSSDOCK_TEST_POSTGRES"):
        with postgres_database() as url:
            migrate(url)
            with raw_postgres(url) as insert:
                measure("PostgreSQL", url, insert, seconds)


if __name__ == "__main__":
    main()

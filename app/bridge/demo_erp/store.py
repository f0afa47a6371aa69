"""What the demo ERP has, in its own SQLite file."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reference TEXT NOT NULL, customer TEXT NOT NULL, revision INTEGER NOT NULL,
    event_id TEXT NOT NULL, state TEXT NOT NULL, currency TEXT, total TEXT, lines TEXT NOT NULL,
    received_at TEXT NOT NULL, changes INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS orders_reference ON orders (customer, reference);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL, type TEXT NOT NULL, reference TEXT NOT NULL, revision INTEGER NOT NULL, order_id INTEGER);
CREATE INDEX IF NOT EXISTS events_event_id ON events (event_id);
CREATE TABLE IF NOT EXISTS event_requests (number INTEGER PRIMARY KEY, request_id TEXT, traceparent TEXT);
"""

_INSERT: Final = """
INSERT INTO orders (reference, customer, revision, event_id, state, currency, total, lines, received_at)
VALUES (:reference, :customer, :revision, :event_id, 'open', :currency, :total, :lines, :received_at)
"""
_ORDERS: Final = """
SELECT *, state = 'open' AND 1 < (
    SELECT COUNT(*) FROM orders other
    WHERE other.customer = orders.customer AND other.reference = orders.reference AND other.state = 'open') AS double
FROM orders
WHERE :reference IS NULL OR (reference = :reference AND customer = :customer AND state = 'open')
ORDER BY id DESC LIMIT :limit
"""
_DOUBLES: Final = """
SELECT COUNT(*) - COUNT(DISTINCT customer || char(0) || reference) AS n FROM orders WHERE state = 'open'
"""


class KeptLine(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    quantity: Decimal
    unit: str | None = None


class KeptOrder(msgspec.Struct, frozen=True, kw_only=True):
    """`double` marks every order whose customer and reference another live order has too."""

    id: str
    number: str
    reference: str
    customer: str
    revision: int
    event_id: str
    state: str
    currency: str | None
    total: Decimal | None
    lines: tuple[KeptLine, ...]
    received_at: str
    changes: int
    double: bool


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an order event that this ERP reads, and the numbers of the request that brought it."""

    event_id: str
    type: str
    reference: str
    customer: str
    revision: int
    currency: str | None
    total: Decimal | None
    lines: tuple[KeptLine, ...]
    request_id: str | None = None
    traceparent: str | None = None


class Store:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def seen(self, event_id: str) -> str | None:
        """The order that this very event led to before."""
        with self._lock:
            row = self._connection.execute(
                "SELECT order_id FROM events WHERE event_id = ? ORDER BY number LIMIT 1", (event_id,)
            ).fetchone()
        return str(row["order_id"]) if row else None

    def create(self, order: Incoming, at: datetime) -> str:
        with self._transaction() as tx:
            values = {
                "reference": order.reference,
                "customer": order.customer,
                "revision": order.revision,
                "event_id": order.event_id,
                "currency": order.currency,
                "total": _text(order.total),
                "lines": _json(order.lines),
                "received_at": at.isoformat(timespec="milliseconds"),
            }
            cursor = tx.execute(_INSERT, values)
            order_id = cursor.lastrowid
            self._note(tx, order, order_id)
        return str(order_id)

    def change(self, order: Incoming) -> str | None:
        """None when there is no such open order."""
        with self._transaction() as tx:
            order_id = self._open(tx, order)
            if order_id is not None:
                tx.execute(
                    "UPDATE orders SET revision = ?, currency = ?, total = ?, lines = ?, changes = changes + 1"
                    " WHERE id = ?",
                    (order.revision, order.currency, _text(order.total), _json(order.lines), order_id),
                )
            self._note(tx, order, order_id)
        return str(order_id) if order_id is not None else None

    def cancel(self, order: Incoming) -> str | None:
        """Cancelling what is cancelled already is as good; None when there never was such an order."""
        with self._transaction() as tx:
            row = tx.execute(
                "SELECT id FROM orders WHERE customer = ? AND reference = ? ORDER BY id DESC LIMIT 1",
                (order.customer, order.reference),
            ).fetchone()
            if row is not None:
                tx.execute("UPDATE orders SET state = 'cancelled' WHERE id = ?", (row["id"],))
            self._note(tx, order, row["id"] if row else None)
        return str(row["id"]) if row else None

    def _open(self, tx: sqlite3.Connection, order: Incoming) -> int | None:
        row = tx.execute(
            "SELECT id FROM orders WHERE customer = ? AND reference = ? AND state = 'open' ORDER BY id DESC LIMIT 1",
            (order.customer, order.reference),
        ).fetchone()
        return int(row["id"]) if row else None

    def _note(self, tx: sqlite3.Connection, order: Incoming, order_id: int | None) -> None:
        event = tx.execute(
            "INSERT INTO events (event_id, type, reference, revision, order_id) VALUES (?, ?, ?, ?, ?)",
            (order.event_id, order.type, order.reference, order.revision, order_id),
        )
        tx.execute(
            "INSERT INTO event_requests (number, request_id, traceparent) VALUES (?, ?, ?)",
            (event.lastrowid, order.request_id, order.traceparent),
        )

    def find(self, reference: str, customer: str) -> list[KeptOrder]:
        """Those that are not cancelled; the reference is compared exactly."""
        return self._orders({"reference": reference, "customer": customer, "limit": 100})

    def orders(self, limit: int = 1_000) -> list[KeptOrder]:
        """The newest first."""
        return self._orders({"reference": None, "customer": None, "limit": limit})

    def _orders(self, wanted: dict[str, object]) -> list[KeptOrder]:
        with self._lock:
            rows = self._connection.execute(_ORDERS, wanted).fetchall()
        return [_order(row) for row in rows]

    def events(self, limit: int = 10_000) -> list[dict[str, object]]:
        """Every event in the order of arrival, the latest last."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM events LEFT JOIN event_requests USING (number) ORDER BY number DESC LIMIT ?", (limit,)
            ).fetchall()
        return [dict(row) for row in reversed(rows)]

    def doubles(self) -> int:
        """How many orders there are beyond one of each customer and reference."""
        with self._lock:
            row = self._connection.execute(_DOUBLES).fetchone()
        return int(row["n"])


def _order(row: sqlite3.Row) -> KeptOrder:
    return KeptOrder(
        id=str(row["id"]),
        number=f"SO-{10_000 + row['id']}",
        reference=row["reference"],
        customer=row["customer"],
        revision=row["revision"],
        event_id=row["event_id"],
        state=row["state"],
        currency=row["currency"],
        total=Decimal(row["total"]) if row["total"] is not None else None,
        lines=msgspec.json.decode(row["lines"], type=tuple[KeptLine, ...]),
        received_at=row["received_at"],
        changes=row["changes"],
        double=bool(row["double"]),
    )


def _text(amount: Decimal | None) -> str | None:
    return f"{amount:f}" if amount is not None else None


def _json(lines: tuple[KeptLine, ...]) -> str:
    return msgspec.json.encode(lines).decode()

"""A month of business in the tables that the operators' figures are counted from, made quickly and without a path."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import insert
from sqlmodel import SQLModel

from app.gateway import Gateway
from app.storage.attempts import AttemptRow
from app.storage.base import LIVE, new_id, table_of
from app.storage.customers import CustomerRow
from app.storage.deliveries import DeliveryRow
from app.storage.exchanges import ExchangeRow
from app.storage.orders import OrderRow
from app.storage.partners import PartnerRow

BATCH: Final = 2_000
CODES: Final = tuple(f"order.{word}" for word in ("total", "unit", "price", "date", "id", "tax", "item", "ship_to"))


@dataclass(frozen=True, slots=True)
class Trade:
    partner: str
    customer: str


def traders(gateway: Gateway, count: int) -> list[Trade]:
    """Partners, each with a customer of its own."""
    at = gateway.clock.now()
    made = [Trade(new_id(), new_id()) for _ in range(count)]
    partners = [
        PartnerRow(id=trade.partner, realm=LIVE, name=f"Partner {number:03}", created_at=at)
        for number, trade in enumerate(made, 1)
    ]
    customers = [
        CustomerRow(
            id=trade.customer,
            realm=LIVE,
            number=f"C-{number}",
            name=f"Customer {number:03}",
            currency="EUR",
            created_at=at,
        )
        for number, trade in enumerate(made, 1)
    ]
    gateway.database.write(lambda tx: tx.add_all([*partners, *customers]))
    return made


def exchange(trade: Trade, at: datetime, state: str = "accepted", **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": new_id(), "realm": LIVE, "direction": "in", "partner_id": trade.partner, "customer_id": trade.customer,
        "transport": "http", "remote": None, "protocol": "cxml", "kind": "OrderRequest", "control_id": None,
        "state": state, "test": False, "media_type": None, "status": None, "faults": [], "correlation_id": "c",
        "caused_kind": None, "caused_id": None, "answers": None, "answered_by": None, "at": at, "size": 1, "sha256": "",
    }  # fmt: skip
    return {**values, **more}


def answered(trade: Trade, at: datetime, took: timedelta, state: str = "accepted", **more: Any) -> list[dict[str, Any]]:
    """A document and its answer."""
    asked = exchange(trade, at, state, **more)
    answer = exchange(trade, at + took, "answer", direction="out", answers=asked["id"], protocol=asked["protocol"])
    asked["answered_by"] = answer["id"]
    return [answer, asked]


def order(trade: Trade, at: datetime, number: str, state: str = "accepted", **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": new_id(), "realm": LIVE, "partner_id": trade.partner, "customer_id": trade.customer, "number": number,
        "state": state, "revision": 1, "version": None, "protocol": "cxml", "document_id": None, "exchange_id": "e",
        "correlation_id": "c", "answer_to": {}, "promised": False, "promise_warned_at": None, "test": False,
        "currency": "EUR", "total": None, "requester": None, "erp_number": None, "received_at": at, "changed_at": at,
    }  # fmt: skip
    return {**values, **more}


def delivery(
    trade: Trade, of: dict[str, Any], created: datetime, closed: datetime | None, state: str = "accepted", **more: Any
) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": new_id(), "realm": LIVE, "customer_id": trade.customer, "erp": "main", "lane": f"{trade.customer}:main",
        "order_id": of["id"], "revision": 1, "kind": "create", "correlation_id": "c", "state": state,
        "open": closed is None, "superseded": False, "attempts": 1, "resends": 0, "lookups": 0, "created_at": created,
        "touched_at": closed or created, "first_sent_at": created, "closed_at": closed,
    }  # fmt: skip
    return {**values, **more}


def attempt(
    subject: str, started: datetime, took: timedelta, outcome: str = "accepted", act: str = "submit"
) -> dict[str, Any]:
    return {
        "id": new_id(), "subject_id": subject, "number": 1, "act": act, "worker": "worker-1", "started_at": started,
        "ended_at": started + took, "outcome": outcome, "late": False, "status": None, "reason": None, "said": None,
    }  # fmt: skip


def put(gateway: Gateway, row: type[SQLModel], values: Iterable[dict[str, Any]]) -> None:
    rows = iter(values)
    while batch := list(islice(rows, BATCH)):
        statement = insert(table_of(row))
        gateway.database.write(lambda tx, batch=batch, statement=statement: tx.connection().execute(statement, batch))  # type: ignore[misc]


def month(gateway: Gateway, documents: int, *, partners: int = 40, days: int = 30, seed: int = 1) -> list[Trade]:
    """So many documents with their answers in the days before now; every second is an order that goes to an ERP. The
    answers lie beside them, so there are twice as many exchanges."""
    chance = random.Random(seed)
    trades = traders(gateway, partners)
    now = gateway.clock.now()
    span = days * 86_400

    def made() -> Iterator[tuple[Trade, datetime]]:
        for number in range(documents):
            trade = trades[min(int(chance.expovariate(4 / partners)), partners - 1)]
            yield trade, now - timedelta(seconds=span * (1 - (number + chance.random()) / documents))

    for_all = list(made())

    def exchanges() -> Iterator[dict[str, Any]]:
        for trade, at in for_all:
            state = chance.choices(("accepted", "refused", "duplicate", "conflict"), (90, 7, 2, 1))[0]
            faults = [{"code": chance.choice(CODES), "at": "/", "message": "m"}] if state == "refused" else []
            protocol = chance.choices(("cxml", "edifact", "ubl"), (6, 3, 1))[0]
            took = timedelta(milliseconds=chance.lognormvariate(3.5, 0.6))
            yield from answered(trade, at, took, state, faults=faults, protocol=protocol)

    put(gateway, ExchangeRow, exchanges())
    orders = [(trade, at, order(trade, at, f"PO-{n}")) for n, (trade, at) in enumerate(for_all[::2])]
    put(gateway, OrderRow, (row for _, _, row in orders))
    deliveries = [
        (
            delivery(
                trade,
                row,
                at,
                at + timedelta(seconds=chance.lognormvariate(1.5, 1)),
                erp=chance.choice(("main", "south")),
            ),
            at,
        )
        for trade, at, row in orders
    ]
    put(gateway, DeliveryRow, (row for row, _ in deliveries))

    def attempts() -> Iterator[dict[str, Any]]:
        for row, at in deliveries:
            if chance.random() < 0.05:
                failed = chance.choice(("retry", "uncertain", "rejected"))
                yield attempt(row["id"], at, timedelta(seconds=chance.uniform(1, 20)), failed)
            yield attempt(row["id"], at, timedelta(milliseconds=chance.lognormvariate(5.5, 0.7)))

    put(gateway, AttemptRow, attempts())
    return trades

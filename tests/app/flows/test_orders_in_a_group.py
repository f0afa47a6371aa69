"""Orders that arrive together are written together: the rows that each alone would leave, by as many statements."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from approval_orders import order
from msgspec.structs import replace
from order_desk import SMALL_ORDERS_PASS, Desk, set_up
from sqlmodel import Session, col, select
from statements import statements_of

from app.errors import Refusal
from app.flows.consider_order import consider
from app.flows.order_book import OrderBook
from app.flows.take_order import TakenOrder, take_order
from app.gateway import Gateway
from app.storage import deliveries, intake_writer, lane_heads, ledger
from app.storage.audit import first_broken
from app.storage.batch import Writing
from app.storage.database import Database
from app.storage.deliveries import DeliveryRow
from app.storage.exchanges import ExchangeRow
from app.storage.orders import OrderRow
from app.work import WAKE_LANE

MOST_STATEMENTS = 10
"""For a group of orders, however many they are: a statement for each table and each look."""


@pytest.fixture
def desk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(intake_writer, "LONGEST_GROUP", 60.0)
    made = set_up(gateway)
    made.person("lead", "approver")
    made.rules(SMALL_ORDERS_PASS)
    return made


def taking(desk: Desk, number: str, **changes: Any) -> Callable[[Writing], TakenOrder]:
    document = replace(order(**changes), id=number, document_id=f"doc-{number}")
    with desk.gateway.database.read() as session:
        considered = consider(OrderBook(session), desk.customer, document, "cxml", desk.gateway.clock.now())
    assert considered.approved_by is not None
    return lambda tx: take_order(tx, desk.gateway, desk.caller(), document, "x-1", considered)


def in_one_group(database: Database, works: Sequence[Callable[[Writing], Any]]) -> list[Any]:
    """What each came to, errors among them. A piece that does nothing keeps the writer until all of them wait."""
    release = threading.Event()

    async def main() -> list[Any]:
        holder = asyncio.create_task(database.awrite(lambda _: release.wait(30)))
        tasks = [asyncio.create_task(database.awrite(work, batched=True)) for work in works]
        await asyncio.sleep(0)
        release.set()
        await holder
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(main())


def numbers(database: Database) -> list[str]:
    with database.read() as session:
        assert first_broken(session) is None
        return sorted(session.exec(select(OrderRow.number)))


def test_many_orders_take_as_many_statements_as_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    database = desk.gateway.database
    with statements_of(database, monkeypatch) as one:
        in_one_group(database, [taking(desk, "PO-0")])
    with statements_of(database, monkeypatch) as many:
        taken = in_one_group(database, [taking(desk, f"PO-{n}") for n in range(1, 13)])
    assert len({each.order_id for each in taken}) == 12
    assert len(numbers(database)) == 13
    # One for the other: on PostgreSQL a lane in which something stands is kept as it is by a look of its own.
    assert len(many) - len(one) <= 1
    assert len(many) <= MOST_STATEMENTS, many


def test_a_number_that_comes_twice_refuses_the_second_and_nobody_else(desk: Desk) -> None:
    database = desk.gateway.database
    taken = in_one_group(database, [taking(desk, number) for number in ("PO-1", "PO-2", "PO-1", "PO-3")])
    assert [type(each) for each in taken] == [TakenOrder, TakenOrder, Refusal, TakenOrder]
    assert numbers(database) == ["PO-1", "PO-2", "PO-3"]
    with database.read() as session:
        rows = session.exec(select(DeliveryRow).order_by(col(DeliveryRow.sequence))).all()
    assert [row.order_id for row in rows] == [taken[0].order_id, taken[1].order_id, taken[3].order_id]


def test_a_group_that_is_run_again_loses_nobody_however_long_it_takes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = desk.gateway.database
    works = [taking(desk, f"PO-{n}") for n in (*range(8), 0)]
    run = intake_writer._run_piece

    def slow(session: Session, piece: Any) -> None:
        monkeypatch.setattr(intake_writer, "LONGEST_GROUP", 0.0)
        run(session, piece)

    monkeypatch.setattr(intake_writer, "_run_piece", slow)
    taken = in_one_group(database, works)
    assert [type(each) for each in taken] == [TakenOrder] * 8 + [Refusal]
    assert len(numbers(database)) == 8


def test_what_fails_leaves_nothing_in_its_group(desk: Desk) -> None:
    def fail(tx: Writing) -> None:
        taking(desk, "PO-LOST")(tx)
        raise ZeroDivisionError

    taken = in_one_group(desk.gateway.database, [taking(desk, "PO-1"), fail, taking(desk, "PO-2")])
    assert isinstance(taken[1], ZeroDivisionError)
    assert numbers(desk.gateway.database) == ["PO-1", "PO-2"]


def test_a_lane_is_woken_once_for_all_that_find_it_empty(desk: Desk) -> None:
    in_one_group(desk.gateway.database, [taking(desk, "PO-1"), taking(desk, "PO-2")])
    in_one_group(desk.gateway.database, [taking(desk, "PO-3")])
    assert len(desk.gateway.engine.arguments(WAKE_LANE)) == 1  # type: ignore[attr-defined]


def test_a_lane_whose_head_a_worker_has_in_hand_is_woken(desk: Desk) -> None:
    """Whoever is just closing it may have looked for the next one already."""
    database = desk.gateway.database
    if database.sqlite:
        pytest.skip("there is one writer")
    in_one_group(database, [taking(desk, "PO-1")])
    with Session(database.engine) as worker:
        assert len(lane_heads.heads(worker, [("live", deliveries.lane_of(desk.customer.id, "main"))])) == 1
        in_one_group(database, [taking(desk, "PO-2")])
    assert len(desk.gateway.engine.arguments(WAKE_LANE)) == 2  # type: ignore[attr-defined]


def test_exchanges_are_the_same_in_a_batch(desk: Desk) -> None:
    gateway = desk.gateway

    def exchange(row_id: str) -> dict[str, Any]:
        return {
            "id": row_id,
            "realm": "live",
            "direction": "in",
            "transport": "http",
            "protocol": "cxml",
            "kind": 'a "kind" \\ of ü\n',
            "state": "received",
            "test": True,
            "faults": [{"code": "x", "found": None}],
            "correlation_id": "c",
            "at": gateway.clock.now(),
            "size": 5,
            "sha256": "0" * 64,
        }

    def put(row_id: str) -> Callable[[Writing], None]:
        def work(tx: Writing) -> None:
            sealed = ledger.seal_exchange(gateway.keys, row_id, b"\0body\xff")
            ledger.put_exchange(tx, exchange(row_id), sealed)
            ledger.change_exchange(tx, row_id, state="refused", status=200, faults=[])

        return work

    assert in_one_group(gateway.database, [put("batched"), put("batched too")]) == [None, None]
    gateway.database.write(put("alone"))
    with gateway.database.read() as session:
        rows = {row.id: row.model_dump(exclude={"id"}) for row in session.exec(select(ExchangeRow))}
        assert ledger.body_of(session, gateway.keys, "batched") == b"\0body\xff"
    assert rows["batched"] == rows["batched too"] == rows["alone"]
    assert rows["alone"]["state"] == "refused"


def test_rows_are_those_that_the_order_alone_leaves(desk: Desk) -> None:
    changes = {"totals": None, "version": 4}
    (batched,) = in_one_group(desk.gateway.database, [taking(desk, "PO-1", **changes)])
    alone = desk.send(order(**changes), id="PO-2")
    own = {"id", "number", "document_id", "exchange_id", "correlation_id"}
    with desk.gateway.database.read() as session:
        first, second = (
            session.get_one(OrderRow, taken.order_id).model_dump(exclude=own) for taken in (batched, alone)
        )
    assert first == second

"""A full disk: senders are asked to come back, nothing is half-written, and it goes on once there is room."""

import asyncio
import resource
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import console
import httpx
import pytest
from buyers import Buyer
from databases import Templates
from demo_orders import order_bytes
from ledger_traffic import buyer_of, order_of, posted
from sqlalchemy import func
from sqlmodel import select

from app.gateway import Gateway
from app.sandbox.buyer import VirtualBuyer
from app.sandbox.erp import ErpView
from app.storage import database as database_module
from app.storage.database import Database
from app.storage.exchanges import ExchangeBodyRow, ExchangeRow, ExchangeState
from app.storage.integrity import verify
from app.storage.orders import OrderRevisionRow, OrderRow
from app.transports.intake import Intake

ROOM = 1_073_741_823
"""Pages: SQLite's own limit."""


@pytest.fixture
def small(gateway: Gateway, templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A server whose database may grow by 40 pages and no further."""
    pages = len((tmp_path / "crossdock.db").read_bytes()) // 4096
    monkeypatch.setattr(database_module, "PRAGMAS", (*database_module.PRAGMAS, f"max_page_count={pages + 40}"))
    database = Database(gateway.database.url, pool=3)
    database.start()
    yield replace(gateway, database=database)
    database.stop()


def counted(gateway: Gateway) -> tuple[int, int, int, int]:
    """Exchanges, bodies, orders, revisions."""
    with gateway.database.read() as session:
        found = [session.scalar(select(func.count()).select_from(row)) or 0 for row in
                 (ExchangeRow, ExchangeBodyRow, OrderRow, OrderRevisionRow)]  # fmt: skip
    return found[0], found[1], found[2], found[3]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_orders_that_do_not_fit_are_put_off_whole_and_taken_when_there_is_room(
    gateway: Gateway, small: Gateway
) -> None:
    buyer = buyer_of(gateway)
    statuses, bodies = asyncio.run(until_full(small, buyer))
    taken = statuses.count(200)
    assert 0 < taken < len(statuses)
    exchanges, kept, orders, revisions = counted(gateway)
    assert (exchanges, orders) == (kept, revisions)
    assert orders == taken
    assert verify(gateway.database, gateway.keys).sound

    small.database.write(lambda session: session.connection().exec_driver_sql(f"PRAGMA max_page_count={ROOM}") and None)
    again = asyncio.run(post_all(small, bodies))
    assert again == [200] * len(bodies)
    assert counted(gateway)[2:] == (len(bodies), len(bodies))
    with gateway.database.read() as session:
        states = session.scalars(select(ExchangeRow.state).where(ExchangeRow.direction == "in")).all()
    assert set(states) <= {ExchangeState.ACCEPTED, ExchangeState.DUPLICATE, ExchangeState.RECEIVED}


async def until_full(gateway: Gateway, buyer: Buyer) -> tuple[list[int], list[bytes]]:
    """The statuses of orders, eight at the same time, until eight in a row were put off; and the orders."""
    intake, statuses, bodies = Intake(gateway), list[int](), list[bytes]()
    for start in range(0, 400, 8):
        some = [
            buyer.order_request(f"{number}@buyer.example", order=order_of(f"PO-{number}"))
            for number in range(start, start + 8)
        ]
        bodies += some
        answers = await asyncio.gather(*(intake.take_cxml(posted(gateway, body)) for body in some))
        statuses += [answer.status for answer in answers]
        for answer in answers:
            assert (answer.status, answer.retry_after) in ((200, None), (503, 30))
            assert answer.body.startswith(b"<?xml")
            assert b"<Response>" in answer.body
        if statuses[-8:] == [503] * 8:
            return statuses, bodies
    raise AssertionError("the database never became full")


async def post_all(gateway: Gateway, bodies: list[bytes]) -> list[int]:
    intake = Intake(gateway)
    return [(await intake.take_cxml(posted(gateway, body))).status for body in bodies]


@contextmanager
def files_no_larger_than(size: int, process: int) -> Iterator[None]:
    """For a running process, as a disk without room would stop it. Python ignores the signal that comes with it."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_running_server_puts_orders_off_and_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with console.demo(data) as running:
        buyer = VirtualBuyer(running.access.cxml)
        numbers = [f"FULL-{secrets.token_hex(4)}" for _ in range(3)]
        bodies = [order_bytes(buyer, number) for number in numbers]
        with files_no_larger_than(4096, running.process.pid):
            put_off = [buyer.post(body) for body in bodies]
            ready = httpx.get(f"{running.access.base_url}/readyz", timeout=20)
            alive = httpx.get(f"{running.access.base_url}/healthz", timeout=20)
        assert [(reply.http, reply.cxml is not None) for reply in put_off] == [(503, True)] * 3
        assert (ready.status_code, alive.status_code) == (503, 200)
        assert [buyer.post(body).code for body in bodies] == [200] * 3
        buyer.close()
        erp = ErpView(running.access.erp_url)
        assert all(erp.wait_for(number) is not None for number in numbers)
        assert [len(erp.orders(number)) for number in numbers] == [1] * 3
        assert running.stop() == 0

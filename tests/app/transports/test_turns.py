"""Judging slots are shared by senders, not by documents."""

import asyncio
import threading

import pytest

from app.transports.turns import Turns

pytestmark = pytest.mark.anyio


async def test_a_flood_of_one_sender_costs_another_one_piece_of_it() -> None:
    turns, order, gate = Turns(1), list[str](), threading.Event()
    first = asyncio.create_task(turns.run("flood", lambda: gate.wait(10)))
    await asyncio.sleep(0)
    flood = [asyncio.create_task(turns.run("flood", lambda: order.append("flood"))) for _ in range(50)]
    await asyncio.sleep(0)
    quiet = asyncio.create_task(turns.run("quiet", lambda: order.append("quiet")))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, quiet, *flood)
    assert order.index("quiet") <= 1
    assert len(order) == 51


async def test_no_more_than_its_number_run_at_once() -> None:
    turns, running, most = Turns(2), 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.005)
        with lock:
            running -= 1

    await asyncio.gather(*(turns.run(str(n % 3), work) for n in range(20)))
    assert most == 2


async def test_who_gives_up_waiting_leaves_no_slot_behind() -> None:
    turns, gate = Turns(1), threading.Event()
    first = asyncio.create_task(turns.run("a", lambda: gate.wait(10)))
    await asyncio.sleep(0)
    gone = asyncio.create_task(turns.run("b", lambda: None))
    await asyncio.sleep(0)
    gone.cancel()
    gate.set()
    await first
    assert await asyncio.wait_for(turns.run("c", lambda: "served"), 5) == "served"

"""The queue before the group-commit writer: room, fairness between partners, callers that go away, and the end."""

import asyncio
import threading
import time

import pytest
from pieces_of_work import names, row, start_all
from sqlmodel import Session

from app.storage.database import Database
from app.storage.intake_writer import Busy


def test_a_full_queue_refuses_at_once_and_takes_again_later(database: Database) -> None:
    small = Database(database.url, write_queue=2)
    writer = small.writer
    writer.start()
    release, began = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        began.set()
        release.wait(10)

    async def main() -> None:
        holder = asyncio.create_task(writer.awrite(hold))
        await asyncio.to_thread(began.wait, 5)
        waiting = [
            asyncio.create_task(writer.awrite(lambda session: session.add(row("a")))),
            asyncio.create_task(writer.awrite(lambda session: session.add(row("b")))),
        ]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await writer.awrite(lambda session: session.add(row("c")))
        with pytest.raises(Busy):
            await asyncio.to_thread(writer.write, lambda session: session.add(row("d")), patience=0.05)
        release.set()
        await asyncio.gather(holder, *waiting)
        await writer.awrite(lambda session: session.add(row("e")))

    asyncio.run(main())
    small.stop()
    assert names(database) == ["a", "b", "e"]


def test_a_thread_waits_for_room(database: Database) -> None:
    small = Database(database.url, write_queue=1)
    writer = small.writer
    writer.start()
    threads = [
        threading.Thread(target=writer.write, args=(lambda session, name=name: session.add(row(name)),))  # type: ignore[misc]
        for name in "abcdefgh"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    small.stop()
    assert names(database) == list("abcdefgh")


def test_a_caller_that_goes_away_loses_nothing(database: Database, held: threading.Event) -> None:
    async def main() -> None:
        task = asyncio.create_task(database.awrite(lambda session: session.add(row("a"))))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        held.set()
        await database.awrite(lambda session: None)

    asyncio.run(main())
    assert names(database) == ["a"]


def test_stopping_finishes_what_waits_and_refuses_what_comes_after(database: Database, held: threading.Event) -> None:
    threads, answers = start_all(database, [lambda session: session.add(row("a")), lambda session: "kept"])
    stopper = threading.Thread(target=database.writer.stop)
    stopper.start()
    time.sleep(0.05)
    with pytest.raises(Busy):
        database.write(lambda session: None)
    held.set()
    for thread in [*threads, stopper]:
        thread.join()
    assert answers == [None, "kept"]
    assert names(database) == ["a"]


async def sent(database: Database, owner: str, order: list[str]) -> str:
    """What became of one partner's piece: `committed` or `busy`."""
    try:
        await database.awrite(lambda _: order.append(owner), owner=owner)
    except Busy:
        return "busy"
    return "committed"


def test_a_partner_waits_for_one_piece_of_anothers_flood(database: Database, held: threading.Event) -> None:
    order: list[str] = []

    async def run() -> None:
        flood = [asyncio.create_task(sent(database, "flood", order)) for _ in range(60)]
        await asyncio.sleep(0)
        quiet = asyncio.create_task(sent(database, "quiet", order))
        await asyncio.sleep(0)
        held.set()
        assert set(await asyncio.gather(quiet, *flood)) == {"committed"}

    asyncio.run(run())
    assert order.index("quiet") <= 1


def test_a_full_queue_refuses_the_flood_and_takes_the_others(database: Database, held: threading.Event) -> None:
    database.writer._limit = 10
    order: list[str] = []

    async def run() -> None:
        flood = [asyncio.create_task(sent(database, "flood", order)) for _ in range(30)]
        await asyncio.sleep(0)
        quiet = [asyncio.create_task(sent(database, "quiet", order)) for _ in range(3)]
        await asyncio.sleep(0)
        held.set()
        assert await asyncio.gather(*quiet) == ["committed"] * 3
        assert (await asyncio.gather(*flood)).count("committed") == 7

    asyncio.run(run())

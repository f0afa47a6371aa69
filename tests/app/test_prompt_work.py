"""Work that begins at its commit: once, here or by the engine, and nothing of it is lost when there is no room."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from app import prompt_work
from app.prompt_work import Item, PromptWork


def item(number: int) -> Item:
    return Item(work_id=f"item-{number}", kind="a", argument={"number": number})


class Shop:
    """Runs items that wait for `gate`, and keeps what was run and what the engine was told to forget."""

    def __init__(self, threads: int = 2) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.ran: list[str] = []
        self.forgotten: list[list[str]] = []
        self.work = PromptWork(self._run, self.forgotten.append, threads)
        self.work.start()

    def _run(self, item: Item) -> None:
        assert self.gate.wait(10)
        self.ran.append(item.work_id)
        if item.argument["number"] < 0:
            raise ZeroDivisionError("a bug")


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.gate.set()
    shop.work.stop(10)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_everything_offered_runs_once_and_is_forgotten_together(shop: Shop) -> None:
    offered = [item(number) for number in range(50)]
    for one in offered:
        shop.work.offer(one)
    until(lambda: sum(map(len, shop.forgotten)) == 50)
    assert sorted(shop.ran) == sorted(one.work_id for one in offered)
    assert len(shop.forgotten) < 50


def test_what_the_engine_takes_first_does_not_begin_here(shop: Shop) -> None:
    shop.gate.clear()
    for number in range(3):
        shop.work.offer(item(number))
    until(lambda: shop.work.begun == 2)
    assert shop.work.taken("item-2") is None
    shop.gate.set()
    until(lambda: len(shop.ran) == 2)
    shop.work.stop(10)
    assert sorted(shop.ran) == ["item-0", "item-1"]


def test_the_engine_waits_for_what_has_begun_and_writes_down_its_end(shop: Shop) -> None:
    shop.gate.clear()
    shop.work.offer(item(1))
    until(lambda: shop.work.begun == 1)
    run = shop.work.taken("item-1")
    assert run is not None
    assert not run.done()
    shop.gate.set()
    run.result(10)
    shop.work.stop(10)
    assert shop.forgotten == []


def test_the_engine_learns_that_a_run_has_failed(shop: Shop) -> None:
    shop.gate.clear()
    shop.work.offer(item(-1))
    until(lambda: shop.work.begun == 1)
    run = shop.work.taken("item--1")
    assert run is not None
    shop.gate.set()
    with pytest.raises(ZeroDivisionError):
        run.result(10)


def test_an_end_leaves_to_the_engine_what_has_not_begun(shop: Shop) -> None:
    shop.gate.clear()
    for number in range(5):
        shop.work.offer(item(number))
    until(lambda: shop.work.begun == 2)
    stopping = threading.Thread(target=shop.work.stop, args=(10,))
    stopping.start()
    until(lambda: not shop.work.open)
    shop.gate.set()
    stopping.join(10)
    assert len(shop.ran) == 2
    assert sorted(one for together in shop.forgotten for one in together) == sorted(shop.ran)
    shop.work.offer(item(9))
    assert shop.work.begun == 0


def test_more_than_fits_is_left_to_the_engine(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_work, "MOST_WAITING", 3)
    shop.gate.clear()
    for number in range(2):
        shop.work.offer(item(number))
    until(lambda: shop.work.begun == 2)
    for number in range(2, 9):
        shop.work.offer(item(number))
    shop.gate.set()
    until(lambda: len(shop.ran) == 5)
    shop.work.stop(10)
    assert sorted(shop.ran) == [f"item-{number}" for number in range(5)]


def test_items_that_the_engine_could_not_be_made_to_forget_do_no_harm() -> None:
    failed = threading.Event()

    def forget(_: list[str]) -> None:
        failed.set()
        raise ConnectionError("the database is gone")

    ran: list[str] = []
    work = PromptWork(lambda one: ran.append(one.work_id), forget, threads=1)
    work.start()
    work.offer(item(1))
    assert failed.wait(10)
    work.offer(item(2))
    until(lambda: len(ran) == 2)
    work.stop(10)

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlmodel import Session

from app.clock import SetClock
from app.storage import breakers
from app.storage.breakers import COOLDOWN, LONGEST_COOLDOWN, PROBE, Go, NotNow
from app.storage.database import Database

T = TypeVar("T")
SECOND = timedelta(seconds=1)


class Breaker:
    def __init__(self, database: Database, clock: SetClock) -> None:
        self.database = database
        self.clock = clock

    def ask(self) -> Go | NotNow:
        return self._write(lambda tx: breakers.Breakers(tx).admission("main", self.clock.now()))

    def fails(self, times: int = 1, *, probe: bool = False) -> list[bool]:
        now = self.clock.now()
        return [
            self._write(lambda tx: breakers.Breakers(tx).failed("main", now, "down", probe=probe)) for _ in range(times)
        ]

    def succeeds(self, *, proven: bool = True) -> None:
        self._write(lambda tx: breakers.Breakers(tx).succeeded("main", self.clock.now(), proven=proven))

    def _write(self, work: Callable[[Session], T]) -> T:
        return self.database.write(work)


@pytest.fixture
def breaker(database: Database, clock: SetClock) -> Breaker:
    return Breaker(database, clock)


def test_five_failures_in_a_row_open_it(breaker: Breaker, clock: SetClock) -> None:
    assert breaker.ask() == Go()
    assert breaker.fails(5) == [False, False, False, False, True]
    assert breaker.ask() == NotNow(clock.now() + COOLDOWN)


def test_a_success_between_starts_the_count_again(breaker: Breaker) -> None:
    breaker.fails(4)
    breaker.succeeds()
    assert breaker.fails(4) == [False] * 4
    assert isinstance(breaker.ask(), Go)


def test_after_the_cooldown_one_may_probe(breaker: Breaker, clock: SetClock) -> None:
    breaker.fails(5)
    clock.move(COOLDOWN)
    assert breaker.ask() == Go(probe=True)
    assert breaker.ask() == NotNow(clock.now() + breakers.BEHIND_PROBE)


def test_a_probe_whose_worker_died_is_free_again(breaker: Breaker, clock: SetClock) -> None:
    breaker.fails(5)
    clock.move(COOLDOWN)
    breaker.ask()
    clock.move(PROBE)
    assert breaker.ask() == Go(probe=True)


def test_a_failed_probe_doubles_the_cooldown_up_to_its_limit(breaker: Breaker, clock: SetClock) -> None:
    breaker.fails(5)
    waits = []
    for _ in range(7):
        closed_for = breaker.ask()
        assert isinstance(closed_for, NotNow)
        waits.append(closed_for.until - clock.now())
        clock.move(waits[-1])
        assert breaker.ask() == Go(probe=True)
        breaker.fails(probe=True)
    assert waits == [COOLDOWN * 2**n for n in range(5)] + [LONGEST_COOLDOWN] * 2


def test_a_late_failure_of_before_does_not_lengthen_it(breaker: Breaker, clock: SetClock) -> None:
    breaker.fails(5)
    breaker.fails(3)
    assert breaker.ask() == NotNow(clock.now() + COOLDOWN)


def test_success_closes_it_and_lets_the_lanes_back_in_waves(breaker: Breaker, clock: SetClock) -> None:
    breaker.fails(5)
    clock.move(COOLDOWN)
    breaker.ask()
    breaker.succeeds(proven=False)
    rooms = []
    for _ in range(10):
        go = breaker.ask()
        assert isinstance(go, Go)
        rooms.append(go.room)
        clock.move(SECOND)
    assert rooms == [1, 2, 4, 8, 16, 32, 64, 128, None, None]


def probed(breaker: Breaker, *, proven: bool) -> None:
    breaker.fails(5)
    for _ in range(2):
        breaker.clock.move(LONGEST_COOLDOWN)
        breaker.ask()
        breaker.fails(probe=True)
    breaker.clock.move(LONGEST_COOLDOWN)
    breaker.ask()
    breaker.succeeds(proven=False)
    if proven:
        breaker.succeeds(proven=True)


def test_on_probation_one_failure_opens_it_for_longer(breaker: Breaker, clock: SetClock) -> None:
    probed(breaker, proven=False)
    assert isinstance(breaker.ask(), Go)
    assert breaker.fails() == [True]
    assert breaker.ask() == NotNow(clock.now() + 8 * COOLDOWN)


def test_once_an_order_got_through_it_is_as_new(breaker: Breaker, clock: SetClock) -> None:
    probed(breaker, proven=True)
    assert breaker.fails(5) == [False] * 4 + [True]
    assert breaker.ask() == NotNow(clock.now() + COOLDOWN)

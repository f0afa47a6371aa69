"""One process at a time works under a worker's id, and whoever takes its place need not wait."""

import threading
import time
from collections.abc import Callable

import pytest
from databases import gone

from app.storage import worker_ids
from app.storage.database import Database
from app.storage.worker_ids import Taken, WorkerId, is_held


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_ids, "PATIENCE", 0.5)
    monkeypatch.setattr(worker_ids, "LOOK", 0.05)


def nobody(_reason: str) -> None:
    raise AssertionError("nobody else has it")


def held(database: Database, worker_id: str) -> bool:
    with database.read() as session:
        return is_held(session.connection(), worker_id)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_the_second_is_refused_and_told_what_to_do(database: Database) -> None:
    with WorkerId(database, "worker-1", nobody), pytest.raises(Taken) as refused:
        WorkerId(database, "worker-1", nobody).__enter__()
    assert "'worker-1' works on this database already" in str(refused.value)
    assert "CROSSDOCK_WORKER_ID" in str(refused.value)


def test_others_and_successors_are_not(database: Database) -> None:
    for _ in range(2):
        with WorkerId(database, "worker-1", nobody), WorkerId(database, "worker-2", nobody):
            assert held(database, "worker-1")
            assert held(database, "worker-2")
            assert not held(database, "worker-3")
    assert not held(database, "worker-1")


def test_a_predecessor_that_is_just_ending_is_waited_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_ids, "PATIENCE", 20.0)
    first = WorkerId(database, "worker-1", nobody).__enter__()
    ending = threading.Timer(0.5, first.__exit__, (None, None, None))
    ending.start()
    with WorkerId(database, "worker-1", nobody):
        ending.join()
        assert held(database, "worker-1")


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_it_is_held_again_after_the_database_was_gone(database: Database) -> None:
    with WorkerId(database, "worker-1", nobody):
        with gone(database.url.render_as_string(hide_password=False)):
            time.sleep(0.2)
        until(lambda: held(database, "worker-1"))
        with pytest.raises(Taken):
            WorkerId(database, "worker-1", nobody).__enter__()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_who_lost_it_to_another_meanwhile_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()
    first = WorkerId(database, "worker-1", lambda _: told.set())
    monkeypatch.setattr(worker_ids, "LOOK", 1.0)
    with first:
        with gone(database.url.render_as_string(hide_password=False)):
            pass
        with WorkerId(database, "worker-1", nobody):
            assert told.wait(20)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_its_own_lost_session_does_not_stand_in_its_way(database: Database) -> None:
    """The server may learn much later than the client that a connection was cut."""
    with WorkerId(database, "worker-1", nobody) as kept:
        cut, kept._connection = kept._connection, None
        assert cut is not None
        until(lambda: kept._connection is not None)
        cut.invalidate()
        assert held(database, "worker-1")

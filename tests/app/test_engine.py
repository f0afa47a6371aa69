"""Work items: in the caller's transaction, due when they say, run by a worker, and never twice at once."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dbos import DBOS
from log_lines import logged

from app.engine import Engine, Handler, Peers, Schedule
from app.storage import processes
from app.storage.database import Database
from app.work import PURGE, SEND_DISPATCH, SWEEP, WAKE_LANE, DispatchId, Lane, Nothing

LANE = Lane(realm="live", lane="acme/erp")
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what has nothing to do with the database: starting and stopping an engine takes a second or two."""


def until(done: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    engine = Engine(database, poll=0.05)
    yield engine
    engine.stop(drain=0)


def test_a_committed_item_runs_once_with_its_argument(database: Database, engine: Engine) -> None:
    ran: list[Lane] = []
    engine.start([Handler(WAKE_LANE, ran.append)])
    database.write(lambda session: engine.enqueue(session, WAKE_LANE, LANE))
    until(lambda: bool(ran))
    time.sleep(0.2)
    assert ran == [LANE]


def test_an_item_of_a_rolled_back_piece_never_runs(database: Database, engine: Engine) -> None:
    ran: list[Lane] = []
    engine.start([Handler(WAKE_LANE, ran.append)])

    def fail(session: object) -> None:
        engine.enqueue(session, WAKE_LANE, LANE)  # type: ignore[arg-type]
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(fail)
    database.write(lambda session: engine.enqueue(session, WAKE_LANE, Lane(realm="live", lane="other")))
    until(lambda: bool(ran))
    time.sleep(0.2)
    assert [lane.lane for lane in ran] == ["other"]


@ONE_DATABASE
def test_items_that_wait_are_worked_by_a_worker_that_starts_later(database: Database, engine: Engine) -> None:
    database.write(lambda session: engine.enqueue(session, WAKE_LANE, LANE))
    ran: list[Lane] = []
    engine.start([Handler(WAKE_LANE, ran.append)])
    until(lambda: ran == [LANE])


def test_the_same_id_is_one_item(database: Database, engine: Engine) -> None:
    ran: list[Lane] = []
    engine.start([Handler(WAKE_LANE, ran.append)])
    for _ in range(3):
        database.write(lambda session: engine.enqueue(session, WAKE_LANE, LANE, work_id="wake-1"))
    until(lambda: bool(ran))
    time.sleep(0.3)
    assert ran == [LANE]


def test_delayed_work_waits_for_its_time(database: Database, engine: Engine) -> None:
    ran: list[float] = []
    engine.start([Handler(WAKE_LANE, lambda _: ran.append(time.time()))])
    due = datetime.now(UTC) + timedelta(seconds=1)
    database.write(lambda session: engine.enqueue(session, WAKE_LANE, LANE, at=due))
    until(lambda: bool(ran))
    assert ran[0] >= due.timestamp()


def test_cancelled_work_does_not_run(database: Database, engine: Engine) -> None:
    ran: list[DispatchId] = []
    engine.start([Handler(SEND_DISPATCH, ran.append)])
    due = datetime.now(UTC) + timedelta(seconds=1)
    first, second = DispatchId(realm="live", dispatch_id="1"), DispatchId(realm="live", dispatch_id="2")
    work_id = database.write(lambda session: engine.enqueue(session, SEND_DISPATCH, first, at=due))
    database.write(lambda session: engine.enqueue(session, SEND_DISPATCH, second, at=due))
    database.write(lambda session: engine.cancel(session, work_id))
    until(lambda: bool(ran))
    time.sleep(0.2)
    assert ran == [second]


@ONE_DATABASE
def test_failed_work_is_left_to_its_row_and_stops_nothing(database: Database, engine: Engine) -> None:
    ran: list[str] = []

    def run(lane: Lane) -> None:
        ran.append(lane.lane)
        if lane.lane == "bad":
            raise RuntimeError("a bug")

    engine.start([Handler(WAKE_LANE, run)])
    for lane in ("bad", "good"):
        database.write(lambda session, lane=lane: engine.enqueue(session, WAKE_LANE, Lane(realm="live", lane=lane)))
    until(lambda: "good" in ran)
    time.sleep(0.3)
    assert sorted(ran) == ["bad", "good"]


@ONE_DATABASE
def test_scheduled_work_comes_round(database: Database, engine: Engine) -> None:
    came = threading.Semaphore(0)
    engine.start([Handler(SWEEP, lambda _: came.release())], [Schedule(SWEEP, Nothing(), "* * * * * *")])
    assert came.acquire(timeout=10)
    assert came.acquire(timeout=10)


@ONE_DATABASE
def test_a_schedule_of_a_newer_release_outlasts_the_start_of_an_older_one_which_goes_on_with_its_own(
    database: Database, engine: Engine
) -> None:
    each_second = "* * * * * *"
    engine.start(
        [Handler(SWEEP, lambda _: None), Handler(PURGE, lambda _: None)],
        [Schedule(SWEEP, Nothing(), each_second), Schedule(PURGE, Nothing(), each_second)],
    )
    engine.stop(drain=0)
    came = threading.Semaphore(0)
    older = Engine(database, poll=0.05)
    older.start([Handler(SWEEP, lambda _: came.release())], [Schedule(SWEEP, Nothing(), each_second)])
    try:
        assert {known["schedule_name"] for known in DBOS.list_schedules()} == {"sweep", "purge"}
        for _ in range(4):
            assert came.acquire(timeout=10)
    finally:
        older.stop(drain=0)


@ONE_DATABASE
def test_rounds_that_were_missed_are_passed_over(
    database: Database, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every round is late by this measure, as all are that fell into a leap of the clock."""
    monkeypatch.setattr("app.engine.MISSED", timedelta(days=-1))
    ran: list[Nothing] = []
    engine.start([Handler(SWEEP, ran.append)], [Schedule(SWEEP, Nothing(), "* * * * * *")])
    done = "SELECT count(*) FROM workflow_status WHERE name = 'sweep.round' AND status = 'SUCCESS'"

    def two_are_through() -> bool:
        with database.read() as session:
            return session.connection().exec_driver_sql(done).scalar_one() >= 2

    until(two_are_through, 60)
    assert ran == []


def test_a_restarted_worker_takes_up_what_it_left(database: Database, engine: Engine) -> None:
    began, left, ended = threading.Event(), threading.Event(), threading.Event()

    def hang(lane: Lane) -> None:
        began.set()
        left.wait(10)
        ended.set()

    engine.start([Handler(WAKE_LANE, hang)])
    database.write(lambda session: engine.enqueue(session, WAKE_LANE, LANE))
    assert began.wait(10)
    engine.stop(drain=0)
    ran: list[Lane] = []
    again = Engine(database, poll=0.05)
    again.start([Handler(WAKE_LANE, ran.append)])
    until(lambda: ran == [LANE])
    left.set()
    until(lambda: ended.is_set())
    again.stop(drain=0)


@ONE_DATABASE
def test_what_the_engine_says_goes_through_our_log(database: Database, engine: Engine) -> None:
    failed = threading.Event()

    def run(lane: Lane) -> None:
        failed.set()
        raise RuntimeError("a bug\nforged: line")

    with logged() as stream:
        engine.start([Handler(WAKE_LANE, run)])
        database.write(lambda session: engine.enqueue(session, WAKE_LANE, LANE))
        assert failed.wait(10)
        until(lambda: "alert" in stream.getvalue())
        logging.getLogger("dbos").warning("said by the engine")
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines if line["logger"] == "dbos"][-1:] == ["said by the engine"]


def test_work_in_flight_survives_an_upgrade(database: Database, engine: Engine) -> None:
    """The next release has other handlers, from which the engine would by itself make another version."""
    left = threading.Event()
    engine.start([Handler(WAKE_LANE, lambda _: left.wait(5))])
    later = Lane(realm="live", lane="waits")
    due = datetime.now(UTC) + timedelta(seconds=1)
    database.write(lambda session: engine.enqueue(session, WAKE_LANE, LANE))
    database.write(lambda session: engine.enqueue(session, WAKE_LANE, later, at=due))
    time.sleep(0.3)
    engine.stop(drain=0)
    ran: list[str] = []

    def released(lane: Lane) -> None:
        ran.append(lane.lane)

    upgraded = Engine(database, poll=0.05)
    upgraded.start([Handler(SEND_DISPATCH, lambda _: None), Handler(WAKE_LANE, released)])
    until(lambda: sorted(ran) == ["acme/erp", "waits"])
    left.set()
    upgraded.stop(drain=0)


def test_committed_work_begins_without_a_look_of_the_engines(database: Database) -> None:
    patient, ran = Engine(database, poll=60), threading.Event()
    patient.start([Handler(WAKE_LANE, lambda _: ran.set())])
    database.write(lambda session: patient.enqueue(session, WAKE_LANE, LANE))
    assert ran.wait(10)
    # And it is in nobody's queue any more.
    until(lambda: all(not (one.waiting or one.later or one.running) for one in patient.queues()))
    patient.stop(drain=0)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_worker_hears_of_work_that_another_process_commits(database: Database) -> None:
    worker, ran = Engine(database, worker_id="worker-2", poll=60), threading.Semaphore(0)
    worker.start([Handler(WAKE_LANE, lambda _: ran.release())])
    server = Database(database.url, pool=3)
    server.start()
    only_enqueues = Engine(server)

    def heard() -> bool:
        # It may not listen yet when the first is said.
        server.write(lambda session: only_enqueues.enqueue(session, WAKE_LANE, LANE))
        return ran.acquire(timeout=0.5)

    until(heard)
    only_enqueues.stop()
    server.stop()
    worker.stop(drain=0)


def test_of_several_workers_one_takes_what_all_hear(database: Database) -> None:
    now = datetime.now(UTC)
    for name, works in (("worker-1", True), ("worker-2", True), ("web", False)):
        database.write(lambda session, name=name, works=works: processes.began(session, name, now, works=works))
    gone = now - processes.SILENT - timedelta(seconds=5)
    database.write(lambda session: processes.began(session, "worker-3", gone, works=True))
    peers = [Peers(database, f"worker-{number}") for number in (1, 2)]
    takers = [[peer.mine(f"word {number}") for peer in peers] for number in range(50)]
    assert all(sum(taken) == 1 for taken in takers)
    assert {taken[0] for taken in takers} == {True, False}

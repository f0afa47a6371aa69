"""The group-commit writer: one COMMIT for many, and nobody pays for a neighbour."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlmodel import Session, select

from app.storage import intake_writer
from app.storage.database import Database
from app.storage.intake_writer import Busy, Unwritten, after_commit
from app.storage.processes import ProcessRow

AT = datetime(2026, 3, 2, tzinfo=UTC)
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database", ["postgres"], indirect=True)


def row(name: str) -> ProcessRow:
    return ProcessRow(id=name, seen_at=AT)


def names(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(session.exec(select(ProcessRow.id)))


@pytest.fixture
def long_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine closes no group early. Asked for before `held`, which begins one."""
    monkeypatch.setattr(intake_writer, "LONGEST_GROUP", 30.0)


@pytest.fixture
def held(database: Database) -> Iterator[threading.Event]:
    """Holds the writer's thread inside a first piece of work until the event is set."""
    release, began = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        began.set()
        release.wait(10)

    def write() -> None:
        # The held piece belongs to the group that a test may spoil.
        with suppress(Unwritten):
            database.write(hold)

    holder = threading.Thread(target=write)
    holder.start()
    assert began.wait(5)
    yield release
    release.set()
    holder.join()


def start_all(database: Database, pieces: list[object]) -> tuple[list[threading.Thread], list[object]]:
    """Submits each piece from a thread of its own, in their order; answers (or errors) by position."""
    answers: list[object] = [None] * len(pieces)

    def submit(position: int) -> None:
        try:
            answers[position] = database.write(pieces[position])  # type: ignore[arg-type]
        except (ValueError, SQLAlchemyError, Unwritten, Busy) as error:
            answers[position] = error

    threads = []
    for position in range(len(pieces)):
        thread = threading.Thread(target=submit, args=(position,))
        thread.start()
        threads.append(thread)
        deadline = time.monotonic() + 5
        while database.writer.depth <= position and time.monotonic() < deadline:
            time.sleep(0.001)
    return threads, answers


def test_a_result_comes_back_after_it_was_committed(database: Database) -> None:
    def work(session: Session) -> str:
        session.add(row("a"))
        return "done"

    assert database.write(work) == "done"
    assert names(database) == ["a"]


def test_what_was_written_is_seen_by_nobody_before_the_commit(database: Database) -> None:
    seen: list[list[str]] = []

    def work(session: Session) -> None:
        session.add(row("a"))
        session.flush()
        seen.append(names(database))

    database.write(work)
    assert seen == [[]]
    assert names(database) == ["a"]


def test_one_failing_piece_disturbs_none_of_its_group(database: Database, held: threading.Event) -> None:
    def add(name: str) -> object:
        return lambda session: session.add(row(name))

    def fail(session: Session) -> None:
        session.add(row("lost"))
        session.flush()
        raise ValueError("no")

    def clash(session: Session) -> None:
        session.add(row("half"))
        session.flush()
        session.add(row("a"))

    threads, answers = start_all(database, [add("a"), fail, add("b"), clash, add("c")])
    held.set()
    for thread in threads:
        thread.join()
    assert names(database) == ["a", "b", "c"]
    assert isinstance(answers[1], ValueError)
    assert isinstance(answers[3], IntegrityError)
    assert answers[0] is None
    assert answers[4] is None


def test_pieces_that_wait_together_are_committed_together_and_in_order(
    database: Database, long_groups: None, held: threading.Event
) -> None:
    order: list[int] = []
    seen_at_once: list[int] = []

    def piece(number: int) -> object:
        def work(session: Session) -> None:
            order.append(number)
            session.add(row(f"{number:02}"))
            after_commit(session, lambda: seen_at_once.append(len(names(database))))

        return work

    threads, _ = start_all(database, [piece(number) for number in range(20)])
    held.set()
    for thread in threads:
        thread.join()
    assert order == list(range(20))
    assert seen_at_once == [20] * 20


def test_a_piece_sees_nothing_of_its_neighbours_objects(database: Database, held: threading.Event) -> None:
    def add(session: Session) -> ProcessRow:
        mine = row("a")
        session.add(mine)
        return mine

    def look(session: Session) -> bool:
        found = session.get(ProcessRow, "a")
        assert found is not None
        return found is answers[0]

    threads, answers = start_all(database, [add, look])
    held.set()
    for thread in threads:
        thread.join()
    assert answers[1] is False
    assert isinstance(answers[0], ProcessRow)
    assert answers[0].seen_at == AT


def test_acts_after_commit_run_only_for_what_was_committed(database: Database) -> None:
    acts: list[str] = []

    def fail(session: Session) -> None:
        after_commit(session, lambda: acts.append("lost"))
        raise ValueError("no")

    def broken_act() -> None:
        raise RuntimeError("no")

    def work(session: Session) -> str:
        after_commit(session, broken_act)
        after_commit(session, lambda: acts.append("kept"))
        return "done"

    with pytest.raises(ValueError, match="no"):
        database.write(fail)
    assert database.write(work) == "done"
    assert acts == ["kept"]


def test_an_idle_writer_answers_at_once(database: Database) -> None:
    database.write(lambda session: None)
    times = []
    for number in range(20):
        began = time.perf_counter()
        database.write(lambda session, number=number: session.add(row(str(number))))  # type: ignore[misc]
        times.append(time.perf_counter() - began)
    assert sorted(times)[10] < 1


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


def test_a_transaction_that_cannot_commit_is_told_to_all_of_its_group(
    database: Database, long_groups: None, held: threading.Event
) -> None:
    def poison(session: Session) -> None:
        session.connection().exec_driver_sql("ROLLBACK")

    threads, answers = start_all(database, [lambda session: session.add(row("a")), poison])
    held.set()
    for thread in threads:
        thread.join()
    assert all(isinstance(answer, Unwritten) for answer in answers)
    assert names(database) == []
    database.write(lambda session: session.add(row("b")))
    assert names(database) == ["b"]


def test_reading_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match=r"read.?only"), database.read() as session:
        session.execute(text("DELETE FROM cd_processes"))


@ON_SQLITE
def test_reads_of_one_session_are_of_one_moment(database: Database) -> None:
    with database.read() as session:
        assert session.exec(select(ProcessRow)).all() == []
        database.write(lambda other: other.add(row("a")))
        assert session.exec(select(ProcessRow)).all() == []


@ON_POSTGRES
def test_a_deadlock_with_another_process_is_run_again(database: Database) -> None:
    database.write(lambda session: session.add_all([row("a"), row("b")]))
    other = Database(database.url)
    other.start()
    met = threading.Barrier(2, timeout=5)
    tries: list[str] = []

    def swap(first: str, second: str) -> object:
        def work(session: Session) -> None:
            tries.append(first)
            session.execute(text(f"UPDATE cd_processes SET id = id WHERE id = '{first}'"))
            if len(tries) <= 2:
                met.wait()
            session.execute(text(f"UPDATE cd_processes SET id = id WHERE id = '{second}'"))

        return work

    threads = [
        threading.Thread(target=writer.write, args=(work,))
        for writer, work in ((database, swap("a", "b")), (other, swap("b", "a")))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    other.stop()
    assert len(tries) == 3


@ON_SQLITE
def test_a_full_disk_loses_nothing_that_was_answered(database: Database) -> None:
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def fill(session: Session, name: str) -> None:
        session.connection().exec_driver_sql(f"PRAGMA max_page_count={pages + 20}")
        session.add(ProcessRow(id=name, seen_at=AT))
        session.execute(
            text("INSERT INTO cd_seal_keys VALUES (:id, :check, '2026-03-02')"), {"id": name, "check": bytes(9_000)}
        )

    answered, refused = [], 0
    for number in range(40):
        name = f"{number:02}"
        try:
            database.write(lambda session, name=name: fill(session, name))  # type: ignore[misc]
            answered.append(name)
        except (OperationalError, Unwritten):
            refused += 1
    assert refused > 10
    assert names(database) == answered


@ON_POSTGRES
def test_a_connection_that_died_while_idle_is_replaced(database: Database) -> None:
    database.write(lambda session: session.add(row("a")))
    with database.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    database.write(lambda session: session.add(row("b")))
    assert names(database) == ["a", "b"]


@ON_POSTGRES
def test_a_connection_that_dies_in_the_middle_refuses_its_group_and_no_later_one(database: Database) -> None:
    def die(session: Session) -> None:
        session.connection().exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Unwritten):
        database.write(die)
    database.write(lambda session: session.add(row("b")))
    assert names(database) == ["b"]


# Partners beside each other


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


@ON_SQLITE
def test_a_lone_piece_does_not_wait_for_company(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_writer, "LONGEST_GROUP", 3_600.0)
    monkeypatch.setattr(intake_writer, "LARGEST_GROUP", 1_000_000)
    database.write(lambda session: session.add(row("alone")))
    assert names(database) == ["alone"]


def test_every_kind_of_failure_reaches_its_caller(database: Database) -> None:
    def exhaust(session: Session) -> object:
        return next(iter(()))

    async def main() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(database.awrite(exhaust), 5)

    asyncio.run(main())

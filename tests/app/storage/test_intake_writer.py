"""The group-commit writer: one COMMIT for many, and nobody pays for a neighbour."""

import asyncio
import threading
import time

import pytest
from pieces_of_work import AT, ON_SQLITE, names, row, start_all
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.storage import intake_writer
from app.storage.database import Database
from app.storage.intake_writer import after_commit
from app.storage.processes import ProcessRow


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

"""What a database does to the group-commit writer: nothing that was answered is lost, and later groups go on."""

import threading

import pytest
from pieces_of_work import AT, ON_POSTGRES, ON_SQLITE, names, row, start_all
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from app.storage.database import Database
from app.storage.intake_writer import Unwritten
from app.storage.processes import ProcessRow


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

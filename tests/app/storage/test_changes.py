"""Whatever changes what is remembered is counted by the database, and what was remembered is read again."""

import threading
from collections.abc import Callable

import any_rows
import pytest
from sqlalchemy import delete, insert, text, update
from sqlmodel import Session

from app.storage.base import Row
from app.storage.changes import WATCHED, Memory, Subject, counts
from app.storage.database import Database

TABLES = [(subject, name) for subject, names in WATCHED.items() for name in names]


def now(database: Database) -> dict[str, int]:
    with database.read() as session:
        return dict(counts(session))


@pytest.mark.parametrize(("subject", "name"), TABLES, ids=[name for _, name in TABLES])
def test_every_change_of_the_table_counts(database: Database, subject: Subject, name: str) -> None:
    """Also after migrations that rebuild a table, which on SQLite lose its triggers."""
    table = Row.metadata.tables[name]
    with database.engine.begin() as connection:
        any_rows.fill(connection, 2)
    column = next(c for c in table.c if not c.primary_key and not c.foreign_keys)
    row = {c.name: any_rows.value(c, 1 if c.foreign_keys else 3) for c in table.c}
    (key,) = table.primary_key
    for change in (
        insert(table).values(**row),
        update(table).values({column: table.c[column.name]}).where(key == row[key.name]),
        delete(table).where(key == row[key.name]),
    ):
        before = now(database)
        with database.engine.begin() as connection:
            connection.execute(change)
        assert now(database)[subject] > before[subject], change


@pytest.fixture
def reads() -> list[str]:
    return []


@pytest.fixture
def ask(database: Database, reads: list[str]) -> Callable[..., str]:
    memory: Memory[str, str] = Memory(Subject.RULES, most=3)

    def ask(key: str, *, session: Session | None = None) -> str:
        def read() -> str:
            reads.append(key)
            return key.upper()

        if session is not None:
            return memory.get(session, key, read)
        with database.read() as own:
            return memory.get(own, key, read)

    return ask


def change(database: Database) -> None:
    rules = "INSERT INTO cd_flows (id, realm, key, name, priority) VALUES (:id, 'live', :id, 'x', 1)"
    database.write(lambda tx: tx.connection().execute(text(rules), {"id": str(len(now(database)) + next(NUMBERS))}))


NUMBERS = iter(range(1_000))


def test_what_was_read_is_not_read_again(ask: Callable[..., str], reads: list[str]) -> None:
    assert [ask("a"), ask("a"), ask("b"), ask("a")] == ["A", "A", "B", "A"]
    assert reads == ["a", "b"]


def test_after_a_change_it_is(database: Database, ask: Callable[..., str], reads: list[str]) -> None:
    ask("a")
    change(database)
    ask("a")
    ask("a")
    assert reads == ["a", "a"]


def test_a_change_that_was_rolled_back_is_none(database: Database, ask: Callable[..., str], reads: list[str]) -> None:
    ask("a")

    def undone(tx: Session) -> None:
        tx.connection().execute(
            text("INSERT INTO cd_flows (id, realm, key, name, priority) VALUES ('u', 'l', 'u', 'x', 1)")
        )
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(undone)
    ask("a")
    assert reads == ["a"]


def test_the_longest_unused_are_forgotten(ask: Callable[..., str], reads: list[str]) -> None:
    for key in "abcad":
        ask(key)
    reads.clear()
    for key in "acd":
        ask(key)
    assert reads == []
    ask("b")
    assert reads == ["b"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_reader_of_an_earlier_moment_neither_gets_nor_leaves_anything(
    database: Database, ask: Callable[..., str], reads: list[str]
) -> None:
    with database.read() as earlier:
        ask("a", session=earlier)
        change(database)
        ask("a")
        ask("a", session=earlier)
        ask("b", session=earlier)
    ask("a")
    ask("b")
    assert reads == ["a", "a", "a", "b", "b"]


def test_what_was_read_while_it_changed_is_not_kept(database: Database, reads: list[str]) -> None:
    memory: Memory[str, str] = Memory(Subject.RULES, most=3)
    reading, changed = threading.Event(), threading.Event()

    def slow() -> str:
        reading.set()
        assert changed.wait(10)
        return "old"

    def read_old() -> None:
        with database.read() as session:
            memory.get(session, "a", slow)

    thread = threading.Thread(target=read_old)
    thread.start()
    assert reading.wait(10)
    change(database)
    with database.read() as session:
        memory.get(session, "b", lambda: "new")
    changed.set()
    thread.join(10)
    with database.read() as session:
        assert memory.get(session, "a", lambda: "new") == "new"

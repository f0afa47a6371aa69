"""Pieces of work for the group-commit writer, and what they left."""

import threading
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select

from app.storage.database import Database
from app.storage.intake_writer import Busy, Unwritten
from app.storage.processes import ProcessRow

AT = datetime(2026, 3, 2, tzinfo=UTC)
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database", ["postgres"], indirect=True)


def row(name: str) -> ProcessRow:
    return ProcessRow(id=name, seen_at=AT)


def names(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(session.exec(select(ProcessRow.id)))


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

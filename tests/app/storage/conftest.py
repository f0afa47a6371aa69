"""A writer that is busy."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlmodel import Session

from app.storage import intake_writer
from app.storage.database import Database
from app.storage.intake_writer import Unwritten


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

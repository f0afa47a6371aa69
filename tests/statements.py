"""What the writer asks of the database, counted: seconds depend on the machine, statements do not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session

from app.storage import prepared
from app.storage.database import Database


@contextmanager
def statements_of(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Those that run in the block, but for the beginning and end of groups and of their pieces."""
    seen: list[str] = []
    executed = prepared._executed

    def prepared_one(session: Session, sql: str, *values: Any, **more: Any) -> int:
        seen.append(sql)
        return executed(session, sql, *values, **more)

    def other(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        seen.append(sql)

    with monkeypatch.context() as patched:
        patched.setattr(prepared, "_executed", prepared_one)
        event.listen(database._writing, "before_cursor_execute", other)
        yield seen
        event.remove(database._writing, "before_cursor_execute", other)

"""Rows that the pieces of a group leave to be written together, by one statement a table, just before its COMMIT.

Most of what is written is new rows that disturb nobody. For them a piece needs no transaction of its own: it says what
is to be there, and the group writes it. Whether a key was free shows only then. Where one was not, the whole group is
undone and each of its pieces runs again in a savepoint, with a Session: so work that takes a Batch must take a Session
as well, and do the same with it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from sqlmodel import Session

Values: TypeAlias = Mapping[str, Any]


class Taken(Exception):
    """A row that was to be new is there already."""


class Together(Protocol):
    """A statement that is run for many rows at once."""

    def many(self, session: Session, rows: Sequence[Values]) -> bool:
        """Whether each of them did what was meant: inserted its row, found the row to change."""
        ...


Act: TypeAlias = Callable[[Session, list[Any]], None]


class Batch:
    """What one piece, or all pieces of a group, leave to be written. Statements run in the order of their first use."""

    __slots__ = ("_acts", "_rows")

    def __init__(self) -> None:
        self._rows: dict[Together, list[Values]] = {}
        self._acts: dict[Act, list[Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._rows or self._acts)

    def put(self, statement: Together, values: Values) -> None:
        self._rows.setdefault(statement, []).append(values)

    def afterwards(self, act: Act, item: Any) -> None:
        """Has `act` run once, when all rows are there, with the items of all pieces."""
        self._acts.setdefault(act, []).append(item)

    def take_in(self, other: "Batch") -> None:
        for statement, rows in other._rows.items():
            self._rows.setdefault(statement, []).extend(rows)
        for act, items in other._acts.items():
            self._acts.setdefault(act, []).extend(items)

    def write(self, session: Session) -> None:
        """Raises Taken, and what the database raises."""
        for statement, rows in self._rows.items():
            if not statement.many(session, rows):
                raise Taken
        for act, items in self._acts.items():
            act(session, items)


Writing: TypeAlias = Session | Batch
"""What work is given that only puts rows."""


def session_of(tx: Writing) -> Session:
    """For what must look before it writes. Raises TypeError in a batch."""
    if isinstance(tx, Batch):
        raise TypeError("this needs a Session; the work was wrongly given to be batched")
    return tx

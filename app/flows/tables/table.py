"""Tables are changed by files: what a file would change is listed first, with everything that is wrong with it; what
was listed is then done, all or none. What a file does not name stays; a row whose values are empty is taken away."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, Protocol, TypeAlias

from sqlmodel import Session

from app.flows.tables import csv_lines
from app.flows.tables.csv_lines import Line, Wrong
from app.gateway import Gateway
from app.languages import msgid

Cells: TypeAlias = tuple[str, ...]
Given: TypeAlias = tuple[str | None, ...]
"""None: the column is not named, so that the cell stays as it is."""


class Table(Protocol):
    """
    columns  as files name them, those first by which a row is known: `keys` of them.
    needed   what a file must have; the other columns may be left out.
    numbers  columns with numbers; in cells they have a decimal dot and no groups."""

    columns: Cells
    keys: int
    needed: Cells
    numbers: Cells

    def kept(self, session: Session) -> dict[Cells, Cells]:
        """Values by keys, in the order in which they are shown."""

    def read(self, line: Line) -> tuple[Cells, Given | None] | None:
        """Key and values; values None to take the row away. None where something is wrong with the line, which knows
        what."""

    def keep(
        self, tx: Session, gateway: Gateway, key: Cells, values: Cells | None, *, actor: str, channel: str
    ) -> None:
        """With an entry in the audit record; `values` None takes the row away. Raises Refusal."""


@dataclass(frozen=True, slots=True)
class Change:
    """Of one row: None where there is none before, or none after."""

    key: Cells
    before: Cells | None
    after: Cells | None

    def cells(self, table: Table) -> list[tuple[str, str | None, str | None]]:
        """Column, before, after, of the values that differ."""
        columns = table.columns[table.keys :]
        before, after = (side or (None,) * len(columns) for side in (self.before, self.after))
        found = zip(columns, before, after, strict=True)
        return [(column, was, is_) for column, was, is_ in found if not _same(table, column, was, is_)]


def _same(table: Table, column: str, one: str | None, other: str | None) -> bool:
    if one is None or other is None or column not in table.numbers:
        return one == other
    return Decimal(one) == Decimal(other)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change. `equal` rows are as they should be. Nothing is done while `wrong` has an entry."""

    changes: tuple[Change, ...]
    equal: int
    wrong: tuple[Wrong, ...]

    @property
    def digest(self) -> str:
        """The same for the same changes: whoever agrees to them names it."""
        return sha256(repr(self.changes).encode()).hexdigest()


def plan_of_file(session: Session, table: Table, body: bytes) -> Plan:
    wrong: list[Wrong] = []
    return _plan(session, table, csv_lines.read(body, table.columns, table.needed, wrong), wrong)


def plan_of_row(session: Session, table: Table, cells: dict[str, str]) -> Plan:
    """Of one row that somebody typed."""
    wrong: list[Wrong] = []
    return _plan(session, table, [Line(cells, wrong)], wrong)


def _plan(session: Session, table: Table, lines: Iterable[Line], wrong: list[Wrong]) -> Plan:
    kept = table.kept(session)
    changes: list[Change] = []
    seen: dict[Cells, int] = {}
    equal = 0
    for line in lines:
        read = table.read(line)
        if read is None:
            continue
        key, given = read
        if (earlier := seen.setdefault(key, line.number)) != line.number:
            wrong.append(Wrong(line.number, "", msgid("line %(line)s is about the same"), "", {"line": earlier}))
            continue
        before = kept.get(key)
        after = None if given is None else _filled(given, before)
        change = Change(key, before, after)
        if change.cells(table):
            changes.append(change)
        else:
            equal += 1
    return Plan(tuple(changes), equal, tuple(sorted(wrong, key=lambda one: one.line)))


def _filled(given: Given, before: Cells | None) -> Cells:
    stands = before or ("",) * len(given)
    return tuple(old if new is None else new for new, old in zip(given, stands, strict=True))


def apply(tx: Session, gateway: Gateway, table: Table, changes: Iterable[Change], **by: Any) -> None:
    """Each with its own entry in the record; `by`: actor and channel. Raises Refusal."""
    for one in changes:
        table.keep(tx, gateway, one.key, one.after, **by)

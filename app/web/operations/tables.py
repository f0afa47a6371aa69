"""The table below a chart: the same numbers, to be read, sorted and taken along as a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.web.charts.lines import Spark

Cell = str | int | float | datetime | Spark | None


class Kind(StrEnum):
    """`verbatim`: a text that is nobody's language. `duration`: milliseconds."""

    TEXT = "text"
    VERBATIM = "verbatim"
    NUMBER = "number"
    TIME = "time"
    DURATION = "duration"
    SPARK = "spark"


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is its heading in a file and in addresses, `heading` that on the page; `unsorted`: no order is offered."""

    name: str
    heading: str
    kind: Kind = Kind.TEXT
    unsorted: bool = False

    @property
    def sortable(self) -> bool:
        return not self.unsorted and self.kind is not Kind.SPARK


@dataclass(frozen=True, slots=True)
class Table:
    """`links`: where the first cell of each row leads to."""

    id: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    links: Sequence[str] = ()

    def sorted_by(self, wish: str) -> "Table":
        """By a column (`documents`, or `-documents` with the largest first); as it is when there is no such column.
        What has no value comes last either way."""
        name, backwards = wish.removeprefix("-"), wish.startswith("-")
        place = next((i for i, c in enumerate(self.columns) if c.name == name and c.sortable), None)
        if place is None:
            return self
        order = sorted(
            (i for i, row in enumerate(self.rows) if row[place] is not None),
            key=lambda i: _key(self.rows[i][place]),
            reverse=backwards,
        )
        order += [i for i, row in enumerate(self.rows) if row[place] is None]
        links = [self.links[i] for i in order] if self.links else ()
        return replace(self, rows=[self.rows[i] for i in order], links=links)

    @property
    def headings(self) -> list[str]:
        return [column.name for column in self.columns if column.kind is not Kind.SPARK]

    def texts(self) -> list[list[str]]:
        """For a file: times as RFC 3339 in UTC, durations in milliseconds, without the small charts."""
        return [
            [_text(cell) for cell, column in zip(row, self.columns, strict=True) if column.kind is not Kind.SPARK]
            for row in self.rows
        ]


def _key(cell: Cell) -> tuple[float, str]:
    if isinstance(cell, datetime):
        return cell.timestamp(), ""
    if isinstance(cell, int | float):
        return float(cell), ""
    return 0.0, str(cell).casefold()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat()
    return f"{cell:.0f}" if isinstance(cell, float) else str(cell)


def wanted(request: Request, tables: Iterable[Table]) -> Table:
    """The one that `?table=` names. Raises HTTPException 404."""
    name = request.query_params.get("table", "")
    found = next((table for table in tables if table.id == name), None)
    if found is None:
        raise HTTPException(404)
    return found

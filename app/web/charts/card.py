"""A chart with its table, as `templates/charts/cards.html` shows it."""

from dataclasses import dataclass

from app.web.charts.bars import BarChart, LyingChart
from app.web.operations.tables import Table


@dataclass(frozen=True, slots=True)
class Card:
    """
    kind   which macro draws it: `stacked`, `lying`.
    title  its heading; `says` what a reader who cannot see it hears of it.
    """

    id: str
    kind: str
    title: str
    chart: BarChart | LyingChart
    says: str
    table: Table

"""What the fault tests say together: for each scenario whether every order that was acknowledged has arrived at the ERP
(its outcome at the buyer, where the scenario says so), once and in its lane's order."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

HEADINGS = ("scenario", "database", "acknowledged", "arrived", "lost", "doubled", "out of order")


@dataclass
class FaultReport:
    rows: list[tuple[str, str, int, int, int, int, int]] = field(default_factory=list)

    def judge(
        self, scenario: str, database: str, acknowledged: Mapping[str, Sequence[str]], arrived: Sequence[str]
    ) -> None:
        """Adds a row, and fails unless its last three numbers are 0. `acknowledged` are numbers of orders by their
        lanes, in the order in which they were taken; `arrived` is what the ERP has, in the order of arrival."""
        times = Counter(arrived)
        firsts = {number: place for place, number in reversed(list(enumerate(arrived)))}
        lost = doubled = disordered = 0
        for numbers in acknowledged.values():
            lost += sum(number not in times for number in numbers)
            doubled += sum(times[number] > 1 for number in numbers)
            places = [firsts[number] for number in numbers if number in firsts]
            disordered += sum(later < earlier for earlier, later in pairwise(places))
        count = sum(map(len, acknowledged.values()))
        self.rows.append((scenario, database, count, len(arrived), lost, doubled, disordered))
        assert (lost, doubled, disordered) == (0, 0, 0), f"{scenario}: lost, doubled, out of order"

    def table(self) -> list[str]:
        lines = [HEADINGS, *(tuple(map(str, row)) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]

"""Exchange rates as a table: `base`, `target`, `day`, `factor`, `source`. Without a day, today's."""

from datetime import date
from decimal import Decimal

from sqlmodel import Session

from app.approval.rates import Rate
from app.flows import keep_figures
from app.flows.tables.csv_lines import Line
from app.flows.tables.table import Cells
from app.gateway import Gateway
from app.languages import msgid
from app.storage import rates

LONGEST_SOURCE = 100


class Rates:
    columns: Cells = ("base", "target", "day", "factor", "source")
    keys: int = 3
    needed: Cells = ("base", "target", "day", "factor", "source")
    numbers: Cells = ("factor",)

    def __init__(self, realm: str, today: date) -> None:
        self.realm = realm
        self.today = today

    def kept(self, session: Session) -> dict[Cells, Cells]:
        return {
            (base, target, day.isoformat()): (f"{factor:f}", source)
            for base, target, day, factor, source in rates.all_of(session, self.realm)
        }

    def read(self, line: Line) -> tuple[Cells, Cells | None] | None:
        base, target = line.currency("base"), line.currency("target")
        if base == target:
            line.fault("target", msgid("is the same currency: a rate is between two"))
        day = line.day("day") if line.text("day") else self.today
        factor, source = None, line.text("source")
        if line.text("factor"):
            factor = line.decimal("factor")
            if factor is not None and factor <= 0:
                line.fault("factor", msgid("is not above zero"))
            if not 0 < len(source) <= LONGEST_SOURCE:
                line.fault("source", msgid("is missing or too long: say who published the rate"))
        if day is None or not line.good:
            return None
        return (base, target, day.isoformat()), None if factor is None else (f"{factor:f}", source)

    def keep(
        self, tx: Session, gateway: Gateway, key: Cells, values: Cells | None, *, actor: str, channel: str
    ) -> None:
        base, target, day = key[0], key[1], date.fromisoformat(key[2])
        if values is None:
            keep_figures.drop_rate(tx, gateway, self.realm, base, target, day, actor=actor, channel=channel)
        else:
            rate = Rate(base=base, target=target, day=day, factor=Decimal(values[0]), source=values[1])
            keep_figures.set_rate(tx, gateway, self.realm, rate, actor=actor, channel=channel)

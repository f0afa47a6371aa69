"""Budgets of cost centres as a table: `customer` (its number), `cost_center`, `period`, `amount`, `currency`. Where
there is one customer only, a file need not name it."""

from collections.abc import Sequence
from decimal import Decimal

from sqlmodel import Session

from app.flows import keep_figures
from app.flows.keep_figures import Budget
from app.flows.tables.csv_lines import Line
from app.flows.tables.table import Cells
from app.gateway import Gateway
from app.languages import msgid
from app.storage import budgets
from app.storage.customers import CustomerRow
from schemas.money import Money

LONGEST_CODE = 100


class Budgets:
    columns: Cells = ("customer", "cost_center", "period", "amount", "currency")
    keys: int = 3
    numbers: Cells = ("amount",)

    def __init__(self, customers: Sequence[CustomerRow]) -> None:
        """Other customers than these are unknown."""
        self.customers = {customer.number: customer for customer in customers}
        self.needed: Cells = self.columns[1:] if len(customers) == 1 else self.columns

    def kept(self, session: Session) -> dict[Cells, Cells]:
        numbers = {customer.id: number for number, customer in self.customers.items()}
        return {
            (numbers[row.customer_id], row.cost_center, row.period): (f"{row.amount:f}", row.currency)
            for row in budgets.of_customers(session, numbers)
        }

    def read(self, line: Line) -> tuple[Cells, Cells | None] | None:
        number = line.text("customer")
        if "customer" not in line.cells and len(self.customers) == 1:
            number = next(iter(self.customers))
        if number not in self.customers:
            line.fault("customer", msgid("there is no customer of this number"))
        cost_center, period = line.text("cost_center"), line.text("period")
        if not 0 < len(cost_center) <= LONGEST_CODE:
            line.fault("cost_center", msgid("a cost centre has 1 to 100 characters"))
        if not keep_figures.is_period(period):
            line.fault("period", msgid("is no month (2026-11) or year (2026)"))
        amount, currency = None, ""
        if line.text("amount"):
            currency = line.currency("currency")
            amount = line.amount("amount", currency)
        if not line.good:
            return None
        return (number, cost_center, period), None if amount is None else (f"{amount:f}", currency)

    def keep(
        self, tx: Session, gateway: Gateway, key: Cells, values: Cells | None, *, actor: str, channel: str
    ) -> None:
        customer = self.customers[key[0]]
        if values is None:
            keep_figures.drop_budget(tx, gateway, customer, key[1], key[2], actor=actor, channel=channel)
        else:
            budget = Budget(key[1], key[2], Money(amount=Decimal(values[0]), currency=values[1]))
            keep_figures.set_budget(tx, gateway, customer, budget, actor=actor, channel=channel)

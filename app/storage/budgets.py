"""What a cost centre of a customer may spend in a month or a year."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from sqlmodel import Field, Session, col, select

from app.storage.base import DecimalText, Row, UtcDateTime


class BudgetRow(Row, table=True):
    """`period`: `2026-11`, or `2026` for the whole year."""

    __tablename__ = "cd_budgets"

    customer_id: str = Field(primary_key=True, foreign_key="cd_customers.id", ondelete="CASCADE", max_length=36)
    cost_center: str = Field(primary_key=True, max_length=100)
    period: str = Field(primary_key=True, max_length=7)
    realm: str = Field(max_length=20)
    amount: Decimal = Field(sa_type=DecimalText)
    currency: str = Field(max_length=3)
    set_at: datetime = Field(sa_type=UtcDateTime)


def on(session: Session, customer_id: str, cost_center: str, day: date) -> BudgetRow | None:
    """The month's, or else the year's."""
    periods = (f"{day:%Y-%m}", f"{day:%Y}")
    query = select(BudgetRow).where(
        BudgetRow.customer_id == customer_id,
        BudgetRow.cost_center == cost_center,
        col(BudgetRow.period).in_(periods),
    )
    return session.exec(query.order_by(col(BudgetRow.period).desc()).limit(1)).first()


def of_customers(session: Session, customer_ids: Iterable[str]) -> list[BudgetRow]:
    """In the order of the ids; of each by cost centre and period."""
    place = {customer_id: number for number, customer_id in enumerate(customer_ids)}
    query = select(BudgetRow).where(col(BudgetRow.customer_id).in_(place))
    return sorted(session.exec(query), key=lambda row: (place[row.customer_id], row.cost_center, row.period))

"""Fields of a customer's own that its approval rules may ask about."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, select

from app.storage.base import Row, UtcDateTime


class OwnFieldRow(Row, table=True):
    """
    name      in rules, behind `extra.` or, where `of_line`, `line.extra.`.
    type      as `app.approval.operators.Type`; `currency` of a field of money.
    read_from where documents say it: `{"extension": "Project"}`, the name of an extension of the canonical order.
    """

    __tablename__ = "cd_own_fields"

    customer_id: str = Field(primary_key=True, foreign_key="cd_customers.id", ondelete="CASCADE", max_length=36)
    name: str = Field(primary_key=True, max_length=40)
    realm: str = Field(max_length=20)
    type: str = Field(max_length=10)
    label: str = Field(max_length=100)
    currency: str | None = Field(default=None, max_length=3)
    of_line: bool = False
    read_from: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    set_at: datetime = Field(sa_type=UtcDateTime)


def of_customer(session: Session, customer_id: str) -> list[OwnFieldRow]:
    query = select(OwnFieldRow).where(OwnFieldRow.customer_id == customer_id)
    return list(session.exec(query.order_by(OwnFieldRow.name)))

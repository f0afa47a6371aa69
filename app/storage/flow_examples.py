"""Examples that are kept with approval rules: an order, and what the rules must make of it."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime, new_id


class FlowExampleRow(Row, table=True):
    """
    order_id, revision  the order as it came then; with the order the example goes too.
    outcome             of `app.approval.simulation.Outcome`.
    step                the key of a step that must be taken, where it says so.
    """

    __tablename__ = "cd_flow_examples"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    flow_id: str = Field(foreign_key="cd_flows.id", ondelete="CASCADE", max_length=36)
    order_id: str = Field(foreign_key="cd_orders.id", ondelete="CASCADE", max_length=36)
    revision: int
    outcome: str = Field(max_length=10)
    step: str | None = Field(default=None, max_length=200)
    added_by: str | None = Field(default=None, max_length=36)
    added_at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (UniqueConstraint("flow_id", "order_id"), Index("ix_cd_flow_examples_order_id", "order_id"))


def of_flow(session: Session, flow_id: str) -> list[FlowExampleRow]:
    """In the order in which they were added."""
    query = select(FlowExampleRow).where(FlowExampleRow.flow_id == flow_id)
    return list(session.exec(query.order_by(col(FlowExampleRow.id))))

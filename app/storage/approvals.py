"""Flows with their published versions, and the runs of orders through them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime, new_id, table_of
from app.storage.prepared import PreparedInsert


class FlowRow(Row, table=True):
    """Rules by name. `customer_id` None: for every customer that has no flow of its own that fits. The highest
    priority is tried first."""

    __tablename__ = "cd_flows"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    key: str = Field(max_length=60)
    name: str = Field(max_length=200)
    customer_id: str | None = Field(default=None, foreign_key="cd_customers.id", max_length=36)
    priority: int = 50

    __table_args__ = (UniqueConstraint("realm", "key"),)


class VersionState(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"


class FlowVersionRow(Row, table=True):
    """A published definition: canonical JSON that is never written again. One is active in a flow."""

    __tablename__ = "cd_flow_versions"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    flow_id: str = Field(foreign_key="cd_flows.id", ondelete="CASCADE", max_length=36)
    number: int
    state: str = Field(max_length=10)
    definition: str = Field(sa_type=Text)
    checksum: str = Field(max_length=64)
    published_by: str | None = Field(default=None, foreign_key="cd_people.id", max_length=36)
    published_at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (UniqueConstraint("flow_id", "number"),)


class RunRow(Row, table=True):
    """
    flow_version_id  absent when no flow fitted and the run is held, or approved because the customer's terms say so.
    opened           the steps of each opened stage: `{key, name, quorum, rejects, reasons}`.
    excluded         ids of people who never count.
    explanation      why it was decided as it was: data, which pages put into words.
    """

    __tablename__ = "cd_runs"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    order_id: str = Field(foreign_key="cd_orders.id", ondelete="CASCADE", index=True, max_length=36)
    revision: int
    order_hash: str = Field(max_length=64)
    flow_version_id: str | None = Field(default=None, foreign_key="cd_flow_versions.id", max_length=36)
    state: str = Field(max_length=12)
    stages: int
    stage: int
    hold_when_nobody_is_asked: bool = False
    opened: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    excluded: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    explanation: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    began_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


put_run = PreparedInsert(table_of(RunRow))


class RunTaskRow(Row, table=True):
    """One person asked in one step. Whose task it is never changes with groups and roles."""

    __tablename__ = "cd_run_tasks"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    run_id: str = Field(foreign_key="cd_runs.id", ondelete="CASCADE", index=True, max_length=36)
    order_id: str = Field(foreign_key="cd_orders.id", ondelete="CASCADE", max_length=36)
    customer_id: str = Field(foreign_key="cd_customers.id", max_length=36)
    stage: int
    step: str = Field(max_length=200)
    assignee_id: str = Field(foreign_key="cd_people.id", max_length=36)
    state: str = Field(max_length=10)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason_code: str | None = Field(default=None, max_length=40)
    reason: str | None = Field(default=None, max_length=1_000)

    __table_args__ = (
        Index("ix_cd_run_tasks_assignee_id_state", "assignee_id", "state"),
        Index("ix_cd_run_tasks_order_id", "order_id"),
    )


def candidates(session: Session, realm: str, customer_id: str) -> list[tuple[FlowRow, FlowVersionRow]]:
    """The active flows for a customer in the order in which they are tried: its own first, then those for all; in each
    the highest priority first."""
    query = (
        select(FlowRow, FlowVersionRow)
        .where(
            FlowRow.realm == realm,
            (col(FlowRow.customer_id) == customer_id) | col(FlowRow.customer_id).is_(None),
            FlowVersionRow.flow_id == FlowRow.id,
            FlowVersionRow.state == VersionState.ACTIVE,
        )
        .order_by(col(FlowRow.customer_id).is_(None), col(FlowRow.priority).desc(), FlowRow.key)
    )
    return [(flow, version) for flow, version in session.exec(query)]


def newest_run(session: Session, order_id: str) -> RunRow | None:
    query = select(RunRow).where(RunRow.order_id == order_id).order_by(col(RunRow.id).desc()).limit(1)
    return session.exec(query).first()


def tasks_of(session: Session, run_id: str) -> list[RunTaskRow]:
    """In the order in which they were asked."""
    return list(session.exec(select(RunTaskRow).where(RunTaskRow.run_id == run_id).order_by(RunTaskRow.id)))

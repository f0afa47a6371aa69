"""Flows with their published versions, and the runs of orders through them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint, text, update
from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime, new_id, table_of
from app.storage.customers import CustomerRow
from app.storage.people import PersonRow
from app.storage.prepared import PreparedInsert

OPEN: Final = "open"
"""The one state in which a task takes a decision; the states are `app.approval.steps.TaskState`."""
IS_OPEN: Final = text("state = 'open'")
"""The same for an index of the open ones alone, which SQLite uses for a condition in these words only."""
IS_DECIDED: Final = text("decided_at IS NOT NULL")


class FlowRow(Row, table=True):
    """Rules by name: of one customer, else of the customers in `customer_group`, else of all. The more special are
    tried first, among them the highest priority."""

    __tablename__ = "cd_flows"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    key: str = Field(max_length=60)
    name: str = Field(max_length=200)
    customer_id: str | None = Field(default=None, foreign_key="cd_customers.id", max_length=36)
    priority: int = 50
    customer_group: str | None = Field(default=None, max_length=100)

    __table_args__ = (UniqueConstraint("realm", "key"),)

    def meets(self, customer: CustomerRow) -> bool:
        """Whether it is for orders of this customer."""
        if self.customer_id is not None:
            return self.customer_id == customer.id
        return self.customer_group is None or customer.is_in(self.customer_group)

    @property
    def for_all(self) -> bool:
        return self.customer_id is None and self.customer_group is None

    @property
    def turn(self) -> tuple[int, int, str]:
        """The order in which the flows that meet a customer are tried."""
        scope = 2 if self.for_all else 1 if self.customer_id is None else 0
        return scope, -self.priority, self.key


class VersionState(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"


class FlowVersionRow(Row, table=True):
    """A published definition: canonical JSON that is never written again. One is active in a flow.

    author_id   who wrote it, as far as that is known: whoever began the draft that was published.
    own_fields  JSON: the customer's own fields that it asks about, as they were declared when it was published."""

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
    author_id: str | None = Field(default=None, max_length=36)
    own_fields: str | None = Field(default=None, sa_type=Text)

    __table_args__ = (UniqueConstraint("flow_id", "number"),)


class RunRow(Row, table=True):
    """
    revision          of the order, on which it began; `carried_revision` is a later one that asked for no new run.
    order_hash        of the content that is up for approval.
    flow_version_id   absent when no flow fitted and the run is held, or approved because the customer's terms say so.
    version           counts what was written; a run that somebody else has moved meanwhile is not written over.
    opened            the steps of each opened stage without their tasks: `{key, name, quorum, rejects, reasons, ...}`.
    excluded          ids of people who never count; `requesters` those of them who asked for the goods, the first one
                      first. Absent in runs of an older release.
    explanation       why it was decided as it was: data, which pages put into words.
    overridden_by     the id of the administrator who decided in place of the approvers.
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
    version: int = 1
    carried_revision: int | None = None
    requesters: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    overridden_by: str | None = Field(default=None, max_length=36)

    def step_name(self, task: "RunTaskRow") -> str:
        """What the rules call the step of one of its tasks."""
        steps = self.opened[task.stage] if task.stage < len(self.opened) else ()
        return next((str(step["name"]) for step in steps if step["key"] == task.step), task.step)


put_run = PreparedInsert(table_of(RunRow))


class RunTaskRow(Row, table=True):
    """One person asked in one step. Whose task it is never changes with groups and roles.

    delegate_id  who may decide in the assignee's place; `decided_by` who did, `acting_for` then the assignee's id.
                 Tasks of an older release were decided by their assignee.
    order_hash   of the content on which it was decided.
    wake_at      when a reminder or the due time comes next; absent when nothing is to come.
    merged       the yes was given in the stage before.
    """

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
    delegate_id: str | None = Field(default=None, max_length=36)
    decided_by: str | None = Field(default=None, max_length=36)
    acting_for: str | None = Field(default=None, max_length=36)
    channel: str | None = Field(default=None, max_length=20)
    order_hash: str | None = Field(default=None, max_length=64)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    remind_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    wake_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    reminded: bool = False
    overdue: bool = False
    merged: bool = False

    __table_args__ = (
        Index("ix_cd_run_tasks_assignee_id_state_opened_at_id", "assignee_id", "state", "opened_at", "id"),
        Index("ix_cd_run_tasks_delegate_id_state_opened_at_id", "delegate_id", "state", "opened_at", "id"),
        Index("ix_cd_run_tasks_decided_by_opened_at_id", "decided_by", "opened_at", "id"),
        Index(
            "ix_cd_run_tasks_open_of_customer",
            "customer_id",
            "opened_at",
            "id",
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
        Index("ix_cd_run_tasks_open", "realm", "opened_at", "id", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_cd_run_tasks_order_id", "order_id"),
        Index(
            "ix_cd_run_tasks_decided_at", "realm", "decided_at", sqlite_where=IS_DECIDED, postgresql_where=IS_DECIDED
        ),
    )


def candidates(session: Session, customer: CustomerRow) -> list[tuple[FlowRow, FlowVersionRow]]:
    """The active flows for a customer in the order in which they are tried: its own first, then those of its group,
    then those for all; in each the highest priority first."""
    query = select(FlowRow, FlowVersionRow).where(
        FlowRow.realm == customer.realm,
        (col(FlowRow.customer_id) == customer.id) | col(FlowRow.customer_id).is_(None),
        FlowVersionRow.flow_id == FlowRow.id,
        FlowVersionRow.state == VersionState.ACTIVE,
    )
    found = [(flow, version) for flow, version in session.exec(query) if flow.meets(customer)]
    return sorted(found, key=lambda one: one[0].turn)


def flows(session: Session, realm: str) -> list[FlowRow]:
    """All of them: those for all customers first, then those of groups, then of single customers; in each the highest
    priority first."""
    query = select(FlowRow).where(FlowRow.realm == realm)
    own, group = col(FlowRow.customer_id), col(FlowRow.customer_group)
    scope = (own.is_not(None), own, group.is_not(None), group)
    return list(session.exec(query.order_by(*scope, col(FlowRow.priority).desc(), FlowRow.key)))


def versions(session: Session, flow_ids: Iterable[str]) -> list[FlowVersionRow]:
    """The newest first."""
    query = select(FlowVersionRow).where(col(FlowVersionRow.flow_id).in_(set(flow_ids)))
    return list(session.exec(query.order_by(col(FlowVersionRow.number).desc())))


def newest_run(session: Session, order_id: str) -> RunRow | None:
    query = select(RunRow).where(RunRow.order_id == order_id).order_by(col(RunRow.id).desc()).limit(1)
    return session.exec(query).first()


def overridden(session: Session, order_ids: Sequence[str]) -> set[str]:
    """Which of these orders an administrator has decided in place of the approvers."""
    query = select(RunRow.order_id).where(col(RunRow.order_id).in_(order_ids), col(RunRow.overridden_by).is_not(None))
    return set(session.exec(query))


def tasks_of(session: Session, run_id: str) -> list[RunTaskRow]:
    """In the order in which they were asked."""
    query = select(RunTaskRow).where(RunTaskRow.run_id == run_id)
    return list(session.exec(query.order_by(col(RunTaskRow.opened_at), RunTaskRow.id)))


def take_turn(session: Session, row: RunRow) -> bool:
    """Counts the run's version on; False when somebody else has moved it since it was read."""
    session.flush()
    moved = session.connection().execute(
        update(RunRow)
        .where(col(RunRow.id) == row.id, col(RunRow.version) == row.version)
        .values(version=row.version + 1)
    )
    session.refresh(row, ["version"])
    return moved.rowcount == 1


def decided(session: Session, task: RunTaskRow, **values: Any) -> bool:
    """The decision of an open task in one conditional UPDATE; False when the task is not open any more."""
    taken = session.connection().execute(
        update(RunTaskRow)
        .where(col(RunTaskRow.id) == task.id, col(RunTaskRow.state) == OPEN)
        .values(wake_at=None, **values)
    )
    session.refresh(task)
    return taken.rowcount == 1


def late_timers(session: Session, before: datetime, most: int) -> list[tuple[str, str]]:
    """Realm and id of tasks whose time came before then, the longest waiting first."""
    query = (
        select(RunTaskRow.realm, RunTaskRow.id)
        .where(col(RunTaskRow.wake_at) < before)
        .order_by(col(RunTaskRow.wake_at))
        .limit(most)
    )
    return list(session.exec(query))


def open_tasks_of(session: Session, person_id: str) -> list[RunTaskRow]:
    """What a person has still to decide, as the one who was asked or in somebody's place."""
    return [
        task
        for theirs in (RunTaskRow.assignee_id, RunTaskRow.delegate_id)
        for task in session.exec(
            select(RunTaskRow).where(theirs == person_id, RunTaskRow.state == OPEN).order_by(col(RunTaskRow.id))
        )
    ]


def asked_of_the_gone(session: Session) -> set[str]:
    """Ids of people who cannot sign in any more and are still asked or stand in for somebody."""
    gone = list(session.exec(select(PersonRow.id).where(col(PersonRow.active).is_(False))))
    return {
        str(person_id)
        for theirs in (RunTaskRow.assignee_id, RunTaskRow.delegate_id)
        for person_id in (
            session.exec(select(theirs).where(col(theirs).in_(gone), RunTaskRow.state == OPEN)) if gone else ()
        )
    }

"""Many cases settled by one choice: how far it is, and what became of each order; kept for a while."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, Column, Index, delete, update
from sqlmodel import Field, Session, col

from app.storage.base import Row, UtcDateTime, new_id

SILENT: Final = timedelta(minutes=1)
"""A run that has said nothing for so long has ended with its process."""


class CaseRunState(StrEnum):
    RUNNING = "running"
    DONE = "done"


class CaseRunRow(Row, table=True):
    """
    choice, value, reason  of each settlement.
    cases     ids of those that were chosen.
    done      of `total` orders; `seen_at` when that was said last.
    outcomes  one for each order that is done, as `app.flows.settle_together` keeps it.
    """

    __tablename__ = "cd_case_runs"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    asked_by: str = Field(max_length=36)
    choice: str = Field(max_length=30)
    value: str = Field(max_length=200)
    reason: str = Field(max_length=1_000)
    cases: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    state: str = Field(max_length=10)
    done: int = 0
    total: int = 0
    outcomes: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    began_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)

    __table_args__ = (Index("ix_cd_case_runs_realm_began_at", "realm", "began_at"),)

    def runs(self, now: datetime) -> bool:
        return self.state == CaseRunState.RUNNING and now - self.seen_at < SILENT


def told(session: Session, run_id: str, **values: object) -> None:
    session.connection().execute(update(CaseRunRow).where(col(CaseRunRow.id) == run_id).values(**values))


def forget(session: Session, realm: str, before: datetime) -> None:
    session.connection().execute(
        delete(CaseRunRow).where(col(CaseRunRow.realm) == realm, col(CaseRunRow.began_at) < before)
    )

"""What trying rules on past orders came to: reports that are kept for a while."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Index, Text, delete, update
from sqlmodel import Field, Session, col, func, select

from app.storage.base import Row, UtcDateTime, new_id

SILENT: Final = timedelta(minutes=1)
"""A simulation that has said nothing for so long has ended with its process."""


class SimulationState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class SimulationRow(Row, table=True):
    """
    source      what was tried: `draft`, or the number of a version.
    definition  the rules themselves.
    orders      how many orders at most, `days` of how many days; absent: of any.
    done        of `total` orders; `seen_at` when that was said last.
    report      JSON of `app.approval.simulation.Report`, once it is there.
    """

    __tablename__ = "cd_simulations"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    flow_id: str = Field(foreign_key="cd_flows.id", ondelete="CASCADE", max_length=36)
    source: str = Field(max_length=20)
    definition: str = Field(sa_type=Text)
    orders: int
    days: int | None = None
    asked_by: str = Field(max_length=36)
    state: str = Field(max_length=10)
    done: int = 0
    total: int = 0
    began_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    report: str | None = Field(default=None, sa_type=Text)

    __table_args__ = (Index("ix_cd_simulations_flow_id", "flow_id"),)

    def runs(self, now: datetime) -> bool:
        return self.state == SimulationState.RUNNING and now - self.seen_at < SILENT


def running(session: Session, realm: str, now: datetime) -> int:
    query = select(func.count()).select_from(SimulationRow)
    alive = col(SimulationRow.seen_at) > now - SILENT
    return session.exec(
        query.where(SimulationRow.realm == realm, SimulationRow.state == SimulationState.RUNNING, alive)
    ).one()


def of_flow(session: Session, flow_id: str) -> list[SimulationRow]:
    """The newest first."""
    query = select(SimulationRow).where(SimulationRow.flow_id == flow_id)
    return list(session.exec(query.order_by(col(SimulationRow.id).desc())))


def told(session: Session, simulation_id: str, **values: object) -> None:
    session.connection().execute(update(SimulationRow).where(col(SimulationRow.id) == simulation_id).values(**values))


def forget(session: Session, flow_id: str, *, keep: int, before: datetime) -> None:
    """All but the newest `keep`, and those that began before."""
    newest = select(SimulationRow.id).where(SimulationRow.flow_id == flow_id).order_by(col(SimulationRow.id).desc())
    kept = list(session.exec(newest.limit(keep)))
    session.connection().execute(
        delete(SimulationRow).where(
            col(SimulationRow.flow_id) == flow_id,
            col(SimulationRow.id).not_in(kept) | (col(SimulationRow.began_at) < before),
        )
    )

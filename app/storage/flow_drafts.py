"""Drafts of approval rules: what an author is working on, with faults in it perhaps. One a flow.

They are not rows of `cd_flow_versions`: a version is never written again, and each change of that table makes every
process read its rules anew."""

from datetime import datetime

from sqlalchemy import Text, UniqueConstraint, update
from sqlmodel import Field, Session, col, select

from app.storage.base import Row, UtcDateTime, new_id


class FlowDraftRow(Row, table=True):
    """
    definition   JSON, perhaps not yet one that `app.approval.definition` reads.
    based_on     the number of the version that it began as; None: as an empty one.
    author_id    who began it; `changed_by` who saved it last.
    version      counts what was saved; who has seen an older one does not write over it.
    """

    __tablename__ = "cd_flow_drafts"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    realm: str = Field(max_length=20)
    flow_id: str = Field(foreign_key="cd_flows.id", ondelete="CASCADE", max_length=36)
    definition: str = Field(sa_type=Text)
    based_on: int | None = None
    author_id: str | None = Field(default=None, max_length=36)
    changed_by: str | None = Field(default=None, max_length=36)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1

    __table_args__ = (UniqueConstraint("flow_id"),)


def of_flow(session: Session, flow_id: str) -> FlowDraftRow | None:
    return session.exec(select(FlowDraftRow).where(FlowDraftRow.flow_id == flow_id)).first()


def of_realm(session: Session, realm: str) -> dict[str, FlowDraftRow]:
    """By the id of the flow."""
    return {row.flow_id: row for row in session.exec(select(FlowDraftRow).where(FlowDraftRow.realm == realm))}


def saved(session: Session, row: FlowDraftRow, *, seen: int, definition: str, by: str, at: datetime) -> bool:
    """Writes it in one conditional UPDATE; False when somebody else has saved it since version `seen`."""
    written = session.connection().execute(
        update(FlowDraftRow)
        .where(col(FlowDraftRow.id) == row.id, col(FlowDraftRow.version) == seen)
        .values(definition=definition, changed_by=by, changed_at=at, version=seen + 1)
    )
    session.refresh(row)
    return written.rowcount == 1

"""What of some rules can be tried: the draft, and each version."""

from dataclasses import dataclass

from sqlmodel import Session, col, select
from starlette.exceptions import HTTPException

from app.storage import flow_drafts
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState

DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Source:
    """`name`: `draft`, or the number of a version."""

    name: str
    definition: str
    active: bool = False


def sources(session: Session, row: FlowRow) -> list[Source]:
    """The draft first, then the versions, the newest first."""
    draft = flow_drafts.of_flow(session, row.id)
    versions = session.exec(
        select(FlowVersionRow).where(FlowVersionRow.flow_id == row.id).order_by(col(FlowVersionRow.number).desc())
    )
    return [
        *([Source(DRAFT, draft.definition)] if draft else []),
        *(Source(str(one.number), one.definition, one.state == VersionState.ACTIVE) for one in versions),
    ]


def source(session: Session, row: FlowRow, name: str) -> Source:
    """Raises HTTPException 404."""
    found = next((one for one in sources(session, row) if one.name == name), None)
    if found is None:
        raise HTTPException(404)
    return found

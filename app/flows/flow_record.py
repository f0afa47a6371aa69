"""What the record says of approval rules that a person changed on a page."""

from typing import Any

from sqlmodel import Session

from app.gateway import Gateway
from app.storage import audit
from app.storage.approvals import FlowRow
from app.storage.people import PersonRow


def record(
    tx: Session,
    gateway: Gateway,
    by: PersonRow,
    event: str,
    flow: FlowRow,
    *,
    flow_version_id: str | None = None,
    **data: Any,
) -> None:
    audit.record(
        tx,
        realm=flow.realm,
        at=gateway.clock.now(),
        actor=audit.by(by.id),
        channel="page",
        event=event,
        flow_version_id=flow_version_id,
        data={"flow": flow.key, **data},
    )

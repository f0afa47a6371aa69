"""Commands that change or show what is kept leave a trace in the audit record."""

from typing import Any

from sqlmodel import Session

from app.gateway import Gateway
from app.storage import audit
from app.storage.base import LIVE


def record(
    gateway: Gateway, event: str, *, order_id: str | None = None, reason: str | None = None, **data: Any
) -> None:
    """In a transaction of its own."""

    def write(session: Session) -> None:
        audit.record(
            session,
            realm=LIVE,
            at=gateway.clock.now(),
            actor="system",
            channel="command",
            event=event,
            order_id=order_id,
            reason=reason,
            data=data,
        )

    gateway.database.write(write)

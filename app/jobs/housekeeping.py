"""Once a night: what nobody will ask for again is dropped, and the log says how far the audit record has come.

Finished work items of the engine; keys of documents past the time in which a resend is answered; sessions and start
codes that ended; what a shop's visit needed while it was open. Documents and their retention are not touched here
(`app.jobs.purge`). A batch at a time, so that nobody waits for a long transaction."""

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, CursorResult, and_, delete, func, or_, select, tuple_
from sqlmodel import Session, SQLModel, col

from app.gateway import Gateway
from app.storage import audit
from app.storage.alerts import AlertRow
from app.storage.approval_links import ApprovalLinkRow
from app.storage.approval_notices import NoticeRow
from app.storage.base import table_of
from app.storage.exchanges import DocumentKeyRow
from app.storage.mails import MailRow
from app.storage.oidc import OidcSignInRow
from app.storage.password_links import PasswordLinkRow
from app.storage.people import PendingSignInRow, PersonSessionRow
from app.storage.processes import ProcessRow
from app.storage.sessions import (
    CartLineRow,
    PunchoutSessionRow,
    ReturnedCartRow,
    SessionState,
    ShopTokenRow,
    StartCodeRow,
    UsedFormRow,
)

BATCH: Final = 500
PAUSE: Final = 0.02
ITEMS_KEPT: Final = timedelta(days=3)
"""Finished work items, for whoever asks what the engine did; what became of a delivery stands in its own rows."""
ENDED_KEPT: Final = timedelta(days=7)
"""A shopper who comes back to a visit that ended is told so for this long; after, the address is unknown."""
TOLD_KEPT: Final = timedelta(days=30)
"""What people were told of approvals; what happened stands in the audit record."""
ALERTS_KEPT: Final = timedelta(days=93)
SIGNED_IN_KEPT: Final = timedelta(days=1)

_log = structlog.get_logger(__name__)


def run(gateway: Gateway) -> None:
    with gateway.database.read() as session:
        # Where logs are kept elsewhere, `crossdock evidence verify --head` finds with it an end that was cut off.
        _log.info("audit.head", head=audit.head(session))
    dropped = clean(gateway, gateway.clock.now())
    _log.info("housekeeping", **dropped)


def clean(gateway: Gateway, now: datetime) -> dict[str, int]:
    """How many rows of each table went, and how many work items."""
    dropped = {str(row.__tablename__): drop(gateway, row, condition) for row, condition in _obsolete(gateway, now)}
    items = 0
    while forgotten := gateway.engine.forget_finished(now - ITEMS_KEPT, BATCH):
        items += forgotten
        time.sleep(PAUSE)
    return {**dropped, "work_items": items}


def _obsolete(gateway: Gateway, now: datetime) -> list[tuple[type[SQLModel], ColumnElement[bool]]]:
    settings = gateway.settings
    resends, retention = timedelta(days=settings.duplicate_days), timedelta(days=settings.retention_days)
    ended = func.coalesce(col(PunchoutSessionRow.ended_at), col(PunchoutSessionRow.expires_at)) < now - ENDED_KEPT

    def over(session_id: Any, *more: ColumnElement[bool]) -> ColumnElement[bool]:
        """By the visit of each row: visits are kept for ever, what is dropped here is not."""
        return (
            select(col(PunchoutSessionRow.id))
            .where(col(PunchoutSessionRow.id) == col(session_id), ended, *more)
            .exists()
        )

    # The lines of a cart that went home stand in the returned cart; those of one that never did are nobody's.
    home = (
        select(col(ReturnedCartRow.session_id)).where(col(ReturnedCartRow.session_id) == PunchoutSessionRow.id).exists()
    )
    left = or_(col(PunchoutSessionRow.state) != SessionState.RETURNED, home)
    return [
        (DocumentKeyRow, col(DocumentKeyRow.at) < now - resends),
        (PersonSessionRow, col(PersonSessionRow.seen_at) < now - SIGNED_IN_KEPT),
        (OidcSignInRow, col(OidcSignInRow.began_at) < now - SIGNED_IN_KEPT),
        (PendingSignInRow, col(PendingSignInRow.began_at) < now - SIGNED_IN_KEPT),
        (StartCodeRow, col(StartCodeRow.expires_at) < now - ENDED_KEPT),
        (ShopTokenRow, over(ShopTokenRow.session_id)),
        (UsedFormRow, over(UsedFormRow.session_id)),
        (CartLineRow, over(CartLineRow.session_id, left)),
        (NoticeRow, col(NoticeRow.at) < now - TOLD_KEPT),
        (MailRow, and_(col(MailRow.open).is_(False), col(MailRow.created_at) < now - retention)),
        (ApprovalLinkRow, col(ApprovalLinkRow.expires_at) < now - retention),
        (PasswordLinkRow, col(PasswordLinkRow.expires_at) < now - ENDED_KEPT),
        (AlertRow, col(AlertRow.last_at) < now - ALERTS_KEPT),
        (ProcessRow, col(ProcessRow.seen_at) < now - ENDED_KEPT),
    ]


def drop(gateway: Gateway, row: type[SQLModel], condition: ColumnElement[bool]) -> int:
    """Every row that the condition holds for, a batch at a time; how many went."""
    dropped = 0
    while batch := gateway.database.write(partial(_drop_batch, row=row, condition=condition)):
        dropped += batch
        time.sleep(PAUSE)
    return dropped


def _drop_batch(tx: Session, *, row: type[SQLModel], condition: ColumnElement[bool]) -> int:
    table = table_of(row)
    key = tuple_(*table.primary_key)
    batch = select(*table.primary_key).where(condition).limit(BATCH)
    result: CursorResult[Any] = tx.connection().execute(delete(table).where(key.in_(batch)))
    return result.rowcount

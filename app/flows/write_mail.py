"""Mails are written here, in the transaction of what they tell of; `app.jobs.mail` sends them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from app.gateway import Gateway
from app.languages import LANGUAGES, offered
from app.letters.letter import Kind
from app.mail_address import is_address
from app.storage.mails import MailRow
from app.storage.people import folded
from app.work import SEND_MAIL, MailId


def write(
    tx: Session,
    gateway: Gateway,
    kind: Kind,
    recipient: str,
    data: Mapping[str, Any],
    *,
    realm: str,
    language: str | None,
    correlation_id: str,
    request_id: str | None = None,
    order_id: str | None = None,
    person_id: str | None = None,
) -> MailRow | None:
    """None where no mail server is set, or the address is none: then nobody is written to."""
    if gateway.settings.smtp_host is None or not is_address(folded(recipient)):
        return None
    now = gateway.clock.now()
    row = MailRow(
        id=gateway.ids(),
        realm=realm,
        correlation_id=correlation_id,
        created_at=now,
        touched_at=now,
        kind=kind,
        recipient=folded(recipient),
        language=offered(language) or LANGUAGES[0],
        data=dict(data),
        person_id=person_id,
        order_id=order_id,
        request_id=request_id,
    )
    tx.add(row)
    wake(tx, gateway, row)
    return row


def wake(tx: Session, gateway: Gateway, row: MailRow, at: datetime | None = None) -> None:
    gateway.engine.enqueue(tx, SEND_MAIL, MailId(realm=row.realm, mail_id=row.id), at=at)

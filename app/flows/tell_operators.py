"""Alerts go on the books, and as mails to those whom the settings name.

One mail tells of all that came up; a kind of alert about one subject is told once an hour with its count, and nobody is
written to more often than each few minutes, however many kinds there are. Alerts about mails are never told by mail: a
mail server that is down must not be written to about itself.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlmodel import Session

from app.alarms import Alarm
from app.flows import write_mail
from app.gateway import Gateway
from app.letters.letter import Kind
from app.storage import alerts, people
from app.storage.alerts import AlertRow
from app.storage.base import LIVE

PAUSE: Final = timedelta(minutes=5)
"""Between two mails about alerts."""
MOST: Final = 500
NAMED: Final = 50
"""Alerts that one mail names; the rest it counts."""


def write_down(tx: Session, gateway: Gateway, alarms: Sequence[Alarm]) -> None:
    now = gateway.clock.now()
    for alarm in alarms:
        alerts.note(tx, alarm.realm, alarm.what, alarm.subject, alarm.facts, alarm.count, now)


def owed(session: Session, gateway: Gateway) -> bool:
    """Whether there is something to tell now and somebody to tell it to."""
    settings, now = gateway.settings, gateway.clock.now()
    if settings.smtp_host is None or not settings.alert_mail:
        return False
    last = alerts.last_mailed(session, LIVE)
    return (last is None or last <= now - PAUSE) and bool(alerts.untold(session, LIVE, now, MOST))


def tell(tx: Session, gateway: Gateway) -> None:
    """The sandbox's alerts are nobody's."""
    if not owed(tx, gateway):
        return
    now = gateway.clock.now()
    rows = alerts.untold(tx, LIVE, now, MOST)
    for row in rows:
        row.mailed_at = now
        tx.add(row)
    data = {"entries": [_entry(row) for row in rows[:NAMED]], "more": max(0, len(rows) - NAMED)}
    for address in gateway.settings.alert_mail:
        known = people.of_names(tx, LIVE, [people.folded(address)])
        language = known[0].language if known else None
        write_mail.write(
            tx, gateway, Kind.ALERTS, address, data, realm=LIVE, language=language, correlation_id=gateway.ids()
        )


def _entry(row: AlertRow) -> dict[str, Any]:
    return {
        "what": row.what,
        "subject": row.subject,
        "count": row.count,
        "first_at": row.first_at.isoformat(),
        "last_at": row.last_at.isoformat(),
        "facts": row.facts,
    }

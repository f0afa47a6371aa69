"""A shopper's visit: one start code, one token in the path of every page, and an end that stays the end.

There is no cookie anywhere in it: a shop is a frame of another site, where browsers keep none.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

from sqlalchemy import CursorResult, update
from sqlmodel import Session, col

from app.gateway import Gateway
from app.partners.shop import shop_settings
from app.storage import audit
from app.storage.base import LIVE
from app.storage.partners import PartnerRow
from app.storage.sessions import PunchoutSessionRow, SessionState, ShopTokenRow, StartCodeRow

CODE_LIFE: Final = timedelta(minutes=10)
IDLE_LIFE: Final = timedelta(minutes=30)
LONGEST_LIFE: Final = timedelta(hours=10)
SECOND_LOAD: Final = timedelta(seconds=60)
DOUBLE_PRESS: Final = timedelta(seconds=5)
SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly the last page view is kept: a write for each page would cost more than it tells."""


class Ended(StrEnum):
    """Why a code or a token opens nothing. The shopper sees one page for all; the audit record tells them apart."""

    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    PARTNER_OFF = "partner_off"


@dataclass(frozen=True, slots=True)
class Dead:
    """A code or token that opens nothing; `visit` is what it once opened, where that is known."""

    why: Ended
    visit: PunchoutSessionRow | None = None
    partner: PartnerRow | None = None


@dataclass(frozen=True, slots=True)
class Alive:
    """The rows are detached when they come from a reading session, and the caller's own within a write."""

    visit: PunchoutSessionRow
    partner: PartnerRow


@dataclass(frozen=True, slots=True)
class Begun:
    token: str
    visit: PunchoutSessionRow


def digest(secret: str) -> str:
    """What is kept of a code or token: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def invite(tx: Session, gateway: Gateway, visit: PunchoutSessionRow) -> str:
    """A start code for a session that was just set up, as the URL that the buyer's system opens for its shopper."""
    code = new_secret()
    expires_at = gateway.clock.now() + CODE_LIFE
    tx.add(StartCodeRow(sha256=digest(code), session_id=visit.id, expires_at=expires_at))
    return f"{gateway.settings.url}/start/{code}"


def begin(
    tx: Session, gateway: Gateway, code: str, *, browser: str, speak: Callable[[str | None], str]
) -> Begun | Dead:
    """Uses the start code up and opens the shop.

    browser  a digest of address and user agent.
    speak    the language that we speak with somebody whose setup request asked for this one."""
    now = gateway.clock.now()
    row = tx.get(StartCodeRow, digest(code))
    if row is None:
        return Dead(Ended.UNKNOWN)
    visit = tx.get_one(PunchoutSessionRow, row.session_id, with_for_update=True)
    partner = tx.get_one(PartnerRow, visit.partner_id)
    if not partner.active:
        return Dead(Ended.PARTNER_OFF, visit, partner)
    if _use_up(tx, row, now):
        visit.state, visit.started_at, visit.started_by = SessionState.OPEN, now, browser
        visit.last_seen_at, visit.expires_at = now, now + LONGEST_LIFE
        visit.language = speak(visit.language)
    elif not _second_load(row, visit, partner, browser, now):
        return Dead(Ended.USED if row.used_at else Ended.EXPIRED, visit, partner)
    token = new_secret()
    tx.add(ShopTokenRow(sha256=digest(token), session_id=visit.id))
    return Begun(token, visit)


def _use_up(tx: Session, row: StartCodeRow, now: datetime) -> bool:
    """One conditional UPDATE: of two requests at once, one gets in."""
    used = tx.execute(
        update(StartCodeRow)
        .where(
            col(StartCodeRow.sha256) == row.sha256,
            col(StartCodeRow.used_at).is_(None),
            col(StartCodeRow.expires_at) > now,
        )
        .values(used_at=now)
    )
    return cast(CursorResult[Any], used).rowcount == 1


def _second_load(
    row: StartCodeRow, visit: PunchoutSessionRow, partner: PartnerRow, browser: str, now: datetime
) -> bool:
    return (
        shop_settings(partner).load_twice
        and row.used_at is not None
        and now - row.used_at <= SECOND_LOAD
        and visit.state == SessionState.OPEN
        and visit.started_by == browser
    )


def find(session: Session, token: str, now: datetime, *, lock: bool = False) -> Alive | Dead:
    """The visit that a token opens. `lock`: within a write, so that changes of one cart come one after the other also
    when several processes serve."""
    row = session.get(ShopTokenRow, digest(token))
    if row is None:
        return Dead(Ended.UNKNOWN)
    visit = session.get_one(PunchoutSessionRow, row.session_id, with_for_update=lock)
    partner = session.get_one(PartnerRow, visit.partner_id)
    why = _ended(visit, partner, now)
    return Dead(why, visit, partner) if why is not None else Alive(visit, partner)


def _ended(visit: PunchoutSessionRow, partner: PartnerRow, now: datetime) -> Ended | None:
    if visit.state == SessionState.RETURNED:
        return Ended.RETURNED
    if visit.state == SessionState.CANCELLED:
        return Ended.CANCELLED
    if not partner.active:
        return Ended.PARTNER_OFF
    idle = visit.last_seen_at is not None and now - visit.last_seen_at >= IDLE_LIFE
    return Ended.EXPIRED if idle or now >= visit.expires_at else None


def seen(tx: Session, session_id: str, now: datetime) -> None:
    tx.execute(update(PunchoutSessionRow).where(col(PunchoutSessionRow.id) == session_id).values(last_seen_at=now))


def end(
    tx: Session, visit: PunchoutSessionRow, state: SessionState, now: datetime, *, form_key: str, message_id: str
) -> bool:
    """Whether it was open until now. After this no token opens it."""
    ended = tx.execute(
        update(PunchoutSessionRow)
        .where(col(PunchoutSessionRow.id) == visit.id, col(PunchoutSessionRow.state) == SessionState.OPEN)
        .values(state=state, ended_at=now, ended_by=form_key[:64] or None, message_id=message_id)
    )
    return cast(CursorResult[Any], ended).rowcount == 1


def pressed_twice(dead: Dead, form_key: str, now: datetime) -> bool:
    """Whether this is the same press on the same page that ended the visit just now. The browser threw the first
    answer away for the second, which must therefore be the same again, or the cart would be lost."""
    visit = dead.visit
    return (
        visit is not None
        and dead.why in (Ended.RETURNED, Ended.CANCELLED)
        and bool(form_key)
        and visit.ended_by == form_key[:64]
        and visit.ended_at is not None
        and now - visit.ended_at <= DOUBLE_PRESS
    )


def record_refused(tx: Session, gateway: Gateway, dead: Dead, *, what: str, remote: str | None) -> None:
    """An audit entry for a code or token that opened nothing; `what` is `start_code` or `shop_token`."""
    audit.record(
        tx,
        realm=dead.visit.realm if dead.visit else LIVE,
        at=gateway.clock.now(),
        actor="buyer",
        channel="page",
        event=f"{what}_refused",
        data={"why": dead.why, "session_id": dead.visit.id if dead.visit else None, "remote": remote},
    )

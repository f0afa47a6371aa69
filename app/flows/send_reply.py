"""A document on its way to a buyer: what the dispatch job does before and after the post.

The bytes are written once and lie sealed in the ledger before the first of them leaves; every attempt repeats
payloadID, timestamp and bytes, so that the buyer's system knows a repetition. What it answers decides, whatever HTTP
says: a cXML Status of 2xx ends the matter, 4xx ends it badly, everything else is tried again.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sqlmodel import Session

from app import metrics
from app.bridge import schedule
from app.flows import reply
from app.gateway import Gateway, alert
from app.partners.identify import AnswerTo
from app.partners.profile import settings_of
from app.partners.secrets import Purpose, secrets_of
from app.storage import dispatches, in_hand, ledger, orders
from app.storage.attempts import AttemptRow
from app.storage.dispatches import DispatchRow, Event, State
from app.storage.exchanges import Direction, ExchangeState
from app.storage.orders import OrderRow
from app.storage.partners import PartnerRow
from app.trace import Trace
from protocols.cxml import confirmation, status_update
from protocols.cxml.credentials import Credential, Secret
from protocols.cxml.envelope import Envelope
from protocols.cxml.settings import CxmlSettings
from protocols.cxml.status import Status
from schemas.base import from_json
from schemas.faults import Refused
from schemas.order_reply import OrderReply, StatusUpdate
from schemas.party import Identifier

LONGEST: Final = timedelta(seconds=60)
"""A post takes no longer: buyers' systems may take a minute to answer."""
LEASE: Final = LONGEST + timedelta(seconds=60)
MEDIA_TYPE: Final = "text/xml; charset=UTF-8"

_chance = random.SystemRandom().random


def _status_update(document: str, envelope: Envelope) -> bytes:
    return status_update.write(from_json(document, StatusUpdate), envelope)


def _confirmation(document: str, envelope: Envelope) -> bytes:
    return confirmation.write(from_json(document, OrderReply), envelope)


WRITERS: Final[dict[str, Callable[[str, Envelope], bytes]]] = {
    reply.STATUS_UPDATE: _status_update,
    reply.CONFIRMATION: _confirmation,
}


@dataclass(frozen=True, slots=True)
class Post:
    """One attempt, already committed. `typed`: an operator entered the address, and not the buyer's order."""

    dispatch_id: str
    claim: str
    url: str
    typed: bool
    body: bytes
    trace: Trace
    partner: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the buyer's system answered: HTTP status, body, and the cXML Status where the body has one."""

    http: int
    body: bytes
    media_type: str | None
    status: Status | None
    retry_after: timedelta | None


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer was read. `barred`: the address must not be connected to, which waiting does not change."""

    reason: str
    barred: bool = False


def prepare(tx: Session, gateway: Gateway, dispatch_id: str) -> Post | None:
    """What to post now, or None when it is not its turn, not its time, or nothing can be sent."""
    now = gateway.clock.now()
    row = in_hand.by_id(tx, DispatchRow, dispatch_id)
    if row is None or not row.open or (row.due_at is not None and row.due_at > now):
        return None
    if row.state == State.SENDING:
        row.move(Event.LOSE, now)
    if dispatches.waits_for_another(tx, row):
        return None
    partner = tx.get_one(PartnerRow, row.partner_id)
    order = tx.get_one(OrderRow, row.order_id)
    settings = settings_of(partner, "cxml", CxmlSettings)
    url, typed = _address(tx, order, settings)
    if url is None:
        reason = "the partner's settings name no reply_url, and none of reply_hosts is where the order wants its answer"
        _end(tx, gateway, row, Event.NOT_REACHABLE, reason, now)
        return None
    try:
        if row.exchange_id is None:
            _write(tx, gateway, row, partner, order, settings, now)
        body = ledger.body_of(tx, gateway.keys, row.exchange_id or "")
    except (Refused, ValueError, ledger.BodyErased) as error:
        _end(tx, gateway, row, Event.REFUSE, f"the document cannot be written: {error}", now)
        return None
    row.move(Event.SEND, now)
    row.url = url
    claim, worker = gateway.ids(), gateway.settings.worker_id
    row.take(now, claim=claim, worker=worker, until=now + LEASE)
    tx.add(AttemptRow(id=claim, subject_id=row.id, number=row.attempts, act="post", worker=worker, started_at=now))
    trace = Trace(order.correlation_id, order.request_id, order.trace)
    return Post(row.id, claim, url, typed, body, trace, row.partner_id)


def resumed(tx: Session, gateway: Gateway, post: Post) -> Post | None:
    """The post again, with a fresh lease, if it was taken up after all though the commit's answer was lost; nothing
    has been sent. None when somebody else has the row, or nobody."""
    row = in_hand.by_id(tx, DispatchRow, post.dispatch_id)
    if row is None or row.claim != post.claim:
        return None
    row.due_at = gateway.clock.now() + LEASE
    return post


def _address(tx: Session, order: OrderRow, settings: CxmlSettings) -> tuple[str | None, bool]:
    """Where the order itself wants its answers, when that host is on the partner's list; else the partner's address.
    And whether an operator typed it."""
    wanted = orders.revision(tx, order).document().followup_url
    if wanted is not None and settings.reply_hosts:
        try:
            host = urlsplit(wanted).hostname
        except ValueError:
            host = None
        if host is not None and host in settings.reply_hosts:
            return wanted, False
    return settings.reply_url, True


def _write(
    tx: Session,
    gateway: Gateway,
    row: DispatchRow,
    partner: PartnerRow,
    order: OrderRow,
    settings: CxmlSettings,
    now: datetime,
) -> None:
    """Fixes the bytes. Raises Refused when the document cannot be said in cXML."""
    answer_to = AnswerTo.read(order.answer_to)
    proof = secrets_of(tx, gateway.keys, partner, Purpose.CXML_OUTBOUND, now)
    sender = _credential(answer_to.ours, Secret(proof[0].reveal()) if proof else None)
    envelope = Envelope(
        payload_id=row.control_id,
        sent_at=now,
        from_=(_credential(answer_to.ours),),
        to=(_credential(answer_to.theirs),),
        sender=(sender,),
        test=order.test,
        version=settings.version,
        language=answer_to.language,
    )
    body = WRITERS[row.kind](row.document, envelope)
    row.exchange_id = _record(
        tx,
        gateway,
        row,
        body,
        direction=Direction.OUT,
        kind=row.kind,
        control_id=row.control_id,
        state=ExchangeState.SENDING,
        media_type=MEDIA_TYPE,
        request_id=order.request_id,
        trace=order.trace,
        test=order.test,
        at=now,
    )


def _credential(name: Identifier, secret: Secret | None = None) -> Credential:
    return Credential(domain=name.scheme, identity=name.value, secret=secret)


def _record(tx: Session, gateway: Gateway, row: DispatchRow, body: bytes, **values: Any) -> str:
    exchange_id = gateway.ids()
    given = {
        "id": exchange_id,
        "realm": row.realm,
        "partner_id": row.partner_id,
        "customer_id": row.customer_id,
        "transport": "http",
        "protocol": row.protocol,
        "faults": [],
        "correlation_id": row.correlation_id,
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        **values,
    }
    ledger.put_exchange(tx, given, ledger.seal_exchange(gateway.keys, exchange_id, body))
    return exchange_id


def settle(tx: Session, gateway: Gateway, post: Post, result: Said | Silence) -> None:
    """Writes down what came of a post, and what follows. A result under a claim that ran out is recorded only: whoever
    has the claim now posts the same bytes. A second time it changes nothing."""
    now = gateway.clock.now()
    row = in_hand.by_id(tx, DispatchRow, post.dispatch_id)
    if row is None:
        raise LookupError(f"dispatch {post.dispatch_id} is gone")
    late = row.claim != post.claim
    attempt = tx.get_one(AttemptRow, post.claim)
    if late and attempt.ended_at is not None:
        return
    event = _event(row, result)
    reason = _reason(result)
    attempt.ended_at, attempt.late, attempt.reason = now, late, reason[:2_000]
    attempt.outcome = event.value
    metrics.REPLIES.labels(kind=row.kind, outcome=event.value).inc()
    if isinstance(result, Said):
        attempt.status = result.http
        _keep_answer(tx, gateway, row, result, now)
    if late:
        return
    if event is Event.PUT_OFF:
        wish = result.retry_after if isinstance(result, Said) else None
        row.move(event, now)
        row.reason = reason[:2_000]
        row.due_at = now + schedule.wait(schedule.BUYER, row.attempts, _chance(), wish)
        reply.wake(tx, gateway, row, row.due_at)
        return
    _end(tx, gateway, row, event, reason, now)


def _event(row: DispatchRow, result: Said | Silence) -> Event:
    if isinstance(result, Silence) and result.barred:
        return Event.NOT_REACHABLE
    if isinstance(result, Said) and result.status is not None:
        if result.status.success:
            return Event.CONFIRM
        if result.status.code // 100 == 4:
            return Event.REFUSE
    return Event.GIVE_UP if row.attempts >= schedule.GIVE_UP_BUYER else Event.PUT_OFF


def _reason(result: Said | Silence) -> str:
    if isinstance(result, Silence):
        return result.reason
    if result.status is None:
        return f"HTTP {result.http} without a cXML Status"
    return f"Status {result.status.code} {result.status.reason or result.status.text}".strip()


def _keep_answer(tx: Session, gateway: Gateway, row: DispatchRow, said: Said, now: datetime) -> None:
    """A Response is a document of the partner's, and evidence; a page of some server on the way is neither."""
    if said.status is None or row.exchange_id is None:
        return
    row.answer_code = said.status.code
    order = tx.get_one(OrderRow, row.order_id)
    answer_id = _record(
        tx,
        gateway,
        row,
        said.body,
        direction=Direction.IN,
        kind="Response",
        state=ExchangeState.ANSWER,
        media_type=said.media_type[:500] if said.media_type else None,
        status=said.http,
        request_id=order.request_id,
        trace=order.trace,
        test=order.test,
        answers=row.exchange_id,
        at=now,
    )
    ledger.change_exchange(tx, row.exchange_id, answered_by=answer_id)


_ENDED: Final = {
    Event.CONFIRM: ExchangeState.ACCEPTED,
    Event.REFUSE: ExchangeState.REFUSED,
    Event.GIVE_UP: ExchangeState.FAILED,
}


def _end(tx: Session, gateway: Gateway, row: DispatchRow, event: Event, reason: str, now: datetime) -> None:
    row.move(event, now)
    row.reason = None if event is Event.CONFIRM else reason[:2_000]
    if row.exchange_id is not None and event in _ENDED:
        ledger.change_exchange(tx, row.exchange_id, state=_ENDED[event])
    if event is Event.CONFIRM:
        metrics.REPLY_SENT.observe((now - row.created_at).total_seconds())
    else:
        alert(
            f"reply.{row.state}",
            dispatch=row.id,
            kind=row.kind,
            reason=reason,
            partner=row.partner_id,
            correlation_id=row.correlation_id,
        )
    tx.flush()
    following = dispatches.next_of_order(tx, row)
    if following is not None:
        reply.wake(tx, gateway, following)

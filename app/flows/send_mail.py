"""A mail on its way to the mail server: what the mail job does before and after the connection.

What it says is fixed by its row, and so is its Message-ID: every attempt is the same mail, but for the token of a link
that is made anew for each (`storage.password_links`). A mail that was perhaps
taken, since the connection or the worker was lost, goes once more and no third time: nobody can ask a mail server.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlmodel import Session

from app import metrics
from app.bridge import schedule
from app.errors import No, Refusal
from app.flows import approval_mails, password_links, write_mail
from app.gateway import Gateway, alert
from app.letters.letter import OF_PASSWORDS, Envelope, compose
from app.mail_address import is_address
from app.storage import audit, in_hand, people
from app.storage.attempts import AttemptRow
from app.storage.mails import FAILED, Event, MailRow, State
from app.storage.orders import OrderRow
from app.storage.people import PersonRow, Role
from app.trace import Trace

LEASE: Final = timedelta(minutes=3)
"""A connection takes no longer than half of it (`clients.smtp.LONGEST`)."""

REPEATS: Final = 1
"""How often a mail goes again that was perhaps taken."""
TWICE: Final = "perhaps taken twice, so it does not go a third time"

_chance = random.SystemRandom().random


@dataclass(frozen=True, slots=True)
class Posting:
    """One attempt, already committed."""

    mail_id: str
    claim: str
    sender: str
    recipient: str
    message: bytes
    trace: Trace


@dataclass(frozen=True, slots=True)
class Taken:
    said: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """`for_good`: the address or the mail was refused. `perhaps`: nobody knows whether it was taken."""

    reason: str
    for_good: bool = False
    perhaps: bool = False


def prepare(tx: Session, gateway: Gateway, mail_id: str) -> Posting | None:
    """What to hand over now, or None when it is not its time or there is nothing to send."""
    now = gateway.clock.now()
    row = in_hand.by_id(tx, MailRow, mail_id)
    if row is None or not row.open or (row.due_at is not None and row.due_at > now):
        return None
    if row.state == State.SENDING and not lost(tx, gateway, row):
        return None
    sender = gateway.settings.mail_from
    if sender is None:
        # No mail server is set any more; the row waits for one.
        return None
    if _is_needless(tx, gateway, row):
        row.move(Event.DROP, now)
        approval_mails.forget_token(tx, row)
        return None
    trace = Trace(row.correlation_id, row.request_id)
    envelope = Envelope(
        sender=sender,
        recipient=row.recipient,
        mail_id=row.id,
        at=row.created_at,
        number=trace.number,
        base_url=gateway.settings.url,
        link=_address(tx, gateway, row),
    )
    try:
        message = compose(row.kind, row.language, row.data, envelope)
    except (ValueError, KeyError) as error:
        _end(tx, gateway, row, Event.REFUSE, f"the mail cannot be written: {type(error).__name__}")
        return None
    row.move(Event.SEND, now)
    claim, worker = gateway.ids(), gateway.settings.worker_id
    row.take(now, claim=claim, worker=worker, until=now + LEASE)
    tx.add(AttemptRow(id=claim, subject_id=row.id, number=row.attempts, act="mail", worker=worker, started_at=now))
    return Posting(row.id, claim, sender, row.recipient, message, trace)


def _is_needless(tx: Session, gateway: Gateway, row: MailRow) -> bool:
    if row.kind in OF_PASSWORDS:
        return password_links.is_needless(tx, gateway, row)
    return approval_mails.is_needless(tx, row, gateway.clock.now())


def _address(tx: Session, gateway: Gateway, row: MailRow) -> str | None:
    if row.kind in OF_PASSWORDS:
        return password_links.address_for(tx, gateway, row)
    return approval_mails.address_of(tx, gateway, row)


def lost(tx: Session, gateway: Gateway, row: MailRow) -> bool:
    """Its worker is gone; whether it goes once more."""
    row.doubts += 1
    if row.doubts > REPEATS:
        _end(tx, gateway, row, Event.GIVE_UP, TWICE)
        return False
    row.move(Event.LOSE, gateway.clock.now())
    return True


def resumed(tx: Session, gateway: Gateway, posting: Posting) -> Posting | None:
    """The attempt again, with a fresh lease, if it was taken up after all though the commit's answer was lost; nothing
    has been sent. None when somebody else has the row, or nobody."""
    row = in_hand.by_id(tx, MailRow, posting.mail_id)
    if row is None or row.claim != posting.claim:
        return None
    row.due_at = gateway.clock.now() + LEASE
    return posting


def settle(tx: Session, gateway: Gateway, posting: Posting, result: Taken | NotTaken) -> None:
    """Writes down what came of an attempt, and when the next one is. A result under a claim that ran out is recorded
    only. A second time it changes nothing."""
    now = gateway.clock.now()
    row = in_hand.by_id(tx, MailRow, posting.mail_id)
    attempt = tx.get_one(AttemptRow, posting.claim)
    if row is None or attempt.ended_at is not None:
        return
    late = row.claim != posting.claim
    event = _event(gateway, row, result, late=late)
    attempt.ended_at, attempt.late, attempt.outcome = now, late, event.value
    attempt.reason = None if isinstance(result, Taken) else result.reason[:2_000]
    metrics.MAILS.labels(kind=row.kind, outcome=event.value).inc()
    if late:
        return
    if isinstance(result, Taken):
        row.said = result.said[:500]
        row.move(event, now)
        row.reason = None
        approval_mails.forget_token(tx, row)
    elif event is Event.PUT_OFF:
        row.move(event, now)
        row.reason = f"{'perhaps taken' if result.perhaps else 'not taken'}: {result.reason}"[:2_000]
        row.due_at = now + schedule.wait(schedule.MAIL, row.attempts, _chance())
        write_mail.wake(tx, gateway, row, row.due_at)
    else:
        _end(tx, gateway, row, event, TWICE if row.doubts > REPEATS else result.reason)


def _event(gateway: Gateway, row: MailRow, result: Taken | NotTaken, *, late: bool) -> Event:
    if isinstance(result, Taken):
        return Event.CONFIRM
    if result.for_good:
        return Event.REFUSE
    if result.perhaps and not late:
        row.doubts += 1
        if row.doubts > REPEATS:
            return Event.GIVE_UP
    over = row.first_sent_at is not None and gateway.clock.now() - row.first_sent_at >= schedule.GIVE_UP_MAIL
    return Event.GIVE_UP if over else Event.PUT_OFF


def again(tx: Session, gateway: Gateway, person: PersonRow, mail_id: str, channel: str) -> None:
    """A person has a mail sent that was refused or given up, to the address of its receiver as it is now.
    Raises Refusal."""
    row = in_hand.by_id(tx, MailRow, mail_id)
    order = tx.get(OrderRow, row.order_id) if row is not None and row.order_id is not None else None
    theirs = person.has(Role.OPERATOR, Role.ADMIN) and (order is None or person.serves(order.customer_id))
    if row is None or row.realm != person.realm or not theirs:
        raise Refusal(No.UNKNOWN_REFERENCE, "no such mail")
    if row.state not in FAILED or not row.data:
        raise Refusal(No.CONFLICT, "this mail is not one that was given up")
    now = gateway.clock.now()
    row.move(Event.AGAIN, now)
    row.doubts, row.first_sent_at, row.reason = 0, None, None
    receiver = tx.get(PersonRow, row.person_id) if row.person_id is not None else None
    if receiver is not None and is_address(people.folded(receiver.email or "")):
        row.recipient = people.folded(receiver.email or "")
    if row.kind in OF_PASSWORDS:
        password_links.renew(gateway, row)
    else:
        approval_mails.renew_link(tx, gateway, row)
    tx.add(row)
    audit.record(
        tx,
        realm=row.realm,
        at=now,
        actor=audit.by(person.id),
        channel=channel,
        event="mail_sent_again",
        order_id=row.order_id,
        data={"mail": row.id, "kind": row.kind},
    )
    write_mail.wake(tx, gateway, row)


def _end(tx: Session, gateway: Gateway, row: MailRow, event: Event, reason: str) -> None:
    row.move(event, gateway.clock.now())
    row.reason = reason[:2_000]
    approval_mails.forget_token(tx, row)
    # Never told by mail itself: a mail about a mail that cannot be sent would not end (`tell_operators`).
    alert(f"mail.{row.state}", mail=row.id, kind=row.kind, reason=reason, correlation_id=row.correlation_id)

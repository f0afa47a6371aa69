"""Finds by the rows what work items should have found, and tells people what is late.

Work items can be lost: a worker dies, an engine's table is restored from yesterday. The rows say what is due, so the
sweep wakes their lanes again; waking one that needs nothing costs a look.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias

from sqlmodel import Session

from app.bridge import schedule
from app.flows import (
    reply,
    send_mail,
    stand_in,
    steady_time,
    take_delivery,
    tell_operators,
    write_mail,
)
from app.gateway import Gateway, alert
from app.jobs.rounds import Planned, plan
from app.storage import approvals, approver_profiles, deliveries, dispatches, mails, orders, processes
from app.storage.deliveries import DeliveryRow
from app.storage.dispatches import DispatchRow
from app.storage.in_hand import claimed_by
from app.storage.mails import MailRow
from app.storage.orders import OrderRow
from app.work import (
    APPROVAL_TIMER,
    SEND_DISPATCH,
    SEND_MAIL,
    WAKE_LANE,
    Argument,
    DispatchId,
    Kind,
    Lane,
    MailId,
    TaskId,
)

QUIET: Final = timedelta(seconds=20)
"""Rows that somebody touched since are left to their own work items."""
MOST: Final = 500
"""Alerts and wake-ups in one round; the next round is soon."""

_chance: Final = random.SystemRandom()
WATCHED: Final = 10_000

Woken: TypeAlias = tuple[Kind[Any], Argument, str]
"""A work item, and what names it among those of its round."""


def run(gateway: Gateway, planned: tuple[Planned, ...]) -> None:
    now = gateway.clock.now()
    gateway.database.write(lambda tx: plan(tx, gateway, planned, now))
    sweep(gateway, now)


def by_the_engine(gateway: Gateway, planned: tuple[Planned, ...]) -> None:
    """A round, and the mark that the engine runs rounds."""
    run(gateway, planned)
    now, name = gateway.clock.now(), gateway.settings.process_id
    gateway.database.write(lambda tx: processes.worked(tx, name, now))


def sweep(gateway: Gateway, now: datetime, *, quiet: timedelta = QUIET, of: str | None = None) -> int:
    """How many lanes, answers, timers and mails were woken. `of`: the round's own name."""
    # One work id for each lane and minute: rounds that come while the engine stands still do not pile up.
    of = of or str(int(now.timestamp() // 60))
    with gateway.database.read() as session:
        lanes = deliveries.due_lanes(session, now, now - quiet)
        answers = dispatches.due(session, now, now - quiet, MOST)
        letters = mails.due(session, now, now - quiet, MOST)
        alerts_owed = tell_operators.owed(session, gateway)
        late = _anything_late(session, gateway, now)
        steady_time.watch(gateway, deliveries.in_doubt(session, WATCHED))
        timers = approvals.late_timers(session, now - quiet, MOST)
        away = approver_profiles.turning(session, now, 1)
        gone = approvals.asked_of_the_gone(session)
    if len(lanes) > MOST:
        # Not the first ones each time: lanes that are paused stay due, and there may be many.
        lanes = _chance.sample(lanes, MOST)
    woken: list[Woken] = [
        *((WAKE_LANE, Lane(realm=realm, lane=lane), f"{realm}:{lane}") for realm, lane in lanes),
        *((SEND_DISPATCH, DispatchId(realm=realm, dispatch_id=one), one) for realm, one in answers),
        *((APPROVAL_TIMER, TaskId(realm=realm, task_id=one), one) for realm, one in timers),
        *((SEND_MAIL, MailId(realm=realm, mail_id=one), one) for realm, one in letters),
    ]
    if woken:
        gateway.database.write(lambda tx: _wake(tx, gateway, woken, of))
    if away:
        gateway.database.write(lambda tx: stand_in.turn(tx, gateway, now, MOST))
    for person_id in sorted(gone):
        gateway.database.write(partial(stand_in.left, gateway=gateway, person_id=person_id, at=now))
    if alerts_owed:
        gateway.database.write(lambda tx: tell_operators.tell(tx, gateway))
    if late:
        gateway.database.write(lambda tx: _warn(tx, gateway, now))
    return len(woken)


def _wake(tx: Session, gateway: Gateway, woken: Sequence[Woken], of: str) -> None:
    for kind, argument, name in woken:
        gateway.engine.enqueue(tx, kind, argument, work_id=f"sweep:{of}:{name}")


def _anything_late(session: Session, gateway: Gateway, now: datetime) -> bool:
    return bool(
        deliveries.late(session, now - schedule.LATE, 1)
        or dispatches.late(session, now - schedule.LATE, 1)
        or orders.promised_before(session, now - _patience(gateway), 1)
        or orders.overdue_cases(session, now, 1)
    )


def _patience(gateway: Gateway) -> timedelta:
    return timedelta(hours=gateway.settings.promise_hours)


def _warn(tx: Session, gateway: Gateway, now: datetime) -> None:
    """Each is told once."""
    for delivery in deliveries.late(tx, now - schedule.LATE, MOST):
        delivery.warned_at = now
        alert(
            "delivery.late",
            **_whose(tx.get_one(OrderRow, delivery.order_id)),
            delivery=delivery.id,
            erp=delivery.erp,
            state=delivery.state,
            reason=delivery.reason,
            since=delivery.created_at.isoformat(),
        )
    for dispatch in dispatches.late(tx, now - schedule.LATE, MOST):
        dispatch.warned_at = now
        alert(
            "reply.late",
            **_whose(tx.get_one(OrderRow, dispatch.order_id)),
            dispatch=dispatch.id,
            kind=dispatch.kind,
            reason=dispatch.reason,
            since=dispatch.created_at.isoformat(),
        )
    for order in orders.promised_before(tx, now - _patience(gateway), MOST):
        order.promise_warned_at = now
        alert("reply.overdue", **_whose(order))
    for case in orders.overdue_cases(tx, now, MOST):
        case.overdue_told_at = now
        alert("case.overdue", **_whose(tx.get_one(OrderRow, case.order_id)), code=case.code)


def _whose(order: OrderRow) -> dict[str, str | None]:
    """What an alert says that no request is at work on."""
    return {
        "realm": order.realm,
        "order": order.number,
        "partner": order.partner_id,
        "correlation_id": order.correlation_id,
        "request_id": order.request_id,
    }


def recover(gateway: Gateway) -> int:
    """At a worker's start, before it works: what a worker of this id had in hand when it ended is free again. An order
    that it was sending is uncertain now. Which lanes waited for a place at their ERP was forgotten with the process, so
    all that are due are called. How many rows there were."""
    return gateway.database.write(lambda tx: _recover(tx, gateway))


def _recover(tx: Session, gateway: Gateway) -> int:
    now = gateway.clock.now()
    in_hand = claimed_by(tx, DeliveryRow, gateway.settings.worker_id)
    for delivery in in_hand:
        take_delivery.lost(tx, delivery, now)
    tx.flush()
    due = deliveries.due_lanes(tx, now, now)[:MOST]
    for realm, lane in dict.fromkeys([*((delivery.realm, delivery.lane) for delivery in in_hand), *due]):
        gateway.engine.enqueue(tx, WAKE_LANE, Lane(realm=realm, lane=lane))
    posting = claimed_by(tx, DispatchRow, gateway.settings.worker_id)
    for dispatch in posting:
        dispatch.move(dispatches.Event.LOSE, now)
        reply.wake(tx, gateway, dispatch)
    handing_over = claimed_by(tx, MailRow, gateway.settings.worker_id)
    for mail in handing_over:
        if send_mail.lost(tx, gateway, mail):
            write_mail.wake(tx, gateway, mail)
    return len(in_hand) + len(posting) + len(handing_over)

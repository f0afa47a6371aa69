"""Sends an order's revision through the rules: which flow fits, what it says, whom it asks, and what comes of it.

The pure parts are in `app.approval`; here are the rows. Stages are judged when they open, on the prices of that moment.
Whatever happens to a run is written with it: the entry of the audit record that can be applied again, the timers, and
what people are to be told."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlmodel import Session

from app.approval import flow as flows
from app.approval import run as runs
from app.approval.asking import open_step
from app.approval.explanation import Why, to_data
from app.approval.flow import Ruling
from app.approval.moves import Effect, Event, OpenStage, StageOpened, Superseded, Withdrawn
from app.approval.steps import OpenStep, Run, State
from app.approval.subject import Subject
from app.flows import run_notices, run_rows, run_timers
from app.flows.approvers import case_of, directory_of, editors
from app.flows.consider_order import Considered, subject_in, subject_now
from app.flows.keep_order import RULE
from app.gateway import Gateway
from app.storage import approvals, audit
from app.storage.approvals import RunRow
from app.storage.orders import OrderRevisionRow, OrderRow

SYSTEM: Final = "system"
"""The actor of what time brings about."""

EVENTS: Final[dict[str, str]] = {
    "StageOpened": "stage_opened",
    "Approved": "approved",
    "Rejected": "rejected",
    "SentBack": "sent_back",
    "RemindDue": "reminded",
    "Due": "overdue",
    "Forwarded": "handed_on",
    "Delegated": "delegated",
    "Questioned": "questioned",
    "Left": "approver_left",
    "Edited": "carried_over",
    "Reopened": "reopened",
    "Superseded": "superseded",
    "Withdrawn": "withdrawn",
    "Overridden": "overridden",
}
"""How the audit record calls what happened to a run; its data hold the event itself, so that it can be replayed."""


def begin(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    revision: OrderRevisionRow,
    considered: Considered,
    **explained: Any,
) -> RunRow:
    """A new run for the revision; its state says what becomes of the order. The caller sees to what follows from it.
    `explained` goes into its explanation."""
    asked, at = considered.asked, considered.at
    row = RunRow(
        id=gateway.ids(),
        realm=order.realm,
        order_id=order.id,
        revision=revision.number,
        order_hash=revision.hash or "",
        flow_version_id=asked.flow_version_id,
        state=State.OPEN,
        stages=0,
        stage=0,
        excluded=sorted({*considered.requesters, *editors(tx, order)}),
        requesters=list(considered.requesters),
        explanation={**asked.explanation, **explained},
        began_at=at,
    )
    if asked.flow is None:
        approved = considered.terms.without_flow == "approve"
        return _settled(tx, row, State.APPROVED if approved else State.HELD, Why.NO_FLOW, at)
    match asked.ruling:
        case Ruling.CANNOT_TELL:
            return _settled(tx, row, State.HELD, Why.CANNOT_TELL, at)
        case Ruling.BLOCKED:
            return _settled(tx, row, State.REJECTED, Why.BLOCKED, at)
        case Ruling.AUTO_APPROVED:
            return _settled(tx, row, State.APPROVED, Why.AUTO_APPROVED, at)
        case _:
            stages, hold = len(asked.flow.stages), asked.flow.hold_when_nobody_is_asked
            row.stages, row.hold_when_nobody_is_asked = stages, hold
            tx.add(row)
            tx.flush()
            run, effects = runs.begin(
                stages,
                order_hash=row.order_hash,
                excluded=frozenset(row.excluded),
                hold_when_nobody_is_asked=hold,
                merge_consecutive=asked.flow.merge_consecutive,
                on_silence=run_rows.on_silence(asked.flow),
            )
            _follow(tx, gateway, order, row, run, run, None, effects, at, subject_in(tx, considered))
            return row


def _settled(tx: Session, row: RunRow, state: State, why: Why, at: datetime) -> RunRow:
    row.state = state
    row.explanation = {**row.explanation, "why": why.value}
    row.ended_at = None if state is State.HELD else at
    tx.add(row)
    tx.flush()
    return row


def apply(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    row: RunRow,
    event: Event,
    at: datetime,
    *,
    actor: str,
    channel: str,
    **more: Any,
) -> Run:
    """What an event makes of a run, with all that follows from it inside the run; what follows for the order is for
    `end_run.see_to`. The order is locked by the caller; `more` goes into the audit record, `data` besides the event.
    Raises NotPossible and its kinds; then nothing has changed."""
    before = run_rows.read(tx, row)
    after, effects = runs.advance(before, event, at)
    return go_on(tx, gateway, order, row, before, after, event, effects, at, actor=actor, channel=channel, **more)


def go_on(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    row: RunRow,
    before: Run,
    after: Run,
    event: Event,
    effects: Iterable[Effect],
    at: datetime,
    *,
    actor: str,
    channel: str,
    data: dict[str, Any] | None = None,
    **more: Any,
) -> Run:
    """The same for an event that was applied already."""
    effects = tuple(effects)
    if after == before and not effects:
        return before
    _record_event(tx, order, row, event, at, actor=actor, channel=channel, data=data or {}, **more)
    return _follow(tx, gateway, order, row, before, after, event, effects, at, None)


def _follow(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    row: RunRow,
    before: Run,
    run: Run,
    event: Event | None,
    effects: Iterable[Effect],
    at: datetime,
    subject: Subject | None,
) -> Run:
    """Opens stages as far as the run goes without people, and writes down how it stands."""
    waiting: list[tuple[Event | None, Effect]] = [(event, effect) for effect in effects]
    told: list[tuple[Event | None, Effect]] = []
    while waiting:
        cause, effect = waiting.pop(0)
        if not isinstance(effect, OpenStage):
            told.append((cause, effect))
            continue
        subject = subject or subject_now(tx, order, at)
        opened = StageOpened(_steps(tx, gateway, order, row, run, effect.stage, subject))
        run, more = runs.advance(run, opened, at)
        begun = {} if len(run.opened) > 1 else _begun(row, run)
        _record_event(tx, order, row, opened, at, actor=RULE, channel="document", data=begun)
        waiting.extend((opened, one) for one in more)
    run_rows.write(tx, order, row, run, at)
    run_timers.set_timers(tx, gateway, order.realm, before, run, at)
    run_notices.tell(tx, gateway, order, row, run, told, at)
    return run


def _begun(row: RunRow, run: Run) -> dict[str, Any]:
    """With what the run began, for whoever applies its events again."""
    return {
        "begun": {
            "stages": row.stages,
            "order_hash": row.order_hash,
            "excluded": row.excluded,
            "hold_when_nobody_is_asked": row.hold_when_nobody_is_asked,
            **({"on_silence": run.on_silence.value} if run.on_silence is not None else {}),
        }
    }


def _steps(
    tx: Session, gateway: Gateway, order: OrderRow, row: RunRow, run: Run, number: int, subject: Subject
) -> tuple[OpenStep, ...]:
    flow = run_rows.flow_of(tx, row)
    case, directory = case_of(tx, order, row, subject), directory_of(tx, order, subject.at)
    steps, described = [], []
    for step, judgement in flows.required_at(flow, number, {step.key for step in run.steps}, subject):
        opened = open_step(step, flow, case, directory, subject.at, gateway.ids)
        steps.append(opened)
        reasons = [to_data(reason) for reason in judgement.reasons]
        described.append(run_rows.described(opened, name=step.name, reasons=reasons))
    row.opened = [*row.opened[:number], described]
    return tuple(steps)


def end(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    event: Superseded | Withdrawn,
    at: datetime,
    *,
    sent: bool,
    actor: str,
    channel: str,
) -> RunRow | None:
    """Closes the newest run of an order that has changed or gone, with all its open tasks. Ended runs stay, and so
    does an approval on which something was already sent. The run that was closed."""
    row = approvals.newest_run(tx, order.id)
    if row is None or (sent and row.state == State.APPROVED):
        return None
    try:
        apply(tx, gateway, order, row, event, at, actor=actor, channel=channel)
    except runs.NotPossible:
        return None
    return row


def _record_event(
    tx: Session, order: OrderRow, row: RunRow, event: Event, at: datetime, *, data: dict[str, Any], **more: Any
) -> None:
    kept = {**data, "event": msgspec.to_builtins(event)}
    stamp = {"order_hash": row.order_hash, "flow_version_id": row.flow_version_id, **more}
    record(tx, order, EVENTS[type(event).__name__], at, run_id=row.id, data=kept, **stamp)


def record(tx: Session, order: OrderRow, event: str, at: datetime, *, actor: str, channel: str, **more: Any) -> None:
    """An entry of the audit record about an order."""
    audit.record(tx, realm=order.realm, at=at, actor=actor, channel=channel, event=event, order_id=order.id, **more)

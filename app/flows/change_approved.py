"""A change of an order that people have approved or are asked about: does it ask for a new round?

Held against the revision with which the run began, so that several small raises add up, and against each one that it
was carried over to, so that what was approved when it was small is asked about when it grows back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import Session, col, select

from app.approval import changes
from app.approval.changes import Comparison, Means
from app.approval.explanation import Why
from app.approval.flow import Flow, Ruling
from app.approval.moves import Edited
from app.approval.steps import State, TaskState
from app.flows import ask_approval, run_notices, run_rows
from app.flows.consider_order import Considered
from app.flows.keep_order import BUYER
from app.gateway import Gateway
from app.storage import approvals
from app.storage.approval_notices import NoticeKind
from app.storage.approvals import FlowVersionRow, RunRow
from app.storage.orders import OrderRevisionRow, OrderRow
from app.storage.people import PersonRow
from schemas.order import Order


@dataclass(frozen=True, slots=True)
class Changer:
    """Who changed the order, and how.

    editor  one of our people; None: the buyer did.
    more    goes into the audit record: `acting_for`, `task_id`.
    """

    actor: str = BUYER
    channel: str = "document"
    editor: PersonRow | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> dict[str, Any]:
        """For the notices of the change."""
        return {"because": "edited", "by": self.editor.name} if self.editor is not None else {}


THE_BUYER: Final = Changer()

MOST: Final = 100
"""Differences that are kept with a run."""


def carry_over(
    tx: Session,
    gateway: Gateway,
    order: OrderRow,
    revision: OrderRevisionRow,
    considered: Considered,
    changer: Changer = THE_BUYER,
) -> RunRow | None:
    """The newest run, when it goes on with the changed order, of which nothing was sent yet; None where the change
    asks for a new one."""
    row = approvals.newest_run(tx, order.id)
    if row is None or considered.checked.differences or not _may_go_on(tx, row, considered):
        return None
    flow = run_rows.flow_of(tx, row)
    comparison = _compared(tx, row, considered, flow)
    if comparison is None:
        return None
    run = run_rows.read(tx, row)
    compared = (comparison, *_with_carried(tx, row, revision, considered, flow))
    if any(changes.asks_for_new_run(one, flow, run, considered.subject) for one in compared):
        return None
    at, before = considered.at, row.order_hash
    ask_approval.apply(
        tx,
        gateway,
        order,
        row,
        Edited(changer.editor.id if changer.editor is not None else None, considered.hash),
        at,
        actor=changer.actor,
        channel=changer.channel,
        order_hash=considered.hash,
        **changer.more,
        data={"was": before, "revision": revision.number, "differences": _told(comparison)},
    )
    row.carried_revision = revision.number
    tx.add(row)
    if comparison.means >= Means.NOTICE:
        telling = run_notices.Telling(tx, gateway, order, row, at)
        asked = {task.id for task in run.tasks if task.state is TaskState.OPEN}
        for task in run_rows.read(tx, row).tasks:
            if task.state is TaskState.OPEN and task.id in asked:
                telling.owners(task, NoticeKind.CHANGED, differences=_told(comparison), **changer.said)
    return row


def _may_go_on(tx: Session, row: RunRow, considered: Considered) -> bool:
    """Only what people were asked about, under the rules that the changed order comes under too."""
    if row.state not in (State.OPEN, State.APPROVED) or row.explanation.get("why") != Why.ASKED:
        return False
    now = considered.asked.flow_version_id
    if row.flow_version_id is None or now is None or considered.asked.ruling is not Ruling.ASK:
        return False
    versions = (tx.get_one(FlowVersionRow, version) for version in (row.flow_version_id, now))
    return len({version.flow_id for version in versions}) == 1


def differences(tx: Session, order: OrderRow, considered: Considered) -> dict[str, Any]:
    """For the new run: which run was before, and what differs from what it was about."""
    row = approvals.newest_run(tx, order.id)
    if row is None or row.explanation.get("why") not in (Why.ASKED, Why.OVERRIDDEN):
        return {}
    comparison = _compared(tx, row, considered, run_rows.flow_of(tx, row))
    return {"before": row.id, "differences": _told(comparison)} if comparison else {}


def _compared(tx: Session, row: RunRow, considered: Considered, flow: Flow) -> Comparison | None:
    query = select(OrderRevisionRow).where(
        OrderRevisionRow.order_id == row.order_id, OrderRevisionRow.number == row.revision
    )
    began = tx.exec(query).one()
    if began.checked is None:
        return None
    approved: Order = began.order()
    return changes.compare(approved, considered.checked.order, flow)


def _with_carried(
    tx: Session, row: RunRow, revision: OrderRevisionRow, considered: Considered, flow: Flow
) -> Iterator[Comparison]:
    """Against each change that the run was carried over to: people may have decided on any of them."""
    query = select(OrderRevisionRow).where(
        OrderRevisionRow.order_id == row.order_id,
        col(OrderRevisionRow.number) > row.revision,
        col(OrderRevisionRow.number) < revision.number,
        col(OrderRevisionRow.internal).is_(False),
        col(OrderRevisionRow.checked).is_not(None),
    )
    for carried in tx.exec(query):
        yield changes.compare(carried.order(), considered.checked.order, flow)


def _told(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {"at": difference.at, "line": difference.line, "before": difference.before, "after": difference.after}
        for difference in comparison.differences[:MOST]
    ]

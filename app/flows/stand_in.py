"""Absences that begin and end while orders wait: open tasks change hands, whoever was away gets them back.

Looked at before each decision and by the sweep; the sweep also finds people who cannot sign in any more, without whom
their orders would wait for ever."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from app.approval import run as runs
from app.approval.asking import reroute
from app.approval.moves import Event, Left
from app.approval.steps import State
from app.flows import ask_approval, run_rows
from app.flows.approvers import case_of, directory_of
from app.flows.end_run import see_to
from app.gateway import Gateway
from app.storage import approvals, approver_profiles, orders
from app.storage.approvals import RunRow
from app.storage.orders import OrderRow


def see_who_is_away(tx: Session, gateway: Gateway, order: OrderRow, row: RunRow, at: datetime) -> None:
    if row.state != State.OPEN or row.flow_version_id is None:
        return
    run, flow = run_rows.read(tx, row), run_rows.flow_of(tx, row)
    for event in reroute(run, flow, case_of(tx, order, row), directory_of(tx, order, at), at):
        _apply(tx, gateway, order, row, event, at)


def _apply(tx: Session, gateway: Gateway, order: OrderRow, row: RunRow, event: Event, at: datetime) -> None:
    try:
        run = ask_approval.apply(
            tx, gateway, order, row, event, at, actor=ask_approval.SYSTEM, channel=ask_approval.SYSTEM
        )
    except runs.NotPossible:
        # The one who would stand in has come to be asked, or counts no longer: the task stays as it is.
        return
    see_to(tx, gateway, order, row, run, "", at)


def turn(tx: Session, gateway: Gateway, at: datetime, most: int) -> int:
    """What absences that began or ended change in open tasks; how many absences there were. One that begins is looked
    at again when it ends."""
    turning = approver_profiles.turning(tx, at, most)
    for absence in turning:
        absence.turns_at = absence.ends_at if absence.ends_at > at else None
        tx.add(absence)
    for person_id in sorted({absence.person_id for absence in turning}):
        look_again(tx, gateway, person_id, at)
    return len(turning)


def look_again(tx: Session, gateway: Gateway, person_id: str, at: datetime) -> None:
    """Looks at the open tasks of a person whose absences have changed, and at those they stand in for."""
    for order, row in _waiting_for(tx, person_id):
        see_who_is_away(tx, gateway, order, row, at)


def left(tx: Session, gateway: Gateway, person_id: str, at: datetime, *, unless_of: Collection[str] = ()) -> int:
    """Takes a person who may not decide any more out of what is still to be decided: those to whom a step escalates
    are asked, and where too few are left the order is held with a case and an alert. Orders of the customers
    in `unless_of` stay with them. How many orders waited for them."""
    waiting = [(order, row) for order, row in _waiting_for(tx, person_id) if order.customer_id not in unless_of]
    for order, row in waiting:
        _apply(tx, gateway, order, row, Left(person_id), at)
    return len(waiting)


def _waiting_for(tx: Session, person_id: str) -> list[tuple[OrderRow, RunRow]]:
    """Orders with open tasks of theirs, each locked, in the order of their ids so that two who do this at once do not
    wait for each other."""
    tasks = {task.order_id: task for task in approvals.open_tasks_of(tx, person_id)}
    found = []
    for order_id, task in sorted(tasks.items()):
        order = orders.locked(tx, task.realm, order_id)
        row = approvals.newest_run(tx, order_id)
        if order is not None and row is not None:
            tx.refresh(row)
            found.append((order, row))
    return found

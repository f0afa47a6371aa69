"""Who comes next: the steps that would be asked after the open stage, as the order and the people stand now."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.approval import flow as flows
from app.approval.asking import open_step
from app.approval.people import Directory
from app.approval.steps import OpenStep, State
from app.flows import run_rows
from app.flows.approvers import case_of, directory_of
from app.flows.consider_order import subject_now
from app.storage.approvals import RunRow
from app.storage.orders import OrderRow


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A step and the names of those whom it would ask; nobody where nobody may decide it."""

    step: str
    people: tuple[str, ...]


def next_steps(session: Session, order: OrderRow, row: RunRow, at: datetime) -> tuple[Foreseen, ...] | None:
    """Of the first later stage that needs anybody; () when none does, None for a run that is not open."""
    if row.state != State.OPEN or row.flow_version_id is None:
        return None
    flow, run, subject = run_rows.flow_of(session, row), run_rows.read(session, row), subject_now(session, order, at)
    taken = {step.key for step in run.steps}
    for stage in range(run.stage + 1, len(flow.stages)):
        required = flows.required_at(flow, stage, taken, subject)
        if required:
            case, directory = case_of(session, order, row, subject), directory_of(session, order, at)
            opened = [(step, open_step(step, flow, case, directory, at, str)) for step, _ in required]
            return tuple(Foreseen(step.name, _names(one, directory)) for step, one in opened)
    return ()


def _names(step: OpenStep, directory: Directory) -> tuple[str, ...]:
    found = (directory.by_id(task.delegate or task.assignee) for task in step.tasks)
    return tuple(person.name for person in found if person is not None)

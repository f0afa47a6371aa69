"""An approver changes an order that they are asked about, as far as the rules of their step allow it (`may_edit`).

The change is a revision of the order like a buyer's change, and means the same for its approval (`take_order`). Whoever
made it does not decide on the order any more, and an earlier yes of theirs falls: four eyes. What would have to be
settled at the desk is refused instead, beside the box that brought it about.

Two changes at once, or a change beside a decision: the order is locked and the run is moved by one conditional UPDATE
(`run_rows.write`), so whoever comes second changes nothing and is told."""

from collections.abc import Iterator, Mapping, Sequence

from sqlmodel import Session

from app.approval import run as runs
from app.approval.flow import Step
from app.approval.moves import Edited
from app.approval.steps import State
from app.errors import No, Refusal
from app.flows import ask_approval, move_task, order_revisions, run_rows, take_order
from app.flows.cases import Difference
from app.flows.change_approved import Changer
from app.flows.consider_order import Considered
from app.flows.order_book import OrderBook
from app.flows.order_edits import Box, CannotEdit, Places, Wrong, boxes, edited
from app.gateway import Gateway, alert
from app.partners.agreement import order_terms
from app.storage import approvals, audit, orders
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.changes import Memories
from app.storage.customers import CustomerRow
from app.storage.orders import HoldRow, HoldState, OrderRevisionRow, OrderRow
from app.storage.people import PersonRow


def offered(session: Session, memories: Memories, task: RunTaskRow) -> tuple[tuple[Box, ...], Places]:
    """The boxes of the form for an open task, none where its step allows no change, and the addresses to choose."""
    order, row = session.get_one(OrderRow, task.order_id), session.get_one(RunRow, task.run_id)
    places = OrderBook(session, memories).places(session.get_one(CustomerRow, order.customer_id))
    return boxes(orders.revision(session, order).document(), _step(session, row, task).may_edit, places), places


def leaves_nobody(session: Session, person: PersonRow, task: RunTaskRow) -> bool:
    """Whether too few are left to decide once this person has changed the order: then it waits at the desk."""
    row, order = session.get_one(RunRow, task.run_id), session.get_one(OrderRow, task.order_id)
    try:
        run, _ = runs.advance(run_rows.read(session, row), Edited(person.id, row.order_hash), order.changed_at)
    except runs.NotPossible:
        return False
    return run.state is State.HELD


def _step(tx: Session, row: RunRow, task: RunTaskRow) -> Step:
    return next(step for step in run_rows.flow_of(tx, row).steps if step.key == task.step)


def edit(
    tx: Session,
    gateway: Gateway,
    person: PersonRow,
    task_id: str,
    given: Mapping[str, str],
    order_hash: str,
    channel: str,
) -> OrderRow:
    """`given` is what the boxes hold, `order_hash` of what the person had before them. Raises DecidedAlready; Refusal
    for a task that is not theirs, an order that has changed meanwhile, and a step that allows no change; CannotEdit
    with everything that is wrong with the boxes. Then nothing has changed."""
    at = gateway.clock.now()
    order, row, task = move_task.open_task(tx, gateway, person, task_id, at)
    if order_hash != row.order_hash:
        raise Refusal(No.CONFLICT, "the order was changed after you opened the page; look at it again")
    allowed = _step(tx, row, task).may_edit
    if not allowed:
        raise Refusal(No.FORBIDDEN, "the rules of this order do not let approvers change it")
    customer = tx.get_one(CustomerRow, order.customer_id)
    before, places = orders.revision(tx, order), OrderBook(tx).places(customer)
    document = before.document()
    changed = edited(
        document,
        boxes(document, allowed, places),
        places,
        given,
        at.date(),
        taxed_total="tax" in order_terms(customer).total_includes,
    )
    settled = orders.holds(tx, order, HoldState.SETTLED)
    revision = order_revisions.keep_edit(tx, gateway, order, changed, person.id, before)
    considered = take_order.consider_revision(tx, order, revision, at)
    if faults := list(_unfit(considered, settled)):
        raise CannotEdit(faults)
    _keep_settled(tx, settled, revision)
    acting_for = task.assignee_id if person.id != task.assignee_id else None
    more = {"acting_for": acting_for, "task_id": task.id}
    ask_approval.record(
        tx,
        order,
        "order_edited",
        at,
        actor=audit.by(person.id),
        channel=channel,
        run_id=row.id,
        order_hash=considered.hash,
        flow_version_id=row.flow_version_id,
        data={"revision": revision.number, "changes": revision.changes},
        **more,
    )
    changer = Changer(actor=audit.by(person.id), channel=channel, editor=person, more=more)
    take_order.follow_change(tx, gateway, order, revision, considered, changer)
    newest = approvals.newest_run(tx, order.id)
    if newest is not None and newest.state == State.HELD:
        alert("approval.stuck", realm=order.realm, order=order.number, partner=order.partner_id)
    return order


def _unfit(considered: Considered, settled: Sequence[HoldRow]) -> Iterator[Wrong]:
    """What the changed order would be held for, beside the box that is to blame; what was settled before stands."""
    known = {(case.code, case.line, case.expected, case.found) for case in settled}
    for difference in considered.checked.differences:
        if (difference.code, difference.line, difference.expected, difference.found) not in known:
            yield Wrong(_box_of(difference), difference.code, difference.expected, difference.found)


def _box_of(difference: Difference) -> str:
    what = difference.code.partition(".")[0]
    at = f"lines.{difference.line}." if difference.line is not None else ""
    if what == "ship_to":
        return f"{at}ship_to"
    return f"{at}quantity" if at and what in ("quantity", "price") else ""


def _keep_settled(tx: Session, settled: Sequence[HoldRow], revision: OrderRevisionRow) -> None:
    """They hold for the changed order too, so that nobody is asked again at the desk."""
    for case in settled:
        case.revision = revision.number
        tx.add(case)
    tx.flush()

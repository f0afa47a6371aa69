"""Examples of approval rules: what they must make of an order, tried when they are published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session, select

from app.approval.flow import Flow
from app.approval.simulation import Judged, Outcome, judge, waits_of
from app.errors import No, Refusal
from app.flows.flow_record import record
from app.flows.past_orders import Trial
from app.gateway import Gateway
from app.storage import flow_examples
from app.storage.approvals import FlowRow
from app.storage.customers import CustomerRow
from app.storage.flow_examples import FlowExampleRow
from app.storage.orders import OrderRevisionRow, OrderRow
from app.storage.people import PersonRow
from schemas.faults import Fault, shortened

MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """An example by what people know: the number of the customer, the number of its order, and which revision of it."""

    customer: str
    order: str
    revision: int
    outcome: str
    step: str | None

    @property
    def key(self) -> tuple[str, str]:
        return self.customer, self.order


@dataclass(frozen=True, slots=True)
class Tried:
    """An example with what came; `judged` is None when its order cannot be read any more."""

    row: FlowExampleRow
    number: str
    customer: str
    judged: Judged | None

    @property
    def holds(self) -> bool:
        if self.judged is None or self.judged.outcome != self.row.outcome:
            return False
        taken = {step.key for stage in self.judged.stages for step in stage}
        return self.row.step is None or self.row.step in taken


def add(
    tx: Session,
    gateway: Gateway,
    by: PersonRow,
    row: FlowRow,
    order: OrderRow,
    *,
    outcome: str,
    step: str | None,
    revision: int | None = None,
) -> FlowExampleRow:
    """The order as it stands, or as that revision of it. Raises Refusal."""
    if outcome not in list(Outcome) or (step and outcome != Outcome.ASKED):
        raise Refusal(No.UNACCEPTABLE, "Say what the rules must make of the order; a step is asked or not at all.")
    if not _met_by(tx, row, order):
        raise Refusal(No.UNACCEPTABLE, "These rules are not for this customer's orders.")
    known = flow_examples.of_flow(tx, row.id)
    if len(known) >= MOST:
        raise Refusal(No.UNACCEPTABLE, f"Rules have at most {MOST} examples.")
    if any(one.order_id == order.id for one in known):
        raise Refusal(No.CONFLICT, "The order is an example of these rules already.")
    at = gateway.clock.now()
    example = FlowExampleRow(
        id=gateway.ids(),
        realm=row.realm,
        flow_id=row.id,
        order_id=order.id,
        revision=revision or order.revision,
        outcome=outcome,
        step=step or None,
        added_by=by.id,
        added_at=at,
    )
    tx.add(example)
    record(tx, gateway, by, "flow_example_added", row, order=order.number, outcome=outcome, step=step or None)
    return example


def change(tx: Session, gateway: Gateway, by: PersonRow, row: FlowRow, example: FlowExampleRow, wanted: Wanted) -> None:
    """Of the same order."""
    before = {"outcome": example.outcome, "step": example.step, "revision": example.revision}
    example.outcome, example.step, example.revision = wanted.outcome, wanted.step, wanted.revision
    tx.add(example)
    said = {"order": wanted.order, "outcome": wanted.outcome, "step": wanted.step, "revision": wanted.revision}
    record(tx, gateway, by, "flow_example_changed", row, example=said, before=before)


def remove(tx: Session, gateway: Gateway, by: PersonRow, row: FlowRow, example_id: str) -> None:
    """Raises Refusal."""
    example = tx.get(FlowExampleRow, example_id)
    if example is None or example.flow_id != row.id:
        raise Refusal(No.UNKNOWN_REFERENCE, "There is no such example: somebody else has removed it.")
    number = tx.get_one(OrderRow, example.order_id).number
    tx.delete(example)
    record(tx, gateway, by, "flow_example_removed", row, order=number)


def _met_by(tx: Session, row: FlowRow, order: OrderRow) -> bool:
    return order.realm == row.realm and row.meets(tx.get_one(CustomerRow, order.customer_id))


def try_out(session: Session, row: FlowRow, flow: Flow, trial: Trial) -> list[Tried]:
    """Every example of `row` with what `flow` makes of it, were it active there."""
    found = []
    for example in flow_examples.of_flow(session, row.id):
        order = session.get_one(OrderRow, example.order_id)
        past = trial.revision(session, order, example.revision)
        judged, customer = None, session.get_one(CustomerRow, order.customer_id)
        if past is not None:
            judged = judge(trial.tried(session, customer, row, flow), past.past, waits_of({}, None))
        found.append(Tried(example, order.number, customer.name, judged))
    return found


def faults(tried: Sequence[Tried]) -> list[Fault]:
    """What the examples that do not hold say against publishing."""
    return [
        Fault(
            code="example.failed",
            at=f"examples[{one.number}]",
            message=f"the order {wanted(one.row.outcome, one.row.step)}, but {came(one.judged)}",
            found=shortened(one.number),
        )
        for one in tried
        if not one.holds
    ]


_WORDS: Final = {
    Outcome.PASSES: "needs nobody",
    Outcome.ASKED: "needs somebody",
    Outcome.HELD: "is held",
    Outcome.BLOCKED: "is blocked",
}


def wanted(outcome: str, step: str | None) -> str:
    return f"needs the step '{step}'" if step else _WORDS[Outcome(outcome)]


def came(judged: Judged | None) -> str:
    if judged is None:
        return "it cannot be read any more: remove the example"
    steps = [step.name for stage in judged.stages for step in stage]
    said = f"needs {', '.join(steps)}" if judged.outcome is Outcome.ASKED else _WORDS[judged.outcome]
    because = f" ({judged.rule})" if judged.rule else ""
    return f"now it {said}{because}"


def listed(session: Session, row: FlowRow) -> list[tuple[FlowExampleRow, Wanted]]:
    """In the order in which they were added."""
    query = (
        select(FlowExampleRow, OrderRow.number, CustomerRow.number)
        .where(
            FlowExampleRow.flow_id == row.id,
            OrderRow.id == FlowExampleRow.order_id,
            CustomerRow.id == OrderRow.customer_id,
        )
        .order_by(FlowExampleRow.id)
    )
    return [
        (example, Wanted(customer, order, example.revision, example.outcome, example.step))
        for example, order, customer in session.exec(query)
    ]


def order_of(session: Session, row: FlowRow, wanted: Wanted) -> OrderRow | None:
    """The order that is meant, if it is here with that revision, and the rules are for its customer."""
    query = select(OrderRow).where(
        OrderRow.realm == row.realm,
        OrderRow.number == wanted.order,
        CustomerRow.id == OrderRow.customer_id,
        CustomerRow.number == wanted.customer,
        OrderRevisionRow.order_id == OrderRow.id,
        OrderRevisionRow.number == wanted.revision,
    )
    order = session.exec(query).first()
    return order if order is not None and _met_by(session, row, order) else None

"""The examples of a file in place of those that are kept with rules, listed before it is done."""

from dataclasses import dataclass
from hashlib import sha256

from sqlmodel import Session

from app.flows import flow_examples
from app.flows.flow_examples import Wanted
from app.gateway import Gateway
from app.storage.approvals import FlowRow
from app.storage.people import PersonRow


@dataclass(frozen=True, slots=True)
class Change:
    """None on one side: it is not there."""

    before: Wanted | None
    after: Wanted | None


@dataclass(frozen=True, slots=True)
class Plan:
    """`missing`: examples of orders that are not here, or not for these rules; they are left out."""

    changes: tuple[Change, ...] = ()
    missing: tuple[Wanted, ...] = ()

    @property
    def digest(self) -> str:
        """The same for the same changes: whoever agrees to them names it."""
        return sha256(repr(self.changes).encode()).hexdigest()


def plan(session: Session, row: FlowRow, examples: tuple[Wanted, ...] | None) -> Plan:
    """None: nothing is said of examples, and they stay."""
    if examples is None:
        return Plan()
    before = {wanted.key: wanted for _, wanted in flow_examples.listed(session, row)}
    changes: list[Change] = []
    missing: list[Wanted] = []
    for wanted in examples:
        known = before.pop(wanted.key, None)
        if known == wanted:
            continue
        if flow_examples.order_of(session, row, wanted) is None:
            missing.append(wanted)
        else:
            changes.append(Change(known, wanted))
    return Plan((*changes, *(Change(one, None) for one in before.values())), tuple(missing))


def apply(tx: Session, gateway: Gateway, by: PersonRow, row: FlowRow, plan: Plan) -> None:
    """Raises Refusal."""
    rows = {wanted.key: example for example, wanted in flow_examples.listed(tx, row)}
    for one in sorted(plan.changes, key=lambda change: change.after is not None):
        if one.after is None:
            assert one.before is not None
            flow_examples.remove(tx, gateway, by, row, rows[one.before.key].id)
        elif one.before is not None:
            flow_examples.change(tx, gateway, by, row, rows[one.before.key], one.after)
        else:
            order = flow_examples.order_of(tx, row, one.after)
            assert order is not None
            flow_examples.add(
                tx,
                gateway,
                by,
                row,
                order,
                outcome=one.after.outcome,
                step=one.after.step,
                revision=one.after.revision,
            )

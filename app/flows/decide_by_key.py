"""The decision of a person in whose name a system speaks.

A key alone is one proof. Above what the link of a mail decides alone, a page asks for a login and its second factor; a
system sends a code of the second factor of the person it speaks for, or its key has the scope for large orders, which
says that the system itself makes sure who decides. A person without a second factor does not decide that much by a key
that lacks it."""

from sqlmodel import Session

from app.approval.steps import TaskState
from app.errors import No, Refusal
from app.flows import decide_approval, run_rows, second_factor
from app.flows.decide_approval import Decision
from app.gateway import Gateway
from app.storage.api_keys import ApiKeyRow, Scope
from app.storage.orders import OrderRow
from app.storage.people import PersonRow
from schemas.money import Money


def decide(
    tx: Session,
    gateway: Gateway,
    key: ApiKeyRow,
    person: PersonRow,
    task_id: str,
    decision: Decision,
    code: str | None,
) -> OrderRow | None:
    """`code` is one of the person's second factor, or a recovery code; it is used up with the decision alone. None for
    a code that does not fit, which the record keeps: so the transaction goes on. Raises as `decide_approval.decide`,
    and Refusal FORBIDDEN where a code is missing."""
    order, run, task = decide_approval.its_own(tx, gateway, person, task_id, gateway.clock.now())
    if task.state == TaskState.OPEN and Scope.APPROVALS_DECIDE_LARGE not in key.scopes:
        total = None if order.total is None else Money(amount=order.total, currency=order.currency)
        if not gateway.settings.decides_by_link(total, run_rows.flow_of(tx, run).link_limit):
            if not code:
                raise Refusal(
                    No.FORBIDDEN,
                    "The order is above what a key decides alone: send a code of the person's second factor as "
                    f"`second_factor`, or use a key with the scope {Scope.APPROVALS_DECIDE_LARGE}.",
                )
            if second_factor.prove(tx, gateway, person, code, channel="api") is None:
                return None
    return decide_approval.decide(tx, gateway, person, task_id, decision, "api", key=key.id)

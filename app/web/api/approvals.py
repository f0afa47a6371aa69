"""Approvals for machines: who is asked, and the decision of a person in whose name a system speaks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.approval.steps import TaskState
from app.errors import No, Refusal
from app.flows import decide_by_key
from app.flows.decide_approval import BECOMES, DecidedAlready, Decision, ReasonCode, Said
from app.flows.end_run import LONGEST_REASON
from app.gateway import Gateway
from app.storage import people
from app.storage.api_keys import ApiKeyRow
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.customers import CustomerRow
from app.storage.orders import OrderRow, OrderState
from app.storage.people import PersonRow, Role
from app.web.api import bodies, reach
from app.web.api.guard import key_of
from app.web.api.parameters import CURSOR, CUSTOMER, LIMIT, PAGE, Parameter, asked, choice
from app.web.endpoint import gateway_of
from app.web.problem import problem
from app.web.tries import limits_of
from schemas.base import Canonical
from schemas.faults import Fault
from schemas.money import Money

LONGEST_CODE: Final = 40
ASSIGNEE: Final = Parameter(
    "assignee", "The login of who was asked, or stands in for them.", "a login", {"type": "string"}, people.folded
)
PARAMETERS: Final[tuple[Parameter, ...]] = (
    choice("state", TaskState, "Only tasks in this state."),
    ASSIGNEE,
    CUSTOMER,
    LIMIT,
    CURSOR,
)


class Approval(Canonical, frozen=True, kw_only=True):
    """One person asked in one step.

    order, customer  their numbers.
    step, step_name  its key in the rules, and what they call it.
    assignee         the login of who was asked; `delegate` may decide in their place.
    decided_by       who did; `acting_for` is the assignee when it was somebody else.
    order_hash       of what is up for approval: a decision names it.
    """

    id: str
    order: str
    customer: str
    order_state: OrderState
    step: str
    step_name: str
    stage: int
    state: TaskState
    assignee: str
    opened_at: datetime
    order_hash: str
    delegate: str | None = None
    due_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    acting_for: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    total: Money | None = None


class ApprovalPage(Canonical, frozen=True, kw_only=True):
    """Newest first. `next`: the cursor of what follows; absent on the last page."""

    approvals: tuple[Approval, ...]
    next: str | None = None


class Verdict(Canonical, frozen=True, kw_only=True):
    """What a person decided, in whose name the key speaks.

    person      their login.
    order_hash  of what they had before them, as the list of approvals tells it.
    send_back   with `approve` false: the buyer shall change the order. Only where the rules allow it.
    code, text  why not; a no needs both, and the buyer is told the text.
    second_factor  a code of the person's second factor, or a recovery code: needed above the amount that the link of a
                mail decides, unless the key has the scope approvals:decide-large.
    """

    person: str
    approve: bool
    order_hash: str
    send_back: bool = False
    code: ReasonCode | None = None
    text: str = ""
    second_factor: str | None = None

    @property
    def said(self) -> Said:
        return Said.APPROVE if self.approve else Said.SEND_BACK if self.send_back else Said.REJECT


def approval_list(request: Request) -> Response:
    key, faults = key_of(request), list[Fault]()
    said = asked(request.query_params, PARAMETERS, faults)
    with gateway_of(request).database.read() as session:
        customer_id = reach.customer(session, key, said, faults)
        if faults:
            return bodies.refused(request, faults)
        query = select(RunTaskRow).where(RunTaskRow.realm == key.realm).order_by(col(RunTaskRow.id).desc())
        if customer_id is not None:
            query = query.where(RunTaskRow.customer_id == customer_id)
        elif key.customers is not None:
            query = query.where(col(RunTaskRow.customer_id).in_(key.customers))
        if "state" in said:
            query = query.where(RunTaskRow.state == said["state"])
        if "assignee" in said:
            person = people.by_login(session, key.realm, said["assignee"])
            asked_of = person.id if person else ""
            query = query.where((RunTaskRow.assignee_id == asked_of) | (RunTaskRow.delegate_id == asked_of))
        if "cursor" in said:
            query = query.where(RunTaskRow.id < said["cursor"])
        most = said.get("limit", PAGE)
        found = session.exec(query.limit(most + 1)).all()
        shown = _told(session, found[:most])
    following = shown[-1].id if len(found) > most else None
    return bodies.answer(ApprovalPage(approvals=tuple(shown), next=following))


def _told(session: Session, tasks: Sequence[RunTaskRow]) -> list[Approval]:
    """In the same order."""
    query = (
        select(RunTaskRow.id, RunRow, OrderRow, CustomerRow)
        .join(RunRow, col(RunRow.id) == RunTaskRow.run_id)
        .join(OrderRow, col(OrderRow.id) == RunTaskRow.order_id)
        .join(CustomerRow, col(CustomerRow.id) == RunTaskRow.customer_id)
        .where(col(RunTaskRow.id).in_([task.id for task in tasks]))
    )
    around = {task_id: (run, order, customer) for task_id, run, order, customer in session.exec(query)}
    named = {
        person_id
        for task in tasks
        for person_id in (task.assignee_id, task.delegate_id, task.decided_by, task.acting_for)
        if person_id
    }
    logins = {row.id: row.login for row in session.exec(select(PersonRow).where(col(PersonRow.id).in_(named)))}
    return [_approval(task, *around[task.id], logins) for task in tasks]


def _approval(
    task: RunTaskRow, run: RunRow, order: OrderRow, customer: CustomerRow, logins: dict[str, str]
) -> Approval:
    return Approval(
        id=task.id,
        order=order.number,
        customer=customer.number,
        order_state=OrderState(order.state),
        step=task.step,
        step_name=run.step_name(task),
        stage=task.stage,
        state=TaskState(task.state),
        assignee=logins.get(task.assignee_id, ""),
        opened_at=task.opened_at,
        order_hash=run.order_hash,
        delegate=logins.get(task.delegate_id or ""),
        due_at=task.due_at,
        decided_at=task.decided_at,
        decided_by=logins.get(task.decided_by or ""),
        acting_for=logins.get(task.acting_for or ""),
        reason_code=task.reason_code,
        reason=task.reason,
        total=None if order.total is None else Money(amount=order.total, currency=order.currency),
    )


async def decide(request: Request) -> Response:
    """The same rules as on a page, and a second proof for large orders. The same decision again is answered as the
    first time."""
    faults = list[Fault]()
    verdict = bodies.read(await request.body(), Verdict, faults)
    if verdict is not None and verdict.approve and verdict.send_back:
        message = "an order is approved or sent back, not both"
        faults.append(Fault(code="body.contradiction", at="send_back", message=message))
    if verdict is None or faults:
        return bodies.refused(request, faults, what="The body is wrong.")
    gateway, key = gateway_of(request), key_of(request)
    task_id = request.path_params["task"]
    person = await run_in_threadpool(_person, gateway, key, task_id, verdict.person)
    decision = Decision(
        said=verdict.said,
        order_hash=verdict.order_hash,
        code=None if verdict.approve else verdict.code,
        text=verdict.text,
    )
    code = (verdict.second_factor or "")[:LONGEST_CODE]
    if code and not limits_of(request).codes.count(person.id):
        wait = limits_of(request).codes.window
        raise Refusal(No.TOO_MANY, "Too many codes of this person's second factor.", retry_after=wait)
    try:
        decided = await gateway.database.awrite(
            lambda tx: decide_by_key.decide(tx, gateway, key, person, task_id, decision, code)
        )
    except DecidedAlready:
        return await run_in_threadpool(_already, request, task_id, person, decision)
    if decided is None:
        raise Refusal(No.FORBIDDEN, "This code of the second factor does not fit, or was used already.")
    if code:
        limits_of(request).codes.forget(person.id)
    return bodies.answer(await run_in_threadpool(_one, gateway, task_id))


def _person(gateway: Gateway, key: ApiKeyRow, task_id: str, login: str) -> PersonRow:
    """Whoever decides. Raises HTTPException 404 for a task that the key does not reach, Refusal for nobody."""
    with gateway.database.read() as session:
        task = session.get(RunTaskRow, task_id)
        reached = task is not None and (key.customers is None or task.customer_id in key.customers)
        if task is None or task.realm != key.realm or not reached:
            raise HTTPException(404)
        person = people.by_login(session, key.realm, login)
    if person is None or not person.active or not person.has(Role.APPROVER):
        raise Refusal(No.FORBIDDEN, "There is no approver of this name.")
    return person


def _one(gateway: Gateway, task_id: str) -> Approval:
    with gateway.database.read() as session:
        return _told(session, [session.get_one(RunTaskRow, task_id)])[0]


def _already(request: Request, task_id: str, person: PersonRow, decision: Decision) -> Response:
    with gateway_of(request).database.read() as session:
        task = session.get_one(RunTaskRow, task_id)
        (told,) = _told(session, [task])
    same = (task.state, task.decided_by, task.reason_code, task.reason or "") == (
        BECOMES[decision.said],
        person.id,
        decision.code,
        decision.text.strip()[:LONGEST_REASON],
    )
    if same:
        return bodies.answer(told)
    by = f" by {told.decided_by}" if told.decided_by else ""
    return problem(request, 409, f"The task is {told.state}{by} already.")

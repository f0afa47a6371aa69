"""Whoever is asked for a decision hears of it by mail, with a link by which it can be given."""

from typing import Any

from sqlmodel import Session

from app.approval.steps import TaskState
from app.flows import write_mail
from app.gateway import Gateway
from app.letters.letter import Kind
from app.storage import approval_links, approvals
from app.storage.approval_links import ApprovalLinkRow
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.customers import CustomerRow
from app.storage.mails import MailRow
from app.storage.orders import OrderRow
from app.storage.people import PersonRow


def ask(tx: Session, gateway: Gateway, order: OrderRow, run: RunRow) -> None:
    """A mail for each open task of the run whose person has an address and was not written to about it."""
    if gateway.settings.smtp_host is None:
        return
    for task in approvals.tasks_of(tx, run.id):
        person = tx.get_one(PersonRow, task.assignee_id)
        if task.state == TaskState.OPEN and person.email and person.may_sign_in(demo=gateway.settings.demo):
            _ask(tx, gateway, order, run, task, person)


def _ask(tx: Session, gateway: Gateway, order: OrderRow, run: RunRow, task: RunTaskRow, person: PersonRow) -> None:
    link = approval_links.begin(
        tx,
        gateway.keys,
        link_id=gateway.ids(),
        realm=order.realm,
        task_id=task.id,
        person_id=person.id,
        now=gateway.clock.now(),
    )
    if link is None:
        return
    data = {
        "link_id": link.id,
        "order": order.number,
        "customer": tx.get_one(CustomerRow, order.customer_id).name,
        "requester": order.requester,
        "total": None if order.total is None else {"amount": f"{order.total:f}", "currency": order.currency},
        "step": _step(run, task),
        "expires_at": link.expires_at.isoformat(),
    }
    write_mail.write(
        tx,
        gateway,
        Kind.APPROVAL,
        person.email or "",
        data,
        realm=order.realm,
        language=person.language,
        correlation_id=order.correlation_id,
        request_id=order.request_id,
        order_id=order.id,
        person_id=person.id,
    )


def _step(run: RunRow, task: RunTaskRow) -> str:
    """Why this person is asked: the rules' own name of the step."""
    steps: list[dict[str, Any]] = run.opened[task.stage]
    return next((str(step["name"]) for step in steps if step["key"] == task.step), task.step)


def link_of(tx: Session, gateway: Gateway, mail: MailRow) -> str | None:
    """The address that the mail carries; None when nobody needs it any more."""
    link = tx.get(ApprovalLinkRow, str(mail.data.get("link_id")))
    task = tx.get(RunTaskRow, link.task_id) if link is not None else None
    if link is None or task is None or task.state != TaskState.OPEN or link.expires_at <= gateway.clock.now():
        return None
    token = approval_links.token_of(link, gateway.keys)
    return None if token is None else f"{gateway.settings.url}/approve/{token.reveal()}"


def forget_token(tx: Session, mail: MailRow) -> None:
    """The mail has left, or will not: from here on only its receiver knows the token."""
    if mail.kind != Kind.APPROVAL:
        return
    link = tx.get(ApprovalLinkRow, str(mail.data.get("link_id")))
    if link is not None:
        link.sealed = None
        tx.add(link)

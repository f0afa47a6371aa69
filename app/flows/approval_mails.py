"""What a notice about an approval says by mail, and the link by which its reader goes on.

Who may decide gets a link that decides, for one task and one person; whoever is only told gets the address of a page
behind the login. A mail about a task that was closed before it left is not sent any more."""

from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from app.approval.steps import TaskState
from app.flows import write_mail
from app.gateway import Gateway
from app.letters.letter import OF_APPROVALS, Kind
from app.storage import approval_links
from app.storage.approval_links import ApprovalLinkRow
from app.storage.approval_notices import NoticeKind, NoticeRow
from app.storage.approvals import RunRow, RunTaskRow
from app.storage.customers import CustomerRow
from app.storage.mails import MailRow
from app.storage.orders import OrderRow
from app.storage.people import PersonRow

KINDS: Final[dict[NoticeKind, Kind]] = {
    NoticeKind.ASKED: Kind.APPROVAL,
    NoticeKind.DELEGATED: Kind.DELEGATED,
    NoticeKind.WATCHING: Kind.WATCHING,
    NoticeKind.QUESTION: Kind.QUESTION,
    NoticeKind.ANSWER: Kind.ANSWER,
    NoticeKind.REMINDED: Kind.REMINDED,
    NoticeKind.OVERDUE: Kind.OVERDUE,
    NoticeKind.CHANGED: Kind.CHANGED,
    NoticeKind.SUPERSEDED: Kind.SUPERSEDED,
    NoticeKind.WITHDRAWN: Kind.WITHDRAWN,
    NoticeKind.SENT_BACK: Kind.SENT_BACK,
    NoticeKind.UNCHANGED: Kind.UNCHANGED,
}
_DECIDES: Final = frozenset(
    {
        NoticeKind.ASKED,
        NoticeKind.DELEGATED,
        NoticeKind.REMINDED,
        NoticeKind.OVERDUE,
        NoticeKind.CHANGED,
        NoticeKind.ANSWER,
    }
)
_NEEDLESS_ONCE_DECIDED: Final = frozenset(
    {Kind.APPROVAL, Kind.DELEGATED, Kind.REMINDED, Kind.OVERDUE, Kind.CHANGED, Kind.QUESTION}
)


def write(
    tx: Session,
    gateway: Gateway,
    notice: NoticeRow,
    person: PersonRow,
    order: OrderRow,
    run: RunRow,
    said: dict[str, Any],
) -> MailRow | None:
    """`said` is what the notice knows besides: `by`, `differences`. None where nobody can be written to."""
    task = tx.get(RunTaskRow, notice.task_id) if notice.task_id is not None else None
    kind = NoticeKind(notice.kind)
    data: dict[str, Any] = {
        **_about(order, tx.get_one(CustomerRow, order.customer_id)),
        "step": _step(run, task) if task is not None else None,
        "task_id": task.id if task is not None else None,
        "asked_at": task.opened_at.isoformat() if task is not None else None,
        "due_at": task.due_at.isoformat() if task is not None and task.due_at is not None else None,
        "text": notice.text,
        **said,
    }
    if kind in _DECIDES and task is not None:
        data |= _link(tx, gateway, order.realm, task.id, person.id)
    elif kind is NoticeKind.QUESTION and task is not None:
        data["path"] = f"/approvals/{task.id}"
    else:
        data["path"] = f"/orders/{order.id}"
    return write_mail.write(
        tx,
        gateway,
        KINDS[kind],
        person.email or "",
        data,
        realm=order.realm,
        language=person.language,
        correlation_id=order.correlation_id,
        request_id=order.request_id,
        order_id=order.id,
        person_id=person.id,
    )


def _about(order: OrderRow, customer: CustomerRow) -> dict[str, Any]:
    return {
        "order": order.number,
        "customer": customer.name,
        "requester": order.requester,
        "total": None if order.total is None else {"amount": f"{order.total:f}", "currency": order.currency},
    }


def to_requester(tx: Session, gateway: Gateway, kind: Kind, order: OrderRow, **said: str | None) -> MailRow | None:
    """To the address by which the order names its requester, in the customer's language and without a link: whoever
    has no account here acts in the buyer's own system. None where it names no address."""
    customer = tx.get_one(CustomerRow, order.customer_id)
    return write_mail.write(
        tx,
        gateway,
        kind,
        order.requester or "",
        {**_about(order, customer), **said},
        realm=order.realm,
        language=customer.language,
        correlation_id=order.correlation_id,
        request_id=order.request_id,
        order_id=order.id,
    )


def _link(tx: Session, gateway: Gateway, realm: str, task_id: str, person_id: str) -> dict[str, str]:
    link = approval_links.begin(
        tx,
        gateway.keys,
        link_id=gateway.ids(),
        realm=realm,
        task_id=task_id,
        person_id=person_id,
        now=gateway.clock.now(),
    )
    return {"link_id": link.id, "expires_at": link.expires_at.isoformat()}


def _step(run: RunRow, task: RunTaskRow) -> str:
    """Why this person is asked: the rules' own name of the step."""
    steps: list[dict[str, Any]] = run.opened[task.stage]
    return next((str(step["name"]) for step in steps if step["key"] == task.step), task.step)


def is_needless(tx: Session, mail: MailRow, at: datetime) -> bool:
    """Whether the mail is about a task that is decided, or taken from its person, before it has left; then, too, when
    its link has run out."""
    if mail.kind not in _NEEDLESS_ONCE_DECIDED:
        return False
    link = _link_of(tx, mail)
    task_id = mail.data.get("task_id") or (link.task_id if link is not None else None)
    task = tx.get(RunTaskRow, str(task_id))
    if task is None or task.state != TaskState.OPEN:
        return True
    return "link_id" in mail.data and (link is None or link.expires_at <= at)


def address_of(tx: Session, gateway: Gateway, mail: MailRow) -> str | None:
    """The address that the mail carries; None where it carries none, or has nothing to decide any more."""
    if "path" in mail.data:
        return f"{gateway.settings.url}{mail.data['path']}"
    link = _link_of(tx, mail)
    token = approval_links.token_of(link, gateway.keys) if link is not None else None
    return None if token is None else f"{gateway.settings.url}/approve/{token.reveal()}"


def _link_of(tx: Session, mail: MailRow) -> ApprovalLinkRow | None:
    return tx.get(ApprovalLinkRow, str(mail.data["link_id"])) if "link_id" in mail.data else None


def renew_link(tx: Session, gateway: Gateway, mail: MailRow) -> None:
    """A link that works, for a mail that is sent again: its first one was forgotten."""
    link = _link_of(tx, mail)
    if link is not None:
        mail.data = {**mail.data, **_link(tx, gateway, mail.realm, link.task_id, link.person_id)}


def forget_token(tx: Session, mail: MailRow) -> None:
    """The mail has left, or will not: from here on only its receiver knows the token."""
    link = _link_of(tx, mail) if mail.kind in OF_APPROVALS else None
    if link is not None:
        link.sealed = None
        tx.add(link)

"""The inbox: its lists, page by page and as files."""

from collections.abc import Iterator
from typing import Final

from sqlmodel import Session, col, or_, select
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.flows import decide_together, see_task
from app.flows.consider_order import read_version
from app.storage.approvals import FlowRow, FlowVersionRow, VersionState
from app.storage.people import PersonRow
from app.web import spreadsheet
from app.web.approvals import inbox
from app.web.approvals.inbox import COUNTED, InboxFilter, Item, Show
from app.web.orders import words
from app.web.orders.order_list import customers_of
from app.web.people.sessions import gateway_of, people_page, signed_in

MOST_ROWS: Final = 50_000
HEADINGS: Final = (
    "number",
    "customer",
    "total",
    "currency",
    "requester",
    "step",
    "asked",
    "state",
    "opened_at",
    "due_at",
    "decided_at",
    "decided_by",
    "acting_for",
    "channel",
    "reason_code",
    "reason",
    "overridden",
)


def inbox_page(request: Request) -> Response:
    gateway, person, chosen = gateway_of(request), signed_in(request).person, InboxFilter.of(request.query_params)
    now = gateway.clock.now()
    with gateway.database.read() as session:
        items, after = inbox.listed(session, person, chosen, now)
        counts = {
            show: inbox.counted(session, person, InboxFilter(show=show), now) for show in (Show.OPEN, Show.OTHERS)
        }
        counts[chosen.show] = counts.get(chosen.show, 0)
        selected = inbox.counted(session, person, chosen, now) if chosen.narrowed else None
        overdue = inbox.counted(session, person, InboxFilter(waits=inbox.OVERDUE), now)
        customers, rules = customers_of(session, person), _rules(session, person)
        joinable = _joinable(request, session, items) if chosen.show is Show.OPEN else set()
    context = {
        "items": items,
        "chosen": chosen,
        "counts": counts,
        "selected": selected,
        "overdue": overdue,
        "counted": COUNTED,
        "customers": customers,
        "currencies": sorted({customer.currency for customer in customers} | {chosen.currency} - {""}),
        "rules": rules,
        "joinable": joinable,
        "limit": gateway.settings.approved_unopened,
        "next": chosen.query(after=after) if after else None,
        "now": now,
        "words": words,
        "Show": Show,
    }
    return people_page(request, "approvals/inbox.html", context)


def _rules(session: Session, person: PersonRow) -> list[tuple[str, str]]:
    """Value and label of each flow, and of each step of its active version."""
    mine = col(FlowRow.customer_id).in_(person.customers) if person.customers is not None else True
    query = (
        select(FlowRow, FlowVersionRow)
        .where(
            FlowRow.realm == person.realm,
            FlowVersionRow.flow_id == FlowRow.id,
            FlowVersionRow.state == VersionState.ACTIVE,
            or_(col(FlowRow.customer_id).is_(None), mine),
        )
        .order_by(FlowRow.name, FlowRow.id)
    )
    found = []
    for flow, version in session.exec(query):
        found.append((flow.id, flow.name))
        found += [(f"{flow.id}/{step.key}", f"{flow.name} · {step.name}") for step in read_version(version).steps]
    return found


def _joinable(request: Request, session: Session, items: list[Item]) -> set[str]:
    """Ids of the tasks that may be ticked."""
    gateway, person = gateway_of(request), signed_in(request).person
    seen = see_task.seen(session, person, [item.task for item in items])
    return {
        item.task.id
        for item in items
        if decide_together.may_join(gateway, item.total, opened=(item.task.id, item.order_hash) in seen)
    }


def export_csv(request: Request) -> Response:
    """Streamed while it is read, in a thread."""
    return StreamingResponse(_lines(request), media_type=spreadsheet.CSV, headers=spreadsheet.named("approvals.csv"))


def _lines(request: Request) -> Iterator[bytes]:
    person, chosen = signed_in(request).person, InboxFilter.of(request.query_params)
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        rows = inbox.exported(session, person, chosen, gateway.clock.now(), MOST_ROWS)
        yield from spreadsheet.as_csv(HEADINGS, map(_cells, rows))


def export_xlsx(request: Request) -> Response:
    person, chosen = signed_in(request).person, InboxFilter.of(request.query_params)
    gateway = gateway_of(request)
    with gateway.database.read() as session:
        rows = inbox.exported(session, person, chosen, gateway.clock.now(), MOST_ROWS)
        return spreadsheet.xlsx_answer("approvals", HEADINGS, map(_cells, rows))


def _cells(item: Item) -> tuple[str, ...]:
    task, order = item.task, item.order
    return (
        order.number,
        item.customer,
        "" if order.total is None else f"{order.total:f}",
        order.currency,
        order.requester or "",
        item.step,
        item.asked,
        task.state,
        task.opened_at.isoformat(),
        task.due_at.isoformat() if task.due_at else "",
        task.decided_at.isoformat() if task.decided_at else "",
        item.decided_by or "",
        item.acting_for or "",
        task.channel or "",
        task.reason_code or "",
        task.reason or "",
        "yes" if item.overridden else "",
    )

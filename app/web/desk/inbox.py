"""The inbox of open cases, as a page and as files."""

from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.storage.people import Role
from app.web import spreadsheet
from app.web.desk import case_list, refused
from app.web.desk.case_list import COUNTED, KINDS, MOST_ROWS, CaseFilter, Item, Sort, Whose
from app.web.desk.words import KIND_NAMES
from app.web.operations.words import PROTOCOLS
from app.web.orders import words
from app.web.orders.order_list import customers_of
from app.web.people.sessions import gateway_of, people_page, signed_in

HEADINGS: Final = (
    "number",
    "customer",
    "partner",
    "protocol",
    "code",
    "line",
    "expected",
    "found",
    "message",
    "opened_at",
    "due_at",
    "assignee",
)


def inbox_page(request: Request) -> Response:
    """The open cases, or the other list of the desk."""
    if request.query_params.get("list") == refused.LIST:
        return refused.refused_page(request)
    who, chosen = signed_in(request), CaseFilter.of(request.query_params)
    gateway, person = gateway_of(request), who.person
    now = gateway.clock.now()
    with gateway.database.read() as session:
        items, after = case_list.listed(session, person, chosen, now)
        causes = case_list.by_cause(session, person)
        counts = {
            "overdue": case_list.counted(session, person, CaseFilter(overdue=True), now),
            "mine": case_list.counted(session, person, CaseFilter(whose=Whose.MINE), now),
        }
        selected = case_list.counted(session, person, chosen, now) if chosen.narrowed else None
        customers = customers_of(session, person)
        partners = case_list.partners_of(session, person)
    context = {
        "items": items,
        "chosen": chosen,
        "causes": causes,
        "total": sum(number for _, number in causes),
        "counts": counts,
        "counted": COUNTED,
        "selected": selected,
        "customers": customers,
        "partners": partners,
        "protocols": PROTOCOLS,
        "kinds": KINDS,
        "kind_names": KIND_NAMES,
        "next": chosen.query(after=after) if after else None,
        "may_settle": who.may(Role.OPERATOR, Role.ADMIN),
        "now": now,
        "words": words,
        "Sort": Sort,
        "Whose": Whose,
    }
    return people_page(request, "desk/inbox.html", context)


def export_csv(request: Request) -> Response:
    """Streamed while it is read, in a thread."""
    return StreamingResponse(_lines(request), media_type=spreadsheet.CSV, headers=spreadsheet.named("cases.csv"))


def _lines(request: Request) -> Iterator[bytes]:
    person, chosen, gateway = signed_in(request).person, CaseFilter.of(request.query_params), gateway_of(request)
    with gateway.database.read() as session:
        rows = case_list.exported(session, person, chosen, gateway.clock.now(), MOST_ROWS)
        yield from spreadsheet.as_csv(HEADINGS, map(_cells, rows))


def export_xlsx(request: Request) -> Response:
    person, chosen, gateway = signed_in(request).person, CaseFilter.of(request.query_params), gateway_of(request)
    with gateway.database.read() as session:
        rows = case_list.exported(session, person, chosen, gateway.clock.now(), MOST_ROWS)
        return spreadsheet.xlsx_answer("cases", HEADINGS, map(_cells, rows))


def _cells(item: Item) -> tuple[str, ...]:
    case, order = item.case, item.order
    return (
        order.number,
        item.customer,
        item.partner,
        order.protocol,
        case.code,
        "" if case.line is None else str(case.line),
        case.expected or "",
        case.found or "",
        case.message,
        case.opened_at.isoformat(),
        case.due_at.isoformat() if case.due_at else "",
        item.assignee or "",
    )

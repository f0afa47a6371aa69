"""The pages of orders: list, exports, timeline, and the administrator's decision in place of others."""

from collections.abc import Iterator

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from app.approval.steps import State
from app.flows import decide_approval, move_task
from app.storage.approvals import FlowVersionRow
from app.storage.people import Role
from app.web import spreadsheet
from app.web.forms import FormLimits, read_form
from app.web.orders import export, words
from app.web.orders.order_list import OrderFilter, customers_of, exported, listed
from app.web.orders.order_view import OrderView, load
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in

FORM = FormLimits(fields=10, size=4_000)


def order_list(request: Request) -> Response:
    person = signed_in(request).person
    chosen = OrderFilter.of(request.query_params)
    with gateway_of(request).database.read() as session:
        rows, before = listed(session, person, chosen)
        customers = customers_of(session, person)
    context = {
        "rows": rows,
        "chosen": chosen,
        "customers": customers,
        "words": words,
        "next": chosen.query(before=before) if before else None,
        "query": chosen.query(before=""),
    }
    return people_page(request, "orders/list.html", context)


def export_csv(request: Request) -> Response:
    """Streamed while it is read, in a thread: other pages do not wait for it."""
    person, chosen = signed_in(request).person, OrderFilter.of(request.query_params)
    database = gateway_of(request).database

    def lines() -> Iterator[bytes]:
        with database.read() as session:
            yield from export.as_csv(exported(session, person, chosen, export.MOST_ROWS))

    return StreamingResponse(lines(), media_type=spreadsheet.CSV, headers=spreadsheet.named("orders.csv"))


def export_xlsx(request: Request) -> Response:
    person, chosen = signed_in(request).person, OrderFilter.of(request.query_params)
    with gateway_of(request).database.read() as session:
        rows = exported(session, person, chosen, export.MOST_ROWS)
        return spreadsheet.xlsx_answer("orders", export.HEADINGS, map(export.cells, rows))


def order_page(request: Request) -> Response:
    view, who = view_of(request), signed_in(request)
    waits = view.run is not None and view.run.state in (State.OPEN, State.HELD, State.SENT_BACK)
    context = {
        "rules": _rules(request, view) if who.may(Role.ADMIN, Role.FLOW_AUTHOR) else None,
        "may_override": waits and who.may(Role.ADMIN),
        "may_comment": who.may(Role.APPROVER, Role.OPERATOR, Role.ADMIN),
        "may_withdraw": move_task.may_withdraw(who.person, view.row, view.run),
    }
    return people_page(request, "orders/order.html", {**shared(view), **context})


def _rules(request: Request, view: OrderView) -> str | None:
    """The id of the rules that the order met last, of which it may be made an example."""
    if view.run is None or view.run.flow_version_id is None:
        return None
    with gateway_of(request).database.read() as session:
        version = session.get(FlowVersionRow, view.run.flow_version_id)
    return version.flow_id if version else None


def view_of(request: Request, order_id: str | None = None) -> OrderView:
    """The order of the path, or that one. Raises HTTPException 404 for one that is missing or somebody else's."""
    gateway, person = gateway_of(request), signed_in(request).person
    wanted = order_id if order_id is not None else request.path_params["order_id"]
    with gateway.database.read() as session:
        view = load(session, gateway.memories, person, wanted, language_of(request, person), gateway.clock.now())
    if view is None:
        raise HTTPException(404)
    return view


def shared(view: OrderView) -> dict[str, object]:
    """What every template that shows an order needs."""
    return {"view": view, "words": words}


async def override(request: Request) -> Response:
    """Decides in place of the approvers; the flow asks for the right and for a reason."""
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    order_id, choice = request.path_params["order_id"], form.text("decision")
    if choice not in ("approve", "reject"):
        raise HTTPException(400)
    await run_in_threadpool(view_of, request)
    await gateway.database.awrite(
        lambda tx: decide_approval.override(
            tx, gateway, person, order_id, approve=choice == "approve", reason=form.text("reason"), channel="page"
        )
    )
    return RedirectResponse(f"/orders/{order_id}", status_code=303)

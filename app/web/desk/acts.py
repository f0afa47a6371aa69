"""What people do with a case besides settling it: take it, give it to somebody, let it go, note something."""

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import No, Refusal
from app.flows import work_on_case
from app.storage.orders import HoldRow
from app.web.desk.handlers import case_view
from app.web.forms import FormLimits, read_form
from app.web.language import msgid
from app.web.people.sessions import gateway_of, signed_in

FORM = FormLimits(fields=10, size=4_000)
CHOOSE = msgid("Choose a person who may settle the case.")
WRITE = msgid("Write the note.")
CLOSED = msgid("The case was closed meanwhile.")


async def act(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    case_id, act = request.path_params["case_id"], request.path_params["act"]
    to, text = form.text("to"), form.text("text")

    def work(tx: Session) -> HoldRow:
        match act:
            case "take":
                return work_on_case.assign(tx, gateway, person, case_id, person.id, "page")
            case "give":
                return work_on_case.assign(tx, gateway, person, case_id, to, "page")
            case "let-go":
                return work_on_case.assign(tx, gateway, person, case_id, None, "page")
            case "note":
                return work_on_case.note(tx, gateway, person, case_id, text, "page")
            case _:
                raise HTTPException(404)

    try:
        case = await gateway.database.awrite(work)
    except Refusal as refusal:
        return await run_in_threadpool(_again, request, refusal, act)
    return RedirectResponse(f"/desk/{case.order_id}#case-{case.id}", status_code=303)


def _again(request: Request, refusal: Refusal, act: str) -> Response:
    with gateway_of(request).database.read() as session:
        case = session.get(HoldRow, request.path_params["case_id"])
    if case is None or refusal.no is No.UNKNOWN_REFERENCE:
        raise HTTPException(404)
    status = {No.CONFLICT: 409, No.FORBIDDEN: 403}.get(refusal.no, 400)
    fault = CLOSED if refusal.no is No.CONFLICT else WRITE if act == "note" else CHOOSE
    return case_view(request, case.order_id, fault=fault, status=status)

"""What waits, who works, what is stuck; a lane is paused, drained and let go on by whoever may."""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.flows.work_overview import NoSuchLane, hold_back, overview
from app.storage import audit
from app.storage.people import Role
from app.web.forms import FormLimits, read_form
from app.web.people.sessions import gateway_of, people_page, signed_in
from app.work import Lane

FORM: Final = FormLimits(fields=2, size=200)
ACTS: Final = frozenset({"pause", "drain", "resume"})


def work(request: Request) -> Response:
    who = signed_in(request)
    found = overview(gateway_of(request), who.person.realm)
    # Whoever looks after some customers only sees their lanes.
    lanes = [lane for lane in found.lanes if who.person.serves(lane.lane.rpartition(":")[0])]
    context = {"found": found, "lanes": lanes, "may_change": who.may(Role.OPERATOR, Role.ADMIN)}
    return people_page(request, "work/overview.html", context)


async def change(request: Request) -> Response:
    act = request.path_params["act"]
    if act not in ACTS:
        raise HTTPException(404)
    form = await read_form(request, FORM)
    await run_in_threadpool(_change, request, act, form.text("lane"))
    return RedirectResponse("/operations/work", status_code=303)


def _change(request: Request, act: str, lane: str) -> None:
    gateway, person = gateway_of(request), signed_in(request).person
    if not person.serves(lane.rpartition(":")[0]):
        raise HTTPException(404)
    wanted = Lane(realm=person.realm, lane=lane)
    try:
        actor = audit.by(person.id)
        gateway.database.write(lambda tx: hold_back(tx, gateway, wanted, act, actor=actor, channel="page"))
    except NoSuchLane:
        raise HTTPException(404) from None

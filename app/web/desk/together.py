"""Several cases settled at once: chosen in the inbox or because they are alike, shown with what the choice comes to,
then settled by one POST. A GET only shows."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from sqlmodel import Session
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import Refusal
from app.flows import settle_together
from app.flows.cases import AS_A_RULE, WITH_REASON, Choice
from app.flows.settle_together import AT_ONCE, MOST, Chosen
from app.storage.case_runs import CaseRunRow
from app.storage.orders import HoldRow, HoldState, OrderRow
from app.storage.people import PersonRow, Role
from app.web.desk import words as desk_words
from app.web.desk.case_list import described
from app.web.desk.handlers import NEEDS_VALUE
from app.web.forms import FormLimits, read_form
from app.web.language import msgid
from app.web.orders import words
from app.web.people.sessions import gateway_of, people_page, signed_in

FORM: Final = FormLimits(fields=MOST + 10, size=4_000)
SHOWN: Final = 100
"""Orders that a page names; the others it counts."""
REFRESH: Final = "2"
"""Seconds between two looks of the browser at how far it is."""
SURE: Final = msgid("Tick that you want to settle all of these cases.")
CHOOSE_HOW: Final = msgid("Choose how these cases are settled.")
UNLIKE: Final = msgid("These cases are of several kinds: choose cases of one kind.")


def alike_page(request: Request) -> Response:
    """The open cases alike; with a choice in the query, what it comes to for them."""
    person, query = signed_in(request).person, request.query_params
    choice = query.get("choice", "")
    chosen = Chosen(Choice(choice), query.get("value", "")[:200]) if choice in list(Choice) else None
    with gateway_of(request).database.read() as session:
        case = _visible(session, person, request.path_params["case_id"])
        cases = settle_together.alike(session, case, chosen.choice if chosen else None)
    return _show(request, cases, chosen, kept=case if case.kept else None)


def _visible(session: Session, person: PersonRow, case_id: str) -> HoldRow:
    """Raises HTTPException 404."""
    case = session.get(HoldRow, case_id)
    if case is None or case.realm != person.realm or not person.serves(case.customer_id):
        raise HTTPException(404)
    return case


async def together(request: Request) -> Response:
    """First shows what was ticked, then what the choice comes to; settles when that page is sent with its own tick."""
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    ids = form.all("case")[:MOST]
    choice = form.text("choice")
    chosen = Chosen(Choice(choice), form.text("value"), form.text("reason")) if choice in list(Choice) else None
    cases = await run_in_threadpool(_cases, request, ids)
    if not cases:
        return RedirectResponse("/desk", status_code=303)
    if chosen is None or form.text("sure") != "yes":
        fault = None
        if form.text("shown"):
            fault = CHOOSE_HOW if chosen is None else SURE
        return await run_in_threadpool(_show, request, cases, chosen, fault=fault, asked=bool(form.text("asked")))
    try:
        # What was shown may not hold any more: a choice that cannot be is refused before anything is begun.
        await run_in_threadpool(_foreseen, request, cases, chosen)
        run = await gateway.database.awrite(
            lambda tx: settle_together.begin(tx, gateway, person, [case.id for case in cases], chosen)
        )
    except Refusal:
        return await run_in_threadpool(_show, request, cases, chosen)
    here = f"/desk/runs/{run.id}"
    if run.total > AT_ONCE:
        return RedirectResponse(
            here, status_code=303, background=BackgroundTask(settle_together.run, gateway, person, run.id)
        )
    await run_in_threadpool(settle_together.run, gateway, person, run.id)
    return RedirectResponse(here, status_code=303)


def _cases(request: Request, ids: Sequence[str]) -> list[HoldRow]:
    with gateway_of(request).database.read() as session:
        return settle_together.of_ids(session, signed_in(request).person, ids)


def _foreseen(request: Request, cases: Sequence[HoldRow], chosen: Chosen) -> list[settle_together.Foreseen]:
    gateway, person = gateway_of(request), signed_in(request).person
    with gateway.database.read() as session:
        return settle_together.foresee(session, gateway, person, cases, chosen)


def _show(
    request: Request,
    cases: Sequence[HoldRow],
    chosen: Chosen | None,
    *,
    fault: str | None = None,
    asked: bool = False,
    kept: HoldRow | None = None,
) -> Response:
    """`kept` is a case by which a rule was made that settles these."""
    who = signed_in(request)
    open_ = [case for case in cases if case.state == HoldState.OPEN]
    foreseen = None
    offered = settle_together.choices_for(open_) if open_ else ()
    if open_ and not offered:
        fault = fault or UNLIKE
    elif open_ and (chosen.choice not in offered if chosen is not None else asked):
        fault = fault or CHOOSE_HOW
    elif chosen is not None and open_ and who.may(Role.OPERATOR, Role.ADMIN):
        try:
            foreseen = _foreseen(request, open_, chosen)
        except Refusal as refusal:
            fault = refusal.reason
    with gateway_of(request).database.read() as session:
        orders = {case.order_id: session.get_one(OrderRow, case.order_id) for case in cases}
        items = described(session, [(case, orders[case.order_id]) for case in open_[:SHOWN]])
    context = {
        "items": items,
        "ids": [case.id for case in open_],
        "orders": len({case.order_id for case in open_}),
        "closed": [(orders[case.order_id], case) for case in cases if case not in open_],
        "choices": offered,
        "chosen": chosen,
        "foreseen": foreseen[:SHOWN] if foreseen is not None else None,
        "totals": Counter(one.becomes for one in foreseen or ()),
        "kept": kept,
        "fault": fault,
        "most": MOST,
        "needs_value": NEEDS_VALUE,
        "with_reason": WITH_REASON,
        "may_settle": who.may(Role.OPERATOR, Role.ADMIN),
        "words": words,
        "desk_words": desk_words,
    }
    return people_page(request, "desk/together.html", context, status=400 if fault else 200)


def run_page(request: Request) -> Response:
    """How far it is, or what became of each order."""
    gateway, who = gateway_of(request), signed_in(request)
    person, now = who.person, gateway.clock.now()
    with gateway.database.read() as session:
        run = session.get(CaseRunRow, request.path_params["run_id"])
        if run is None or run.realm != person.realm or (run.asked_by != person.id and person.customers is not None):
            raise HTTPException(404)
        first = session.get(HoldRow, run.cases[0])
        further = 0
        if first is not None and Choice(run.choice) in AS_A_RULE and not run.runs(now):
            further = len(settle_together.alike(session, first, Choice(run.choice)))
    outcomes = run.outcomes
    context = {
        "run": run,
        "runs": run.runs(now),
        "settled": sum(one["settled"] for one in outcomes),
        "left": [one for one in outcomes if one["refused"] or one["closed"]],
        "held": [one for one in outcomes if one["settled"] and one.get("causes")],
        "gone": [one for one in outcomes if one["settled"] and not one.get("causes")],
        "shown": SHOWN,
        "first": first,
        "further": further,
        "words": words,
    }
    answer = people_page(request, "desk/run.html", context)
    if context["runs"]:
        answer.headers["Refresh"] = REFRESH
    return answer

"""Rules on past orders: asked for, how far it is, and the report with its table as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec
from sqlmodel import Session
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.approval.simulation import Difference, Outcome, Report, Totals
from app.errors import No, Refusal
from app.flows import keep_simulation
from app.flows.simulate_flow import MOST_DAYS, MOST_ORDERS, Choice
from app.formats import formats
from app.storage import people, simulations
from app.storage.approvals import FlowRow
from app.storage.customers import CustomerRow
from app.storage.simulations import SimulationRow, SimulationState
from app.web import spreadsheet
from app.web.admin.flow_editor.access import flow_of
from app.web.admin.trial import words
from app.web.admin.trial.sources import source, sources
from app.web.charts.bars import BarChart, Series, stacked
from app.web.charts.frame import Times
from app.web.charts.scale import Words
from app.web.forms import FormLimits, as_query, read_form
from app.web.language import msgid, translations
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in
from schemas.faults import Fault, Rejected
from schemas.money import Money

FORM: Final = FormLimits(fields=10, size=1_000)
SHOWN: Final = 200
REFRESH: Final = "2"
"""Seconds between two looks of the browser at how far it is."""
COLOURS: Final = {Outcome.PASSES: (2, 0), Outcome.ASKED: (0, 1), Outcome.HELD: (1, 2), Outcome.BLOCKED: (3, 3)}
HEADINGS: Final = (
    "number",
    "customer",
    "received_at",
    "total",
    "currency",
    "before",
    "before_steps",
    "before_decisions",
    "before_hours",
    "after",
    "after_steps",
    "after_decisions",
    "after_hours",
    "rule",
    "unknown",
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of the differences is shown: outcomes before and after, and a part of the order's number or customer."""

    before: str
    after: str
    q: str

    @staticmethod
    def of(request: Request) -> "Chosen":
        query = request.query_params
        before, after = (
            value if value in list(Outcome) else "" for value in (query.get("before", ""), query.get("after", ""))
        )
        return Chosen(before, after, query.get("q", "").strip()[:100])

    @property
    def query(self) -> str:
        values = {"before": self.before, "after": self.after, "q": self.q}
        return as_query(values)

    def fits(self, one: Difference) -> bool:
        wanted = self.q.casefold()
        return (
            self.before in ("", one.before.outcome)
            and self.after in ("", one.after.outcome)
            and (wanted in one.number.casefold() or wanted in one.customer.casefold())
        )


def ask(request: Request, faults: Sequence[Fault] = (), *, status: int = 200) -> Response:
    """What to try on which orders, and the reports that are kept."""
    gateway, person = gateway_of(request), signed_in(request).person
    with gateway.database.read() as session:
        row = flow_of(session, request, person)
        kept = simulations.of_flow(session, row.id)
        context = {
            "flow": row,
            "customer": session.get(CustomerRow, row.customer_id) if row.customer_id else None,
            "sources": sources(session, row),
            "kept": kept,
            "names": people.named(session, row.realm, {one.asked_by for one in kept}),
            "now": gateway.clock.now(),
            "faults": faults,
            "most": MOST_ORDERS,
            "most_days": MOST_DAYS,
        }
    return people_page(request, "trial/ask.html", context, status=status)


async def begin(request: Request) -> Response:
    form = await read_form(request, FORM)
    gateway, person = gateway_of(request), signed_in(request).person
    choice = Choice(_number(form.text("orders")) or MOST_ORDERS, _number(form.text("days")))

    def work(tx: Session) -> SimulationRow:
        row = flow_of(tx, request, person)
        chosen = source(tx, row, form.text("source"))
        return keep_simulation.begin(
            tx, gateway, person, row, source=chosen.name, definition=chosen.definition, choice=choice
        )

    try:
        kept = await gateway.database.awrite(work)
    except Rejected as rejected:
        return await run_in_threadpool(ask, request, rejected.faults, status=400)
    here = f"/admin/rules/flows/{kept.flow_id}/simulate/{kept.id}"
    return RedirectResponse(here, status_code=303, background=BackgroundTask(keep_simulation.run, gateway, kept.id))


def _number(text: str) -> int | None:
    """None of nothing. Raises Refusal."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Refusal(No.UNACCEPTABLE, f"Choose 1 to {MOST_ORDERS} orders, of 1 to {MOST_DAYS} days.")
    return int(text)


def shown(request: Request) -> Response:
    """How far it is, or the report."""
    row, kept, report = _kept(request)
    gateway, language = gateway_of(request), language_of(request, signed_in(request).person)
    translate, of_reader = translations(language).gettext, formats(language)
    if report is None:
        context = {"flow": row, "kept": kept, "runs": kept.runs(gateway.clock.now())}
        answer = people_page(request, "trial/progress.html", context)
        if context["runs"]:
            answer.headers["Refresh"] = REFRESH
        return answer
    chosen = Chosen.of(request)
    found = [one for one in report.differences if chosen.fits(one)]
    context = {
        "flow": row,
        "kept": kept,
        "report": report,
        "chosen": chosen,
        "found": len(found),
        "rows": found[:SHOWN],
        "outcomes": words.OUTCOMES,
        "told": lambda judged: words.told(judged, translate),
        "unknown": lambda one: words.unknown(one.after, translate) or words.unknown(one.before, translate),
        "hours": lambda value: words.hours(value, of_reader),
        "amount": _amount,
        "chart": _chart(report, translate, of_reader.compact),
    }
    return people_page(request, "trial/report.html", context)


def _amount(one: Difference) -> Money | None:
    return Money(amount=Decimal(one.total), currency=one.currency) if one.total and one.currency else None


def _chart(report: Report, translate: words.Translate, numbers: Words) -> BarChart:
    sides = (report.before, report.after)
    series = [
        Series(translate(words.OUTCOMES[outcome]), [_count(side, outcome) for side in sides], *COLOURS[outcome])
        for outcome in Outcome
    ]
    labels = [translate(msgid("active rules")), translate(msgid("tried rules"))]
    return stacked(Times.plain(labels), series, numbers)


def _count(side: Totals, outcome: Outcome) -> int:
    return {
        Outcome.PASSES: side.passes,
        Outcome.ASKED: side.asked,
        Outcome.HELD: side.held,
        Outcome.BLOCKED: side.blocked,
    }[outcome]


def _kept(request: Request) -> tuple[FlowRow, SimulationRow, Report | None]:
    """Raises HTTPException 404."""
    with gateway_of(request).database.read() as session:
        row = flow_of(session, request, signed_in(request).person)
        kept = session.get(SimulationRow, request.path_params["simulation_id"])
    if kept is None or kept.flow_id != row.id:
        raise HTTPException(404)
    done = kept.state == SimulationState.DONE and kept.report is not None
    return row, kept, msgspec.json.decode(kept.report or "", type=Report) if done else None


def export(request: Request) -> Response:
    """The differences that the filter selects."""
    row, _, report = _kept(request)
    if report is None:
        raise HTTPException(404)
    chosen = Chosen.of(request)
    found = (_cells(one) for one in report.differences if chosen.fits(one))
    name = f"simulation-{row.key}"
    if request.path_params["kind"] == "xlsx":
        return spreadsheet.xlsx_answer(name[:31], HEADINGS, found)
    return spreadsheet.csv_answer(name, HEADINGS, found)


def _cells(one: Difference) -> tuple[str, ...]:
    before, after = one.before, one.after
    return (
        one.number,
        one.customer,
        one.received_at.isoformat(),
        one.total or "",
        one.currency,
        before.outcome,
        words.steps(before),
        str(before.decisions),
        "" if before.hours is None else str(before.hours),
        after.outcome,
        words.steps(after),
        str(after.decisions),
        "" if after.hours is None else str(after.hours),
        after.rule or before.rule or "",
        " ".join(after.unknown or before.unknown),
    )

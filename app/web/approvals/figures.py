"""How long orders wait, and why they are refused or sent back: charts of the last 30 days, each with its table
as a file."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.approval.steps import TaskState
from app.flows.consider_order import read_version
from app.formats import formats
from app.storage.approvals import FlowRow, FlowVersionRow, RunRow, RunTaskRow
from app.storage.people import PersonRow
from app.web import spreadsheet
from app.web.approvals import inbox
from app.web.approvals.inbox import COUNTED, OVERDUE, InboxFilter, Show
from app.web.charts.bars import lying
from app.web.charts.card import Card
from app.web.language import msgid, translations
from app.web.operations.tables import Column, Kind, Table, wanted
from app.web.orders.words import REASONS
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in

PERIOD: Final = timedelta(days=30)
MOST: Final = 10_000
"""Decisions that are looked at, the newest first."""
CHARTED: Final = 10


@dataclass(frozen=True, slots=True)
class Decided:
    flow: str
    step: str
    milliseconds: float
    state: str
    reason: str | None


def figures_page(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person
    now = gateway.clock.now()
    with gateway.database.read() as session:
        counts = {
            name: inbox.counted(session, person, chosen, now)
            for name, chosen in (
                ("mine", InboxFilter()),
                ("overdue", InboxFilter(waits=OVERDUE)),
                ("others", InboxFilter(show=Show.OTHERS)),
                ("others_overdue", InboxFilter(show=Show.OTHERS, waits=OVERDUE)),
            )
        }
    context = {"cards": _cards(request), "counts": counts, "counted": COUNTED, "Kind": Kind}
    as_read = formats(language_of(request, person))
    return people_page(request, "approvals/figures.html", {**context, "duration": as_read.duration})


def export_csv(request: Request) -> Response:
    table = _exported(request)
    return spreadsheet.csv_answer(table.id, table.headings, table.texts())


def export_xlsx(request: Request) -> Response:
    table = _exported(request)
    return spreadsheet.xlsx_answer(table.id, table.headings, table.texts())


def _exported(request: Request) -> Table:
    return wanted(request, (card.table for card in _cards(request)))


def _cards(request: Request) -> list[Card]:
    gateway, person = gateway_of(request), signed_in(request).person
    language = language_of(request, person)
    translate, as_read = translations(language).gettext, formats(language)
    with gateway.database.read() as session:
        decided = _decided(session, person, gateway.clock.now() - PERIOD)
    times: Mapping[tuple[str, str], list[float]] = defaultdict(list)
    for one in decided:
        times[one.flow, one.step].append(one.milliseconds)
    steps = sorted(((flow, step, median(of), len(of)) for (flow, step), of in times.items()), key=lambda row: -row[2])

    def reasons(id_: str, title: str, state: TaskState) -> Card:
        counted = Counter(one.reason for one in decided if one.reason and one.state == state).most_common()
        named = [(code, translate(REASONS.get(code, code)), number) for code, number in counted]
        columns = (
            Column("code", translate(msgid("Code")), Kind.VERBATIM),
            Column("reason", translate(msgid("Reason"))),
            Column("number", translate(msgid("Number")), Kind.NUMBER),
        )
        items = [(label, number) for _, label, number in named]
        return _card(id_, translate(title), items, as_read.compact, Table(id_, columns, named))

    return [
        _card(
            "steps",
            translate(msgid("Median time until a decision, by step")),
            [(f"{flow} · {step}", time) for flow, step, time, _ in steps],
            as_read.duration,
            Table(
                "steps",
                (
                    Column("rules", translate(msgid("Approval rules"))),
                    Column("step", translate(msgid("Step"))),
                    Column("median", translate(msgid("Median time")), Kind.DURATION),
                    Column("decisions", translate(msgid("Decisions")), Kind.NUMBER),
                ),
                steps,
            ),
        ),
        reasons("reasons", msgid("Rejections by reason"), TaskState.REJECTED),
        reasons("sent_back", msgid("Sent back for a change, by reason"), TaskState.SENT_BACK),
    ]


def _card(
    id_: str, title: str, items: Sequence[tuple[str, float]], words: Callable[[float], str], table: Table
) -> Card:
    shown = items[:CHARTED]
    says = "; ".join(f"{name}: {words(value)}" for name, value in shown)
    return Card(id_, "lying", title, lying(shown, words, colour=6 if id_ == "steps" else 1), says, table)


def _decided(session: Session, person: PersonRow, since: datetime) -> list[Decided]:
    """Of customers whose orders the person sees."""
    task = RunTaskRow
    query = (
        select(task, RunRow.flow_version_id)
        .where(
            task.realm == person.realm,
            col(task.decided_at).is_not(None),
            col(task.decided_at) >= since,
            col(task.state).in_(inbox.DECIDED),
            RunRow.id == task.run_id,
        )
        .order_by(col(task.decided_at).desc())
        .limit(MOST)
    )
    if person.customers is not None:
        query = query.where(col(task.customer_id).in_(person.customers))
    rows = session.exec(query).all()
    names = _names(session, {version for _, version in rows if version})
    found = []
    for row, version in rows:
        flow, steps = names.get(version or "", ("", {}))
        waited = (row.decided_at - row.opened_at).total_seconds() * 1_000 if row.decided_at else 0.0
        found.append(Decided(flow, steps.get(row.step, row.step), waited, row.state, row.reason_code))
    return found


def _names(session: Session, versions: set[str]) -> dict[str, tuple[str, dict[str, str]]]:
    """By version: the flow's name, and the names of its steps by their keys."""
    query = select(FlowVersionRow, FlowRow.name).where(
        col(FlowVersionRow.id).in_(versions), FlowRow.id == FlowVersionRow.flow_id
    )
    return {
        version.id: (name, {step.key: step.name for step in read_version(version).steps})
        for version, name in session.exec(query)
    }

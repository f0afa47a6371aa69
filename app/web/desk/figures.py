"""How many orders went through without a person, by day, and what the others waited for; each with its table as a
file."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from app.flows.touchless import DAYS, Touchless, touchless
from app.formats import Formats, formats
from app.storage.hourly import Scope
from app.web import spreadsheet
from app.web.charts.bars import Series, lying, stacked
from app.web.charts.card import Card
from app.web.charts.frame import Times
from app.web.desk.case_list import partners_of
from app.web.language import msgid, translations
from app.web.operations.tables import Column, Kind, Table, wanted
from app.web.orders.words import CASES
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in

CHARTED: Final = 12
ASKED: Final = "approval.asked"
"""As a cause: people were asked to approve, and there was no case."""


def figures_page(request: Request) -> Response:
    person = signed_in(request).person
    found, partner = _found(request)
    as_read = formats(language_of(request, person))
    with gateway_of(request).database.read() as session:
        partners = partners_of(session, person)
    context = {
        "cards": _cards(request, found),
        "partners": partners,
        "partner": partner,
        "days": DAYS,
        "orders": found.orders,
        "without_desk": _rate(found.without_desk, found.orders),
        "without_anybody": _rate(found.without_anybody, found.orders),
        "Kind": Kind,
        "duration": as_read.duration,
    }
    return people_page(request, "desk/figures.html", context)


def export_csv(request: Request) -> Response:
    table = _exported(request)
    return spreadsheet.csv_answer(table.id, table.headings, table.texts())


def export_xlsx(request: Request) -> Response:
    table = _exported(request)
    return spreadsheet.xlsx_answer(table.id, table.headings, table.texts())


def _exported(request: Request) -> Table:
    return wanted(request, (card.table for card in _cards(request, _found(request)[0])))


def _found(request: Request) -> tuple[Touchless, str]:
    """With the partner that the query names."""
    gateway, person = gateway_of(request), signed_in(request).person
    partner = request.query_params.get("partner", "")[:36]
    scope = Scope(partner=partner or None, customers=person.customers)
    with gateway.database.read() as session:
        return touchless(session, person.realm, scope, gateway.clock.now()), partner


def _rate(part: int, whole: int) -> Decimal | None:
    """In percent, to one decimal; None of nothing."""
    return round(Decimal(100 * part) / whole, 1) if whole else None


def _cards(request: Request, found: Touchless) -> list[Card]:
    language = language_of(request, signed_in(request).person)
    translate, as_read = translations(language).gettext, formats(language)
    return [_by_day(found, translate, as_read), _by_cause(found, translate, as_read)]


def _by_day(found: Touchless, translate: Callable[[str], str], as_read: Formats) -> Card:
    series = [
        Series(translate(msgid("without anybody")), [day.without_anybody for day in found.days], colour=2),
        Series(translate(msgid("people asked to approve, no case")), [day.asked for day in found.days], 0, 1),
        Series(translate(msgid("with a case at the desk")), [day.desk for day in found.days], 1, 2),
    ]
    labels = [as_read.date(day.day) for day in found.days]
    # Not at the ends, where half of a label would stand outside.
    axis = [
        as_read.day_of(datetime.combine(day.day, time(), UTC), ZoneInfo("UTC")) if place % 15 == 7 else ""
        for place, day in enumerate(found.days)
    ]
    chart = stacked(Times(labels, axis), series, as_read.compact)
    columns = (
        Column("day", translate(msgid("Day")), Kind.VERBATIM),
        Column("orders", translate(msgid("Orders")), Kind.NUMBER),
        Column("desk", translate(msgid("With a case")), Kind.NUMBER),
        Column("asked", translate(msgid("Asked to approve only")), Kind.NUMBER),
        Column("without_desk_percent", translate(msgid("Without the desk, %")), Kind.VERBATIM),
        Column("without_anybody_percent", translate(msgid("Without anybody, %")), Kind.VERBATIM),
    )
    rows = [
        (
            day.day.isoformat(),
            day.orders,
            day.desk,
            day.asked,
            _written(_rate(day.without_desk, day.orders)),
            _written(_rate(day.without_anybody, day.orders)),
        )
        for day in reversed(found.days)
        if day.orders
    ]
    says = "; ".join(f"{one.label}: {as_read.number(int(one.total))}" for one in series)
    title = translate(msgid("Orders by day of arrival"))
    return Card("touchless", "stacked", title, chart, says, Table("touchless", columns, rows))


def _written(rate: Decimal | None) -> str:
    return "" if rate is None else f"{rate:f}"


def _by_cause(found: Touchless, translate: Callable[[str], str], as_read: Formats) -> Card:
    asked = sum(day.asked for day in found.days)
    causes: Sequence[tuple[str, int]] = [*found.causes, *([(ASKED, asked)] if asked else [])]
    words = {**CASES, ASKED: msgid("People asked to approve, no case")}
    named = [(code, translate(words.get(code, code)), number) for code, number in sorted(causes, key=lambda c: -c[1])]
    shown = [(label, float(number)) for _, label, number in named[:CHARTED]]
    columns = (
        Column("code", translate(msgid("Code")), Kind.VERBATIM),
        Column("cause", translate(msgid("Cause"))),
        Column("orders", translate(msgid("Orders")), Kind.NUMBER),
    )
    says = "; ".join(f"{label}: {as_read.number(int(number))}" for label, number in shown)
    title = translate(msgid("What the other orders waited for"))
    return Card(
        "causes", "lying", title, lying(shown, as_read.compact, colour=1), says, Table("causes", columns, named)
    )

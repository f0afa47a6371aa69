"""The page, and each of its tables as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.flows.attention import Attention, needs, open_lanes
from app.flows.figures import Figures, KnownPartner, Totals, described, figures, known_partners, totals_of_partners
from app.formats import formats
from app.storage.customers import CustomerRow
from app.storage.hourly import Scope
from app.web import spreadsheet
from app.web.charts.lines import spark
from app.web.forms import as_query
from app.web.language import msgid, translations
from app.web.operations.cards import Card, Drawer, Translate
from app.web.operations.period import Period, Span, span
from app.web.operations.tables import Column, Kind, Table, wanted
from app.web.people.sessions import gateway_of, language_of, people_page, signed_in

PARTNERS_SHOWN: Final = 100
PARTNERS: Final = "partners"


@dataclass(frozen=True, slots=True)
class Chosen:
    """
    q     part of a partner's name, for the table of partners.
    sort  a table and a column of it: `partners.-documents`.
    """

    period: Period
    partner: str
    q: str
    sort: str

    @staticmethod
    def of(request: Request) -> "Chosen":
        query = request.query_params
        return Chosen(
            Period.of(query.get("period", "")),
            query.get("partner", "")[:36],
            query.get("q", "").strip()[:200],
            query.get("sort", "")[:60],
        )

    def query(self, **changes: str) -> str:
        """As the query of a link."""
        values = {"period": self.period, "partner": self.partner, "q": self.q, "sort": self.sort, **changes}
        return as_query(values)

    def wish(self, table: str) -> str:
        of, _, column = self.sort.partition(".")
        return column if of == table else ""


@dataclass(frozen=True, slots=True)
class Shown:
    """`hidden`: how many partners the table leaves out."""

    chosen: Chosen
    span: Span
    attention: Attention
    known: Sequence[KnownPartner]
    partner: KnownPartner | None
    cards: Sequence[Card]
    partners: Table
    hidden: int
    uncounted: int


def operations(request: Request) -> Response:
    shown = _shown(request)
    zone = shown.span.zone
    as_read = formats(language_of(request, signed_in(request).person))
    context = {
        "shown": shown,
        "chosen": shown.chosen,
        "periods": list(Period),
        "zone": zone.key,
        "Kind": Kind,
        "local": lambda moment: as_read.local_time(moment, zone),
        "duration": as_read.duration,
        "now": gateway_of(request).clock.now(),
    }
    return people_page(request, "operations/page.html", context)


def export_csv(request: Request) -> Response:
    table = _exported(request)
    return spreadsheet.csv_answer(table.id, table.headings, table.texts())


def export_xlsx(request: Request) -> Response:
    table = _exported(request)
    return spreadsheet.xlsx_answer(table.id, table.headings, table.texts())


def _exported(request: Request) -> Table:
    shown = _shown(request, most=None)
    return wanted(request, (shown.partners, *(card.table for card in shown.cards)))


def _shown(request: Request, most: int | None = PARTNERS_SHOWN) -> Shown:
    """`most` partners at the most."""
    gateway, person, chosen = gateway_of(request), signed_in(request).person, Chosen.of(request)
    language = language_of(request, person)
    translate: Translate = translations(language).gettext
    now = gateway.clock.now()
    over = span(chosen.period, now, ZoneInfo(gateway.settings.time_zone))
    with gateway.database.read() as session:
        known = known_partners(session, person.realm, person.customers)
        partner = next((one for one in known if one.id == chosen.partner), None)
        if chosen.partner and partner is None:
            raise HTTPException(404)
        scope = Scope(partner=partner.id if partner else None, customers=person.customers)
        found = figures(session, person.realm, over.since, over.until, scope)
        lanes = open_lanes(session, person.realm, now, customers=person.customers, partner=scope.partner)
        listed = [partner] if partner else known
        table, hidden = _partners(session, person.realm, found, scope, listed, over, chosen, translate, most)
        attention = needs(session, gateway, person.realm, person.customers)
        names = _customers(session, person.realm)
    drawer = Drawer(found, over, over.times(formats(language)), formats(language), translate)
    cards = [_sorted(card, chosen.wish(card.id)) for card in drawer.cards(lanes, names, now)]
    return Shown(chosen, over, attention, known, partner, cards, table, hidden, found.uncounted)


def _sorted(card: Card, wish: str) -> Card:
    return card if not wish else Card(card.id, card.kind, card.title, card.says, card.chart, card.table.sorted_by(wish))


def _customers(session: Session, realm: str) -> Mapping[str, str]:
    return dict(session.exec(select(CustomerRow.id, CustomerRow.name).where(CustomerRow.realm == realm)).all())


def _partners(
    session: Session,
    realm: str,
    of: Figures,
    scope: Scope,
    known: Sequence[KnownPartner],
    over: Span,
    chosen: Chosen,
    translate: Translate,
    most: int | None,
) -> tuple[Table, int]:
    """Those whose name holds what was asked for, those with most documents first unless another order was asked for;
    and how many are left out."""
    totals = totals_of_partners(session, realm, of, scope)
    fitting = [one for one in known if chosen.q.casefold() in one.name.casefold()]
    columns = (
        Column("partner", translate(msgid("Partner"))),
        Column("last_seen", translate(msgid("Last seen")), Kind.TIME),
        Column("documents", translate(msgid("Documents")), Kind.NUMBER),
        Column("not_taken", translate(msgid("Not taken")), Kind.NUMBER),
        Column("trend", translate(msgid("Trend")), Kind.SPARK),
        Column("fails_most", translate(msgid("Fails most by")), Kind.VERBATIM, unsorted=True),
    )
    sums = [totals.get(one.id, Totals()) for one in fitting]
    facts = [(one.name, one.last_seen, sum_.documents, sum_.refused) for one, sum_ in zip(fitting, sums, strict=True)]
    by_id = {one.id: one for one in fitting}
    ranked = Table(PARTNERS, columns[:4], facts, list(by_id)).sorted_by("-documents").sorted_by(chosen.wish(PARTNERS))
    shown = [by_id[id_] for id_ in ranked.links[:most]]
    width = over.period.width
    partners = described(session, realm, of, scope, shown, totals, width=width)
    cells = [
        (
            one.name,
            one.last_seen,
            one.documents,
            one.refused,
            spark(one.trend) if one.documents else None,
            f"{one.fails[0]} ({one.fails[1]})" if one.fails else None,
        )
        for one in partners
    ]
    links = [f"/exchanges?partner={one.id}" for one in partners]
    return Table(PARTNERS, columns, cells, links), len(fitting) - len(shown)

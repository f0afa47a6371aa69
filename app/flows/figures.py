"""What happened in some span of hours: what was counted when each hour was over, and the last hours from the rows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from app.storage import hourly
from app.storage.exchanges import NOT_TAKEN, Direction, ExchangeRow
from app.storage.hourly import Cell, Scope
from app.storage.measures import Counted, Measure
from app.storage.partners import PartnerIdentityRow, PartnerRow

LIVE_HOURS: Final = 3
"""How many of the newest hours may be counted while somebody waits for the page. Older ones that nobody has counted yet
are told about, not read."""
MOST_PARTNERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Figures:
    """
    since, until  the hours it is about, both included.
    cells         by measure.
    live          of the newest hours, with whom they are of.
    uncounted     hours that are missing in it, as they have not been counted yet.
    """

    since: int
    until: int
    cells: Mapping[Measure, Sequence[Cell]]
    live: Sequence[tuple[int, Counted]]
    uncounted: int


def figures(session: Session, realm: str, since: int, until: int, scope: Scope) -> Figures:
    """The number of queries depends on neither the span nor what happened in it."""
    first = hourly.first_hour(session, realm)
    counted = hourly.counted_hours(session, realm, since, until)
    begin = until + 1 if first is None else max(since, first)
    wanted = [hour for hour in range(begin, until + 1) if hour not in counted]
    newest = [hour for hour in wanted if hour > until - LIVE_HOURS]
    live = [(hour, one) for hour in newest for one in hourly.measured(session, realm, hour) if scope.covers(one)]
    cells = {measure: hourly.cells(session, realm, measure, since, until, scope) for measure in Measure}
    for hour, one in live:
        cells[one.measure].append((hour, one.name, one.key, one.number))
    return Figures(since, until, cells, live, len(wanted) - len(newest))


@dataclass(frozen=True, slots=True)
class PartnerFigures:
    """
    last_seen  when its newest document came, ever.
    trend      documents in each step of the span.
    fails      the code that most of its documents were refused for, and how often it came.
    """

    id: str
    name: str
    last_seen: datetime | None
    documents: int
    refused: int
    trend: Sequence[int]
    fails: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class KnownPartner:
    id: str
    name: str
    last_seen: datetime | None


def known_partners(session: Session, realm: str, customers: Sequence[str] | None) -> list[KnownPartner]:
    """By name; of whoever serves some customers only those that order for them."""
    newest = select(col(ExchangeRow.at)).where(
        col(ExchangeRow.realm) == col(PartnerRow.realm),
        col(ExchangeRow.partner_id) == col(PartnerRow.id),
        col(ExchangeRow.direction) == Direction.IN,
    )
    conditions: list[ColumnElement[bool]] = [col(PartnerRow.realm) == realm]
    if customers is not None:
        newest = newest.where(col(ExchangeRow.customer_id).in_(customers))
        serving = select(col(PartnerIdentityRow.partner_id)).where(col(PartnerIdentityRow.customer_id).in_(customers))
        conditions.append(col(PartnerRow.id).in_(serving))
    seen: Any = newest.order_by(col(ExchangeRow.id).desc()).limit(1).scalar_subquery()
    query = select(col(PartnerRow.id), col(PartnerRow.name), seen).where(*conditions)
    found = session.execute(query.order_by(col(PartnerRow.name)).limit(MOST_PARTNERS))
    return [KnownPartner(*row) for row in found]


@dataclass(frozen=True, slots=True)
class Totals:
    documents: int = 0
    refused: int = 0


def totals_of_partners(session: Session, realm: str, of: Figures, scope: Scope) -> dict[str, Totals]:
    """By the partner's id."""
    documents: dict[str, int] = defaultdict(int)
    refused: dict[str, int] = defaultdict(int)
    kept = hourly.by_partner(session, realm, Measure.DOCUMENTS, of.since, of.until, scope)
    for partner, key, number in (*((p, key, n) for (p, _, key), n in kept.items()), *_live_documents(of)):
        documents[partner] += number
        refused[partner] += number if key in NOT_TAKEN else 0
    return {partner: Totals(documents[partner], refused[partner]) for partner in documents}


def _live_documents(of: Figures) -> Iterator[tuple[str, str, int]]:
    for _, one in of.live:
        if one.measure is Measure.DOCUMENTS:
            yield one.partner_id, one.key, one.number


def described(
    session: Session,
    realm: str,
    of: Figures,
    scope: Scope,
    shown: Sequence[KnownPartner],
    totals: Mapping[str, Totals],
    *,
    width: int,
) -> list[PartnerFigures]:
    """These partners with their trend, in steps of `width` hours, and what fails most."""
    ids = [partner.id for partner in shown]
    trend = hourly.steps_of_partners(session, realm, Measure.DOCUMENTS, of.since, of.until, ids, scope, width=width)
    faults: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    kept = hourly.by_partner(session, realm, Measure.FAULTS, of.since, of.until, scope)
    for (partner, code, _), number in kept.items():
        faults[partner][code] += number
    for hour, one in of.live:
        if one.measure is Measure.DOCUMENTS:
            at = one.partner_id, (hour - of.since) // width
            trend[at] = trend.get(at, 0) + one.number
        elif one.measure is Measure.FAULTS:
            faults[one.partner_id][one.name] += one.number
    steps = (of.until - of.since) // width + 1
    return [
        PartnerFigures(
            id=partner.id,
            name=partner.name,
            last_seen=partner.last_seen,
            documents=totals.get(partner.id, Totals()).documents,
            refused=totals.get(partner.id, Totals()).refused,
            trend=tuple(trend.get((partner.id, step), 0) for step in range(steps)),
            fails=max(faults[partner.id].items(), key=lambda item: (item[1], item[0]), default=None),
        )
        for partner in shown
    ]

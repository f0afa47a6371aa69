"""The open cases that a filter selects, page by page or as a whole for a file.

Of a hundred thousand open cases a page is read by an index: a list is put together from parts that an index holds in
the order in which they are shown, and a page begins behind the last row of the one before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, String, literal, tuple_
from sqlmodel import Session, col, func, or_, select
from starlette.datastructures import QueryParams

from app.storage import people
from app.storage.base import UtcDateTime, unindexed
from app.storage.customers import CustomerRow
from app.storage.orders import OPEN_CASE, HoldRow, OrderRow
from app.storage.partners import PartnerIdentityRow, PartnerRow
from app.storage.people import PersonRow
from app.web.forms import as_query
from app.web.orders.words import CASES

PAGE: Final = 50
MOST_ROWS: Final = 50_000
"""Of a file."""
COUNTED: Final = 1_000
"""Up to here the rows of a filter are counted."""
FEW: Final = 20
"""For so many customers each has its part of the list; beyond, all of a realm are read and sorted out."""
FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""As the due time of cases that have none, which an older release opened."""

Part = Sequence[ColumnElement[bool]]


def codes_by_kind() -> Mapping[str, tuple[str, ...]]:
    """`unit` holds `unit.missing` and what else begins so."""
    kinds: dict[str, tuple[str, ...]] = {}
    for code in map(str, CASES):
        kind = code.partition(".")[0]
        kinds[kind] = (*kinds.get(kind, ()), code)
    return kinds


KINDS: Final = codes_by_kind()


class Whose(StrEnum):
    MINE = "mine"
    NOBODY = "nobody"


class Sort(StrEnum):
    OLDEST = "oldest"
    NEWEST = "newest"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """
    text      part of the order number or of what was found.
    cause     a code, or a kind of codes.
    whose     who works on it.
    after     where the page before ended: a due time where they are sorted by it, `~`, the id of the case.
    """

    text: str = ""
    cause: str = ""
    customer: str = ""
    partner: str = ""
    protocol: str = ""
    whose: str = ""
    overdue: bool = False
    sort: Sort = Sort.OLDEST
    after: str = ""

    @staticmethod
    def of(query: QueryParams) -> "CaseFilter":
        """What cannot be understood is left out: a filter is no form to be refused."""
        whose, sort = query.get("whose", ""), query.get("sort", "")
        return CaseFilter(
            text=query.get("q", "").strip()[:200],
            cause=query.get("code", "")[:60],
            customer=query.get("customer", "")[:36],
            partner=query.get("partner", "")[:36],
            protocol=query.get("protocol", "")[:20],
            whose=whose if whose in list(Whose) else "",
            overdue=query.get("overdue", "") == "1",
            sort=Sort(sort) if sort in list(Sort) else Sort.OLDEST,
            after=query.get("after", "")[:100],
        )

    @property
    def narrowed(self) -> bool:
        """Whether it leaves anything out."""
        return any((self.text, self.cause, self.customer, self.partner, self.protocol, self.whose, self.overdue))

    @property
    def codes(self) -> tuple[str, ...]:
        return KINDS.get(self.cause, (self.cause,)) if self.cause else ()

    def query(self, **changes: str) -> str:
        """As the query of a link."""
        values = {
            "q": self.text,
            "code": self.cause,
            "customer": self.customer,
            "partner": self.partner,
            "protocol": self.protocol,
            "whose": self.whose,
            "overdue": "1" if self.overdue else "",
            "sort": "" if self.sort is Sort.OLDEST else self.sort.value,
            "after": self.after,
            **changes,
        }
        return as_query(values)


@dataclass(frozen=True, slots=True)
class Item:
    """A case with its order; customer, partner and assignee are names."""

    case: HoldRow
    order: OrderRow
    customer: str
    partner: str
    assignee: str | None

    def overdue(self, now: datetime) -> bool:
        return self.case.due_at is not None and self.case.due_at <= now


def listed(
    session: Session, person: PersonRow, chosen: CaseFilter, now: datetime, most: int = PAGE
) -> tuple[list[Item], str | None]:
    """A page, and the `after` of the next one, where there is one."""
    found = _found(session, person, chosen, now, most + 1)
    shown = found[:most]
    return described(session, shown), _place(chosen, shown[-1][0]) if len(found) > most else None


def exported(session: Session, person: PersonRow, chosen: CaseFilter, now: datetime, most: int) -> Iterator[Item]:
    """All that the filter selects, at most so many; read in batches that end with the iteration."""
    left = replace(chosen, after="")
    while most > 0:
        batch = _found(session, person, left, now, min(most, 1_000))
        if not batch:
            return
        left = replace(left, after=_place(left, batch[-1][0]))
        yield from described(session, batch)
        session.expunge_all()
        most -= len(batch)


def counted(session: Session, person: PersonRow, chosen: CaseFilter, now: datetime) -> int:
    """How many rows the filter selects; counted up to COUNTED + 1."""
    number = 0
    for part in _parts(person, chosen):
        query = _narrowed(select(HoldRow.id), person, chosen, part, now).limit(COUNTED + 1 - number)
        number += session.exec(select(func.count()).select_from(query.subquery())).one()
        if number > COUNTED:
            break
    return number


def by_cause(session: Session, person: PersonRow) -> list[tuple[str, int]]:
    """All open cases that the person sees, by code; the most frequent first."""
    query = select(HoldRow.code, func.count()).where(OPEN_CASE)
    if person.customers is None:
        query = query.where(HoldRow.realm == person.realm)
    else:
        query = query.where(col(HoldRow.customer_id).in_(person.customers))
    rows = session.exec(query.group_by(col(HoldRow.code))).all()
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def partners_of(session: Session, person: PersonRow) -> list[tuple[str, str]]:
    """Ids and names of the connections that order for customers whom the person serves."""
    query = select(PartnerRow.id, PartnerRow.name).where(PartnerRow.realm == person.realm).order_by(PartnerRow.name)
    if person.customers is not None:
        serving = select(PartnerIdentityRow.partner_id).where(col(PartnerIdentityRow.customer_id).in_(person.customers))
        query = query.where(col(PartnerRow.id).in_(serving))
    return list(session.exec(query))


def _found(
    session: Session, person: PersonRow, chosen: CaseFilter, now: datetime, most: int
) -> list[tuple[HoldRow, OrderRow]]:
    parts = []
    place = _read_place(chosen)
    backwards = chosen.sort is Sort.NEWEST
    for part in _parts(person, chosen):
        query = _narrowed(select(HoldRow, OrderRow), person, chosen, part, now)
        if chosen.sort is Sort.DUE:
            parts += [session.exec(one.limit(most)).all() for one in _by_due(query, chosen, place)]
            continue
        key = col(HoldRow.id)
        if place is not None:
            query = query.where(key < place[1] if backwards else key > place[1])
        parts.append(session.exec(query.order_by(key.desc() if backwards else key).limit(most)).all())
    sorted_ = merge(*parts, key=lambda row: _key(chosen.sort, row[0]), reverse=backwards)
    return list(islice(sorted_, most))


def _by_due(query: Any, chosen: CaseFilter, place: tuple[datetime, str] | None) -> Iterator[Any]:
    """First what has a due time, then what has none: the databases disagree on where that stands in an index."""
    due, id_ = col(HoldRow.due_at), col(HoldRow.id)
    if place is None or place[0] < FAR:
        timed = query.where(due.is_not(None))
        if place is not None:
            timed = timed.where(tuple_(due, id_) > tuple_(literal(place[0], UtcDateTime()), literal(place[1], String)))
        yield timed.order_by(due, id_)
    if chosen.overdue:
        return
    untimed = query.where(due.is_(None))
    if place is not None and place[0] >= FAR:
        untimed = untimed.where(id_ > place[1])
    yield untimed.order_by(id_)


def _key(sort: Sort, case: HoldRow) -> tuple[Any, ...]:
    return (case.due_at or FAR, case.id) if sort is Sort.DUE else (case.id,)


def _place(chosen: CaseFilter, case: HoldRow) -> str:
    return f"{(case.due_at or FAR).isoformat() if chosen.sort is Sort.DUE else ''}~{case.id}"


def _read_place(chosen: CaseFilter) -> tuple[datetime, str] | None:
    """None for a place that is none."""
    text, tilde, case_id = chosen.after.partition("~")
    if not tilde:
        return None
    if chosen.sort is not Sort.DUE:
        return FAR, case_id
    try:
        return datetime.fromisoformat(text).astimezone(UTC), case_id
    except (ValueError, OverflowError):
        return None


def _parts(person: PersonRow, chosen: CaseFilter) -> list[Part]:
    """Conditions whose rows an index holds in the order of their opening; no case is in two of them."""
    realm = col(HoldRow.realm) == person.realm
    customers = [chosen.customer] if chosen.customer else person.customers
    if chosen.whose == Whose.MINE:
        return [(col(HoldRow.assignee_id) == person.id,)]
    if chosen.overdue or chosen.sort is Sort.DUE:
        return [(realm,)]
    if customers is not None and len(customers) <= FEW:
        return [(col(HoldRow.customer_id) == customer,) for customer in customers]
    if chosen.codes:
        return [(realm, col(HoldRow.code) == code) for code in chosen.codes]
    return [(realm,)]


def _narrowed(query: Any, person: PersonRow, chosen: CaseFilter, part: Part, now: datetime) -> Any:
    query = query.where(OPEN_CASE, *part, unindexed(HoldRow.realm) == person.realm, OrderRow.id == HoldRow.order_id)
    if person.customers is not None:
        query = query.where(col(HoldRow.customer_id).in_(person.customers))
    if chosen.customer:
        query = query.where(HoldRow.customer_id == chosen.customer)
    if chosen.codes:
        query = query.where(col(HoldRow.code).in_(chosen.codes))
    if chosen.whose == Whose.NOBODY:
        query = query.where(col(HoldRow.assignee_id).is_(None))
    if chosen.overdue:
        query = query.where(col(HoldRow.due_at) <= now)
    if chosen.partner:
        query = query.where(OrderRow.partner_id == chosen.partner)
    if chosen.protocol:
        query = query.where(OrderRow.protocol == chosen.protocol)
    if chosen.text:
        columns = (OrderRow.number, HoldRow.found)
        query = query.where(or_(*(col(column).icontains(chosen.text, autoescape=True) for column in columns)))
    return query


def described(session: Session, rows: Iterable[tuple[HoldRow, OrderRow]]) -> list[Item]:
    rows = list(rows)
    customers = _names(session, CustomerRow, {order.customer_id for _, order in rows})
    partners = _names(session, PartnerRow, {order.partner_id for _, order in rows})
    realm = rows[0][1].realm if rows else ""
    names = people.named(session, realm, {case.assignee_id for case, _ in rows})
    return [
        Item(
            case=case,
            order=order,
            customer=customers[order.customer_id],
            partner=partners[order.partner_id],
            assignee=names.get(case.assignee_id) if case.assignee_id else None,
        )
        for case, order in rows
    ]


def _names(session: Session, row: type[CustomerRow] | type[PartnerRow], ids: set[str]) -> dict[str, str]:
    return dict(session.exec(select(row.id, row.name).where(col(row.id).in_(ids))).all())

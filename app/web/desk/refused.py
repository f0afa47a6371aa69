"""Documents that came and had no effect: refused, in conflict with another one, failed on our side, or from somebody
unknown. What came from strangers belongs to no customer: whoever serves some customers only does not see it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.seal import Unsealable
from app.storage.base import unindexed
from app.storage.exchanges import IS_NOT_TAKEN, NOT_TAKEN, ExchangeRow, QuarantineRow
from app.storage.ledger import quarantined_body
from app.storage.people import PersonRow
from app.web import spreadsheet
from app.web.desk.case_list import COUNTED, MOST_ROWS, PAGE, partners_of
from app.web.exchanges.shown import show
from app.web.forms import as_query
from app.web.operations.words import PROTOCOLS
from app.web.orders import words
from app.web.orders.order_list import customers_of
from app.web.people.sessions import gateway_of, people_page, signed_in

LIST: Final = "refused"
"""What this list is called in the desk's address."""
STRANGERS: Final = "strangers"
HEADINGS: Final = ("at", "state", "partner", "customer", "protocol", "kind", "document_id", "reason", "bytes", "id")


@dataclass(frozen=True, slots=True)
class RefusedFilter:
    """
    state   of exchanges, or STRANGERS.
    text    the beginning of a document's id, part of the reason for a stranger's.
    after   the id of the last one of the page before.
    """

    text: str = ""
    state: str = ""
    customer: str = ""
    partner: str = ""
    protocol: str = ""
    oldest: bool = False
    after: str = ""

    @staticmethod
    def of(query: QueryParams) -> "RefusedFilter":
        """What cannot be understood is left out: a filter is no form to be refused."""
        state = query.get("state", "")
        return RefusedFilter(
            text=query.get("q", "").strip()[:200],
            state=state if state in (*NOT_TAKEN, STRANGERS) else "",
            customer=query.get("customer", "")[:36],
            partner=query.get("partner", "")[:36],
            protocol=query.get("protocol", "")[:20],
            oldest=query.get("sort", "") == "oldest",
            after=query.get("after", "")[:36],
        )

    @property
    def strangers(self) -> bool:
        return self.state == STRANGERS

    @property
    def narrowed(self) -> bool:
        return any((self.text, self.customer, self.partner, self.protocol))

    def query(self, **changes: str) -> str:
        """As the query of a link."""
        values = {
            "list": LIST,
            "q": self.text,
            "state": self.state,
            "customer": self.customer,
            "partner": self.partner,
            "protocol": self.protocol,
            "sort": "oldest" if self.oldest else "",
            "after": self.after,
            **changes,
        }
        return as_query(values)


@dataclass(frozen=True, slots=True)
class RefusedDocument:
    """`reasons`: what was wrong with it, the first few; `page` is where it can be looked at."""

    id: str
    at: datetime
    state: str
    partner: str
    customer: str
    protocol: str
    kind: str
    document_id: str
    reasons: tuple[str, ...]
    size: int
    page: str


def listed(
    session: Session, person: PersonRow, chosen: RefusedFilter, most: int = PAGE
) -> tuple[list[RefusedDocument], str | None]:
    """A page, and the `after` of the next one, where there is one."""
    row: Any = QuarantineRow if chosen.strangers else ExchangeRow
    query = _narrowed(select(row), person, chosen)
    if chosen.after:
        query = query.where(col(row.id) > chosen.after if chosen.oldest else col(row.id) < chosen.after)
    rows = session.exec(query.order_by(col(row.id) if chosen.oldest else col(row.id).desc()).limit(most + 1)).all()
    found = [_stranger(one) for one in rows] if chosen.strangers else _documents(session, person, rows)
    return found[:most], found[most - 1].id if len(found) > most else None


def counted(session: Session, person: PersonRow, chosen: RefusedFilter) -> int:
    """Up to COUNTED + 1."""
    row: Any = QuarantineRow if chosen.strangers else ExchangeRow
    query = _narrowed(select(row.id), person, chosen).limit(COUNTED + 1)
    number: int = session.exec(select(func.count()).select_from(query.subquery())).one()
    return number


def _narrowed(query: Any, person: PersonRow, chosen: RefusedFilter) -> Any:
    if chosen.strangers:
        query = query.where(QuarantineRow.realm == person.realm)
        if chosen.protocol:
            query = query.where(QuarantineRow.protocol == chosen.protocol)
        if chosen.text:
            columns = (QuarantineRow.reason, QuarantineRow.remote)
            query = query.where(or_(*(col(column).icontains(chosen.text, autoescape=True) for column in columns)))
        return query
    conditions: list[ColumnElement[bool]] = [IS_NOT_TAKEN, col(ExchangeRow.realm) == person.realm]  # type: ignore[list-item]  # a text is a condition
    if person.customers is not None:
        conditions.append(unindexed(ExchangeRow.customer_id).in_(person.customers))
    if chosen.customer:
        conditions.append(unindexed(ExchangeRow.customer_id) == chosen.customer)
    if chosen.partner:
        conditions.append(unindexed(ExchangeRow.partner_id) == chosen.partner)
    if chosen.protocol:
        conditions.append(col(ExchangeRow.protocol) == chosen.protocol)
    if chosen.state:
        conditions.append(col(ExchangeRow.state) == chosen.state)
    if chosen.text:
        conditions.append(col(ExchangeRow.control_id).icontains(chosen.text, autoescape=True))
    return query.where(*conditions)


def _documents(session: Session, person: PersonRow, rows: Sequence[ExchangeRow]) -> list[RefusedDocument]:
    partners, customers = (
        dict(partners_of(session, person)),
        {one.id: one.name for one in customers_of(session, person)},
    )
    return [
        RefusedDocument(
            id=row.id,
            at=row.at,
            state=row.state,
            partner=partners.get(row.partner_id or "", ""),
            customer=customers.get(row.customer_id or "", ""),
            protocol=row.protocol,
            kind=row.kind or "",
            document_id=row.control_id or "",
            reasons=tuple(_reason(fault) for fault in row.faults[:3]),
            size=row.size,
            page=f"/exchanges/{row.id}",
        )
        for row in rows
    ]


def _reason(fault: Mapping[str, Any]) -> str:
    return f"{fault['at']}: {fault['message']} [{fault['code']}]"


def _stranger(row: QuarantineRow) -> RefusedDocument:
    claims = ", ".join(f"{claim['scheme']}/{claim['value']}" for claim in row.claimed)
    return RefusedDocument(
        id=row.id,
        at=row.at,
        state=STRANGERS,
        partner=claims,
        customer="",
        protocol=row.protocol,
        kind="",
        document_id="",
        reasons=(row.reason,),
        size=row.size,
        page=f"/desk/strangers/{row.id}",
    )


def _chosen(request: Request) -> RefusedFilter:
    """Raises HTTPException 404 for who may not see strangers."""
    chosen = RefusedFilter.of(request.query_params)
    if chosen.strangers and signed_in(request).person.customers is not None:
        raise HTTPException(404)
    return chosen


def refused_page(request: Request) -> Response:
    gateway, person, chosen = gateway_of(request), signed_in(request).person, _chosen(request)
    with gateway.database.read() as session:
        items, after = listed(session, person, chosen)
        states = [*NOT_TAKEN, *([STRANGERS] if person.customers is None else [])]
        counts = {str(state): counted(session, person, RefusedFilter(state=state)) for state in states}
        selected = counted(session, person, chosen) if chosen.narrowed else None
        context = {
            "items": items,
            "chosen": chosen,
            "counts": counts,
            "counted": COUNTED,
            "selected": selected,
            "customers": customers_of(session, person),
            "partners": partners_of(session, person),
            "protocols": PROTOCOLS,
            "next": chosen.query(after=after) if after else None,
            "words": words,
        }
    return people_page(request, "desk/refused.html", context)


def export_csv(request: Request) -> Response:
    """Streamed while it is read, in a thread."""
    chosen = _chosen(request)
    headers = spreadsheet.named("refused.csv")
    return StreamingResponse(_lines(request, chosen), media_type=spreadsheet.CSV, headers=headers)


def _lines(request: Request, chosen: RefusedFilter) -> Iterator[bytes]:
    with gateway_of(request).database.read() as session:
        yield from spreadsheet.as_csv(HEADINGS, _exported(session, signed_in(request).person, chosen))


def export_xlsx(request: Request) -> Response:
    chosen = _chosen(request)
    with gateway_of(request).database.read() as session:
        return spreadsheet.xlsx_answer("refused", HEADINGS, _exported(session, signed_in(request).person, chosen))


def _exported(session: Session, person: PersonRow, chosen: RefusedFilter) -> Iterator[tuple[str, ...]]:
    left, after, most = replace(chosen, after=""), "", MOST_ROWS
    while most > 0:
        batch, next_ = listed(session, person, replace(left, after=after), min(most, 1_000))
        for one in batch:
            yield _cells(one)
        session.expunge_all()
        most -= len(batch)
        if next_ is None:
            return
        after = next_


def _cells(one: RefusedDocument) -> tuple[str, ...]:
    return (
        one.at.isoformat(),
        one.state,
        one.partner,
        one.customer,
        one.protocol,
        one.kind,
        one.document_id,
        "; ".join(one.reasons),
        str(one.size),
        one.id,
    )


def stranger_page(request: Request) -> Response:
    gateway, person = gateway_of(request), signed_in(request).person
    with gateway.database.read() as session:
        row = session.get(QuarantineRow, request.path_params["document_id"])
        if row is None or row.realm != person.realm or person.customers is not None:
            raise HTTPException(404)
        try:
            shown = show(quarantined_body(session, gateway.keys, row.id), row.media_type, row.protocol, ())
        except Unsealable:
            shown = None
    return people_page(request, "desk/stranger.html", {"row": row, "shown": shown, "document": _stranger(row)})

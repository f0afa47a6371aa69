"""The audit record: who did what and when, filtered, as a page and as files."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.storage import audit, people
from app.storage.audit import AuditRow
from app.storage.base import unindexed
from app.storage.orders import OrderRow
from app.storage.people import PersonRow
from app.web import spreadsheet
from app.web.admin.events import KINDS, NAMES
from app.web.admin.people import kept_by
from app.web.forms import as_query
from app.web.people.sessions import gateway_of, people_page, signed_in

ENTRIES: Final = 100
MOST_ROWS: Final = 50_000
AT_ONCE: Final = 1_000
HEADINGS: Final = (
    *("entry", "at", "event", "actor", "name", "acting_for", "channel", "order_id", "reason", "data", "hash"),
)


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """
    person        id of who did it, or of whom it was done to.
    event         one event, or `kind:` with one of KINDS.
    since, until  days (UTC), both included.
    """

    person: str = ""
    event: str = ""
    since: date | None = None
    until: date | None = None

    @staticmethod
    def of(query: QueryParams) -> "RecordFilter":
        """What cannot be understood is left out: a filter is no form to be refused."""
        event = query.get("event", "")
        known = event in NAMES or event.removeprefix("kind:") in KINDS
        return RecordFilter(
            person=query.get("person", "")[:36],
            event=event if known else "",
            since=_day(query.get("since", "")),
            until=_day(query.get("until", "")),
        )

    def query(self, **more: str) -> str:
        """As the query of a link."""
        since, until = (day.isoformat() if day else "" for day in (self.since, self.until))
        values = {"person": self.person, "event": self.event, "since": since, "until": until, **more}
        return as_query(values)

    def rows(self, realm: str) -> SelectOfScalar[AuditRow]:
        """The newest first."""
        dated = self.since or self.until
        found = select(AuditRow).where((col(AuditRow.realm) if dated else unindexed(AuditRow.realm)) == realm)
        if self.person:
            found = found.where(col(AuditRow.sequence).in_(audit.about(self.person)))
        if self.event.startswith("kind:"):
            kind = KINDS[self.event.removeprefix("kind:")]
            event = col(AuditRow.event) if kind.rare else unindexed(AuditRow.event)
            found = found.where(event.in_(kind.events))
        elif self.event:
            found = found.where(AuditRow.event == self.event)
        if self.since:
            found = found.where(AuditRow.at >= datetime.combine(self.since, time(), UTC))
        if self.until and self.until < date.max:
            found = found.where(AuditRow.at < datetime.combine(self.until + timedelta(days=1), time(), UTC))
        return found.order_by(col(AuditRow.sequence).desc())


def _seen(session: Session, viewer: PersonRow, chosen: RecordFilter) -> SelectOfScalar[AuditRow]:
    """Whoever works for some customers sees what was done to their orders, and what the people did whom they keep."""
    rows = chosen.rows(viewer.realm)
    if viewer.customers is None:
        return rows
    orders = select(OrderRow.id).where(col(OrderRow.customer_id).in_(viewer.customers))
    actors = [audit.by(person.id) for person in kept_by(session, viewer)]
    return rows.where(or_(col(AuditRow.order_id).in_(orders), col(AuditRow.actor).in_(actors)))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def page(request: Request) -> Response:
    """The newest entries; on demand, whether the chain is whole, for which all of it is read."""
    person, query = signed_in(request).person, request.query_params
    chosen, verify, before = RecordFilter.of(query), "verify" in query, query.get("before", "")
    with gateway_of(request).database.read() as session:
        rows = _seen(session, person, chosen)
        if before.isascii() and before.isdigit():
            rows = rows.where(col(AuditRow.sequence) < int(before[:18]))
        entries = session.exec(rows.limit(ENTRIES)).all()
        context = {
            "entries": entries,
            "names": _names(session, person, entries),
            "people": kept_by(session, person),
            "count": audit.last(session),
            "verified": verify,
            "broken": audit.first_broken(session) if verify else None,
            "older": chosen.query(before=str(entries[-1].sequence)) if len(entries) == ENTRIES else None,
        }
    shared = {"chosen": chosen, "query": chosen.query(), "events": NAMES, "kinds": KINDS, "written": _written}
    return people_page(request, "admin/record.html", {**context, **shared})


def _names(session: Session, person: PersonRow, entries: Iterable[AuditRow]) -> dict[str, str]:
    """Of whoever did something, and of whom it was done to."""
    ids = {entry.actor.partition(":")[2] for entry in entries} | {str(entry.data.get("person")) for entry in entries}
    return people.named(session, person.realm, ids)


def _written(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)


def export_csv(request: Request) -> Response:
    """Streamed while it is read, in a thread."""
    viewer, chosen = signed_in(request).person, RecordFilter.of(request.query_params)
    database = gateway_of(request).database

    def lines() -> Iterator[bytes]:
        with database.read() as session:
            yield from spreadsheet.as_csv(HEADINGS, _rows(session, viewer, chosen))

    return StreamingResponse(lines(), media_type=spreadsheet.CSV, headers=spreadsheet.named("record.csv"))


def export_xlsx(request: Request) -> Response:
    viewer, chosen = signed_in(request).person, RecordFilter.of(request.query_params)
    with gateway_of(request).database.read() as session:
        return spreadsheet.xlsx_answer("record", HEADINGS, _rows(session, viewer, chosen))


def _rows(session: Session, viewer: PersonRow, chosen: RecordFilter) -> Iterator[tuple[str, ...]]:
    names = {person.id: person.name for person in people.of_realm(session, viewer.realm)}
    for entry in session.exec(_seen(session, viewer, chosen).limit(MOST_ROWS).execution_options(yield_per=AT_ONCE)):
        yield (
            str(entry.sequence),
            entry.at.isoformat(),
            entry.event,
            entry.actor,
            names.get(entry.actor.partition(":")[2], ""),
            entry.acting_for or "",
            entry.channel,
            entry.order_id or "",
            entry.reason or "",
            json.dumps(entry.data, ensure_ascii=False) if entry.data else "",
            entry.hash,
        )
